package reader

import (
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestStatement_Concerns(t *testing.T) {
	tests := []struct {
		sql, table      string
		concerns, names bool
	}{
		{"ALTER TABLE t1 ADD x INT", "T1", true, false},
		{"ALTER TABLE d.`we``ird` ADD x INT", "we`ird", true, false},
		{"ALTER TABLE other ADD x INT", "t1", false, false},
		{"ALTER TABLE d.caf\xe9 ADD x INT", "café", true, false},
		{"ALTER DATABASE d CHARACTER SET latin1", "t1", true, false},
		{"CREATE TABLE t2 (id INT)", "t1", false, true},
		{"RENAME TABLE t2 TO t3", "t1", false, true},
	}
	for _, tt := range tests {
		q := statement{sql: strings.ToUpper(tt.sql)}
		if got := q.concerns(debezium.TableID{Database: "d", Table: tt.table}); got != tt.concerns {
			t.Errorf("%s: concerns %s: %t", tt.sql, tt.table, got)
		}
		if got := q.names(); got != tt.names {
			t.Errorf("%s: names a table: %t", tt.sql, got)
		}
	}
}
