package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// eventOf makes an event without checksum.
func eventOf(kind byte, logPos uint32, flags uint16, body ...[]byte) []byte {
	raw := make([]byte, headerSize)
	for _, part := range body {
		raw = append(raw, part...)
	}
	binary.LittleEndian.PutUint32(raw, 1700000000)
	raw[4] = kind
	binary.LittleEndian.PutUint32(raw[5:], 1)
	binary.LittleEndian.PutUint32(raw[9:], uint32(len(raw)))
	binary.LittleEndian.PutUint32(raw[13:], logPos)
	binary.LittleEndian.PutUint16(raw[17:], flags)
	return raw
}

func queryBody(database, sql string) []byte {
	b := make([]byte, 13)
	b[0] = 9 // thread
	b[8] = byte(len(database))
	return append(append(append(b, database...), 0), sql...)
}

// queryIn is the body of a query in a SQL mode, of which it holds the first eight bits.
func queryIn(database, sql string, mode byte) []byte {
	b := queryBody(database, "")
	status := []byte{statusSQLMode, mode, 0, 0, 0, 0, 0, 0, 0}
	b[11] = byte(len(status))
	b = append(append(append([]byte{}, b[:13]...), status...), b[13:]...)
	return append(b, sql...)
}

func rotateTo(name string, pos byte) []byte {
	return eventOf(kindRotate, 0, flagArtificial, []byte{pos, 0, 0, 0, 0, 0, 0, 0}, []byte(name))
}

var (
	tableMapBody = []byte("\x07\x00\x00\x00\x00\x00\x01\x00" + "\x01d\x00" + "\x01t\x00" + "\x01\x03" + "\x00" + "\x00")
	insertBody   = []byte("\x07\x00\x00\x00\x00\x00\x01\x00" + "\x01\xff" + "\x00\x2a\x00\x00\x00")
	xidBody      = make([]byte, 8)
)

// replay prints what a stream makes of events, started at binlog.000001:4.
func replay(t *testing.T, cfg Config, events ...[]byte) string {
	t.Helper()
	return resumed(t, cfg, Resume{Position: debezium.Position{File: "binlog.000001", Pos: 4}}, events...)
}

// resumed prints what a stream makes of events that begins somewhere.
func resumed(t *testing.T, cfg Config, from Resume, events ...[]byte) string {
	t.Helper()
	if cfg.Flavor == "" {
		cfg.Flavor = debezium.FlavorMySQL
	}
	s := newStream(cfg, &fakeServer{events: events, err: io.EOF}, from)
	var out strings.Builder
	if err := each(t, s, func(ev Event) { out.WriteString(printEvent(t, ev)) }); err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	return out.String()
}

func TestStream_UnusualEvents(t *testing.T) {
	begin := func(pos uint32) []byte { return eventOf(kindQuery, pos, 0, queryBody("d", "BEGIN")) }
	tests := []struct {
		name   string
		cfg    Config
		events [][]byte
		want   string
	}{
		{
			name: "a transaction that the server did not write to its end is rolled back",
			events: [][]byte{
				begin(100), eventOf(kindTableMap, 200, 0, tableMapBody), eventOf(kindWriteRowsV1, 300, 0, insertBody),
				rotateTo("binlog.000002", 4), begin(150), eventOf(kindXID, 190, 0, xidBody),
			},
			want: `begin  at binlog.000001:61, after binlog.000001:61, thread true
rows d.t c at binlog.000001:266 event 2 gtid 
  row 0 (1) 42
rollback , then binlog.000002:4
rotate to binlog.000002:4
begin  at binlog.000002:111, after binlog.000002:111, thread true
commit , then binlog.000002:190
`,
		},
		{
			name: "a logged ROLLBACK takes its rows back",
			events: [][]byte{
				begin(100), eventOf(kindTableMap, 200, 0, tableMapBody), eventOf(kindWriteRowsV1, 300, 0, insertBody),
				eventOf(kindQuery, 400, 0, queryBody("d", "ROLLBACK")),
				begin(500), eventOf(kindQuery, 600, 0, queryBody("d", "ROLLBACK")),
			},
			want: `begin  at binlog.000001:61, after binlog.000001:61, thread true
rows d.t c at binlog.000001:266 event 2 gtid 
  row 0 (1) 42
rollback , then binlog.000001:400
begin  at binlog.000001:461, after binlog.000001:461, thread true
commit , then binlog.000001:600
`,
		},
		{
			name: "rows before a savepoint that was rolled back to cannot stand",
			events: [][]byte{
				begin(100), eventOf(kindQuery, 150, 0, queryBody("d", "ROLLBACK TO `s`")), eventOf(kindTableMap, 200, 0, tableMapBody),
				eventOf(kindWriteRowsV1, 300, 0, insertBody), eventOf(kindQuery, 400, 0, queryBody("d", "ROLLBACK TO `s`")),
			},
			want: `begin  at binlog.000001:61, after binlog.000001:61, thread true
rows d.t c at binlog.000001:266 event 3 gtid 
  row 0 (1) 42
error: binlog binlog.000001:351: ROLLBACK TO SAVEPOINT after rows of captured tables, which cannot be taken back: keep non-transactional and temporary tables out of such transactions, and take a new snapshot
`,
		},
		{
			name: "MariaDB 11.4 leaves positions inside a transaction out",
			cfg:  Config{Flavor: debezium.FlavorMariaDB},
			events: [][]byte{
				eventOf(kindMariaDBGTID, 100, 0, make([]byte, 19)), eventOf(kindTableMap, 0, 0, tableMapBody),
				eventOf(kindWriteRowsV1, 0, 0, insertBody), eventOf(kindXID, 200, 0, xidBody),
			},
			want: `begin 0-1-0 at binlog.000001:62, after binlog.000001:62, thread false
rows d.t c at binlog.000001:137 event 2 gtid 0-1-0
  row 0 (1) 42
commit 0-1-0, then binlog.000001:200
`,
		},
		{
			name: "positions go on beyond 4 GiB",
			events: [][]byte{
				begin(4_000_000_000), eventOf(kindXID, 4_294_967_290, 0, xidBody), begin(100), eventOf(kindXID, 200, 0, xidBody),
			},
			want: `begin  at binlog.000001:3999999961, after binlog.000001:3999999961, thread true
commit , then binlog.000001:4294967290
begin  at binlog.000001:4294967357, after binlog.000001:4294967357, thread true
commit , then binlog.000001:4294967496
`,
		},
		{
			name: "heartbeats say where the server is, between transactions",
			events: [][]byte{
				eventOf(kindHeartbeat, 300, 0, []byte("binlog.000001")), begin(400), eventOf(kindHeartbeat, 400, 0, []byte("binlog.000001")),
				eventOf(kindXID, 500, 0, xidBody), eventOf(kindHeartbeat, 800, 0, []byte("binlog.000002")),
			},
			want: `heartbeat binlog.000001:300
begin  at binlog.000001:361, after binlog.000001:361, thread true
commit , then binlog.000001:500
heartbeat binlog.000002:800
`,
		},
		{
			name:   "an incident stops the stream",
			events: [][]byte{eventOf(kindIncident, 100, 0, []byte("\x01\x00\x04lost"))},
			want:   "error: the server reports lost events at binlog.000001:74 (lost): take a new snapshot\n",
		},
		{
			name:   "an unknown event may be ignored only if the server says so",
			events: [][]byte{eventOf(200, 100, flagIgnorable, []byte("x")), eventOf(172, 200, 0, []byte("x"))},
			want:   "error: binlog binlog.000001:180: unknown event type 172\n",
		},
		{
			name:   "a start inside a transaction is noticed",
			events: [][]byte{eventOf(kindWriteRowsV1, 300, 0, insertBody)},
			want:   "error: binlog binlog.000001:266: row event of a table that was not named before it: the position to start at must be between transactions\n",
		},
		{
			name:   "GTID positions cannot pass an anonymous transaction",
			cfg:    Config{GTIDMode: true},
			events: [][]byte{eventOf(kindAnonymousGTID, 300, 0, make([]byte, 42))},
			want:   "error: binlog binlog.000001:239: a transaction without a GTID, which cannot be resumed by GTID set: SET GLOBAL gtid_mode=ON, or start from a file and position\n",
		},
		{
			name: "LOAD DATA that was logged as a statement",
			events: [][]byte{eventOf(kindExecuteLoadQuery, 300, 0, queryBody("d", "")[:13], make([]byte, 13),
				[]byte("d\x00LOAD DATA INFILE 'x' INTO TABLE t"))},
			want: "error: LOAD of a table, from database d by thread 9 at binlog.000001:220 was logged as a statement, without its rows: " +
				"SET GLOBAL binlog_format=ROW and end the sessions that began before (or set binlog_format themselves), then take a new snapshot of the tables it changed\n",
		},
		{
			name: "a statement from an uncaptured database that names a captured one",
			cfg:  Config{CapturesDatabase: func(db string) bool { return db == "d" }},
			events: [][]byte{
				eventOf(kindQuery, 300, 0, queryBody("mysql", "UPDATE x, 1.5 SET a = '`d`.x'")),
				eventOf(kindQuery, 400, 0, queryBody("mysql", "UPDATE x JOIN `d`.t SET a = 1")),
			},
			want: "commit , then binlog.000001:300\nerror: UPDATE of a table, from database mysql by thread 9 at binlog.000001:333 was logged as a statement, without its rows: " +
				"SET GLOBAL binlog_format=ROW and end the sessions that began before (or set binlog_format themselves), then take a new snapshot of the tables it changed\n",
		},
		{
			name: "a change of rows behind MariaDB's SET STATEMENT, which has another FOR in a value",
			cfg:  Config{Flavor: debezium.FlavorMariaDB},
			events: [][]byte{
				eventOf(kindQuery, 200, 0, queryBody("d", "SET STATEMENT max_statement_time=LENGTH(SUBSTRING('xy' FROM 1 FOR 1)) FOR TRUNCATE t")),
				eventOf(kindQuery, 300, 0, queryBody("d", "SET STATEMENT max_statement_time=LENGTH(SUBSTRING('xy' FROM 1 FOR 1)) FOR INSERT INTO t VALUES (1)")),
			},
			want: "query  at binlog.000001:82-200 in \"d\" event 0 charset : SET STATEMENT max_statement_time=LENGTH(SUBSTRING('xy' FROM 1 FOR 1)) FOR TRUNCATE t\n" +
				"commit , then binlog.000001:200\n" +
				"error: INSERT of d.t by thread 9 at binlog.000001:168 was logged as a statement, without its rows: " +
				"SET GLOBAL binlog_format=ROW and end the sessions that began before (or set binlog_format themselves), then take a new snapshot of the tables it changed\n",
		},
		{
			name: "a name in double quotes, where the session's mode says so",
			cfg:  Config{CapturesDatabase: func(db string) bool { return db == "d" }},
			events: [][]byte{
				eventOf(kindQuery, 300, 0, queryIn("mysql", `UPDATE x JOIN y SET a = "d".b`, 0)), // not one that a server takes
				eventOf(kindQuery, 400, 0, queryIn("mysql", `UPDATE x JOIN "d".t SET a = 1`, byte(mysql.ANSIQuotes))),
			},
			want: "commit , then binlog.000001:300\nerror: UPDATE of a table, from database mysql by thread 9 at binlog.000001:324 was logged as a statement, without its rows: " +
				"SET GLOBAL binlog_format=ROW and end the sessions that began before (or set binlog_format themselves), then take a new snapshot of the tables it changed\n",
		},
		{
			name:   "a stored function that changes rows, as the server logs it",
			events: [][]byte{begin(100), eventOf(kindQuery, 300, 0, queryBody("d", "SELECT `d`.`f`(5)"))},
			want: "begin  at binlog.000001:61, after binlog.000001:61, thread true\n" +
				"error: SELECT of a stored function, from database d by thread 9 at binlog.000001:249 was logged as a statement, without its rows: " +
				"SET GLOBAL binlog_format=ROW and end the sessions that began before (or set binlog_format themselves), then take a new snapshot of the tables it changed\n",
		},
		{
			name: "a hidden column of MariaDB, for UNIQUE (u) of a TEXT, is no column",
			cfg:  Config{Flavor: debezium.FlavorMariaDB},
			events: [][]byte{
				eventOf(kindMariaDBGTID, 100, 0, make([]byte, 19)),
				eventOf(kindTableMap, 200, 0, []byte("-\x00\x00\x00\x00\x00\x01\x00\x01d\x00\x03hid\x00\x03\x03\xfc\x08\x01\x02\x06\x01\x01@\x02\x01-\x04\x13\x02id\x01u\rDB_ROW_HASH_1\x08\x01\x00")),
				eventOf(kindWriteRowsV1, 300, 0, []byte("-\x00\x00\x00\x00\x00\x01\x00\x03\x07\xf8\x01\x00\x00\x00\x01\x00x\xb9\xbb\x02\x00\x00\x00\x00\x00"+
					"\xf8\x02\x00\x00\x00\x01\x00y\xb9\xbb\x02\x00\x00\x00\x00\x00")),
				eventOf(kindXID, 400, 0, xidBody),
			},
			want: `begin 0-1-0 at binlog.000001:62, after binlog.000001:62, thread false
rows d.hid c at binlog.000001:239 event 2 gtid 0-1-0
  row 0 (1) 1,x
  row 1 (2) 2,y
commit 0-1-0, then binlog.000001:400
`,
		},
		{
			name: "a hidden column of MariaDB, for UNIQUE (u) of a TEXT, is none where u is NOT NULL, either",
			cfg:  Config{Flavor: debezium.FlavorMariaDB},
			events: [][]byte{
				eventOf(kindMariaDBGTID, 100, 0, make([]byte, 19)),
				eventOf(kindTableMap, 200, 0, []byte("-\x00\x00\x00\x00\x00\x01\x00\x01d\x00\x03hid\x00\x03\x03\xfc\x08\x01\x02\x00\x01\x01@\x02\x01-\x04\x13\x02id\x01u\rDB_ROW_HASH_1\x08\x01\x00")),
				eventOf(kindWriteRowsV1, 300, 0, []byte("-\x00\x00\x00\x00\x00\x01\x00\x03\x07\xf8\x01\x00\x00\x00\x01\x00x\xb9\xbb\x02\x00\x00\x00\x00\x00"+
					"\xf8\x02\x00\x00\x00\x01\x00y\xb9\xbb\x02\x00\x00\x00\x00\x00")),
				eventOf(kindXID, 400, 0, xidBody),
			},
			want: `begin 0-1-0 at binlog.000001:62, after binlog.000001:62, thread false
rows d.hid c at binlog.000001:239 event 2 gtid 0-1-0
  row 0 (1) 1,x
  row 1 (2) 2,y
commit 0-1-0, then binlog.000001:400
`,
		},
		{
			name: "an ALTER of MariaDB in two phases counts when it ends",
			cfg:  Config{Flavor: debezium.FlavorMariaDB},
			events: [][]byte{
				eventOf(kindMariaDBGTID, 100, 0, append(make([]byte, 12), mariadbStandalone, mariadbExtraStartAlter)), eventOf(kindQuery, 200, 0, queryBody("d", "ALTER TABLE t ADD a INT")),
				eventOf(kindMariaDBGTID, 300, 0, append(make([]byte, 12), mariadbStandalone, mariadbExtraCommitAlter)), eventOf(kindQuery, 400, 0, queryBody("d", "ALTER TABLE t ADD a INT")),
			},
			want: `commit 0-1-0, then binlog.000001:200
query 0-1-0 at binlog.000001:343-400 in "d" event 1 charset : ALTER TABLE t ADD a INT
commit 0-1-0, then binlog.000001:400
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := replay(t, test.cfg, test.events...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStream_RollbackAfterResume: rows that an earlier stream delivered are taken back as well.
func TestStream_RollbackAfterResume(t *testing.T) {
	events := func(end string) [][]byte {
		return [][]byte{
			eventOf(kindQuery, 100, 0, queryBody("d", "BEGIN")), eventOf(kindTableMap, 200, 0, tableMapBody),
			eventOf(kindWriteRowsV1, 300, 0, insertBody), eventOf(kindQuery, 400, 0, queryBody("d", end)),
		}
	}
	for name, from := range map[string]Resume{"by the row's ordinal": {Ordinal: 1}, "by Debezium's counts": {Event: 2, Row: 1}} {
		t.Run(name, func(t *testing.T) {
			from.Position = debezium.Position{File: "binlog.000001", Pos: 4}
			got := resumed(t, Config{}, from, events("ROLLBACK")...)
			if want := "begin  at binlog.000001:61, after binlog.000001:61, thread true\nrollback , then binlog.000001:400\n"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got = resumed(t, Config{}, from, events("ROLLBACK TO `s`")...); !strings.Contains(got, "error: ") {
				t.Errorf("got %s, want an error", got)
			}
		})
	}
}

// TestStream_ResumeBeyond4GiB: the protocol cannot name the place, so what is before it is read again.
func TestStream_ResumeBeyond4GiB(t *testing.T) {
	from := Resume{Position: debezium.Position{File: "binlog.000001", Pos: 4_294_967_496}}
	if at := newStream(Config{}, nil, from).startPosition(); at.File != "binlog.000001" || at.Pos != 4 {
		t.Errorf("reading begins at %s:%d, want the file's start", at.File, at.Pos)
	}
	begin := func(pos uint32) []byte { return eventOf(kindQuery, pos, 0, queryBody("d", "BEGIN")) }
	got := resumed(t, Config{}, from, rotateTo("binlog.000001", 4),
		begin(2_000_000_000), eventOf(kindTableMap, 2_000_000_100, 0, tableMapBody), eventOf(kindWriteRowsV1, 2_000_000_200, 0, insertBody), eventOf(kindXID, 4_000_000_000, 0, xidBody),
		begin(100), eventOf(kindXID, 200, 0, xidBody), // ends at the position
		begin(300), eventOf(kindXID, 400, 0, xidBody))
	want := "rotate to binlog.000001:4\n" +
		"begin  at binlog.000001:4294967557, after binlog.000001:4294967557, thread true\ncommit , then binlog.000001:4294967696\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestStream_TypedErrors(t *testing.T) {
	for file, is := range map[string]func(error) bool{
		"mysql9/partial_json":     func(err error) bool { var e *RowImageError; return errors.As(err, &e) && e.Table == "d.a" },
		"mysql9/minimal_image":    func(err error) bool { var e *RowImageError; return errors.As(err, &e) && e.Table == "d.a" },
		"mysql9/statement_format": func(err error) bool { var e *StatementError; return errors.As(err, &e) && e.Target == "other.o" },
	} {
		s := open(t, "testdata/"+file+".binlog", Config{}, Resume{})
		err := each(t, s, func(Event) {})
		if !is(err) {
			t.Errorf("%s: got %T %v", file, err, err)
		}
		if _, again := s.Next(t.Context()); !errors.Is(again, err) {
			t.Errorf("%s: then got %v, want the same error", file, again)
		}
	}
}

// TestStream_Time: MySQL's transactions carry the microsecond of their commit, MariaDB's events a second.
func TestStream_Time(t *testing.T) {
	for file, micros := range map[string]bool{"mysql9": true, "mysql9/tagged": true, "mariadb": false} {
		if !strings.Contains(file, "/") {
			file += "/transactions"
		}
		fraction, events := false, 0
		if err := each(t, open(t, "testdata/"+file+".binlog", Config{}, Resume{}), func(ev Event) {
			rows, ok := ev.(*Rows)
			if !ok {
				return
			}
			events++
			fraction = fraction || rows.TsNs%1e9 != 0
			if rows.TsNs < 1_700_000_000e9 || rows.TsNs%1000 != 0 {
				t.Errorf("%s: time %d", file, rows.TsNs)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if fraction != micros || events == 0 {
			t.Errorf("%s: fractions of a second: %t in %d events, want %t", file, fraction, events, micros)
		}
	}
}
