package schemahistory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// Statements on what is not captured never fail, and are records all the same.
func TestHistory_StatementsOnTablesThatAreNotCaptured(t *testing.T) {
	for _, c := range []struct{ name, database, sql, want string }{
		{"a table that is not known", "app", "ALTER TABLE far.x ADD COLUMN n INT", "app other"},
		{"a table of the captured one's name", "far", "ALTER TABLE t ADD COLUMN n INT", "far other"},
		{"a new table that is not understood", "app", "CREATE TABLE far.y (id WEIRD)", "far far.y; unread"},
		{"columns from a query", "app", "CREATE TABLE far.y AS SELECT 1", "far far.y; unread"},
		{"a clause that is not understood", "app", "ALTER TABLE far.known FROBNICATE", "far far.known; unread"},
		{"a quote that is not closed", "far", "ALTER TABLE known COMMENT 'x", "far other; unread"},
		{"tables of two databases", "app", "DROP TABLE plain, far.known, far.a, b", "app app.plain; far far.known,far.a; far far.known,far.a; app app.b"},
		{"a rename between databases", "app", "RENAME TABLE far.known TO b, plain TO far.c", "app app.b; far far.c"},
		{"an event", "app", "CREATE DEFINER=`a`@`%` EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "app other"},
		{"an index that shows nowhere", "far", "CREATE INDEX i ON known (id)", "far other"},
		{"a view", "far", "CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW v AS SELECT 1", ""},
		{"a procedure", "far", "CREATE DEFINER=a@localhost PROCEDURE p() SELECT 1", ""},
		{"a privilege", "far", "GRANT SELECT ON far.* TO a", ""},
		{"statistics", "far", "ANALYZE LOCAL TABLE known", ""},
		{"a temporary table", "far", "DROP TEMPORARY TABLE IF EXISTS `known`", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4", Captured: func(id debezium.TableID) bool { return id.String() == "app.t" }})
			for _, sql := range []string{"CREATE TABLE app.t (id INT PRIMARY KEY)", "CREATE TABLE app.plain (id INT)", "CREATE TABLE far.known (id INT)"} {
				if _, _, err := h.Apply("app", sql, schemahistory.StatementContext{}); err != nil {
					t.Fatal(err)
				}
			}
			_, effect, err := h.Apply(c.database, c.sql, schemahistory.StatementContext{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range effect.Parts {
				tables := []string{"other"}
				if !p.Other {
					tables = nil
				}
				for _, id := range p.Tables {
					tables = append(tables, id.String())
				}
				got = append(got, fmt.Sprintf("%s %s", p.Database, strings.Join(tables, ",")))
			}
			if effect.Unread != nil {
				got = append(got, "unread")
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if table, ok := h.Table(debezium.TableID{Database: "app", Table: "t"}); !ok || len(table.Columns) != 1 {
				t.Errorf("the captured table is %v afterwards", table)
			}
		})
	}
}
