// Package snapshot reads tables in chunks, in key order, each between two
// positions of the binlog, so that a chunk can be merged with the stream of
// changes without a lock that others notice and without a long transaction.
//
// A chunk holds rows as they were at some moment not before Low; everything
// committed up to Low is in it. What was committed between Low and High may be
// in it or not: the caller drops a row whose key changed between them and
// publishes the rest when its stream has reached High. What changed later
// comes again in the stream. Converting rows and choosing what to read next is
// the caller's.
package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// Table says what to read of a table, and in which order.
type Table struct {
	ID     debezium.TableID
	Select string      // the select list, without the word; at least one column
	Where  string      // a condition on the rows, or ""
	Key    []KeyColumn // of the unique key that orders the chunks; none: one pass over the table
	Index  string      // the name of that key's index

	Rows, Bytes int64 // about how much there is, for progress
}

// ErrNoTable is a table that does not exist, or that the user may not see.
var ErrNoTable = errors.New("no such table")

// querier runs small queries; a fake stands in for the server in tests.
type querier interface {
	Strings(ctx context.Context, query string, args ...any) ([][]string, error)
}

// Describe finds the key to read the table by and how large it is about: the
// primary key, else the first unique key of visible columns that are never NULL,
// if its index orders rows by the whole columns. Without such a key the table is
// read in one pass. Select and Where are the caller's to set.
func Describe(ctx context.Context, conn *mysql.Conn, id debezium.TableID) (*Table, error) {
	if err := awaitStatement(ctx, conn, id); err != nil {
		return nil, fmt.Errorf("describe %s: %w", id, err)
	}
	t, err := describe(ctx, conn, id)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", id, err)
	}
	if t.Rows, t.Bytes, err = conn.RowEstimate(ctx, id); err != nil {
		return nil, err
	}
	return t, nil
}

// awaitStatement waits for the end of a statement that is changing the table: the
// binlog has it before the definitions that are read next.
func awaitStatement(ctx context.Context, q querier, id debezium.TableID) error {
	_, err := q.Strings(ctx, "SELECT 1 FROM "+mysql.QuoteTable(id)+" LIMIT 0")
	if mysql.IsServerError(err, mysql.CodeNoSuchTable, mysql.CodeUnknownDatabase) {
		return ErrNoTable
	}
	return err
}

func describe(ctx context.Context, q querier, id debezium.TableID) (*Table, error) {
	columns, err := readColumns(ctx, q, id)
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return nil, ErrNoTable
	}
	indexes, err := readIndexes(ctx, q, id)
	if err != nil {
		return nil, err
	}
	t := &Table{ID: id}
	for _, index := range indexes {
		if key, ok := index.key(columns); ok && (t.Key == nil || index.name == "PRIMARY") {
			t.Key, t.Index = key, index.name
		}
	}
	return t, nil
}

// readColumns returns the table's columns by lower-case name.
func readColumns(ctx context.Context, q querier, id debezium.TableID) (map[string]KeyColumn, error) {
	rows, err := q.Strings(ctx, `SELECT table_schema, table_name, column_name, data_type, character_set_name, collation_name,
 column_type
 FROM information_schema.columns WHERE table_schema = ? AND table_name = ?`, id.Database, id.Table)
	if err != nil {
		return nil, err
	}
	columns := make(map[string]KeyColumn)
	for _, row := range rows {
		if row[0] != id.Database || row[1] != id.Table { // the comparison above may ignore case
			continue
		}
		columns[strings.ToLower(row[2])] = KeyColumn{
			Name: row[2], Type: strings.ToLower(row[3]), Charset: row[4], Collation: row[5],
			Unsorted: unsorted(strings.ToLower(row[3]), row[5], row[6]),
			Labels:   labels(row[4], row[6]),
		}
	}
	return columns, nil
}

// unsorted finds the two cases where an index does not order a column as
// comparisons do: a SET of 64 labels, which are compared as a signed number,
// and MariaDB's CHAR under a NO PAD collation, whose padding the index compares.
func unsorted(dataType, collation, columnType string) bool {
	switch dataType {
	case "set":
		return strings.Count(columnType, ",") >= 63 // labels hold no comma
	case "char":
		return strings.Contains(collation, "_nopad_")
	default:
		return false
	}
}

// labels returns the labels of an ENUM as the literals that its type is
// written with. Without them the column is compared as a number, which is right
// as well but reads the index from its start.
func labels(charset, columnType string) []string {
	list, ok := strings.CutPrefix(columnType, "enum(")
	if !ok || charset == "binary" || strings.Contains(list, `\`) {
		return nil
	}
	var literals []string
	for list = strings.TrimSuffix(list, ")"); len(list) > 1; list = strings.TrimPrefix(list, ",") {
		end := 1
		for end < len(list) && (list[end] != '\'' || strings.HasPrefix(list[end+1:], "'")) {
			if list[end] == '\'' {
				end++
			}
			end++
		}
		if end >= len(list) {
			return nil
		}
		literals, list = append(literals, list[:end+1]), list[end+1:]
	}
	return literals
}

// index is a unique index.
type index struct {
	name  string
	parts []indexPart
}

type indexPart struct {
	column             string
	descending, usable bool
}

func readIndexes(ctx context.Context, q querier, id debezium.TableID) ([]index, error) {
	// Other columns than these differ between MySQL and MariaDB, hence the star.
	rows, err := q.Strings(ctx, "SHOW INDEX FROM "+mysql.QuoteTable(id)+" WHERE Non_unique = 0")
	if err != nil {
		return nil, err
	}
	var indexes []index
	for _, row := range rows {
		if len(row) < indexColumns {
			return nil, fmt.Errorf("show index: %d columns", len(row))
		}
		if n := len(indexes); n == 0 || indexes[n-1].name != row[indexName] {
			indexes = append(indexes, index{name: row[indexName]})
		}
		last := &indexes[len(indexes)-1]
		last.parts = append(last.parts, indexPart{
			column:     row[indexColumn],
			descending: row[indexCollation] == "D",
			usable:     row[indexSubPart] == "" && row[indexNull] == "" && row[indexType] != "HASH" && visible(row),
		})
	}
	return indexes, nil
}

// The columns of SHOW INDEX, of which MySQL has one more than MariaDB.
const (
	indexName         = 2
	indexColumn       = 4
	indexCollation    = 5
	indexSubPart      = 7
	indexNull         = 9
	indexType         = 10
	indexVisible      = 13
	indexColumns      = 13
	indexColumnsMySQL = 15
)

// visible reads MySQL's column Visible and MariaDB's column Ignored.
func visible(row []string) bool {
	if len(row) == indexColumnsMySQL {
		return row[indexVisible] == "YES"
	}
	return len(row) <= indexVisible || row[indexVisible] == "NO"
}

// key returns the columns of the index if they identify every row, can be compared with literals, and are what
// it is ordered by: where it is not, the server sorts, which minds the first bytes of text only.
func (x *index) key(columns map[string]KeyColumn) ([]KeyColumn, bool) {
	key := make([]KeyColumn, 0, len(x.parts))
	for _, part := range x.parts {
		column, ok := columns[strings.ToLower(part.column)]
		if !ok || !part.usable {
			return nil, false
		}
		if _, ok := column.kind(); !ok {
			return nil, false
		}
		column.Descending = part.descending
		key = append(key, column)
	}
	if slices.ContainsFunc(key, func(c KeyColumn) bool { return c.Unsorted }) { // the server sorts: text by its bytes, which are few
		for i := range key {
			k, _ := key[i].kind()
			key[i].Unsorted = key[i].Unsorted || k == text
		}
	}
	return key, true
}
