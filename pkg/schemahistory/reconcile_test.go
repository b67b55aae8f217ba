package schemahistory_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

const (
	fieldTiny     = 1
	fieldLong     = 3
	fieldLonglong = 8
	fieldVarchar  = 15
	fieldDatetime = 18
	fieldDecimal  = 246
	fieldEnum     = 247
	fieldBlob     = 252
	fieldString   = 254
)

var reconciled = debezium.TableID{Database: "app", Table: "t"}

// tableMap is what the binlog says of
// CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, v VARCHAR(10) NOT NULL, d DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3)).
func tableMap() *schemahistory.TableMeta {
	return &schemahistory.TableMeta{
		Table: reconciled, Full: true, PrimaryKey: []int{0},
		Columns: []schemahistory.ColumnMeta{
			{Name: "id", Type: fieldLonglong, SignKnown: true, Unsigned: true},
			{Name: "v", Type: fieldVarchar, Meta: 40, Charset: "utf8mb4"},
			{Name: "d", Type: fieldDecimal, Meta: 8<<8 | 2, Nullable: true, SignKnown: true},
			{Name: "e", Type: fieldEnum, Meta: 1, Nullable: true, Charset: "utf8mb4", Labels: []string{"a", "b"}},
			{Name: "x", Type: fieldBlob, Meta: 2, Nullable: true, Charset: "utf8mb4"},
			{Name: "dt", Type: fieldDatetime, Meta: 3, Nullable: true},
		},
	}
}

const reconciledDDL = "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, v VARCHAR(10) NOT NULL DEFAULT 'dd', d DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3))"

func TestHistory_Reconcile(t *testing.T) {
	tests := map[string]struct {
		ddl  string
		edit func(m *schemahistory.TableMeta)
		want []string // corrections
	}{
		"the same definition":              {ddl: reconciledDDL},
		"names and types as DDL has them":  {ddl: "CREATE TABLE t (id SERIAL PRIMARY KEY, v CHARACTER VARYING(10) NOT NULL, d NUMERIC(8,2), e ENUM('a',\"b\"), x LONG, dt DATETIME(3))"},
		"a size class that servers choose": {ddl: reconciledDDL, edit: func(m *schemahistory.TableMeta) { m.Columns[4].Meta = 3 }},
		"a column that was not known": {
			ddl:  "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, v VARCHAR(10) NOT NULL, e ENUM('a','b'), x TEXT, dt DATETIME(3))",
			want: []string{"column d was not known"},
		},
		"a column that is gone": {
			ddl:  "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, v VARCHAR(10) NOT NULL, d DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3), z INT)",
			want: []string{"column z is gone"},
		},
		"another order": {
			ddl:  "CREATE TABLE t (v VARCHAR(10) NOT NULL, id BIGINT UNSIGNED PRIMARY KEY, d DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3))",
			want: []string{"the order of its columns"},
		},
		"type, sign, labels, character set, precision": {
			ddl: "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10) CHARACTER SET latin1 NOT NULL, d DECIMAL(8,3), e ENUM('a','c'), x BLOB, dt DATETIME)",
			want: []string{
				"column id is BIGINT UNSIGNED", "column v is VARCHAR(10)", "column d is DECIMAL(8,2)", "column e is ENUM",
				"column x is TEXT", "column dt is DATETIME(3)",
			},
		},
		"nullability and key": {
			ddl:  "CREATE TABLE t (id BIGINT UNSIGNED NOT NULL, v VARCHAR(10) PRIMARY KEY, d DECIMAL(8,2) NOT NULL, e ENUM('a','b'), x TEXT, dt DATETIME(3))",
			want: []string{"column d is DECIMAL(8,2)", "key is id"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4"})
			if _, _, err := h.Apply("app", tc.ddl, strict); err != nil {
				t.Fatal(err)
			}
			m := tableMap()
			if tc.edit != nil {
				tc.edit(m)
			}
			got, err := h.Reconcile(m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("corrections (-want +got):\n%s", diff)
			}
			if again, err := h.Reconcile(m); again != nil || err != nil {
				t.Errorf("reconciled twice: %q, %v", again, err)
			}
			table, _ := h.Table(reconciled)
			if len(table.Columns) != 6 || !cmp.Equal(table.PrimaryKey, []string{"id"}) {
				t.Errorf("got %d columns, key %q", len(table.Columns), table.PrimaryKey)
			}
		})
	}
}

func TestHistory_ReconcileKeepsWhatOnlyDDLKnows(t *testing.T) {
	h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4", Comments: true})
	if _, _, err := h.Apply("app", "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(5) NOT NULL DEFAULT 'dd' COMMENT 'c')", strict); err != nil {
		t.Fatal(err)
	}
	m := tableMap()
	m.Columns[1].Charset = "latin1"
	m.Columns[1].Meta = 10
	if _, err := h.Reconcile(m); err != nil {
		t.Fatal(err)
	}
	table, _ := h.Table(reconciled)
	dd := "dd"
	want := []debezium.Column{
		{
			Name: "id", JDBCType: debezium.JDBCBigint, TypeName: "BIGINT UNSIGNED", TypeExpression: "BIGINT UNSIGNED", Length: -1, Scale: -1,
			Position: 1, AutoIncremented: true, Generated: true,
		},
		{
			Name: "v", JDBCType: debezium.JDBCVarchar, TypeName: "VARCHAR", TypeExpression: "VARCHAR", Charset: "latin1", Length: 10, Scale: -1,
			Position: 2, Comment: "c", HasDefault: true, Default: &dd,
		},
	}
	if diff := cmp.Diff(want, table.Columns[:2]); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func TestHistory_ReconcileSuppliesWhatWasNotUnderstood(t *testing.T) {
	h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4"})
	var unknown *schemahistory.UnknownDDLError
	if _, _, err := h.Apply("app", "CREATE TABLE t AS SELECT * FROM other", strict); !errors.As(err, &unknown) {
		t.Fatalf("got error %v, want an UnknownDDLError", err)
	}
	if _, err := h.Reconcile(tableMap()); err != nil {
		t.Fatal(err)
	}
	got, ok := h.Table(reconciled)
	if !ok {
		t.Fatal("table is not known")
	}
	_, want, err := schemahistory.ParseCreateTable("app", "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, v VARCHAR(10) NOT NULL, d DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3))",
		schemahistory.Options{Charset: "utf8mb4"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestHistory_ReconcileWithoutFullMetadata(t *testing.T) {
	tests := map[string]struct{ ddl, want string }{
		"agrees":             {reconciledDDL, ""},
		"names do not count": {"CREATE TABLE t (a BIGINT UNSIGNED PRIMARY KEY, b VARCHAR(10) NOT NULL, c DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3))", ""},
		"another number of columns": {
			"CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY)", "it has 1 columns, the binlog 6",
		},
		"another type": {
			"CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, v CHAR(10) NOT NULL, d DECIMAL(8,2), e ENUM('a','b'), x TEXT, dt DATETIME(3))",
			"column v is CHAR(10), the binlog has type 15",
		},
		"an unknown table": {"CREATE TABLE other (a INT)", "its definition is not known"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4"})
			if _, _, err := h.Apply("app", tc.ddl, strict); err != nil {
				t.Fatal(err)
			}
			m := tableMap()
			m.Full, m.PrimaryKey = false, nil
			for i := range m.Columns {
				m.Columns[i].Name, m.Columns[i].Labels = "", nil
			}
			_, err := h.Reconcile(m)
			var mismatch *schemahistory.MismatchError
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &mismatch) || mismatch.Reason != tc.want {
				t.Errorf("got error %v, want reason %q", err, tc.want)
			}
		})
	}
}

// TestHistory_Reconcile_Sequence: CREATE SEQUENCE s logs its values as rows of a table that no statement makes.
func TestHistory_Reconcile_Sequence(t *testing.T) {
	sequence := func(full bool) *schemahistory.TableMeta {
		m := &schemahistory.TableMeta{Table: reconciled, Full: full, Columns: make([]schemahistory.ColumnMeta, 8)}
		for i := range m.Columns {
			m.Columns[i].Type = fieldLonglong
		}
		m.Columns[6].Type = fieldTiny
		if full {
			m.Columns[0].Name = "next_not_cached_value"
		}
		return m
	}
	maria := schemahistory.New(schemahistory.Options{Charset: "utf8mb4", MariaDB: true})
	for _, full := range []bool{false, true} {
		if _, err := maria.Reconcile(sequence(full)); !errors.Is(err, schemahistory.ErrSequence) {
			t.Errorf("full metadata %t: got %v, want %v", full, err, schemahistory.ErrSequence)
		}
	}
	other := sequence(false)
	other.Columns[7].Nullable = true
	if _, err := maria.Reconcile(other); err == nil || errors.Is(err, schemahistory.ErrSequence) {
		t.Errorf("a table that looks different: got %v", err)
	}
	const like = "CREATE TABLE t (a BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT NOT NULL, d BIGINT NOT NULL, e BIGINT NOT NULL, f BIGINT NOT NULL, g TINYINT NOT NULL, h BIGINT NOT NULL)"
	if _, _, err := maria.Apply("app", like, schemahistory.StatementContext{}); err != nil {
		t.Fatal(err)
	}
	if _, err := maria.Reconcile(sequence(false)); err != nil {
		t.Errorf("a table that looks the same: got %v", err)
	}
}

// TestHistory_Reconcile_Behind: without names, the hash of a key over long text looks like one more BIGINT.
func TestHistory_Reconcile_Behind(t *testing.T) {
	const fieldBlob = 252
	for _, c := range []struct {
		name    string
		mariaDB bool
		types   []byte
		want    int
	}{
		{"one hash", true, []byte{fieldLonglong, fieldBlob, fieldLonglong}, 1},
		{"two hashes", true, []byte{fieldLonglong, fieldBlob, fieldLonglong, fieldLonglong}, 2},
		{"a column of another type", true, []byte{fieldLonglong, fieldBlob, fieldLonglong, fieldTiny}, 0},
		{"another column before", true, []byte{fieldTiny, fieldBlob, fieldLonglong}, 0},
		{"a column less", true, []byte{fieldLonglong}, 0},
		{"MySQL has none", false, []byte{fieldLonglong, fieldBlob, fieldLonglong}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4", MariaDB: c.mariaDB})
			if _, _, err := h.Apply("app", "CREATE TABLE t (id BIGINT, v TEXT, UNIQUE (v))", schemahistory.StatementContext{}); err != nil {
				t.Fatal(err)
			}
			m := &schemahistory.TableMeta{Table: reconciled}
			for _, kind := range c.types {
				column := schemahistory.ColumnMeta{Type: kind, Nullable: true}
				if kind == fieldBlob {
					column.Meta = 2
				}
				m.Columns = append(m.Columns, column)
			}
			_, err := h.Reconcile(m)
			mismatch, ok := errors.AsType[*schemahistory.MismatchError](err)
			if !ok || mismatch.Behind != c.want {
				t.Errorf("got %v, want a mismatch with %d columns behind", err, c.want)
			}
		})
	}
}
