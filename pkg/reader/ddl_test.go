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

// A statement may make a table one of which not all changes are in the binlog,
// as the check at the start finds them.
func TestSession_ATableThatCannotBeCapturedFromHereOn(t *testing.T) {
	const child = "(id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES other (id) ON DELETE "
	for _, test := range []struct {
		sql   string
		allow bool
		want  string // "": it may
	}{
		{"CREATE TABLE a (id INT PRIMARY KEY) WITH SYSTEM VERSIONING", false, "system-versioned: d.a"},
		{"ALTER TABLE b ADD SYSTEM VERSIONING", false, "system-versioned: d.b"},
		{"CREATE TABLE a " + child + "CASCADE)", false, "fk-cascade: d.a is changed by foreign-key actions"},
		{"CREATE TABLE a " + child + "CASCADE)", true, ""},
		{"CREATE TABLE a " + child + "RESTRICT)", false, ""},
		{"CREATE TABLE other_a " + child + "CASCADE)", false, ""},
	} {
		t.Run(test.sql, func(t *testing.T) {
			r := newRig(t, 1)
			r.define("CREATE TABLE b (id INT PRIMARY KEY)")
			r.s.cfg.AllowFKCascade = test.allow
			err := r.query(test.sql, 1)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
