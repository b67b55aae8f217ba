package applier

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestBefore(t *testing.T) {
	for _, c := range []struct{ statement, after, want string }{
		{"ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 5", "id a c", "id a"},
		{"ALTER TABLE t ADD c INT AFTER id, ADD `d` INT", "id c d a", "id a"},
		{"ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT", "id c", "id"},
		{"ALTER TABLE t ADD COLUMN (c INT DEFAULT 1, `d e` VARCHAR(9))", "id a c d e", "id a"},
		{"ALTER TABLE t RENAME COLUMN a TO b", "id b", "id a"},
		{"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a", "id b a", "id a b"},
		{"alter table t change column `a` b bigint, drop column c", "id b", "id a c"},
		{"ALTER TABLE t CHANGE a a BIGINT, MODIFY b INT", "id a b", "id a b"},
		{"ALTER TABLE t DROP a, ADD a INT", "id a", "id a"},
		{"ALTER TABLE t DROP INDEX a, DROP PRIMARY KEY, DROP FOREIGN KEY f, ADD INDEX x (a), ALTER COLUMN b DROP DEFAULT", "id a b", "id a b"},
		{"ALTER TABLE t DROP COLUMN IF EXISTS `größe`", "id a", "id a größe"},
		{"RENAME TABLE s TO t", "id a", "id a"},
	} {
		table := func(names string) *debezium.Table {
			var t debezium.Table
			names = strings.ReplaceAll(names, "d e", "d\u00a0e")
			for name := range strings.SplitSeq(names, " ") {
				t.Columns = append(t.Columns, debezium.Column{Name: strings.ReplaceAll(name, "\u00a0", " ")})
			}
			return &t
		}
		got := columnNames(before(&version{Type: "ALTER", DDL: c.statement, Table: table(c.after)}))
		if diff := cmp.Diff(columnNames(table(c.want)), got); diff != "" {
			t.Errorf("before %s (-want +got):\n%s", c.statement, diff)
		}
	}
}
