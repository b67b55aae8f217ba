package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// builtin are the server's own databases.
const builtin = "'mysql', 'sys', 'performance_schema', 'information_schema'"

// tableTypes are what information_schema calls tables that hold rows. Views and MariaDB's sequences are none.
const tableTypes = "'BASE TABLE', 'SYSTEM VERSIONED'"

// Tables returns the base tables of every database that is not the server's own, sorted.
func (c *Conn) Tables(ctx context.Context) ([]debezium.TableID, error) {
	rows, err := c.Strings(ctx, `SELECT table_schema, table_name FROM information_schema.tables
 WHERE table_type IN (`+tableTypes+`)
 AND table_schema NOT IN (`+builtin+`) ORDER BY table_schema, table_name`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	tables := make([]debezium.TableID, len(rows))
	for i, row := range rows {
		tables[i] = debezium.TableID{Database: row[0], Table: row[1]}
	}
	return tables, nil
}

// HoldsNoRows reports whether the name is that of a view or a sequence. A table that the user may not see is neither.
func (c *Conn) HoldsNoRows(ctx context.Context, id debezium.TableID) (bool, error) {
	rows, err := c.Strings(ctx, `SELECT 1 FROM information_schema.tables
 WHERE table_schema = ? AND table_name = ? AND table_type NOT IN (`+tableTypes+`)`, id.Database, id.Table)
	if err != nil {
		return false, fmt.Errorf("ask what %s is: %w", id, err)
	}
	return len(rows) > 0, nil
}

// HashedKeys counts the unique keys of a table that are hashes: on MariaDB those over long text.
func (c *Conn) HashedKeys(ctx context.Context, id debezium.TableID) (int, error) {
	rows, err := c.Strings(ctx, "SHOW INDEX FROM "+QuoteTable(id)+" WHERE Non_unique = 0 AND Index_type = 'HASH' AND Seq_in_index = 1")
	if err != nil && !IsServerError(err, CodeNoSuchTable, CodeUnknownDatabase) {
		return 0, fmt.Errorf("list the keys of %s: %w", id, err)
	}
	return len(rows), nil
}

// QuoteTable returns the table's name for use in a statement.
func QuoteTable(id debezium.TableID) string {
	return QuoteName(id.Database) + "." + QuoteName(id.Table)
}

// ShowCreate returns the statement that makes the table. A view is no such table.
// Defaults of timestamps are in UTC, or local to the server's time zone.
func (c *Conn) ShowCreate(ctx context.Context, id debezium.TableID, local bool) (string, error) {
	if local {
		if err := c.Exec(ctx, "SET SESSION time_zone = @@global.time_zone"); err != nil {
			return "", fmt.Errorf("change time zone: %w", err)
		}
	}
	rows, err := c.Strings(ctx, "SHOW CREATE TABLE "+QuoteTable(id))
	if local {
		if err := c.Exec(ctx, "SET SESSION time_zone = '+00:00'"); err != nil {
			return "", fmt.Errorf("change time zone: %w", err)
		}
	}
	if err != nil {
		return "", fmt.Errorf("show create table %s: %w", id, err)
	}
	if len(rows) != 1 || len(rows[0]) < 2 {
		return "", fmt.Errorf("show create table %s: no answer", id)
	}
	if create := rows[0][1]; strings.HasPrefix(create, "CREATE TABLE ") {
		return create, nil
	}
	return "", fmt.Errorf("show create table %s: %w", id, &ServerError{Code: CodeNoSuchTable, State: "42S02", Message: "a view is no table"})
}

// HasRow reports whether a table has a row; one that is gone has none.
func (c *Conn) HasRow(ctx context.Context, id debezium.TableID) (bool, error) {
	rows, err := c.Strings(ctx, "SELECT 1 FROM "+QuoteTable(id)+" LIMIT 1")
	if IsServerError(err, CodeNoSuchTable, CodeUnknownDatabase) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a row of %s: %w", id, err)
	}
	return len(rows) > 0, nil
}

// Database is a database, and what a table made in it gets when it names no
// character set.
type Database struct{ Name, Charset, Collation string }

// Databases returns the databases that the user may see, but for the server's own.
func (c *Conn) Databases(ctx context.Context) ([]Database, error) {
	rows, err := c.Strings(ctx, `SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata
 WHERE schema_name NOT IN (`+builtin+`) ORDER BY schema_name`)
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	databases := make([]Database, len(rows))
	for i, row := range rows {
		databases[i] = Database{Name: row[0], Charset: row[1], Collation: row[2]}
	}
	return databases, nil
}

// DatabaseCharset returns the character set and collation that a table made in
// the database gets when it names none.
func (c *Conn) DatabaseCharset(ctx context.Context, database string) (charset, collation string, err error) {
	rows, err := c.Strings(ctx, `SELECT schema_name, default_character_set_name, default_collation_name
 FROM information_schema.schemata WHERE schema_name = ?`, database)
	if err != nil {
		return "", "", fmt.Errorf("read character set of database %s: %w", database, err)
	}
	for _, row := range rows { // the comparison above may ignore case
		if row[0] == database || len(rows) == 1 && strings.EqualFold(row[0], database) {
			return row[1], row[2], nil
		}
	}
	return "", "", fmt.Errorf("read character set of database %s: %w", database,
		&ServerError{Code: CodeUnknownDatabase, State: "42000", Message: "unknown database"})
}

// RowEstimate returns about how many rows a table has and how many bytes they take, as the optimizer sees it.
func (c *Conn) RowEstimate(ctx context.Context, id debezium.TableID) (rows, bytes int64, err error) {
	answer, err := c.Strings(ctx, `SELECT table_schema, table_name, table_rows, data_length FROM information_schema.tables
 WHERE table_schema = ? AND table_name = ?`, id.Database, id.Table)
	if err != nil {
		return 0, 0, fmt.Errorf("estimate rows of %s: %w", id, err)
	}
	for _, row := range answer {
		if row[0] == id.Database && row[1] == id.Table {
			rows, _ = strconv.ParseInt(row[2], 10, 64) // NULL is 0
			bytes, _ = strconv.ParseInt(row[3], 10, 64)
		}
	}
	return rows, bytes, nil
}

func flavorOf(version string) string {
	if strings.Contains(version, "MariaDB") {
		return debezium.FlavorMariaDB
	}
	return debezium.FlavorMySQL
}
