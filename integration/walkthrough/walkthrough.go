// Package walkthrough is the story that must always work: rows, changes and a
// new column on a MySQL table, and what Kafka and Iceberg hold after each step.
package walkthrough

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	_ "github.com/go-sql-driver/mysql" // a client that firn does not use
)

// The names in the walk-through.
const (
	Database = "salesdb"
	Source   = "salesdb.customer"
	Target   = "glue_cdc_blogdb.iceberg_cdc_tbl"
	TableMap = Source + "=" + Target
)

// Step is one act of the story.
type Step struct {
	Name       string
	Title      string
	Statements []string
	// Operations are the counts of the table's topic by then, DDLs the records
	// that this step adds to the schema-change topic.
	Operations map[string]int
	DDLs       int
	Checks     []Check
}

// Check is a query on the Iceberg table and its whole answer: values joined by
// commas, one row a string.
type Check struct {
	SQL  string
	Rows []string
}

const totals = "SELECT count(*), count(DISTINCT id), min(id), max(id), sum(id) FROM {table}"

// Steps returns the story in order.
func Steps() []Step {
	return []Step{
		{
			Name: "T0", Title: "30 rows before anything runs",
			Statements: append([]string{
				"CREATE DATABASE salesdb",
				"CREATE TABLE salesdb.customer (id INT NOT NULL PRIMARY KEY, name VARCHAR(50), mktsegment VARCHAR(50))",
			}, firstRows(30)),
			Operations: map[string]int{"r": 30},
			Checks:     []Check{{totals, []string{"30,30,1,30,465"}}},
		},
		{
			Name: "T1", Title: "two inserts, two updates, two deletes",
			Statements: []string{
				"INSERT INTO salesdb.customer VALUES(31, 'Customer Name 31', 'Market segment 31')",
				"INSERT INTO salesdb.customer VALUES(32, 'Customer Name 32', 'Market segment 32')",
				"UPDATE salesdb.customer SET name='Customer Name update 29', mktsegment='Market segment update 29' WHERE id = 29",
				"UPDATE salesdb.customer SET name='Customer Name update 30', mktsegment='Market segment update 30' WHERE id = 30",
				"DELETE FROM salesdb.customer WHERE id = 27",
				"DELETE FROM salesdb.customer WHERE id = 28",
			},
			Operations: map[string]int{"r": 30, "c": 2, "u": 2, "d": 2, "tombstone": 2},
			Checks: []Check{
				{totals, []string{"30,30,1,32,473"}},
				{"SELECT id, name, mktsegment FROM {table} WHERE id > 26 ORDER BY id", []string{
					"29,Customer Name update 29,Market segment update 29",
					"30,Customer Name update 30,Market segment update 30",
					"31,Customer Name 31,Market segment 31",
					"32,Customer Name 32,Market segment 32",
				}},
			},
		},
		{
			Name: "T2 ALTER", Title: "a new column: MySQL reads '' in every row, and no row is logged",
			Statements: []string{"ALTER TABLE salesdb.customer ADD COLUMN status VARCHAR(20) NOT NULL"},
			Operations: map[string]int{"r": 30, "c": 2, "u": 2, "d": 2, "tombstone": 2},
			DDLs:       1,
			Checks: []Check{
				{totals, []string{"30,30,1,32,473"}},
				{"SELECT status, count(*) FROM {table} GROUP BY status", []string{",30"}},
			},
		},
		{
			Name: "T2 UPDATE", Title: "one statement that changes every row",
			Statements: []string{"UPDATE salesdb.customer SET status = 'Green'"},
			Operations: map[string]int{"r": 30, "c": 2, "u": 32, "d": 2, "tombstone": 2},
			Checks: []Check{
				{totals, []string{"30,30,1,32,473"}},
				{"SELECT status, count(*) FROM {table} GROUP BY status", []string{"Green,30"}},
			},
		},
	}
}

func firstRows(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, 'Customer Name %d', 'Market segment %d')", i+1, i+1, i+1)
	}
	return "INSERT INTO salesdb.customer VALUES " + strings.Join(rows, ", ")
}

// Exec runs statements one after another, each in a transaction of its own.
func Exec(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}
