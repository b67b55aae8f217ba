package binlog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// mapsOf returns the table maps of a recorded log, one for each row event.
func mapsOf(t *testing.T, file string) []*TableMap {
	t.Helper()
	var maps []*TableMap
	if err := each(t, open(t, file, Config{}, Resume{}), func(ev Event) {
		if rows, ok := ev.(*Rows); ok {
			maps = append(maps, rows.Table)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return maps
}

func mapOf(t *testing.T, file, table string) *TableMap {
	t.Helper()
	for _, m := range mapsOf(t, file) {
		if m.Table.Table == table {
			return m
		}
	}
	t.Fatalf("no table %s", table)
	return nil
}

func TestTableMap(t *testing.T) {
	t.Run("it keeps its address while the definition stands", func(t *testing.T) {
		var a []*TableMap
		for _, m := range mapsOf(t, "testdata/mysql9/transactions.binlog") {
			if m.Table.Table == "a" {
				a = append(a, m)
			}
		}
		changed := 0
		for i := 1; i < len(a); i++ {
			if a[i] != a[i-1] {
				changed++
				if a[i].Version == a[i-1].Version || len(a[i].Columns) != 3 {
					t.Errorf("version %d of %d columns follows %d", a[i].Version, len(a[i].Columns), a[i-1].Version)
				}
			}
		}
		if changed != 1 {
			t.Errorf("the address changed %d times, want once, at the ALTER TABLE", changed)
		}
	})
	t.Run("character sets are of their columns", func(t *testing.T) {
		for _, server := range []string{"mysql8", "mysql9", "mariadb"} {
			m := mapOf(t, "testdata/"+server+"/types.binlog", "texts")
			var got []string
			for _, c := range m.Columns {
				got = append(got, c.Name+" "+c.Charset)
			}
			want := []string{
				"id ", "c utf8mb4", "c300 utf8mb4", "vc utf8mb4", "vcl utf8mb4", "l1 latin1", "l1v latin1", "u16 utf16",
				"gb gbk", "sj sjis", "tt utf8mb4", "tx utf8mb4", "mt utf8mb4", "lt utf16",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", server, diff)
			}
		}
	})
	t.Run("bytes, geometries and vectors do not shift the character sets behind them", func(t *testing.T) {
		for file, table := range map[string]string{"mysql9": "blobs", "mysql8": "blobs", "mariadb": "documents"} {
			m := mapOf(t, "testdata/"+file+"/types.binlog", table)
			if last := m.Columns[len(m.Columns)-1]; last.Name != "after" || last.Charset != "latin1" {
				t.Errorf("%s: got %s %s, want after latin1", file, last.Name, last.Charset)
			}
		}
	})
	t.Run("labels, key, signs and geometry types", func(t *testing.T) {
		m := mapOf(t, "testdata/mysql9/types.binlog", "bits")
		want := []ColumnMeta{
			{Name: "id", Type: TypeLong, SignKnown: true},
			{Name: "a", Type: TypeBit, Meta: 1, Nullable: true},
			{Name: "b", Type: TypeBit, Meta: 8, Nullable: true},
			{Name: "c", Type: TypeBit, Meta: 9, Nullable: true},
			{Name: "d", Type: TypeBit, Meta: 33, Nullable: true},
			{Name: "e", Type: TypeBit, Meta: 64, Nullable: true},
			{Name: "en", Type: TypeEnum, Meta: 1, Nullable: true, Collation: 255, Charset: "utf8mb4", Labels: [][]byte{[]byte("x"), {}, []byte("ü"), []byte("a,b")}},
			{Name: "st", Type: TypeSet, Meta: 1, Nullable: true, Collation: 255, Charset: "utf8mb4", Labels: [][]byte{[]byte("a"), []byte("b"), []byte("ü"), []byte("d")}},
		}
		if diff := cmp.Diff(want, m.Columns[:len(want)], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("columns (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]KeyPart{{Column: 0}}, m.PrimaryKey); diff != "" || !m.Full {
			t.Errorf("full %t, key (-want +got):\n%s", m.Full, diff)
		}
		ints := mapOf(t, "testdata/mysql9/types.binlog", "ints")
		if !ints.Columns[2].Unsigned || ints.Columns[1].Unsigned || !ints.Columns[10].Unsigned {
			t.Errorf("signs of %s are wrong", ints.Table)
		}
		documents := mapOf(t, "testdata/mysql9/types.binlog", "documents")
		got := []uint8{documents.Columns[2].Geometry, documents.Columns[3].Geometry, documents.Columns[4].Geometry, documents.Columns[5].Geometry}
		if diff := cmp.Diff([]uint8{0, 1, 2, 7}, got); diff != "" {
			t.Errorf("geometry types (-want +got):\n%s", diff)
		}
	})
}

func TestCharsetOf(t *testing.T) {
	for collation, want := range map[uint16]string{
		0: "", 1: "big5", 8: "latin1", 17: "", 28: "gbk", 33: "utf8mb3", 45: "utf8mb4", 63: "binary", 99: "cp1250", 101: "utf16",
		159: "ucs2", 183: "utf32", 223: "utf8mb3", 248: "gb18030", 255: "utf8mb4", 323: "utf8mb4", 576: "utf8mb3", 608: "utf8mb4",
		1069: "utf8mb4", 1032: "latin1", 1147: "utf16", 1270: "utf8mb4", 2048: "utf8mb3", 2304: "utf8mb4", 3271: "utf32", 9999: "",
	} {
		if got := charsetOf(collation); got != want {
			t.Errorf("collation %d: got %q, want %q", collation, got, want)
		}
	}
}

func TestTarget(t *testing.T) {
	tests := []struct {
		sql  string
		want string
	}{
		{"INSERT INTO t VALUES (1)", "d.t"},
		{"(DELETE FROM o.t)", "o.t"},
		{"insert ignore into `o`.`t` (a) values (1)", "o.t"},
		{"/* x */ REPLACE t SET a = 1", "d.t"},
		{"/*!50000 INSERT INTO o . t VALUES (1) */", "o.t"},
		{"UPDATE LOW_PRIORITY o.t SET a = 1", "o.t"},
		{"UPDATE t, u SET t.a = 1", ""},
		{"UPDATE t JOIN u SET t.a = 1", ""},
		{"DELETE QUICK FROM t WHERE a = 1", "d.t"},
		{"DELETE t FROM t JOIN u", ""},
		{"DELETE FROM t USING t JOIN u", ""},
		{"WITH x AS (SELECT 1) UPDATE t SET a = 1", ""},
		{"INSERT /* why */ INTO # who\n o.t VALUES (1)", "o.t"},
		{"INSERT /*!40000 LOW_PRIORITY */ INTO o.t VALUES (1)", "o.t"},
		{"INSERT INTO `o``1`.`t``2` VALUES (1)", "o`1.t`2"},
		{"INSERT INTO (t) VALUES (1)", ""},
		{"SET STATEMENT max_statement_time=1, sql_mode='FOR' FOR INSERT INTO o.t VALUES (1)", "o.t"},
		{"SET STATEMENT sql_mode=(SUBSTRING('x' FROM 1 FOR 1)), max_statement_time=1 FOR UPDATE o.t SET a = 1", "o.t"},
		{"/* FOR */ set statement a='it''s \\' FOR', b=`FOR` for /*! insert into */ `o` . `t` VALUES (1)", "o.t"},
		{"ANALYZE DELETE FROM o.t", "o.t"},
		{"ANALYZE FORMAT=JSON UPDATE o.t SET a = 1", "o.t"},
		{"SELECT `o`.`f`(5)", ""},
	}
	for _, test := range tests {
		scan := scanner{lex: mysql.NewLexer(test.sql, 0, true)}
		word := scan.action()
		id, ok := scan.target(word, "d")
		got := id.String()
		if !ok {
			got = ""
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.sql, got, test.want)
		}
		if !changesRows(word) {
			t.Errorf("%s: %s is not taken for a change of rows", test.sql, word)
		}
	}
}
