package schemahistory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// TestHistory_FollowsTheServer applies each statement to a model and compares
// it with information_schema of the server that ran the same statements.
func TestHistory_FollowsTheServer(t *testing.T) {
	// Statements that no server accepts as they stand, with the tables before and what they mean.
	refused := map[string]struct {
		setup string
		want  []string
	}{
		"ALTER TABLE t ADD COLUMN p POINT, ADD SPATIAL INDEX (p)": {
			"CREATE TABLE t (id INT PRIMARY KEY)", []string{"id|int|NO||1", "p|point|YES||"},
		},
		"CREATE TABLE t (id int, KEY k ((lower(a))), CHECK (id > 0) NOT ENFORCED, CONSTRAINT c CHECK (id < 10))": {
			"", []string{"id|int|YES||"},
		},
		"CREATE TABLE t (a INT COLUMN_FORMAT FIXED STORAGE MEMORY, b INT ENGINE_ATTRIBUTE='{}')": {
			"", []string{"a|int|YES||", "b|int|YES||"},
		},
		"CREATE TABLE t (id int unsigned NOT NULL AUTO_INCREMENT, PRIMARY KEY (id) USING BTREE, UNIQUE KEY u (id) COMMENT 'x' INVISIBLE, SPATIAL KEY s (g)) DEFAULT CHARSET=utf8mb4 AUTO_INCREMENT=5 STATS_PERSISTENT=0 COMPRESSION='zlib'": {
			"", []string{"id|int unsigned|NO||1"},
		},
	}
	// Statements that stop a captured table, and why.
	const query = "its columns come from a query, whose types the statement does not say"
	stops := map[string]string{ // a row-format binlog has the columns in their place
		"CREATE TABLE t3 (b int) SELECT a FROM t": query,
		"CREATE TABLE t3 AS SELECT * FROM t":      query,
	}
	lines(t, "testdata/statements.jsonl", func(line []byte) {
		var c struct {
			Statement, Server, Refused string
			Setup                      []string
			Tables                     map[string][]string
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		t.Run(c.Statement, func(t *testing.T) {
			if c.Refused != "" {
				r, ok := refused[c.Statement]
				if !ok {
					t.Fatalf("no server accepts the statement (%s), and the test does not say what it means", c.Refused)
				}
				c.Setup, c.Tables = []string{r.setup}, map[string][]string{"app.t": r.want}
			}
			h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4", MariaDB: c.Server == "mariadb"})
			for _, s := range c.Setup {
				if _, _, err := h.Apply("app", s, strict); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := h.Apply("app", c.Statement, strict)
			if why, ok := stops[c.Statement]; ok {
				var unknown *schemahistory.UnknownDDLError
				if !errors.As(err, &unknown) || unknown.Err.Error() != why {
					t.Errorf("got error %v, want %q", err, why)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string][]string)
			for _, id := range h.Tables() {
				table, _ := h.Table(id)
				// The server does not show a unique key that stands in for the primary key.
				promoted := !strings.Contains(strings.Join(c.Setup, "")+c.Statement, "PRIMARY KEY")
				got[id.String()] = informationSchema(table, promoted)
			}
			for _, columns := range c.Tables {
				for i := range columns {
					columns[i] = normal(columns[i])
				}
			}
			if diff := cmp.Diff(c.Tables, got); diff != "" {
				t.Errorf("after %q (-server +model):\n%s", c.Setup, diff)
			}
		})
	})
}

var strict = schemahistory.StatementContext{SQLMode: mysql.StrictTransTables}

var (
	intWidth = regexp.MustCompile(`\b((?:tiny|small|medium|big)?int|year)\(\d+\)`)
	sizes    = regexp.MustCompile(`\|(?:tiny|medium|long)(text|blob)`)
)

// normal drops what servers print differently: widths of integers, size classes of TEXT and BLOB.
func normal(column string) string {
	column = strings.ReplaceAll(column, " /*M!100301 COMPRESSED*/", "")
	return sizes.ReplaceAllString(intWidth.ReplaceAllString(column, "$1"), "|$1")
}

// informationSchema prints columns as information_schema has them: name, type,
// nullability, character set and place in the primary key.
func informationSchema(t *debezium.Table, promoted bool) []string {
	var out []string
	for i := range t.Columns {
		c := &t.Columns[i]
		key := ""
		if n := slices.Index(t.PrimaryKey, c.Name); n >= 0 && !promoted {
			key = fmt.Sprint(n + 1)
		}
		nullable := "NO"
		if c.Optional {
			nullable = "YES"
		}
		charset := c.Charset
		switch charset {
		case "utf8":
			charset = "utf8mb3"
		case "binary":
			charset = ""
		}
		out = append(out, normal(strings.Join([]string{c.Name, columnType(c), nullable, charset, key}, "|")))
	}
	return out
}

func columnType(c *debezium.Column) string {
	suffix := ""
	if c.Unsigned() {
		suffix = " unsigned"
	}
	if strings.Contains(c.TypeName, "ZEROFILL") {
		suffix += " zerofill"
	}
	sized := func(name string, length int) string { return fmt.Sprintf("%s(%d)", name, length) }
	name := strings.ToLower(c.BaseType())
	switch c.JDBCType {
	case debezium.JDBCNChar:
		return sized("char", c.Length)
	case debezium.JDBCNVarchar:
		return sized("varchar", c.Length)
	}
	switch c.BaseType() {
	case "CHARACTER":
		return sized("varchar", c.Length)
	case "BOOL", "INT1":
		return "tinyint" + suffix
	case "INT8":
		return "bigint" + suffix
	case "MIDDLEINT":
		return "mediumint" + suffix
	case "DECIMAL", "FIXED", "DEC", "NUMERIC":
		return fmt.Sprintf("decimal(%d,%d)%s", c.Length, c.Scale, suffix)
	case "FLOAT", "DOUBLE", "REAL":
		if name == "real" {
			name = "double"
		}
		if c.Scale >= 0 {
			return fmt.Sprintf("%s(%d,%d)%s", name, c.Length, c.Scale, suffix)
		}
		if c.Length > 24 {
			name = "double"
		}
		return name + suffix
	case "CHAR", "VARCHAR", "BINARY", "VARBINARY", "BIT", "VECTOR":
		return sized(name, max(c.Length, 1))
	case "TIME", "DATETIME", "TIMESTAMP":
		if c.Length > 0 {
			return sized(name, c.Length)
		}
	case "ENUM", "SET":
		var labels []string
		for _, l := range c.Labels() {
			labels = append(labels, "'"+strings.ReplaceAll(l.Text, "'", "''")+"'")
		}
		return name + "(" + strings.Join(labels, ",") + ")"
	case "GEOMETRYCOLLECTION":
		return "geomcollection"
	case "LONG":
		return map[string]string{"LONG VARCHAR": "text", "LONG VARBINARY": "blob"}[c.TypeName]
	}
	return name + suffix
}
