package cases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/integration/server"
)

// online readies a database with a table t of rows, read by both binaries.
func (f *fixture) online(tables string) (table string) {
	f.t.Helper()
	database := strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(f.t.Name()))
	table = database + ".t"
	f.exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database, "USE "+database,
		"CREATE TABLE "+table+" (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(20), b INT NOT NULL DEFAULT 3, c DECIMAL(8,2))")
	f.insert(table, "a, b, c", 300)
	f.Tables = strings.ReplaceAll(database, ".", `\.`) + `\.` + tables
	f.start()
	f.must(f.Reader.Ready(f.t.Context()))
	f.same(table, table)
	return table
}

func (f *fixture) insert(table, columns string, rows int) {
	f.t.Helper()
	values := make([]string, rows)
	for i := range values {
		values[i] = fmt.Sprintf("('%d', %d, %d.25)", i, i*2, i)
	}
	f.exec("INSERT INTO " + table + " (" + columns + ") VALUES " + strings.Join(values, ", "))
}

// Names that change places in one statement do so in Iceberg: old rows and new
// ones have each value under the name that MySQL has it under.
func TestRename_NamesChangePlaces(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		table := f.online("t")
		for _, statement := range []string{
			"RENAME COLUMN a TO b, RENAME COLUMN b TO a",
			"RENAME COLUMN a TO b, RENAME COLUMN b TO c, RENAME COLUMN c TO a",
			"RENAME COLUMN c TO x, ADD COLUMN c INT NOT NULL DEFAULT 9",
			"RENAME COLUMN x TO c, RENAME COLUMN c TO x, MODIFY b BIGINT",
		} {
			f.exec("ALTER TABLE "+table+" "+statement, "DELETE FROM "+table+" WHERE id % 50 = 1", "UPDATE "+table+" SET id = id + 1000 WHERE id % 50 = 2")
			f.same(table, table)
		}
		f.replay() // one that comes late follows them all at once
		f.same(table, table)
	})
}

// ghOst is what gh-ost does to a table: rows are copied and changes followed into
// a table of the new shape, which takes the name behind a lock.
func ghOst(f *fixture, database string) {
	t, ghost, old, log := database+".t", database+"._t_gho", database+"._t_del", database+"._t_ghc"
	f.exec("CREATE /* gh-ost */ TABLE "+log+" (id BIGINT AUTO_INCREMENT, last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, "+
		"hint VARCHAR(64) CHARACTER SET ascii NOT NULL, value VARCHAR(4096) CHARACTER SET ascii NOT NULL, PRIMARY KEY (id), UNIQUE KEY hint_uidx (hint)) AUTO_INCREMENT=256",
		"CREATE /* gh-ost */ TABLE "+ghost+" LIKE "+t, "ALTER /* gh-ost */ TABLE "+ghost+" ADD COLUMN added INT NOT NULL DEFAULT 7, MODIFY b BIGINT NOT NULL",
		"INSERT INTO "+log+" (hint, value) VALUES ('state', 'GhostTableMigrated')",
		"INSERT /* gh-ost */ IGNORE INTO "+ghost+" (id, a, b, c) SELECT id, a, b, c FROM "+t+" WHERE id <= 150")
	f.exec("UPDATE "+t+" SET a = 'meanwhile' WHERE id % 7 = 0", "REPLACE /* gh-ost */ INTO "+ghost+" (id, a, b, c) SELECT id, a, b, c FROM "+t+" WHERE id % 7 = 0",
		"INSERT /* gh-ost */ IGNORE INTO "+ghost+" (id, a, b, c) SELECT id, a, b, c FROM "+t,
		"CREATE /* gh-ost */ TABLE "+old+" (id INT AUTO_INCREMENT PRIMARY KEY) COMMENT='ghost-cut-over-sentry'", "DROP /* gh-ost */ TABLE IF EXISTS "+old,
		"RENAME /* gh-ost */ TABLE "+t+" TO "+old+", "+ghost+" TO "+t, "DROP /* gh-ost */ TABLE IF EXISTS "+log, "DROP /* gh-ost */ TABLE IF EXISTS "+old)
}

// ptOsc is what pt-online-schema-change does: triggers follow the changes.
func ptOsc(f *fixture, database string) {
	t, anew, old := database+".t", database+"._t_new", database+"._t_old"
	f.exec("CREATE TABLE "+anew+" LIKE "+t, "ALTER TABLE "+anew+" ADD COLUMN added INT NOT NULL DEFAULT 7, DROP COLUMN c",
		"CREATE TRIGGER "+database+".pt_osc_del AFTER DELETE ON "+t+" FOR EACH ROW DELETE IGNORE FROM "+anew+" WHERE "+anew+".id <=> OLD.id",
		"CREATE TRIGGER "+database+".pt_osc_upd AFTER UPDATE ON "+t+" FOR EACH ROW REPLACE INTO "+anew+" (id, a, b) VALUES (NEW.id, NEW.a, NEW.b)",
		"CREATE TRIGGER "+database+".pt_osc_ins AFTER INSERT ON "+t+" FOR EACH ROW REPLACE INTO "+anew+" (id, a, b) VALUES (NEW.id, NEW.a, NEW.b)",
		"INSERT LOW_PRIORITY IGNORE INTO "+anew+" (id, a, b) SELECT id, a, b FROM "+t+" FORCE INDEX (PRIMARY) WHERE id <= 150 LOCK IN SHARE MODE",
		"UPDATE "+t+" SET a = 'meanwhile' WHERE id % 7 = 0", "DELETE FROM "+t+" WHERE id % 11 = 0",
		"INSERT LOW_PRIORITY IGNORE INTO "+anew+" (id, a, b) SELECT id, a, b FROM "+t+" FORCE INDEX (PRIMARY) WHERE id > 150 LOCK IN SHARE MODE",
		"RENAME TABLE "+t+" TO "+old+", "+anew+" TO "+t, "DROP TABLE IF EXISTS "+old)
	for _, name := range []string{"pt_osc_del", "pt_osc_upd", "pt_osc_ins"} {
		f.exec("DROP TRIGGER IF EXISTS " + database + "." + name)
	}
}

// What online schema changes do to a table arrives in Iceberg, whether their own
// tables are captured or not.
func TestOnlineSchemaChange(t *testing.T) {
	for name, tool := range map[string]func(*fixture, string){"gh_ost": ghOst, "pt_osc": ptOsc} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, f *fixture) {
				table := f.online("t")
				database, _, _ := strings.Cut(table, ".")
				tool(f, database)
				f.exec("UPDATE "+table+" SET b = b + 1 WHERE id % 5 = 0", "DELETE FROM "+table+" WHERE id % 13 = 0")
				f.same(table, table)
			})
		})
	}
}

// Tables that are made like others, or from a query, arrive with their rows.
func TestCreate_LikeAndFromAQuery(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		table := f.online(".*")
		database, _, _ := strings.Cut(table, ".")
		like, query, both := database+".alike", database+".queried", database+".partly"
		f.exec("CREATE TABLE "+like+" LIKE "+table, "INSERT INTO "+like+" SELECT * FROM "+table+" WHERE id < 50",
			"CREATE TABLE "+query+" (PRIMARY KEY (id)) AS SELECT id, a, b * 2 AS doubled, c FROM "+table,
			"CREATE TABLE "+both+" (id BIGINT PRIMARY KEY, note VARCHAR(10) DEFAULT 'n') SELECT id, a FROM "+table,
			"UPDATE "+query+" SET a = 'changed' WHERE id < 10", "DELETE FROM "+both+" WHERE id > 200")
		for _, name := range []string{like, query, both} {
			f.same(name, name)
		}
		if f.kind != server.MariaDB { // which logs no such statement by itself
			f.exec("CREATE TABLE " + database + ".late AS SELECT * FROM " + query + " LIMIT 0")
		}
		f.exec("INSERT INTO " + like + " SELECT * FROM " + table + " WHERE id = 60")
		f.same(like, like)
	})
}
