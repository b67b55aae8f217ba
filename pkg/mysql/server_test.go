package mysql_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// fakeServer speaks MySQL's protocol and answers queries from a function.
type fakeServer struct {
	server.EmptyHandler
	answer func(query string) (*gomysql.Result, error)
	plugin string

	mu      sync.Mutex
	queries []string
}

// startServer serves on a port of its own until the test ends. User is u, password secret.
func startServer(t *testing.T, answer func(query string) (*gomysql.Result, error)) (*fakeServer, *mysql.Config) {
	t.Helper()
	return startServerWith(t, gomysql.AUTH_NATIVE_PASSWORD, answer)
}

func startServerWith(t *testing.T, plugin string, answer func(query string) (*gomysql.Result, error)) (*fakeServer, *mysql.Config) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{answer: answer, plugin: plugin}
	conf := server.NewServer("8.0.31-fake", gomysql.DEFAULT_COLLATION_ID, gomysql.AUTH_NATIVE_PASSWORD, nil, nil)
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
	return f, &mysql.Config{Host: "127.0.0.1", Port: addr.Port, User: "u", Password: password("secret")}
}

func (f *fakeServer) serve(conf *server.Server, socket net.Conn) {
	users := server.NewInMemoryAuthenticationHandler(f.plugin)
	if err := users.AddUser("u", "secret"); err != nil {
		panic(err)
	}
	c, err := conf.NewCustomizedConn(socket, users, f)
	if err != nil {
		return
	}
	for err == nil {
		err = c.HandleCommand()
		if c.Closed() {
			return
		}
	}
}

// HandleQuery answers a query.
func (f *fakeServer) HandleQuery(query string) (*gomysql.Result, error) {
	f.mu.Lock()
	f.queries = append(f.queries, query)
	f.mu.Unlock()
	if strings.HasPrefix(query, "SET ") || f.answer == nil {
		return nil, nil
	}
	return f.answer(query)
}

func (f *fakeServer) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.queries...)
}

func result(columns []string, rows ...[]any) (*gomysql.Result, error) {
	r, err := gomysql.BuildSimpleTextResultset(columns, rows)
	if err != nil {
		return nil, err
	}
	return gomysql.NewResult(r), nil
}

var errFake = errors.New("fake")
