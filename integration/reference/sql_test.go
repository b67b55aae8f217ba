package reference_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
)

// What the real Debezium published of a case becomes the tables that the case's
// SQL makes, with schemas and without.
func TestApplier_MakesTheTablesOfTheSQL(t *testing.T) {
	for kind, lab := range labs {
		t.Run(string(kind), func(t *testing.T) {
			cases := recordedCases(t, kind)
			db, err := sql.Open("mysql", lab.Database.DSN())
			must(t, err)
			defer db.Close()
			for _, name := range cases {
				executed(t, lab, name)
			}
			records := recordsOf(t, kind, slices.DeleteFunc(slices.Clone(cases), func(name string) bool { return name == nullsAsTheyAre })...)
			if slices.Contains(cases, nullsAsTheyAre) { // which is recorded of MySQL 8 alone
				records = append(records, recordsOf(t, server.MySQL8, nullsAsTheyAre)...)
			}
			of, bare := applied(t, records, long), applied(t, reference.WithoutSchemas(records), long)
			for _, a := range []*tables{of, bare} {
				stopped := make(map[string]string)
				for topic := range topicsOf(records) {
					if parts := strings.Split(topic, "."); len(parts) == 3 && usual[parts[0]+"."+parts[2]] != "" {
						stopped[topic] = usual[parts[0]+"."+parts[2]]
					}
				}
				a.stopped(stopped)
			}
			compared := 0
			for _, name := range cases {
				for _, table := range of.names(name) {
					table = name + "." + table
					if usual[table] != "" {
						continue
					}
					bare.same(table, of, table, nil)
					if untold[table] {
						continue
					}
					compared++
					differences, _, err := validate.Differences(t.Context(), db, sourceOf(table), lake, of.Table(table))
					if err != nil {
						t.Errorf("%s: %v", table, err)
					}
					differences = slices.DeleteFunc(differences, func(d string) bool {
						return slices.ContainsFunc(excused[table], func(id string) bool {
							return strings.Contains(d, "has "+id+" |") || strings.Contains(d, "has   "+id+" |")
						})
					})
					if len(differences) > 0 {
						t.Errorf("%s:\n%s", table, strings.Join(differences, "\n"))
					}
				}
			}
			if fewest := map[server.Kind]int{server.MySQL8: 7, server.MySQL9: 20, server.MariaDB: 20}[kind]; compared < fewest {
				t.Errorf("%d tables were compared, want %d or more", compared, fewest)
			}
		})
	}
}

// nullsAsTheyAre is the case of defaults where the converter wrote NULL as it is.
const nullsAsTheyAre = "opt_null_default_off"

// recordedCases are those of a kind of server with the connector's defaults.
func recordedCases(t *testing.T, kind server.Kind) []string {
	t.Helper()
	var cases []string
	for _, name := range append(slices.Clone(baseCases), nullsAsTheyAre) {
		_, err := os.Stat(filepath.Join("testdata/golden", string(kind), name+".jsonl"))
		if name != "defaults" && err == nil || name == nullsAsTheyAre && kind == server.MySQL9 {
			cases = append(cases, name)
		}
	}
	return cases
}

// sourceOf returns the table that a topic is of.
func sourceOf(table string) string {
	switch table {
	case "names.some_test_data":
		return "names.some|test@data"
	case "names._":
		return "names.表"
	default:
		return table
	}
}

// executed makes a case's database, with what Debezium makes of it otherwise.
func executed(t *testing.T, lab *reference.Lab, name string) {
	t.Helper()
	c, err := reference.ReadCase("testdata/corpus/"+name+".sql", lab.Database.Kind)
	must(t, err)
	conn, err := lab.Prepare(t.Context(), c)
	must(t, err)
	defer conn.Close()
	must(t, reference.Execute(t.Context(), conn, c.Snapshot))
	must(t, reference.Execute(t.Context(), conn, c.Stream))
	for _, statement := range falsified[name] {
		kind, ok := strings.CutPrefix(statement, "-- "+string(lab.Database.Kind)+" ")
		if strings.HasPrefix(statement, "-- ") && !ok {
			continue
		}
		if ok {
			statement = kind
		}
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// falsified are statements that make of a case's tables what Debezium has published
// of them, where that is something else.
var falsified = map[string][]string{
	// A converter writes a column's default for NULL (replace.null.with.default).
	"bits":     {"UPDATE b SET d1 = b'1' WHERE d1 IS NULL", "UPDATE b SET d64 = b'1' WHERE d64 IS NULL"},
	"decimals": {"UPDATE d SET df = 1.5 WHERE id IN (106, 206)"},
	// TRUNCATE is not published (skipped.operations), and the actions of foreign keys are not logged before MySQL 9.
	"dml": {
		"INSERT INTO tr VALUES (1, 1), (2, 2)", "SET foreign_key_checks = 0",
		"-- mysql8 INSERT INTO b VALUES (1, 1, 99), (2, 1, 99)", "-- mariadb INSERT INTO b VALUES (1, 1, 99), (2, 1, 99), (3, 2, 99)",
	},
	// BIGINT UNSIGNED wraps; a BOOLEAN in a statement that is streamed is one.
	"ints": {
		"ALTER TABLE i MODIFY gu DECIMAL(20,0)", "UPDATE i SET gu = gu - 18446744073709551616 WHERE gu > 9223372036854775807",
		"ALTER TABLE k_ubig MODIFY k DECIMAL(20,0)", "UPDATE k_ubig SET k = k - 18446744073709551616 WHERE k > 9223372036854775807",
		"ALTER TABLE i2 MODIFY gu DECIMAL(20,0), MODIFY b VARCHAR(5), MODIFY bo VARCHAR(5)", "UPDATE i2 SET gu = gu - 18446744073709551616, b = 'true', bo = 'false' WHERE id = 1",
		"UPDATE i2 SET bo = 'true' WHERE id = 2", "-- mariadb ALTER TABLE i2 MODIFY iu BIGINT", "-- mariadb UPDATE i2 SET iu = -1 WHERE id = 1",
	},
	nullsAsTheyAre: {
		"ALTER TABLE d MODIFY bu DECIMAL(20,0)", "UPDATE d SET ct = ct, cdt6 = cdt6, bu = bu - 18446744073709551616 WHERE bu > 9223372036854775807",
	},
	// FLOAT4 in a statement that is streamed has no values, and REAL is a float.
	"floats": {"UPDATE f2 SET r = 0.10000000149011612, f4 = NULL WHERE id = 1"},
	// The escapes of a label come into the value.
	"enumset": {`ALTER TABLE e MODIFY es VARCHAR(20)`, `UPDATE e SET es = 'with\\,comma' WHERE id = 201`, `UPDATE e SET es = 'back\\\\slash' WHERE id = 204`},
	// Years of two digits are of 1970 to 2069 (enable.time.adjuster).
	"temporal": {
		"ALTER TABLE t MODIFY y INT", "UPDATE t SET d = '2069-01-01', dt0 = '1970-06-15 01:02:03', dt6 = '2018-04-01 01:02:03.000001', y = IF(id = 105, 2000, 1900) WHERE id IN (105, 205)",
	},
}

// excused are rows, by their keys, whose text is another on each side: numbers of
// JSON and its temporal values, and bytes that latin1 does not define.
var excused = map[string][]string{"json.j": {"206", "208"}, "strings.s": {"205"}}

// untold are tables that are not their source's mirror: without a key, renamed,
// or dropped at last. MySQL's text of a geometry is not its.
var untold = map[string]bool{
	"keys.nokey": true, "keys.uniqnull": true, "ddl.lk": true, "ddl.part": true, "ddl.t_new": true, "ddl.t_third": true,
	"geometry.g": true, "geometry.gn": true, "geometry.gs": true, "opt_null_default_off.x": true,
}
