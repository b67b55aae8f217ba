// Package lake holds Iceberg tables as the applier sees them: it opens the
// catalog (SQL, REST, Glue, S3 Tables), creates and adopts tables, maps Connect
// schemas to Iceberg types, evolves tables as those schemas grow, and turns
// Connect values into Arrow columns.
//
// It does not write data files, which is package datafile's, and adds no table
// snapshots, which is package commit's. A Table is owned by one goroutine.
package lake

import (
	"fmt"
	"strings"
)

// Name names a table in a catalog.
type Name struct{ Namespace, Table string }

// String returns namespace.table.
func (n Name) String() string { return n.Namespace + "." + n.Table }

// ParseName reads namespace.table. A table's name holds no dot; a namespace may.
func ParseName(s string) (Name, error) {
	i := strings.LastIndexByte(s, '.')
	if i <= 0 || i == len(s)-1 {
		return Name{}, fmt.Errorf("table name %q: want namespace.table", s)
	}
	return Name{Namespace: s[:i], Table: s[i+1:]}, nil
}

func (n Name) identifier() []string { return []string{n.Namespace, n.Table} }
