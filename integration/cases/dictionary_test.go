package cases

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// dictionary runs statements on a server and follows them in a model.
type dictionary struct {
	*fixture
	session *sql.Conn
	options schemahistory.Options
}

// strictMode is what both the server and the model are told.
const strictMode = mysql.StrictTransTables

// After every statement the model of the tables is what the server's own
// dictionary says: its columns, and what events of them look like.
func TestSchemaHistory_FollowsTheDictionary(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		d := f.dictionary()
		taken, stopped := 0, 0
		for _, c := range ddlStatements(t) {
			if !d.prepare(c.Setup) {
				continue
			}
			h := schemahistory.New(d.options)
			for _, s := range c.Setup {
				d.apply(h, s)
			}
			if _, err := d.session.ExecContext(t.Context(), c.Statement); err != nil {
				continue // another server's, or wrong everywhere
			}
			taken++
			d.commit()
			_, _, err := h.Apply("app", c.Statement, schemahistory.StatementContext{SQLMode: strictMode})
			if _, ok := errors.AsType[*schemahistory.UnknownDDLError](err); ok {
				stopped++
				if !strings.Contains(c.Statement, "SELECT") {
					t.Errorf("%s: %v", c.Statement, err)
				}
				continue
			}
			f.must(err)
			d.compare(h, c.Statement)
		}
		t.Logf("%d statements were taken by the server, %d of them stop the reader", taken, stopped)
		if least := map[server.Kind]int{server.MariaDB: 70}[f.kind]; taken < max(least, 60) {
			t.Errorf("the server took only %d statements", taken)
		}
	})
}

type ddlStatement struct {
	Statement string
	Setup     []string
}

// ddlStatements are those that the model is tested with, and some in which names
// change places.
func ddlStatements(t *testing.T) []ddlStatement {
	t.Helper()
	file, err := os.Open(filepath.Join(server.Root(), "pkg/schemahistory/testdata/statements.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []ddlStatement
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c ddlStatement
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	table := []string{"CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1, b INT NOT NULL DEFAULT 3, c DECIMAL(8,2))"}
	for _, s := range []string{
		"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
		"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO c, RENAME COLUMN c TO a",
		"ALTER TABLE t CHANGE a b VARCHAR(30), CHANGE b a BIGINT",
		"ALTER TABLE t RENAME COLUMN a TO x, ADD COLUMN a INT FIRST",
		"ALTER TABLE t DROP COLUMN a, RENAME COLUMN b TO a, ADD COLUMN b YEAR AFTER id",
		"ALTER TABLE t DROP COLUMN a, ADD COLUMN a DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
		"ALTER TABLE t DROP PRIMARY KEY, RENAME COLUMN id TO b, RENAME COLUMN b TO id, ADD PRIMARY KEY (id)",
		"ALTER TABLE t MODIFY c DECIMAL(10,4) FIRST, MODIFY id BIGINT AFTER c, RENAME TO t2",
	} {
		all = append(all, ddlStatement{Statement: s, Setup: table})
	}
	return all
}

func (f *fixture) dictionary() *dictionary {
	f.t.Helper()
	session, err := f.db.Conn(f.t.Context())
	f.must(err)
	f.t.Cleanup(func() {
		_ = session.Close()
		f.clear(context.WithoutCancel(f.t.Context()))
	})
	d := &dictionary{fixture: f, session: session, options: schemahistory.Options{Charset: "utf8mb4", MariaDB: f.kind == server.MariaDB}}
	_, err = session.ExecContext(f.t.Context(), "SET SESSION sql_mode = 'STRICT_TRANS_TABLES'")
	f.must(err)
	return d
}

// clear drops the databases that the statements name.
func (f *fixture) clear(ctx context.Context) {
	f.t.Helper()
	for _, name := range []string{"app", "db", "db2", "d", "d2", "`we``ird`"} {
		if _, err := f.db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
			f.t.Fatal(err)
		}
	}
}

// prepare runs what precedes a statement in empty databases. It returns false
// where the server refuses it.
func (d *dictionary) prepare(setup []string) bool {
	d.t.Helper()
	d.clear(d.t.Context())
	d.exec("CREATE DATABASE app", "CREATE DATABASE db", "CREATE DATABASE db2", "CREATE DATABASE `we``ird`")
	for _, s := range append([]string{"USE app", "DROP TEMPORARY TABLE IF EXISTS t"}, setup...) {
		if _, err := d.session.ExecContext(d.t.Context(), s); err != nil {
			return false
		}
	}
	return true
}

// commit ends what CREATE TABLE ... START TRANSACTION leaves open.
func (d *dictionary) commit() {
	d.t.Helper()
	_, err := d.session.ExecContext(d.t.Context(), "COMMIT")
	d.must(err)
}

func (d *dictionary) apply(h *schemahistory.History, statement string) {
	d.t.Helper()
	if _, _, err := h.Apply("app", statement, schemahistory.StatementContext{SQLMode: strictMode}); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}

// compare fails unless the model has the tables that the server has, as
// information_schema and SHOW CREATE TABLE print them.
func (d *dictionary) compare(h *schemahistory.History, statement string) {
	d.t.Helper()
	want := make(map[string][]string)
	for _, name := range d.strings("SELECT CONCAT(TABLE_SCHEMA, '\x01', TABLE_NAME) FROM information_schema.TABLES " +
		"WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA IN ('app', 'db', 'db2', 'd', 'd2', 'we`ird')") {
		database, table, _ := strings.Cut(name, "\x01")
		id := debezium.TableID{Database: database, Table: table}
		want[id.String()] = append(d.columns(id), d.shown(id)...)
	}
	got := make(map[string][]string)
	for _, id := range h.Tables() {
		table, ok := h.Table(id)
		if !ok {
			continue
		}
		got[id.String()] = append(columnsOf(table, d.hasKey(id)), schemasOf(d.t, table)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("after %s (-server +model):\n%s", statement, diff)
	}
}

// columns prints what information_schema has of a table's columns: name, whether
// they may be null, and their places in the primary key.
func (d *dictionary) columns(id debezium.TableID) []string {
	return d.strings("SELECT CONCAT(c.COLUMN_NAME, ' ', c.IS_NULLABLE, ' ', COALESCE(k.SEQ_IN_INDEX, 0)) FROM information_schema.COLUMNS c "+
		"LEFT JOIN information_schema.STATISTICS k ON k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME "+
		"AND k.COLUMN_NAME = c.COLUMN_NAME AND k.INDEX_NAME = 'PRIMARY' WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION",
		id.Database, id.Table)
}

func (d *dictionary) hasKey(id debezium.TableID) bool {
	return len(d.strings("SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE INDEX_NAME = 'PRIMARY' AND TABLE_SCHEMA = ? AND TABLE_NAME = ?",
		id.Database, id.Table)) > 0
}

func columnsOf(t *debezium.Table, keyed bool) []string {
	var out []string
	for i := range t.Columns {
		c := &t.Columns[i]
		place := 0
		for n, name := range t.PrimaryKey {
			if keyed && strings.EqualFold(name, c.Name) {
				place = n + 1
			}
		}
		nullable := map[bool]string{true: "YES", false: "NO"}[c.Optional]
		out = append(out, fmt.Sprintf("%s %s %d", c.Name, nullable, place))
	}
	return out
}

// shown prints what events of a table look like by what SHOW CREATE TABLE says.
func (d *dictionary) shown(id debezium.TableID) []string {
	d.t.Helper()
	quoted := "`" + strings.ReplaceAll(id.Database, "`", "``") + "`.`" + strings.ReplaceAll(id.Table, "`", "``") + "`"
	var name, ddl string
	d.must(d.session.QueryRowContext(d.t.Context(), "SHOW CREATE TABLE "+quoted).Scan(&name, &ddl))
	options := d.options
	options.Charset = d.strings("SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", id.Database)[0]
	_, table, err := schemahistory.ParseCreateTable(id.Database, ddl, options)
	if err != nil {
		d.t.Fatalf("%s: %v", ddl, err)
	}
	return schemasOf(d.t, table)
}

// schemasOf prints the schemas that events give a table's columns, with what the
// values are converted by.
func schemasOf(t *testing.T, table *debezium.Table) []string {
	t.Helper()
	var out []string
	for i := range table.Columns {
		c := &table.Columns[i]
		s, err := c.Schema(debezium.Modes{})
		if err != nil {
			t.Fatalf("column %s: %v", c.Name, err)
		}
		text := fmt.Sprintf("%s %s %s optional=%t generated=%t", c.Name, s.Type, s.Name, s.Optional, c.Generated)
		if c.Charset != "" {
			text += " charset " + strings.TrimSuffix(c.Charset, "mb3") // utf8 is its other name
		}
		if len(c.EnumValues) == 0 {
			text += fmt.Sprintf(" %v", s.Params)
		}
		for _, l := range c.Labels() {
			text += fmt.Sprintf(" label %q", l.Text)
		}
		if s.Default != nil { // as it is written, in the statement and by the server
			text += fmt.Sprintf(" default %d %q", s.Default.I, debezium.UnescapeDefault(string(s.Default.B)))
		}
		out = append(out, text)
	}
	return append(out, "key "+strings.Join(table.PrimaryKey, ","))
}

// strings returns the first column of a query's answer.
func (d *dictionary) strings(query string, args ...any) []string {
	d.t.Helper()
	rows, err := d.session.QueryContext(d.t.Context(), query, args...)
	d.must(err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		d.must(rows.Scan(&s))
		out = append(out, s)
	}
	d.must(rows.Err())
	return out
}
