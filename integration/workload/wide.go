package workload

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Wide is a table of the types that the table of all types does not have, and
// of values at their edges. It is there after [Workload.Widen].
const Wide = "wide"

// Widen adds the table and what is done to it. The server is told apart by what
// New was told, and by whether it has vectors.
func (w *Workload) Widen(ctx context.Context, vectors bool) error {
	w.wide = wideColumns(w.mysql, vectors)
	definitions := make([]string, len(w.wide))
	for i, c := range w.wide {
		definitions[i] = c.name + " " + c.ddl
	}
	statement := "CREATE TABLE " + w.table(Wide) + " (id INT UNSIGNED PRIMARY KEY, " + strings.Join(definitions, ", ") + ")"
	if _, err := w.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("create %s: %w", w.table(Wide), err)
	}
	return nil
}

func wideColumns(mysql, vectors bool) []column {
	all := []column{
		{"w_bool", "BOOLEAN NOT NULL DEFAULT TRUE", integer(0, 1)},
		{"w_zerofill", "INT(7) ZEROFILL", integer(0, 1<<32-1)},
		{"w_medium_u", "MEDIUMINT UNSIGNED DEFAULT 9", integer(0, 1<<24-1)},
		{"w_decimal0", "DECIMAL(20,0) NOT NULL DEFAULT 5", integer(-1<<61, 1<<61)},
		{"w_decimal_u", "DECIMAL(9,3) UNSIGNED", func(r *rand.Rand) string { return fmt.Sprintf("%d.%03d", r.IntN(1e6), r.IntN(1e3)) }},
		{"w_decimal65", "DECIMAL(65,30)", func(r *rand.Rand) string {
			return fmt.Sprintf("%s%d%017d.%015d%015d", pick(r, "", "-"), r.IntN(1e9), r.IntN(1e17), r.IntN(1e15), r.IntN(1e15))
		}},
		{"w_float", "FLOAT NOT NULL DEFAULT 1.5", func(r *rand.Rand) string { return fmt.Sprintf("%e", r.NormFloat64()*1e9) }},
		{"w_double", "DOUBLE(12,3)", func(r *rand.Rand) string { return fmt.Sprintf("%.3f", r.NormFloat64()*1e6) }},
		{"w_bit8", "BIT(8) DEFAULT b'101'", integer(0, 255)},
		{"w_bit64", "BIT(64)", func(r *rand.Rand) string { return fmt.Sprint(r.Uint64()) }},
		{"w_char_bin", "CHAR(10) CHARACTER SET ascii COLLATE ascii_bin", func(r *rand.Rand) string { return quote(pick(r, "", "x", "Key ", "0123456789")) }},
		{"w_sjis", "VARCHAR(20) CHARACTER SET sjis", func(r *rand.Rand) string { return quote(pick(r, "", "plain", "日本", "カタカナ")) }},
		{"w_utf16", "VARCHAR(20) CHARACTER SET utf16", func(r *rand.Rand) string { return quote(pick(r, "", "é", "😀", "日本")) }},
		{"w_latin2", "TEXT CHARACTER SET latin2", func(r *rand.Rand) string { return quote(pick(r, "", "Žluťoučký", "ő")) }},
		{"w_tinytext", "TINYTEXT", text(40)},
		{"w_mediumtext", "MEDIUMTEXT NOT NULL", text(500)},
		{"w_longtext", "LONGTEXT", text(500)},
		{"w_tinyblob", "TINYBLOB", bytes(0, 60)},
		{"w_longblob", "LONGBLOB", bytes(0, 900)},
		{"w_date0", "DATE", day},
		{"w_date_n", "DATE NOT NULL DEFAULT '2020-02-03'", day},
		{"w_datetime3", "DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)", moment(3)},
		{"w_datetime0", "DATETIME", func(r *rand.Rand) string {
			return quote(pick(r, "0000-00-00 00:00:00", "2018-00-01 01:02:03", "1000-01-01 00:00:00", "9999-12-31 23:59:59"))
		}},
		{"w_timestamp6", "TIMESTAMP(6) NULL", moment(6)},
		{"w_time3", "TIME(3)", clock(3)},
		{"w_time6", "TIME(6) NOT NULL DEFAULT '01:02:03'", clock(6)},
		{"w_year", "YEAR", func(r *rand.Rand) string { return pick(r, "1901", "2155", "1999", "2026") }},
		{"w_enum", "ENUM('a','b''c','d\"e','é') CHARACTER SET utf8mb4 NOT NULL DEFAULT 'a'", func(r *rand.Rand) string { return quote(pick(r, "a", "b'c", `d"e`, "é")) }},
		{"w_set", "SET('x','y','z') NOT NULL DEFAULT 'x,y'", func(r *rand.Rand) string { return quote(pick(r, "", "z", "x,z")) }},
		{"w_point", "POINT", func(r *rand.Rand) string {
			return fmt.Sprintf("ST_GeomFromText('POINT(%d %g)')", r.IntN(1000)-500, r.NormFloat64())
		}},
		{"w_line", "LINESTRING", func(r *rand.Rand) string {
			return fmt.Sprintf("ST_GeomFromText('LINESTRING(0 0, %d 1, 2 %d)')", r.IntN(9), r.IntN(9))
		}},
		{"w_geometry", "GEOMETRY", func(r *rand.Rand) string {
			return "ST_GeomFromText(" + quote(pick(r, "POINT(1 2)", "POLYGON((0 0, 4 0, 4 4, 0 0))", "MULTIPOINT((1 1), (2 2))", "GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))")) + ")"
		}},
		{"w_stored", "INT AS (id * 2) STORED", generated},
		{"w_virtual", "VARCHAR(40) AS (CONCAT('v', id)) VIRTUAL", generated},
	}
	switch {
	case !mysql:
		all = append(
			all,
			column{"w_json", "JSON", document},
			column{"w_uuid", "UUID", func(r *rand.Rand) string {
				return fmt.Sprintf("'%08x-1234-4abc-8def-%012x'", r.Uint32(), r.IntN(1<<40))
			}},
		)
	case vectors:
		all = append(all, column{"w_vector", "VECTOR(3)", func(r *rand.Rand) string {
			return fmt.Sprintf("STRING_TO_VECTOR('[%g, %d, -0.5]')", float32(r.NormFloat64()), r.IntN(100))
		}})
		fallthrough
	default:
		all = append(all, column{"w_json", "JSON", document})
	}
	return all
}

func generated(*rand.Rand) string { return "DEFAULT" }

func day(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return quote(pick(r, "0000-00-00", "2018-00-00", "2018-05-00", "1000-01-01", "9999-12-31"))
	}
	return fmt.Sprintf("'%04d-%02d-%02d'", 1000+r.IntN(9000), 1+r.IntN(12), 1+r.IntN(28))
}

func clock(digits int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		return fmt.Sprintf("'%s%d:%02d:%02d.%s'", pick(r, "", "-"), r.IntN(838), r.IntN(60), r.IntN(60), fmt.Sprintf("%06d", r.IntN(1e6))[:digits])
	}
}

// document returns JSON of every kind of value, nested.
func document(r *rand.Rand) string {
	var value func(depth int) string
	value = func(depth int) string {
		kinds := 9
		if depth == 0 {
			kinds = 7
		}
		switch r.IntN(kinds) {
		case 0:
			return pick(r, "null", "true", "false")
		case 1:
			return fmt.Sprint(r.IntN(1<<40) - 1<<39)
		case 2:
			return fmt.Sprint(r.Uint64())
		case 3:
			return fmt.Sprintf("%.3f", r.NormFloat64()*1000)
		case 4:
			return fmt.Sprint(r.IntN(300) - 150)
		case 5, 6:
			return pick(r, `""`, `"plain"`, `"日本 😀"`, `"a\"b\\c\n"`, `"</script>&"`, `"`+strings.Repeat("long ", 40)+`"`)
		case 7:
			items := make([]string, r.IntN(4))
			for i := range items {
				items[i] = value(depth - 1)
			}
			return "[" + strings.Join(items, ", ") + "]"
		default:
			members := make([]string, r.IntN(4))
			for i := range members {
				members[i] = fmt.Sprintf(`"%s%d": %s`, pick(r, "k", "ключ", "a key"), i, value(depth-1))
			}
			return "{" + strings.Join(members, ", ") + "}"
		}
	}
	return quote(value(3))
}

func (w *Workload) insertWide(ctx context.Context, tx *sql.Tx) error {
	rows := make([]string, 1+w.rand.IntN(3))
	for i := range rows {
		w.nextWide++
		values := make([]string, 1, len(w.wide)+1)
		values[0] = fmt.Sprint(w.nextWide)
		for _, c := range w.wide {
			values = append(values, w.wideValue(&c))
		}
		rows[i] = "(" + strings.Join(values, ", ") + ")"
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+w.table(Wide)+" VALUES "+strings.Join(rows, ", "))
	return err
}

// wideValue returns a value, sometimes NULL or the default where there is one.
func (w *Workload) wideValue(c *column) string {
	switch n := w.rand.IntN(8); {
	case n == 0 && !strings.Contains(c.ddl, "NOT NULL") && !strings.Contains(c.ddl, " AS "):
		return "NULL"
	case n == 1 && strings.Contains(c.ddl, "DEFAULT"):
		return "DEFAULT"
	default:
		return c.value(w.rand)
	}
}

func (w *Workload) updateWide(ctx context.Context, tx *sql.Tx) error {
	a, b := w.wide[w.rand.IntN(len(w.wide))], w.wide[w.rand.IntN(len(w.wide))]
	id := 1 + w.rand.Int64N(max(w.nextWide, 1))
	_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s = %s, %s = %s WHERE id BETWEEN %d AND %d",
		w.table(Wide), a.name, w.wideValue(&a), b.name, w.wideValue(&b), id, id+w.rand.Int64N(4)))
	return err
}

func (w *Workload) deleteWide(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE id = %d", w.table(Wide), 1+w.rand.Int64N(max(w.nextWide, 1))))
	return err
}
