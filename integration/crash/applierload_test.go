package crash

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/source"
	"github.com/firn-cdc/firn/pkg/lake"
)

// load changes tables until it is stopped.
type load struct {
	stop func()
	done sync.WaitGroup
	err  error
}

// startLoad changes each table so many times a second, and empties one now and then.
func (w *applierWorld) startLoad(perSecond, keys int, tables ...*source.Table) *load {
	w.t.Helper()
	transactional, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr), kgo.TransactionalID("load"), source.Partitioner())
	w.must(err)
	ctx, cancel := context.WithCancel(w.t.Context())
	working := context.WithoutCancel(ctx)
	l := &load{stop: cancel}
	l.done.Go(func() {
		defer transactional.Close()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 1; l.err == nil && ctx.Err() == nil; n++ {
			for i, t := range tables {
				if n%400 == 20*(i+1) {
					l.err = errors.Join(l.err, t.Truncate(working, transactional, w.partitions[t]))
				}
				t.Random(perSecond/50, keys)
				l.err = errors.Join(l.err, t.Publish(working, w.client))
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	w.t.Cleanup(func() {
		cancel()
		l.done.Wait()
	})
	return l
}

// end stops the load; the tables are the caller's again.
func (l *load) end(w *applierWorld) {
	w.t.Helper()
	l.stop()
	l.done.Wait()
	w.must(l.err)
}

var rounds = flag.Int("rounds", 12, "how many times an applier is killed at a random moment")

// Killed at random moments under load, with its index deleted now and then, an
// applier leaves the table that the records amount to. So does one of another
// group that reads them all again, into a new table.
func TestApplier_KilledAtRandomMoments(t *testing.T) {
	w := newApplierWorld(t, openDuckDB(t))
	seed := newSeed(t)
	dice := rand.New(rand.NewPCG(seed, 3))
	tables := []*source.Table{w.table("one", 3, seed), w.table("two", 6, seed+1)}
	l := w.startLoad(1000, 3000, tables...)
	for round := range *rounds {
		o := w.orders("a")
		o.StopAtEnd, o.Rows = false, 50+dice.IntN(1000)
		o.Page = filepath.Join(w.dir, fmt.Sprint("page-", round))
		if dice.IntN(4) == 0 {
			w.must(os.RemoveAll(o.Index))
			t.Logf("round %d: index deleted", round)
		}
		p := w.start(o)
		if round%2 == 0 {
			p.committed(1)
		}
		select {
		case <-p.done:
			t.Fatalf("round %d: applier ended by itself: %v", round, p.err)
		case <-time.After(time.Duration(dice.IntN(2000)) * time.Millisecond): // the moment is what is tested
		}
		w.must(p.kill())
		p.forget()
	}
	l.end(w)
	w.publishToAll(tables...)
	rest := w.orders("a")
	rest.Rows = 20_000 // the killed ones may be far behind
	w.start(rest).expect()
	w.equal(tables...)
	for _, table := range tables {
		for _, op := range []string{"c", "u", "d", "t", "tombstone", "key"} {
			if table.Counts()[op] == 0 {
				t.Errorf("table %s had no %s", table.Name, op)
			}
		}
		t.Logf("%s: %v", table.Name, table.Counts())
	}

	again := w.orders("again")
	again.Group, again.Warehouse, again.Rows = "crash-again", filepath.Join(w.dir, "again"), 5000
	w.start(again).expect()
	for _, table := range tables {
		if f := w.validateIn(table, again.Warehouse); f.any() {
			t.Errorf("replayed table %s is not what its records amount to:\n%s", table.Name, f)
		}
	}
}

// The table says where reading goes on: a group whose offsets are set to the
// beginning applies nothing again. Two appliers that come late, and have the
// whole topic before them, leave the same table.
func TestApplier_FromTheBeginning(t *testing.T) {
	w := newApplierWorld(t, openDuckDB(t))
	changed := w.table("t", 6, newSeed(t))
	w.publish(changed, 3000)
	w.start(w.orders("a")).expect()
	before := w.batches(changed)
	w.must(source.Rewind(t.Context(), w.client, w.orders("a").Group, changed.Topic(), w.partitions[changed]))
	w.start(w.orders("a")).expect()
	if after := w.batches(changed); before == 0 || after != before {
		t.Errorf("%d batches in the table, %d after the group's offsets were set to the beginning", before, after)
	}
	w.equal(changed)

	warehouse := filepath.Join(w.dir, "late")
	var late []*applierProcess
	for _, name := range []string{"first", "second"} {
		o := w.orders(name)
		o.Group, o.Warehouse, o.Shards = "crash-late", warehouse, 2
		late = append(late, w.start(o))
	}
	for _, p := range late {
		p.expect()
	}
	if f := w.validateIn(changed, warehouse); f.any() {
		t.Errorf("table that was begun late is not what its records amount to:\n%s", f)
	}
}

// batches returns how many table snapshots have added rows.
func (w *applierWorld) batches(t *source.Table) int {
	w.t.Helper()
	n := 0
	w.must(w.load(t, filepath.Join(w.dir, "warehouse"), func(loaded *lake.Table) error {
		for _, s := range loaded.Iceberg().Metadata().Snapshots() {
			if s.Summary.Operation != table.OpReplace && s.Summary.Properties["added-records"] != "" {
				n++
			}
		}
		return nil
	}))
	return n
}

// Appliers that join, leave, die and are given up under load share the tables
// out, and each of them commits.
func TestApplier_SeveralInAGroup(t *testing.T) {
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("at most %d owners of a table", shards), func(t *testing.T) {
			w := newApplierWorld(t, openDuckDB(t))
			seed := newSeed(t)
			var tables []*source.Table
			for i, name := range []string{"one", "two", "three"} {
				tables = append(tables, w.table(name, 6, seed+uint64(i)))
			}
			l := w.startLoad(250, 2000, tables...)
			member := func(name string) *applierProcess {
				o := w.orders(name)
				o.StopAtEnd, o.Rows, o.Shards, o.Page = false, 500, shards, filepath.Join(w.dir, "page-"+name)
				p := w.start(o)
				p.committed(1)
				return p
			}
			a, b := member("a"), member("b")
			a.committed(a.commits() + 3) // beside the second
			c := member("c")
			w.must(b.kill())
			b.forget()
			a.committed(a.commits() + 3)
			c.committed(c.commits() + 3)
			d := member("d")
			c.leave()
			d.committed(d.commits() + 3)
			// a is given up by the group, and finds out while another one owns its tables.
			w.must(source.Expel(t.Context(), w.client, a.o.Group, "a"))
			e := member("e")
			a.committed(a.commits() + 3)
			l.end(w)
			w.publishToAll(tables...)
			w.settle(tables...)
			for _, p := range []*applierProcess{a, d, e} {
				p.leave()
			}
			w.equal(tables...)
		})
	}
}

// settle waits until the recorded offsets of the tables are the ends.
func (w *applierWorld) settle(tables ...*source.Table) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for _, t := range tables {
		var behind []string
		err := pipeline.Wait(ctx, 200*time.Millisecond, func() (bool, error) {
			var err error
			behind, err = w.behind(t)
			return len(behind) == 0, err
		})
		if err != nil {
			w.t.Fatalf("table %s does not come to the end: %v: %v", t.Name, err, behind)
		}
	}
}

var commitsOK = regexp.MustCompile(`firn_applier_commits_total\{result="ok",table="[^"]*"\} ([0-9]+)`)

// commits returns how many times the process has committed.
func (p *applierProcess) commits() int {
	address, err := os.ReadFile(p.o.Page)
	if err != nil {
		return 0 // it has not come so far
	}
	request, err := http.NewRequestWithContext(p.w.t.Context(), http.MethodGet, "http://"+string(address)+"/metrics", nil)
	p.w.must(err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0 // it has ended
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	p.w.must(err)
	n := 0
	for _, match := range commitsOK.FindAllStringSubmatch(string(text), -1) {
		count, err := strconv.Atoi(match[1])
		p.w.must(err)
		n += count
	}
	return n
}

// committed waits until the process has committed so many times.
func (p *applierProcess) committed(times int) {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.t.Context(), patience)
	defer cancel()
	err := pipeline.Wait(ctx, 50*time.Millisecond, func() (bool, error) {
		select {
		case <-p.done:
			return false, fmt.Errorf("it has ended: %w", p.err)
		default:
			return p.commits() >= times, nil
		}
	})
	if err != nil {
		p.w.t.Fatalf("applier %s has committed %d times, want %d: %v", p.o.Name, p.commits(), times, err)
	}
}

// leave ends the process as an operator does, and expects it to drain.
func (p *applierProcess) leave() {
	p.w.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.w.t.Fatal(err)
	}
	p.expect()
}
