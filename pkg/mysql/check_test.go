package mysql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// fakeServer answers queries by their longest known beginning.
type fakeServer struct {
	variables map[string]string
	answers   map[string][][]string
	errs      map[string]*ServerError
}

// Strings answers a query.
func (f *fakeServer) Strings(_ context.Context, query string, args ...any) ([][]string, error) {
	if len(args) > 0 {
		var err error
		if query, err = expand(query, args); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(query, "SHOW GLOBAL VARIABLES") {
		var rows [][]string
		for k, v := range f.variables {
			rows = append(rows, []string{k, v})
		}
		return rows, nil
	}
	best := ""
	for known := range f.answers {
		if strings.HasPrefix(query, known) && len(known) > len(best) {
			best = known
		}
	}
	for known := range f.errs {
		if strings.HasPrefix(query, known) && len(known) > len(best) {
			return nil, f.errs[known]
		}
	}
	if best == "" {
		return nil, errors.New("unexpected query: " + query)
	}
	return f.answers[best], nil
}

// healthy is a MySQL server that has nothing wrong, with the tables d.t (a key) and d.h (none).
func healthy() *fakeServer {
	return &fakeServer{
		variables: map[string]string{
			"version": "8.0.31", "gtid_mode": "ON", "server_uuid": "u", "server_id": "1", "log_bin": "ON", "binlog_format": "ROW",
			"binlog_row_image": "FULL", "binlog_row_metadata": "FULL", "binlog_row_value_options": "", "log_replica_updates": "ON",
			"binlog_expire_logs_seconds": "2592000", "lower_case_table_names": "0", "basedir": "/usr/",
		},
		answers: map[string][][]string{
			"SELECT CURRENT_USER()":         {{"cdc@%"}},
			"SHOW GRANTS":                   {{"GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `cdc`@`%`"}},
			"SELECT * FROM ":                nil,
			"SHOW CREATE TABLE `d`.`t`":     {{"t", "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB"}},
			"SHOW CREATE TABLE `d`.`h`":     {{"h", "CREATE TABLE `h` (\n  `id` int NOT NULL\n) ENGINE=InnoDB"}},
			"SHOW MASTER STATUS":            {{"b.000002", "100", "", "", "u:1-9"}},
			"SHOW BINARY LOGS":              {{"b.000001", "50", "No"}, {"b.000002", "100", "No"}},
			"SELECT GTID_SUBSET(@@GLOBAL.g": {{"1", "1"}},
		},
	}
}

func mariaDB() *fakeServer {
	f := healthy()
	f.variables["version"] = "10.11.6-MariaDB-log"
	delete(f.variables, "gtid_mode")
	f.answers["SHOW GRANTS"] = [][]string{{"GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `cdc`@`%` IDENTIFIED BY PASSWORD '*AB'"}}
	f.answers["SELECT table_schema, table_name FROM information_schema.tables"] = [][]string{{"x", "t"}}
	f.answers["SELECT @@GLOBAL.gtid_binlog_pos"] = [][]string{{"0-1-9"}}
	f.answers["SHOW BINLOG EVENTS IN 'b.000001'"] = [][]string{
		{"b.000001", "4", "Format_desc", "1", "256", "x"}, {"b.000001", "256", "Gtid_list", "1", "299", "[0-1-5]"},
	}
	return f
}

const uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

func gtids(flavor, s string) debezium.Position {
	set, err := debezium.ParseGTIDSet(flavor, s)
	if err != nil {
		panic(err)
	}
	return debezium.Position{GTIDs: set}
}

func TestCheck(t *testing.T) {
	const child = "CREATE TABLE `t` (\n  `id` int NOT NULL COMMENT '  CONSTRAINT `no` FOREIGN KEY (`x`) REFERENCES `p` (`x`) ON DELETE CASCADE',\n" +
		"  PRIMARY KEY (`id`),\n" +
		"  CONSTRAINT `plain` FOREIGN KEY (`a`) REFERENCES `p` (`id`),\n" +
		"  CONSTRAINT `restrict` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE RESTRICT ON UPDATE RESTRICT,\n" +
		"  CONSTRAINT `casc` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE CASCADE,\n" +
		"  CONSTRAINT `nul` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE RESTRICT ON UPDATE SET NULL\n) ENGINE=InnoDB"
	variable := func(name, value string) func(*fakeServer) {
		return func(f *fakeServer) { f.variables[name] = value }
	}
	answer := func(query string, rows ...[]string) func(*fakeServer) {
		return func(f *fakeServer) { f.answers[query] = rows }
	}
	fails := func(query string, code uint16) func(*fakeServer) {
		return func(f *fakeServer) { f.errs = map[string]*ServerError{query: {Code: code}} }
	}
	head := func(previous string, events ...string) func(*fakeServer) { // of b.000001
		rows := [][]string{{"b.000001", "4", "Format_desc", "1", "20", "x"}, {"b.000001", "20", "Previous_gtids", "1", "40", previous}}
		for _, pos := range append(events, "50") {
			rows = append(rows, []string{"b.000001", pos, "Gtid", "1", "60", "x"})
		}
		return answer("SHOW BINLOG EVENTS IN 'b.000001' LIMIT 3", rows[:3]...)
	}
	tests := []struct {
		name   string
		server *fakeServer
		change []func(*fakeServer)
		opts   CheckOptions
		want   []string // problem: a part of the message -> a part of the fix
	}{
		{name: "a server that is set up", server: healthy()},
		{name: "MariaDB that is set up", server: mariaDB()},
		{
			name: "no binlog", server: healthy(), change: []func(*fakeServer){variable("log_bin", "OFF")},
			want: []string{"binlog-off: no binlog -> log_bin = binlog in the server's my.cnf"},
		},
		{
			name: "no binlog on RDS", server: healthy(), change: []func(*fakeServer){variable("log_bin", "OFF"), variable("basedir", "/rdsdbbin/mysql/")},
			want: []string{"binlog-off: no binlog -> automated backups"},
		},
		{name: "no binlog on Aurora", server: healthy(), change: []func(*fakeServer){
			variable("log_bin", "OFF"), variable("basedir", "/rdsdbbin/oscar/"), variable("aurora_version", "3.04"),
		}, want: []string{"binlog-off: no binlog -> DB cluster parameter group"}},
		{
			name: "statement format", server: healthy(), change: []func(*fakeServer){variable("binlog_format", "STATEMENT")},
			want: []string{"binlog-format: STATEMENT -> SET PERSIST binlog_format = 'ROW'"},
		},
		{
			name: "statement format on RDS", server: healthy(), change: []func(*fakeServer){variable("binlog_format", "MIXED"), variable("basedir", "/rdsdbbin/mysql/")},
			want: []string{"binlog-format: MIXED -> set binlog_format = ROW in the DB parameter group"},
		},
		{
			name: "mixed format on MariaDB", server: mariaDB(), change: []func(*fakeServer){variable("binlog_format", "MIXED")},
			want: []string{"binlog-format: MIXED -> SET GLOBAL binlog_format = 'ROW'; and binlog_format = ROW in the [mariadbd] section"},
		},
		{
			name: "row image", server: healthy(), change: []func(*fakeServer){variable("binlog_row_image", "NOBLOB")},
			want: []string{"binlog-row-image: NOBLOB -> SET PERSIST binlog_row_image = 'FULL'"},
		},
		{
			name: "partial JSON", server: healthy(), change: []func(*fakeServer){variable("binlog_row_value_options", "PARTIAL_JSON")},
			want: []string{"binlog-row-value-options: PARTIAL_JSON -> SET PERSIST binlog_row_value_options = ''"},
		},
		{
			name: "server id 0", server: healthy(), change: []func(*fakeServer){variable("server_id", "0")},
			want: []string{"server-id: 0 -> SET PERSIST server_id = 1"},
		},
		{name: "GTIDs off, metadata minimal and files that expire soon are notices", server: healthy(), change: []func(*fakeServer){
			variable("gtid_mode", "OFF"), variable("binlog_row_metadata", "MINIMAL"), variable("binlog_expire_logs_seconds", "3600"),
		}, want: []string{
			"gtid-mode (notice): gtid_mode -> online-enable-gtids",
			"binlog-row-metadata (notice): MINIMAL -> SET PERSIST binlog_row_metadata = 'FULL'",
			"binlog-retention (notice): 3600 s -> SET PERSIST binlog_expire_logs_seconds = 604800",
		}},
		{name: "no replication privileges", server: healthy(), change: []func(*fakeServer){
			answer("SHOW GRANTS", []string{"GRANT SELECT ON `d`.* TO `cdc`@`%`"}),
		}, want: []string{
			"grant-replication-slave: 'cdc'@'%' lacks REPLICATION SLAVE -> GRANT REPLICATION SLAVE ON *.* TO 'cdc'@'%';",
			"grant-replication-client: lacks REPLICATION CLIENT -> GRANT REPLICATION CLIENT ON *.* TO 'cdc'@'%';",
		}},
		{name: "privileges through a role", server: healthy(), change: []func(*fakeServer){answer("SHOW GRANTS",
			[]string{"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `cdc`@`%`"}, []string{"GRANT `r`@`%` TO `cdc`@`%`"})}},
		{name: "all privileges", server: mariaDB(), change: []func(*fakeServer){
			answer("SHOW GRANTS", []string{"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"}),
		}},
		{name: "MariaDB's name for the privilege", server: mariaDB(), change: []func(*fakeServer){
			answer("SHOW GRANTS", []string{"GRANT REPLICATION SLAVE ON *.* TO `cdc`@`%`"}),
		}, want: []string{"grant-replication-client: BINLOG MONITOR -> GRANT BINLOG MONITOR ON *.* TO 'cdc'@'%';"}},
		{name: "no LOCK TABLES without GTIDs", server: healthy(), change: []func(*fakeServer){
			variable("gtid_mode", "OFF"), answer("SHOW GRANTS", []string{"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `cdc`@`%`"}),
		}, want: []string{
			"gtid-mode (notice): gtid_mode -> gtids",
			"grant-lock-tables: LOCK TABLES -> GRANT LOCK TABLES ON *.* TO 'cdc'@'%';",
		}},
		{
			name: "a table that may not be read", server: healthy(), change: []func(*fakeServer){fails("SELECT * FROM `d`.`t`", CodeTableAccessDenied)},
			want: []string{"grant-select: d.t -> GRANT SELECT ON `d`.`t` TO 'cdc'@'%';"},
		},
		{
			name: "a table that is not there", server: healthy(), change: []func(*fakeServer){fails("SELECT * FROM `d`.`t`", CodeNoSuchTable)},
			want: []string{"table-missing: d.t -> --table-include-list"},
		},
		{
			name: "foreign-key actions", server: healthy(), change: []func(*fakeServer){answer("SHOW CREATE TABLE `d`.`t`", []string{"t", child})},
			want: []string{"fk-cascade: d.t is changed by foreign-key actions, which the server does not write to its binlog: constraint casc, nul -> --allow-fk-cascade"},
		},
		{
			name: "foreign-key actions, allowed", server: healthy(), opts: CheckOptions{AllowFKCascade: true},
			change: []func(*fakeServer){answer("SHOW CREATE TABLE `d`.`t`", []string{"t", child})},
		},
		{name: "foreign-key actions are logged from 9.6 on", server: healthy(), change: []func(*fakeServer){
			variable("version", "9.6.0"), answer("SHOW BINARY LOG STATUS", []string{"b.000002", "100", "", "", ""}),
			answer("SHOW CREATE TABLE `d`.`t`", []string{"t", child}),
		}},
		{name: "foreign-key actions on 9.6 in InnoDB", server: healthy(), change: []func(*fakeServer){
			variable("version", "9.6.0"), variable("innodb_native_foreign_keys", "ON"),
			answer("SHOW BINARY LOG STATUS", []string{"b.000002", "100", "", "", ""}), answer("SHOW CREATE TABLE `d`.`t`", []string{"t", child}),
		}, want: []string{"fk-cascade: casc -> innodb_native_foreign_keys = OFF"}},
		{
			name: "a system-versioned table", server: mariaDB(), change: []func(*fakeServer){
				answer("SELECT table_schema, table_name FROM information_schema.tables", []string{"x", "t"}, []string{"d", "t"}),
			},
			want: []string{"system-versioned: d.t is system-versioned -> exclude the table"},
		},
		{name: "a database that is not logged", server: healthy(), change: []func(*fakeServer){
			answer("SHOW MASTER STATUS", []string{"b.000002", "100", "", "x, d", ""}),
		}, want: []string{"binlog-filter: database d -> remove binlog-ignore-db"}},
		{name: "a database that is not among those logged", server: healthy(), change: []func(*fakeServer){
			answer("SHOW MASTER STATUS", []string{"b.000002", "100", "x", "", ""}),
		}, want: []string{"binlog-filter: database d -> remove binlog-do-db"}},
		{name: "a replica that logs nothing", server: healthy(), change: []func(*fakeServer){
			variable("log_replica_updates", "OFF"), answer("SHOW REPLICA STATUS", []string{"Waiting"}),
		}, want: []string{"replica-updates: replica -> log_replica_updates = ON"}},
		{name: "a primary that would log nothing as a replica", server: healthy(), change: []func(*fakeServer){
			variable("log_replica_updates", "OFF"), answer("SHOW REPLICA STATUS"),
		}},
		{
			name: "the server's own id", server: healthy(), opts: CheckOptions{Replica: Replica{ServerID: 1, Name: "us"}},
			want: []string{"server-id: server id 1 is the server's own -> --database-server-id"},
		},
		{
			name: "an id that another replica uses", server: healthy(), opts: CheckOptions{Replica: Replica{ServerID: 7, Name: "us"}},
			change: []func(*fakeServer){
				variable("version", "8.0.22"), answer("SHOW REPLICAS", []string{"6", "a", "3306", "1", "u"}, []string{"7", "us.too@b", "3306", "1", "u"}),
			},
			want: []string{"server-id: another replica uses server id 7: us.too@b -> --database-server-id"},
		},
		{
			name: "an id that we had before", server: healthy(), opts: CheckOptions{Replica: Replica{ServerID: 7, Name: "us"}},
			change: []func(*fakeServer){variable("version", "8.0.21"), answer("SHOW SLAVE HOSTS", []string{"7", "us@elsewhere", "3306", "1", "u"})},
		},
		{
			name: "MariaDB does not tell of its replicas", server: mariaDB(), opts: CheckOptions{Replica: Replica{ServerID: 7, Name: "us"}},
			change: []func(*fakeServer){fails("SHOW SLAVE HOSTS", CodeMissingPrivilege)},
		},
		{name: "a GTID set that the server can continue", server: healthy(), opts: CheckOptions{From: gtids("mysql", uuid+":1-5")}},
		{
			name: "a GTID set of which the rest is purged", server: healthy(), opts: CheckOptions{From: gtids("mysql", uuid+":1-5")},
			change: []func(*fakeServer){answer("SELECT GTID_SUBSET(@@GLOBAL.gtid_purged, '"+uuid+":1-5')", []string{"0", "1"})},
			want:   []string{"position-purged: " + uuid + ":1-5 -> delete the topics __firn-offsets"},
		},
		{
			name: "a GTID set of another server", server: healthy(), opts: CheckOptions{From: gtids("mysql", uuid+":1-5")},
			change: []func(*fakeServer){answer("SELECT GTID_SUBSET(", []string{"0", "0"}), func(f *fakeServer) { delete(f.answers, "SELECT GTID_SUBSET(@@GLOBAL.g") }},
			want:   []string{"position-unknown: lacks transactions -> connect to the server"},
		},
		{
			name: "a file of a server that had executed nothing", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000001", Pos: 50}},
			change: []func(*fakeServer){head("")},
		},
		{
			name: "a file, before GTIDs were turned on", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000001", Pos: 50}},
			change: []func(*fakeServer){head(uuid + ":1-3")},
			want:   []string{"position-without-gtids: b.000001:50 -> gtid_mode = ON_PERMISSIVE"},
		},
		{
			name: "a file in which GTIDs were turned on", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000001", Pos: 50}},
			change: []func(*fakeServer){head("", "40")},
			want:   []string{"position-without-gtids: b.000001:50 -> gtid_mode = ON_PERMISSIVE"},
		},
		{
			name: "a file, without GTIDs", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000001", Pos: 50}},
			change: []func(*fakeServer){variable("gtid_mode", "ON_PERMISSIVE")},
			want:   []string{"gtid-mode (notice): gtid_mode -> new snapshot"},
		},
		{
			name: "a file that is gone", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000000", Pos: 4}},
			want: []string{"position-purged: b.000000 -> binlog_expire_logs_seconds"},
		},
		{
			name: "a position beyond its file", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000001", Pos: 51}},
			want: []string{"position-unknown: b.000001:51 -> connect to the server"},
		},
		{
			name: "a file that is gone from RDS", server: healthy(), opts: CheckOptions{From: debezium.Position{File: "b.000000", Pos: 4}},
			change: []func(*fakeServer){variable("basedir", "/rdsdbbin/mysql/")},
			want:   []string{"position-purged: b.000000 -> binlog retention hours"},
		},
		{name: "MariaDB's oldest file starts at the set", server: mariaDB(), opts: CheckOptions{From: gtids("mariadb", "0-1-5")}},
		{
			name: "MariaDB's oldest file starts after the set", server: mariaDB(), opts: CheckOptions{From: gtids("mariadb", "0-1-4")},
			want: []string{"position-purged: 0-1-4 -> delete the topics __firn-offsets"},
		},
		{
			name: "MariaDB has not come so far", server: mariaDB(), opts: CheckOptions{From: gtids("mariadb", "0-1-10")},
			want: []string{"position-unknown: 0-1-10 -> connect to the server"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, change := range tt.change {
				change(tt.server)
			}
			synctest.Test(t, func(t *testing.T) { // a GTID set is waited for
				got, err := check(t.Context(), tt.server, []debezium.TableID{{Database: "d", Table: "t"}}, tt.opts)
				if err != nil {
					t.Fatal(err)
				}
				compareProblems(t, got, tt.want)
			})
		})
	}
}

// executing has a transaction of the position in its binlog, and commits it while it is asked.
type executing struct {
	*fakeServer
	asked int
}

// Strings answers a query.
func (e *executing) Strings(ctx context.Context, query string, args ...any) ([][]string, error) {
	if !strings.HasPrefix(query, "SELECT GTID_SUBSET(") {
		return e.fakeServer.Strings(ctx, query, args...)
	}
	if e.asked++; e.asked < 40 {
		return [][]string{{"1", "0"}}, nil
	}
	return [][]string{{"1", "1"}}, nil
}

func TestCheck_TransactionThatIsBeingCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := check(t.Context(), &executing{fakeServer: healthy()}, []debezium.TableID{{Database: "d", Table: "t"}}, CheckOptions{From: gtids("mysql", uuid+":1-5")})
		if err != nil || len(got) != 0 {
			t.Errorf("got %+v, %v, want no problem: the binlog is ahead of gtid_executed", got, err)
		}
	})
}

// compareProblems compares with lines of the form name: part of message -> part of fix.
func compareProblems(t *testing.T, got []Problem, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %d problems", got, len(want))
	}
	for i, p := range got {
		head, fix, _ := strings.Cut(want[i], " -> ")
		name, message, _ := strings.Cut(head, ": ")
		gotName := p.Name
		if p.Notice {
			gotName += " (notice)"
		}
		if gotName != name || !strings.Contains(p.Message, message) || !strings.Contains(p.Fix, fix) {
			t.Errorf("got %s: %s -> %s\nwant %s", gotName, p.Message, p.Fix, want[i])
		}
	}
}

func TestCheck_TablesWithoutKey(t *testing.T) {
	f := healthy()
	f.answers["SHOW GRANTS"] = [][]string{{"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `cdc`@`%`"}}
	f.answers["SHOW CREATE TABLE `d`.`u`"] = [][]string{{"u", "CREATE TABLE `u` (\n  `a` int,\n  UNIQUE KEY `u` (`a`)\n)"}}
	index := func(null, prefix string) [][]string {
		return [][]string{{"u", "0", "u", "1", "a", "A", "0", prefix, "", null, "BTREE", "", "", "YES", ""}}
	}
	tests := []struct {
		name  string
		table string
		index [][]string
		keyed bool
	}{
		{"no index", "h", nil, false},
		{"a unique key that is never NULL", "u", index("", ""), true},
		{"a unique key that may be NULL", "u", index("YES", ""), false},
		{"a unique key of a prefix", "u", index("", "3"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeServer{variables: f.variables, answers: maps.Clone(f.answers)}
			f.answers["SHOW INDEX FROM `d`.`u`"] = tt.index
			got, err := check(t.Context(), f, []debezium.TableID{{Database: "d", Table: tt.table}}, CheckOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				fmt.Sprintf("grant-lock-tables (notice): d.%s -> GRANT LOCK TABLES", tt.table),
				fmt.Sprintf("no-key (notice): d.%s -> ADD PRIMARY KEY", tt.table),
			}
			if tt.keyed {
				want = nil
			}
			compareProblems(t, got, want)
		})
	}
}

func TestVersionNumber(t *testing.T) {
	for version, want := range map[string]int{
		"8.0.31": 80031, "8.0.31-23-log": 80031, "9.7.4-2": 90704, "10.11.19-MariaDB-0+deb12u1-log": 101119,
		"5.5.5-10.6.12-MariaDB": 100612, "8.4.0": 80400, "11.4": 110400, "": 0,
	} {
		if got := versionNumber(version); got != want {
			t.Errorf("%s: got %d, want %d", version, got, want)
		}
	}
}

func TestLikeMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"shop", "shop", true},
		{"shop", "shops", false},
		{"shop%", "shops", true},
		{"shop_1", "shopA1", true},
		{`shop\_1`, "shopA1", false},
		{`shop\_1`, "shop_1", true},
		{"a*", "ab", false},
		{"%", "a/b", true},
	} {
		if got := likeMatch(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%s, %s: got %t", tt.pattern, tt.name, got)
		}
	}
}

func TestReadPosition(t *testing.T) {
	mysql := gtids("mysql", uuid+":1-9")
	mysql.File, mysql.Pos = "b.000002", 100
	maria := gtids("mariadb", "0-1-9")
	maria.File, maria.Pos = "b.000002", 100
	status := [][]string{{"b.000002", "100", "", "", uuid + ":1-9"}}
	const mode = "SELECT @@GLOBAL.gtid_mode"
	tests := []struct {
		name   string
		flavor string
		number int
		server *fakeServer
		want   debezium.Position
		err    error
	}{
		{"MySQL 8.0", "mysql", 80031, &fakeServer{answers: map[string][][]string{"SHOW MASTER STATUS": status, mode: {{"ON"}}}}, mysql, nil},
		{"MySQL 8.4", "mysql", 80400, &fakeServer{answers: map[string][][]string{"SHOW BINARY LOG STATUS": status, mode: {{"ON"}}}}, mysql, nil},
		{"MySQL that gives no GTIDs any more", "mysql", 80031, &fakeServer{answers: map[string][][]string{
			"SHOW MASTER STATUS": status, mode: {{"ON_PERMISSIVE"}},
		}}, debezium.Position{File: "b.000002", Pos: 100}, nil},
		{"MariaDB", "mariadb", 101106, &fakeServer{answers: map[string][][]string{
			"SHOW MASTER STATUS": {status[0][:4]}, "SELECT @@GLOBAL.gtid_binlog_pos": {{"0-1-9"}},
		}}, maria, nil},
		{"no binlog", "mysql", 80031, &fakeServer{answers: map[string][][]string{"SHOW MASTER STATUS": nil}}, debezium.Position{}, ErrNoBinlog},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readPosition(t.Context(), tt.server, tt.flavor, tt.number)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got error %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff([]string{tt.want.File, fmt.Sprint(tt.want.Pos), tt.want.GTIDs.String()},
				[]string{got.File, fmt.Sprint(got.Pos), got.GTIDs.String()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
