package snapshot_test

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/snapshot"
)

const uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

// fakeServer speaks MySQL's protocol and holds the table d.t of ids 1 to rows.
// Before each SELECT from it one transaction commits.
type fakeServer struct {
	rows     int
	payload  func(id int) int // bytes of a row
	refuse   string           // a statement to deny
	restless bool             // MariaDB: the binlog moves on between any two queries
	meets    func(string)     // is called with each query, if it is set
	behind   int              // MariaDB: transactions in the binlog not committed yet; one less after each look

	mu      sync.Mutex
	conns   int
	commits int
	queries []string // with the number of the connection
}

// session is one connection to the server.
type session struct {
	server.EmptyHandler
	*fakeServer
	number int
}

func (f *fakeServer) start(t *testing.T) *mysql.Config {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := server.NewServer("8.0.31", gomysql.DEFAULT_COLLATION_ID, gomysql.AUTH_NATIVE_PASSWORD, nil, nil)
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			socket, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.serve(conf, socket) })
		}
	})
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("address %T", l.Addr())
	}
	return &mysql.Config{Host: "127.0.0.1", Port: addr.Port, User: "u"}
}

func (f *fakeServer) serve(conf *server.Server, socket net.Conn) {
	f.mu.Lock()
	f.conns++
	s := &session{fakeServer: f, number: f.conns}
	f.mu.Unlock()
	users := server.NewInMemoryAuthenticationHandler(gomysql.AUTH_NATIVE_PASSWORD)
	if err := users.AddUser("u", ""); err != nil {
		panic(err)
	}
	c, err := conf.NewCustomizedConn(socket, users, s)
	for err == nil {
		if err = c.HandleCommand(); c.Closed() {
			return
		}
	}
}

var pageForm = regexp.MustCompile("^SELECT id, p, `t`.`id` FROM `d`.`t` FORCE INDEX \\(`PRIMARY`\\)(?: WHERE `t`.`id` > (\\d+))? ORDER BY `t`.`id` LIMIT (\\d+)$")

// HandleQuery answers a query.
func (s *session) HandleQuery(query string) (*gomysql.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(query, "SET ") {
		return nil, nil
	}
	s.queries = append(s.queries, fmt.Sprintf("%d %s", s.number, query))
	if s.meets != nil {
		s.meets(query)
	}
	if s.restless {
		s.commits++
	}
	if s.refuse != "" && strings.HasPrefix(query, s.refuse) {
		return nil, gomysql.NewError(1044, "Access denied")
	}
	position := strconv.Itoa(100 * s.commits)
	switch {
	case query == "SELECT @@GLOBAL.gtid_executed":
		return result([]string{"g"}, []any{fmt.Sprintf("%s:1-%d", uuid, s.commits+1)})
	case query == "SELECT @@GLOBAL.gtid_binlog_pos":
		return result([]string{"g"}, []any{fmt.Sprintf("0-1-%d", s.commits)})
	case query == "SHOW MASTER STATUS":
		return result([]string{"File", "Position", "a", "b", "c"}, []any{"b.1", position, "", "", ""})
	case strings.HasPrefix(query, "SHOW STATUS"):
		at := strconv.Itoa(100 * (s.commits - s.behind))
		s.behind = max(s.behind-1, 0)
		return result([]string{"n", "v"}, []any{"Binlog_snapshot_file", "b.1"}, []any{"Binlog_snapshot_position", at})
	case strings.HasPrefix(query, "SELECT BINLOG_GTID_POS("):
		return result([]string{"g"}, []any{"0-1-77"})
	case query == "SELECT id, p FROM `d`.`t`":
		return s.page(0, s.rows, false)
	case strings.HasPrefix(query, "SELECT id, p"):
		m := pageForm.FindStringSubmatch(query)
		if m == nil {
			return nil, gomysql.NewError(1064, "not a page: "+query)
		}
		after, _ := strconv.Atoi(m[1])
		limit, _ := strconv.Atoi(m[2])
		return s.page(after, limit, true)
	}
	return nil, nil
}

func (s *session) page(after, limit int, key bool) (*gomysql.Result, error) {
	s.commits++
	columns := []string{"id", "p", "id"}
	if !key {
		columns = columns[:2]
	}
	var rows [][]any
	for id := after + 1; id <= s.rows && len(rows) < limit; id++ {
		size := 1
		if s.payload != nil {
			size = s.payload(id)
		}
		rows = append(rows, []any{strconv.Itoa(id), strings.Repeat("p", size), strconv.Itoa(id)}[:len(columns)])
	}
	return result(columns, rows...)
}

func result(columns []string, rows ...[]any) (*gomysql.Result, error) {
	r, err := gomysql.BuildSimpleTextResultset(columns, rows)
	if err != nil {
		return nil, err
	}
	return gomysql.NewResult(r), nil
}

func (f *fakeServer) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.queries...)
}

func keyed() *snapshot.Table {
	return &snapshot.Table{
		ID: debezium.TableID{Database: "d", Table: "t"}, Select: "id, p",
		Key: []snapshot.KeyColumn{{Name: "id", Type: "bigint"}}, Index: "PRIMARY",
	}
}

func keyless() *snapshot.Table {
	return &snapshot.Table{ID: debezium.TableID{Database: "d", Table: "t"}, Select: "id, p"}
}

var mySQL = &mysql.Server{Flavor: debezium.FlavorMySQL, Number: 80031, GTIDMode: true}

// readAll reads a table to its end and returns the chunks' sizes and all ids.
func readAll(t *testing.T, r *snapshot.Reader, table *snapshot.Table, limits snapshot.Limits) (sizes []int, ids []string) {
	t.Helper()
	var c snapshot.Chunk
	var span snapshot.Range
	for range 1000 {
		if err := r.Read(t.Context(), &c, table, span, limits); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, c.Rows.Len())
		for i := range c.Rows.Len() {
			ids = append(ids, string(c.Rows.Row(i, nil)[0]))
		}
		if c.Done {
			return sizes, ids
		}
		span.After = c.Last
	}
	t.Fatal("the table does not end")
	return nil, nil
}

func wantIDs(n int) []string {
	var ids []string
	for id := 1; id <= n; id++ {
		ids = append(ids, strconv.Itoa(id))
	}
	return ids
}

func TestReader_ChunksEndAtLimits(t *testing.T) {
	big := func(id int) int {
		if id > 20 {
			return 50_000
		}
		return 10
	}
	tests := []struct {
		name    string
		payload func(int) int
		limits  snapshot.Limits
		sizes   []int
		conns   int
	}{
		{"at the number of rows", nil, snapshot.Limits{Rows: 15, Bytes: 1 << 20}, []int{15, 15, 10}, 1},
		{"a full last chunk is followed by an empty one", nil, snapshot.Limits{Rows: 20, Bytes: 1 << 20}, []int{20, 20, 0}, 1},
		{"the table in one", nil, snapshot.Limits{Rows: 100, Bytes: 1 << 20}, []int{40}, 1},
		// The rows grow, so more are asked for than are wanted, until their size is learnt: the rest costs the connection, twice.
		{"with the row that reaches the bytes", big, snapshot.Limits{Rows: 1000, Bytes: 120_000}, []int{23, 3, 3, 3, 3, 3, 2}, 3},
		{"a row larger than the limit is a chunk", big, snapshot.Limits{Rows: 10, Bytes: 30_000}, []int{10, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeServer{rows: 40, payload: tt.payload}
			r := snapshot.New(f.start(t), mySQL)
			defer r.Close()
			sizes, ids := readAll(t, r, keyed(), tt.limits)
			if diff := cmp.Diff(tt.sizes, sizes); diff != "" {
				t.Errorf("chunk sizes: %s", diff)
			}
			if diff := cmp.Diff(wantIDs(40), ids); diff != "" {
				t.Errorf("rows: %s", diff)
			}
			if f.conns != tt.conns {
				t.Errorf("got %d connections, want %d", f.conns, tt.conns)
			}
		})
	}
}

// marks returns the positions of the next chunk and the statements that it took, without texts that others check.
func marks(t *testing.T, f *fakeServer, s *mysql.Server, table *snapshot.Table) (low, high string, loose bool, statements []string) {
	t.Helper()
	r := snapshot.New(f.start(t), s)
	defer r.Close()
	var c snapshot.Chunk
	if err := r.Read(t.Context(), &c, table, snapshot.Range{}, snapshot.Limits{Rows: 100, Bytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	text := func(p debezium.Position) string { return fmt.Sprintf("%s %s:%d", p.GTIDs, p.File, p.Pos) }
	for _, q := range f.asked() {
		if i := strings.Index(q, "SELECT id, p"); i >= 0 {
			q = q[:i] + "SELECT"
		}
		statements = append(statements, q)
	}
	return text(c.Low), text(c.High), c.Loose, statements
}

func TestReader_Watermarks(t *testing.T) {
	const start = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
	withoutGTID := &mysql.Server{Flavor: debezium.FlavorMySQL, Number: 80031}
	mariaDB := &mysql.Server{Flavor: debezium.FlavorMariaDB, Number: 101106, GTIDMode: true}
	end := []string{"1 SELECT @@GLOBAL.gtid_binlog_pos", "1 SHOW MASTER STATUS"}
	open := []string{"1 " + start, "1 SHOW STATUS LIKE 'binlog_snapshot_%'"}
	tests := []struct {
		name       string
		fake       *fakeServer
		server     *mysql.Server
		table      *snapshot.Table
		low, high  string
		loose      bool
		statements []string
	}{
		{
			name: "MySQL asks what is committed before and after", fake: &fakeServer{}, server: mySQL, table: keyed(),
			low: uuid + ":1 :0", high: uuid + ":1-2 :0",
			statements: []string{"1 SELECT @@GLOBAL.gtid_executed", "1 SELECT", "1 SELECT @@GLOBAL.gtid_executed"},
		},
		{
			name: "without GTIDs another connection locks the table until the snapshot is open", fake: &fakeServer{commits: 3},
			server: withoutGTID, table: keyed(), low: " b.1:300", high: " b.1:300",
			statements: []string{"2 LOCK TABLES `d`.`t` READ", "2 SHOW MASTER STATUS", "1 " + start, "2 UNLOCK TABLES", "1 SELECT", "1 COMMIT"},
		},
		{
			name: "MariaDB at rest", fake: &fakeServer{commits: 3}, server: mariaDB, table: keyed(),
			low: "0-1-3 b.1:300", high: "0-1-3 b.1:300", statements: slices.Concat(end, open, end, []string{"1 SELECT", "1 COMMIT"}),
		},
		{
			name: "MariaDB that commits between any two queries", fake: &fakeServer{restless: true}, server: mariaDB, table: keyed(),
			low: "0-1-1 b.1:200", high: "0-1-5 b.1:600", statements: slices.Concat(end, open, end, []string{"1 SELECT", "1 COMMIT"}),
		},
		{
			name: "MariaDB whose engine is behind the binlog", fake: &fakeServer{commits: 3, behind: 2}, server: mariaDB, table: keyed(),
			low: "0-1-3 b.1:300", high: "0-1-3 b.1:300", statements: slices.Concat(end, open, open, open, end, []string{"1 SELECT", "1 COMMIT"}),
		},
		{
			name: "a table without a key is read at the very position of MariaDB's snapshot", fake: &fakeServer{restless: true}, server: mariaDB,
			table: keyless(), low: "0-1-77 b.1:200", high: "0-1-77 b.1:200",
			statements: slices.Concat(open, []string{"1 SELECT BINLOG_GTID_POS('b.1', 200)", "1 SELECT", "1 COMMIT"}),
		},
		{
			name: "a table without a key is locked for the snapshot of one pass", fake: &fakeServer{commits: 3}, server: mySQL, table: keyless(),
			low: " b.1:300", high: " b.1:300",
			statements: []string{"2 LOCK TABLES `d`.`t` READ", "2 SHOW MASTER STATUS", "1 " + start, "2 UNLOCK TABLES", "1 SELECT", "1 COMMIT"},
		},
		{
			name: "a pass without the right to lock is loose", fake: &fakeServer{refuse: "LOCK TABLES"}, server: mySQL, table: keyless(),
			low: uuid + ":1 :0", high: uuid + ":1 :0", loose: true,
			statements: []string{
				"2 LOCK TABLES `d`.`t` READ", "1 SELECT @@GLOBAL.gtid_executed", "1 " + start, "1 SELECT @@GLOBAL.gtid_executed", "1 SELECT", "1 COMMIT",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.fake.rows = 3
			low, high, loose, statements := marks(t, tt.fake, tt.server, tt.table)
			if low != tt.low || high != tt.high || loose != tt.loose {
				t.Errorf("got %q to %q, loose %t, want %q to %q, loose %t", low, high, loose, tt.low, tt.high, tt.loose)
			}
			if diff := cmp.Diff(tt.statements, statements); diff != "" {
				t.Errorf("statements: %s", diff)
			}
		})
	}
}

func TestReader_LowWaitsForThePositionOfTheStream(t *testing.T) {
	f := &fakeServer{rows: 3, restless: true}
	r := snapshot.New(f.start(t), mySQL)
	defer r.Close()
	streamed, err := debezium.ParseGTIDSet(debezium.FlavorMySQL, uuid+":1-5")
	if err != nil {
		t.Fatal(err)
	}
	var c snapshot.Chunk
	limits := snapshot.Limits{Rows: 10, Bytes: 1 << 20, NotBefore: debezium.Position{GTIDs: streamed}}
	if err := r.Read(t.Context(), &c, keyed(), snapshot.Range{}, limits); err != nil {
		t.Fatal(err)
	}
	if !c.Low.GTIDs.Equal(streamed) {
		t.Errorf("got low %s, want %s", c.Low.GTIDs, streamed)
	}
	if !c.High.GTIDs.Contains(c.Low.GTIDs) || c.High.GTIDs.Equal(c.Low.GTIDs) {
		t.Errorf("got high %s after low %s", c.High.GTIDs, c.Low.GTIDs)
	}
}

// TestReader_Stage: whoever waits for a chunk is told what the server was asked last.
func TestReader_Stage(t *testing.T) {
	for _, c := range []struct {
		name  string
		gtids bool
		want  string
	}{
		{"by GTIDs", true, "SELECT 1, SELECT 3, SELECT 3"},
		{"by a lock", false, "LOCK 2, SHOW 2, START 2, UNLOCK 2, SELECT 3, COMMIT 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeServer{rows: 3}
			var got []string
			r := snapshot.New(f.start(t), &mysql.Server{Flavor: debezium.FlavorMySQL, Number: 80031, GTIDMode: c.gtids})
			defer r.Close()
			f.meets = func(query string) {
				word, _, _ := strings.Cut(query, " ")
				got = append(got, fmt.Sprintf("%s %d", word, r.Stage()))
			}
			var chunk snapshot.Chunk
			if err := r.Read(t.Context(), &chunk, keyed(), snapshot.Range{}, snapshot.Limits{Rows: 10, Bytes: 1 << 20}); err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("queries and stages (-want +got):\n%s", diff)
			}
			if r.Stage() != snapshot.Idle {
				t.Errorf("the reader is in stage %d afterwards", r.Stage())
			}
		})
	}
}

func TestReader_LockRefusedWithoutGTIDs(t *testing.T) {
	f := &fakeServer{rows: 3, refuse: "LOCK TABLES"}
	r := snapshot.New(f.start(t), &mysql.Server{Flavor: debezium.FlavorMySQL, Number: 80031})
	defer r.Close()
	var c snapshot.Chunk
	err := r.Read(t.Context(), &c, keyed(), snapshot.Range{}, snapshot.Limits{Rows: 1, Bytes: 1})
	if err == nil || !strings.Contains(err.Error(), "GRANT SELECT, LOCK TABLES") {
		t.Errorf("got %v, want the grant to give", err)
	}
}

func TestReader_PassIsReadOnceAndBeginsAnew(t *testing.T) {
	f := &fakeServer{rows: 40}
	r := snapshot.New(f.start(t), mySQL)
	defer r.Close()
	table := keyless()
	sizes, ids := readAll(t, r, table, snapshot.Limits{Rows: 15, Bytes: 1 << 20})
	if diff := cmp.Diff([]int{15, 15, 10}, sizes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantIDs(40), ids); diff != "" {
		t.Error(diff)
	}
	var firsts []bool
	var c snapshot.Chunk
	read := func(table *snapshot.Table) {
		t.Helper()
		if err := r.Read(t.Context(), &c, table, snapshot.Range{}, snapshot.Limits{Rows: 15, Bytes: 1 << 20}); err != nil {
			t.Fatal(err)
		}
		firsts = append(firsts, c.First)
	}
	read(table)
	read(table)
	read(keyed()) // ends the pass
	read(table)
	if diff := cmp.Diff([]bool{true, false, false, true}, firsts); diff != "" {
		t.Errorf("first chunks: %s", diff)
	}
}

// Until it ends, a transaction keeps the locks on definitions that its SELECT has
// taken: whoever alters the table would wait for a worker that waits for them.
func TestReader_APageThatFailsLeavesNoTransaction(t *testing.T) {
	for name, s := range map[string]*mysql.Server{
		"MariaDB":       {Flavor: debezium.FlavorMariaDB, Number: 101106, GTIDMode: true},
		"without GTIDs": {Flavor: debezium.FlavorMySQL, Number: 80031},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{rows: 3, refuse: "SELECT id, p"}
			r := snapshot.New(f.start(t), s)
			defer r.Close()
			var c snapshot.Chunk
			if err := r.Read(t.Context(), &c, keyed(), snapshot.Range{}, snapshot.Limits{Rows: 100, Bytes: 1 << 20}); err == nil {
				t.Fatal("no error")
			}
			if asked := f.asked(); asked[len(asked)-1] != "1 ROLLBACK" {
				t.Errorf("the last of its statements is %s", asked[len(asked)-1])
			}
		})
	}
}

// The binlog has a statement before the definitions that it leaves: these are read
// behind its locks.
func TestDescribe_WaitsForAStatementThatIsBeingExecuted(t *testing.T) {
	f := &fakeServer{}
	conn, err := mysql.Connect(t.Context(), f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := snapshot.Describe(t.Context(), conn, keyed().ID); !errors.Is(err, snapshot.ErrNoTable) {
		t.Fatal(err) // the server tells of no columns
	}
	if got, want := f.asked()[0], "1 SELECT 1 FROM `d`.`t` LIMIT 0"; got != want {
		t.Errorf("it begins with %s, want %s", got, want)
	}
}
