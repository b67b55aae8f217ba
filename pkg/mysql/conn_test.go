package mysql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

func password(p string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return p, nil }
}

func connect(t *testing.T, cfg *mysql.Config) *mysql.Conn {
	t.Helper()
	c, err := mysql.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestConnect_Errors(t *testing.T) {
	_, cfg := startServer(t, nil)
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closedPort := closed.Addr().(*net.TCPAddr).Port
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(c *mysql.Config)
		want   error
	}{
		{"a wrong password is access denied", func(c *mysql.Config) { c.Password = password("hunter2") }, mysql.ErrAccessDenied},
		{"a port without a server is unreachable", func(c *mysql.Config) { c.Port = closedPort }, mysql.ErrUnreachable},
		{"a server without TLS is refused where TLS is required", func(c *mysql.Config) { c.SSLMode = "required" }, mysql.ErrTLS},
		{"a password that cannot be read is said", func(c *mysql.Config) {
			c.Password = func(context.Context) (string, error) { return "", errFake }
		}, errFake},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := *cfg
			tt.change(&c)
			_, err := mysql.Connect(t.Context(), &c)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error contains the password: %v", err)
			}
		})
	}
}

func TestConnect_ServerWithoutAKeyForThePassword(t *testing.T) {
	_, cfg := startServerWith(t, gomysql.AUTH_CACHING_SHA2_PASSWORD, nil)
	if _, err := mysql.Connect(t.Context(), cfg); !errors.Is(err, mysql.ErrTLS) {
		t.Fatalf("got %v, want %v", err, mysql.ErrTLS)
	}
}

func TestConnect_ServerThatNeverAnswers(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := &mysql.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "u", ConnectTimeout: 50 * time.Millisecond}
	if _, err := mysql.Connect(t.Context(), cfg); !errors.Is(err, mysql.ErrUnreachable) {
		t.Fatalf("got %v, want %v", err, mysql.ErrUnreachable)
	}
}

func TestConnect_ServerThatIsFull(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("\x17\x00\x00\x00\xff\x10\x04Too many connections"))
			_ = c.Close()
		}
	}()
	cfg := &mysql.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "u"}
	if _, err := mysql.Connect(t.Context(), cfg); !errors.Is(err, mysql.ErrUnreachable) || !mysql.IsServerError(err, 1040) {
		t.Fatalf("got %v, want %v with error 1040", err, mysql.ErrUnreachable)
	}
}

func TestHeals(t *testing.T) {
	for code, want := range map[uint16]bool{
		1040: true, 1053: true, 1135: true, 3032: true, mysql.CodeAccessDenied: false, mysql.CodeNoSuchTable: false,
	} {
		if got := mysql.Heals(code); got != want {
			t.Errorf("%d: got %t", code, got)
		}
	}
}

func TestConn_Strings(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	_, cfg := startServer(t, func(q string) (*gomysql.Result, error) {
		switch q {
		case "some":
			return result([]string{"a", "b"}, []any{"1", nil}, []any{long, ""}, []any{strings.Repeat("y", 300), "é"})
		case "none":
			return result([]string{"a"})
		default:
			return nil, gomysql.NewError(1146, "no such table")
		}
	})
	c := connect(t, cfg)
	got, err := c.Strings(t.Context(), "some")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"1", ""}, {long, ""}, {strings.Repeat("y", 300), "é"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := c.Strings(t.Context(), "none"); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v, want no rows", got, err)
	}
	_, err = c.Strings(t.Context(), "other")
	if !mysql.IsServerError(err, mysql.CodeNoSuchTable) {
		t.Errorf("got %v, want error %d", err, mysql.CodeNoSuchTable)
	}
	if c.Broken() {
		t.Error("an answer of the server broke the connection")
	}
}

func TestConn_ShowCreate(t *testing.T) {
	const create = "CREATE TABLE `t` (\n  `id` int\n)"
	f, cfg := startServer(t, func(query string) (*gomysql.Result, error) {
		if query == "SHOW CREATE TABLE `d`.`t`" {
			return result([]string{"Table", "Create Table"}, []any{"t", create})
		}
		return result([]string{"View", "Create View", "character_set_client", "collation_connection"},
			[]any{"v", "CREATE ALGORITHM=UNDEFINED DEFINER=`u`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1", "utf8mb4", "utf8mb4_bin"})
	})
	c := connect(t, cfg)
	if got, err := c.ShowCreate(t.Context(), debezium.TableID{Database: "d", Table: "t"}, false); err != nil || got != create {
		t.Errorf("got %s, %v", got, err)
	}
	before := len(f.asked())
	if got, err := c.ShowCreate(t.Context(), debezium.TableID{Database: "d", Table: "t"}, true); err != nil || got != create {
		t.Errorf("got %s, %v", got, err)
	}
	want := []string{"SET SESSION time_zone = @@global.time_zone", "SHOW CREATE TABLE `d`.`t`", "SET SESSION time_zone = '+00:00'"}
	if diff := cmp.Diff(want, f.asked()[before:]); diff != "" {
		t.Errorf("by the server's time zone (-want +got):\n%s", diff)
	}
	if got, err := c.ShowCreate(t.Context(), debezium.TableID{Database: "d", Table: "v"}, true); !mysql.IsServerError(err, mysql.CodeNoSuchTable) {
		t.Errorf("a view: got %s, %v, want error %d", got, err, mysql.CodeNoSuchTable)
	}
}

func TestConn_SessionThatTheServerEnds(t *testing.T) {
	for _, code := range []uint16{1053, 1317, 1927, 3169} {
		_, cfg := startServer(t, func(query string) (*gomysql.Result, error) {
			if query == "long" {
				return nil, &gomysql.MyError{Code: code, State: "08S01", Message: "shutdown in progress"}
			}
			return nil, nil
		})
		c := connect(t, cfg)
		if err := c.Exec(t.Context(), "long"); !errors.Is(err, mysql.ErrClosed) || !c.Broken() {
			t.Errorf("code %d: got %v, broken %t, want %v", code, err, c.Broken(), mysql.ErrClosed)
		}
	}
}

func TestRows_NextTellsNullFromEmpty(t *testing.T) {
	_, cfg := startServer(t, func(string) (*gomysql.Result, error) {
		return result([]string{"a", "b"}, []any{nil, []byte{}})
	})
	rows, err := connect(t, cfg).Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	fields, err := rows.Next()
	if err != nil || fields[0] != nil || fields[1] == nil || len(fields[1]) != 0 {
		t.Errorf("got %#v, %v, want nil and empty", fields, err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, rows.Columns()); diff != "" {
		t.Error(diff)
	}
	if fields, err := rows.Next(); err != nil || fields != nil {
		t.Errorf("got %q, %v after the last row", fields, err)
	}
}

func TestRows_PacketsOfMoreThan16MiB(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 1<<20+3) // 16 MiB and a little
	exact := long[:1<<24-1-4]                                 // fills its packet, so that an empty one follows
	_, cfg := startServer(t, func(string) (*gomysql.Result, error) {
		return result([]string{"a"}, []any{long}, []any{exact}, []any{"end"})
	})
	c := connect(t, cfg)
	var sizes []int
	err := c.Stream(t.Context(), "q", func(f [][]byte) error {
		if len(f[0]) > 3 && !bytes.Equal(f[0], long[:len(f[0])]) {
			t.Error("the bytes differ")
		}
		sizes = append(sizes, len(f[0]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{len(long), len(exact), 3}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestConn_StreamAllocatesNothingPerRow(t *testing.T) {
	const rows = 5000
	table := make([][]any, rows)
	for i := range table {
		table[i] = []any{fmt.Sprint(i), nil, strings.Repeat("p", 100)}
	}
	res, err := result([]string{"a", "b", "c"}, table...)
	if err != nil {
		t.Fatal(err)
	}
	_, cfg := startServer(t, func(string) (*gomysql.Result, error) { return res, nil })
	q, err := connect(t, cfg).Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Next(); err != nil { // the first fills the buffer
		t.Fatal(err)
	}
	// The fake server allocates while it writes, but far less than once per row of this side.
	perRow := testing.AllocsPerRun(1000, func() {
		if _, err := q.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if perRow > 0 {
		t.Errorf("got %v allocations per row, want 0", perRow)
	}
}

func TestConn_ContextEndsAQuery(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{})
	_, cfg := startServer(t, func(string) (*gomysql.Result, error) {
		close(started)
		<-release
		return nil, nil
	})
	defer close(release)
	c := connect(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if err := c.Exec(ctx, "wait"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if err := c.Exec(t.Context(), "again"); !errors.Is(err, mysql.ErrClosed) {
		t.Errorf("got %v on the same connection, want %v", err, mysql.ErrClosed)
	}
}

func TestRows_DiscardKeepsOrClosesTheConnection(t *testing.T) {
	rows := make([][]any, 200)
	for i := range rows {
		rows[i] = []any{strings.Repeat("x", 1000)}
	}
	_, cfg := startServer(t, func(string) (*gomysql.Result, error) { return result([]string{"a"}, rows...) })
	for _, tt := range []struct {
		limit  int64
		broken bool
	}{{1 << 20, false}, {10_000, true}} {
		c := connect(t, cfg)
		q, err := c.Query(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Discard(tt.limit); err != nil {
			t.Errorf("limit %d: %v", tt.limit, err)
		}
		if c.Broken() != tt.broken {
			t.Errorf("limit %d: broken %t, want %t", tt.limit, c.Broken(), tt.broken)
		}
	}
}

func TestConn_QueryWhileRowsAreUnread(t *testing.T) {
	_, cfg := startServer(t, func(string) (*gomysql.Result, error) { return result([]string{"a"}, []any{"1"}) })
	c := connect(t, cfg)
	rows, err := c.Query(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Query(t.Context(), "q"); err == nil {
		t.Error("a second query was accepted")
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Strings(t.Context(), "q"); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestConn_ExecWritesArgumentsAsLiterals(t *testing.T) {
	f, cfg := startServer(t, nil)
	c := connect(t, cfg)
	before := len(f.asked())
	if err := c.Exec(t.Context(), "INSERT (?, ?, ?, ?, ?)", "it's", `a\b`, []byte{0, 255}, int64(-5), nil); err != nil {
		t.Fatal(err)
	}
	want := []string{`INSERT ('it''s', _utf8mb4 0x615c62, 0x00ff, -5, NULL)`}
	if diff := cmp.Diff(want, f.asked()[before:]); diff != "" {
		t.Error(diff)
	}
	if err := c.Exec(t.Context(), "?", 1.5); err == nil {
		t.Error("a float was accepted")
	}
	if err := c.Exec(t.Context(), "? ?", "one"); err == nil {
		t.Error("a missing argument was accepted")
	}
}
