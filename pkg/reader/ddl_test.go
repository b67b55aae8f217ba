package reader

import (
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestSession_AStatementIsInItsClientsCharacterSet(t *testing.T) {
	r := newRig(t, 1)
	for _, q := range []binlog.Query{
		{SQL: "CREATE TABLE a\xe9 (id INT PRIMARY KEY, `b\xe9` ENUM('x\xe9'))", Charset: "latin1"},
		{SQL: "ALTER TABLE `a\xc3\xa9` ADD COLUMN `c\xc3\xa9` INT", Charset: "latin1"}, // written anew by the server
	} {
		q.Database, q.File, q.Pos = rigDatabase, "b.000001", 100
		if err := r.s.handle(&q); err != nil {
			t.Fatal(err)
		}
	}
	table, ok := r.s.history.Table(debezium.TableID{Database: rigDatabase, Table: "aé"})
	if !ok {
		t.Fatalf("got %v, want the table aé", r.s.history.Tables())
	}
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name+strings.Join(c.EnumValues, ""))
	}
	if got, want := strings.Join(names, " "), "id bé'xé' cé"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
