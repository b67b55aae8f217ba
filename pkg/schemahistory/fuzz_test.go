package schemahistory_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// FuzzHistory_Apply applies any statement to a history with a table: nothing
// panics, and what is known stays consistent.
func FuzzHistory_Apply(f *testing.F) {
	file, err := os.Open("testdata/statements.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		var c struct{ Statement string }
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			f.Fatal(err)
		}
		f.Add(c.Statement, false, uint64(0))
		f.Add(c.Statement, true, uint64(mysql.ANSIQuotes))
	}
	f.Fuzz(func(t *testing.T, statement string, mariaDB bool, mode uint64) {
		h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4", MariaDB: mariaDB, Comments: true})
		const ddl = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1, b INT NOT NULL, c ENUM('x','y'), UNIQUE KEY u (b))"
		if _, _, err := h.Apply("app", ddl, strict); err != nil {
			t.Fatal(err)
		}
		changes, effect, err := h.Apply("app", statement, schemahistory.StatementContext{SQLMode: mysql.SQLMode(mode)})
		if err != nil && (changes != nil || effect.Touched != nil) {
			t.Errorf("an error and an effect")
		}
		for _, id := range h.Tables() {
			table, ok := h.Table(id)
			if ok {
				checkTable(t, id, table)
			}
		}
		for _, c := range changes {
			r := schemahistory.Record{Changes: []debezium.TableChange{c}}
			if _, err := schemahistory.DecodeRecord(schemahistory.EncodeRecord(&r)); err != nil {
				t.Errorf("record of %s: %v", c.ID, err)
			}
		}
	})
}

func checkTable(t *testing.T, id debezium.TableID, table *debezium.Table) {
	if len(table.Columns) == 0 {
		t.Errorf("%s has no columns", id)
	}
	for i := range table.Columns {
		if c := &table.Columns[i]; c.Position != i+1 || c.Name == "" && id.Table != "" && c.TypeName == "" {
			t.Errorf("%s: column %d is %+v", id, i+1, c)
		}
	}
	for _, name := range table.PrimaryKey {
		if table.Column(name) == nil {
			t.Errorf("%s: key column %q does not exist", id, name)
		}
	}
}
