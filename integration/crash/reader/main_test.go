// Package crash kills processes at named points, starts them again, and has
// what they left judged. The test binary runs itself as the process: what is
// killed is the product's own code, built from its constructors.
package crash

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/reader"
)

// patience is how long a process may take to come to where it is to be killed.
const patience = 2 * time.Minute

var shared struct {
	servers map[server.Kind]*server.Database
}

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		if err := runJob(context.Background(), text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	server.Main(m, func(_ context.Context, s *server.Shared) error {
		shared.servers = s.Databases
		return nil
	})
}

// connect returns a connection pool of the all-powerful account, with an empty
// database of the test's own.
func connect(t *testing.T, d *server.Database, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + database, "CREATE DATABASE " + database} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// process is a running job.
type process struct {
	cmd    *exec.Cmd
	log    string        // its standard error
	saved  chan struct{} // closed when it has saved a position
	done   chan struct{} // closed when it has ended
	killed reader.Point  // where it killed itself, once done
	err    error         // how it ended, once done
}

func start(t *testing.T, j job) *process {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{log: filepath.Join(t.TempDir(), "log"), saved: make(chan struct{}), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	p.cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.watch(out)
	t.Cleanup(func() { p.kill() })
	return p
}

func (p *process) watch(out io.Reader) {
	defer close(p.done)
	saved := sync.OnceFunc(func() { close(p.saved) })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == saySaved {
			saved()
		}
		if point, ok := strings.CutPrefix(lines.Text(), sayKilled); ok {
			p.killed = reader.Point(point)
		}
	}
	p.err = p.cmd.Wait()
}

// kill ends the process at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// stop ends the process as an operator does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ended(t)
}

// wait waits for one of the process's channels.
func (p *process) wait(t *testing.T, what string, channel <-chan struct{}) {
	t.Helper()
	select {
	case <-channel:
	case <-p.done:
		select {
		case <-channel:
		default:
			t.Fatalf("the reader ended (%v) instead of: %s\n%s", p.err, what, p.tail())
		}
	case <-time.After(patience):
		t.Fatalf("not within %s: %s\n%s", patience, what, p.tail())
	}
}

// ended waits until the process has ended by itself, without an error.
func (p *process) ended(t *testing.T) {
	t.Helper()
	p.wait(t, "it ends", p.done)
	if p.err != nil {
		t.Fatalf("the reader failed: %v\n%s", p.err, p.tail())
	}
}

// diedAt waits until the process has killed itself where it was to.
func (p *process) diedAt(t *testing.T, point reader.Point) {
	t.Helper()
	p.wait(t, "it is killed "+string(point), p.done)
	if p.killed != point {
		t.Fatalf("the reader did not come to %s: %v\n%s", point, p.err, p.tail())
	}
}

func (p *process) tail() string {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}
