// Package validate holds the judges of every scenario: each states a guarantee
// and finds where it does not hold.
package validate

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/integration/engine"
)

// Column is a column of the source with its declared type.
type Column struct {
	Name     string
	Type     string // data_type of information_schema.columns
	Full     string // column_type, with its length and sign
	Nullable bool
}

// Querier runs a query on Iceberg tables.
type Querier interface {
	Query(table engine.Table, sql string) (*engine.Result, error)
}

// Columns reads a source table's columns in order.
func Columns(ctx context.Context, db *sql.DB, source string) ([]Column, error) {
	schema, name, _ := strings.Cut(source, ".")
	rows, err := db.QueryContext(ctx, `SELECT column_name, data_type, column_type, is_nullable = 'YES'
 FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`, schema, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var columns []Column
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Name, &c.Type, &c.Full, &c.Nullable); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// Differences compares a MySQL table with its Iceberg table at a quiet point:
// the same rows, and per column the same value in MySQL's text form. It
// returns a line for each difference, at most twenty, and the number of rows.
func Differences(ctx context.Context, db *sql.DB, source string, q Querier, table engine.Table) (differences []string, rows int, err error) {
	columns, err := Columns(ctx, db, source)
	if err != nil {
		return nil, 0, fmt.Errorf("read columns of %s: %w", source, err)
	}
	want, err := sourceRows(ctx, db, source, columns)
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", source, err)
	}
	got, err := lakeRows(q, table, columns)
	if err != nil {
		return nil, 0, err
	}
	return diff(want, got), len(want), nil
}

func sourceRows(ctx context.Context, db *sql.DB, source string, columns []Column) ([]string, error) {
	exprs := make([]string, len(columns))
	for i, c := range columns {
		exprs[i] = c.sourceExpression()
	}
	schema, name, _ := strings.Cut(source, ".")
	rows, err := db.QueryContext(ctx, "SELECT "+strings.Join(exprs, ", ")+" FROM `"+schema+"`.`"+name+"`")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	var out []string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = "NULL"
			if v.Valid {
				row[i] = columns[i].normal(v.String)
			}
		}
		out = append(out, strings.Join(row, " | "))
	}
	slices.Sort(out)
	return out, rows.Err()
}

func lakeRows(q Querier, table engine.Table, columns []Column) ([]string, error) {
	exprs := make([]string, len(columns))
	for i, c := range columns {
		exprs[i] = `"` + strings.ReplaceAll(c.Name, `"`, `""`) + `"`
	}
	result, err := q.Query(table, "SELECT "+strings.Join(exprs, ", ")+" FROM {table}")
	if err != nil {
		return nil, err
	}
	if len(result.Columns) != len(columns) {
		return nil, fmt.Errorf("asked for %d columns of %s, got %d: %v", len(columns), table.Name, len(result.Columns), result.Columns)
	}
	out := make([]string, len(result.Rows))
	for i, values := range result.Rows {
		row := make([]string, len(columns))
		for j, v := range values {
			row[j] = "NULL"
			if v != nil {
				row[j] = columns[j].normal(*v)
			}
		}
		out[i] = strings.Join(row, " | ")
	}
	slices.Sort(out)
	return out, nil
}

// sourceExpression selects the column in a form that the table's text is
// compared with. Zero and impossible dates read as the event has them: NULL,
// or 1970 where the column may not be NULL.
func (c *Column) sourceExpression() string {
	name := "`" + strings.ReplaceAll(c.Name, "`", "``") + "`"
	switch c.Type {
	case "date":
		return c.dated(name, "DATE_FORMAT("+name+", '%Y-%m-%d')", "1970-01-01")
	case "datetime":
		return c.dated(name, "DATE_FORMAT("+name+", '%Y-%m-%d %H:%i:%s.%f')", "1970-01-01 00:00:00.000000")
	case "timestamp":
		return c.dated(name, "DATE_FORMAT("+name+", '%Y-%m-%d %H:%i:%s.%fZ')", "1970-01-01 00:00:00.000000Z")
	case "time":
		return "TIME_FORMAT(" + name + ", '%H:%i:%s.%f')"
	case "float", "double", "bit":
		return name + " + 0"
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return "LOWER(HEX(" + name + "))"
	case "year":
		return "CAST(" + name + " AS CHAR)"
	default:
		return name
	}
}

// dated replaces a date with a zero in it. Debezium moves years below 100 into
// this age, which is a matter of the tests' data and not of this comparison.
func (c *Column) dated(name, text, zero string) string {
	replacement := "NULL"
	if !c.Nullable {
		replacement = "'" + zero + "'"
	}
	return "CASE WHEN MONTH(" + name + ") = 0 OR DAYOFMONTH(" + name + ") = 0 THEN " + replacement + " ELSE " + text + " END"
}

// normal brings a value's text from either side into one form.
func (c *Column) normal(text string) string {
	switch c.Type {
	case "float", "double":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return text
		}
		if c.Type == "float" {
			return strconv.FormatFloat(float64(float32(f)), 'g', 6, 32)
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	case "bit":
		switch text {
		case "true":
			return "1"
		case "false":
			return "0"
		}
		return text
	case "json":
		return normalJSON(text)
	case "char":
		return strings.TrimRight(text, " ")
	case "time":
		return strings.TrimSuffix(text, ".000000")
	default:
		return text
	}
}

func normalJSON(text string) string {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return text
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	if err := encoder.Encode(value); err != nil {
		return text
	}
	return strings.TrimSpace(out.String())
}

// diff returns the lines that only one side has; both are sorted.
func diff(want, got []string) []string {
	const most = 20
	var out []string
	i, j := 0, 0
	for (i < len(want) || j < len(got)) && len(out) < most {
		switch {
		case j == len(got) || i < len(want) && want[i] < got[j]:
			out = append(out, "only MySQL has   "+want[i])
			i++
		case i == len(want) || got[j] < want[i]:
			out = append(out, "only Iceberg has "+got[j])
			j++
		default:
			i++
			j++
		}
	}
	return out
}
