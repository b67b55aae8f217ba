package applier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/firn-cdc/firn/pkg/applier"
)

const crashEnv = "FIRN_APPLIER_TEST_CRASH"

// deadline is where a process of the test's own kind kills itself.
type deadline struct {
	Broker, Dir string
	Rows        int
	Point       applier.Point
	Count       int // of times that the point is reached
}

// crash is the main function of such a process.
func crash() int {
	var d deadline
	if err := json.Unmarshal([]byte(os.Getenv(crashEnv)), &d); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	s := setup{broker: d.Broker, dir: d.Dir, index: "index", shards: 1, rows: d.Rows, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	s.at = func(p applier.Point) {
		if p != d.Point {
			return
		}
		if d.Count--; d.Count == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // no one is left to tell
			select {}
		}
	}
	if err := s.run(context.Background(), true); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// killedAt runs another process until it reaches the point for the n-th time.
func (w *world) killedAt(point applier.Point, n int) {
	w.t.Helper()
	d, err := json.Marshal(deadline{Broker: w.broker, Dir: w.dir, Rows: 20, Point: point, Count: n})
	must(w.t, err)
	cmd := exec.CommandContext(w.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+string(d))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		w.t.Fatalf("the process did not reach %s for the %d. time: %v\n%s", point, n, err, out)
	}
}

// A process that is killed at any point of a flush leaves a table that the next
// one goes on from: nothing is missing, nothing is there twice.
func TestApplier_KilledAnywhere(t *testing.T) {
	points, _ := applier.Points()
	for _, point := range points {
		for n := 1; n <= 2; n++ {
			if n > 1 && (point == applier.BeforeTakeOver || point == applier.AfterTakeOver) {
				continue // once in a process
			}
			t.Run(fmt.Sprintf("%s-%d", point, n), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := w.table("t", 2)
				for id := range int64(50) {
					w.send(s.put(id, fmt.Sprint("first ", id)))
				}
				for id := range int64(30) {
					w.send(s.put(id, fmt.Sprint("second ", id)))
				}
				for id := int64(10); id < 20; id++ {
					w.send(s.remove(id)...)
				}
				w.killedAt(point, n)
				must(t, w.run())
				s.holds()
				for id := range int64(10) {
					w.send(s.put(id, "third"))
				}
				must(t, w.run())
				s.holds()
			})
		}
	}
}
