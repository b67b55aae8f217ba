package applier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Partitions that have come to a TRUNCATE wait for the one that has not. What
// follows theirs may be more than fits into memory.
func TestApplier_ATruncateComesLateInOnePartition(t *testing.T) {
	w := newWorld(t)
	s := w.table("t", 12)
	pad := strings.Repeat("x", 20_000)
	var late []*kgo.Record
	for id := int64(0); len(late) < 60; id++ {
		if r := s.put(id, fmt.Sprint("before ", pad)); r.Partition == 11 {
			late = append(late, r)
		}
	}
	truncates := s.truncate()
	w.send(truncates[:11]...)
	var after, more []*kgo.Record
	for id := range int64(1000) {
		if r := s.put(id, fmt.Sprint("after ", pad)); r.Partition == 11 {
			after = append(after, r)
		} else {
			more = append(more, r)
		}
	}
	w.send(more...)
	w.send(late...)
	w.send(truncates[11])
	w.send(after...)
	must(t, w.run(func(s *setup) { s.change = func(c *applier.Config) { c.Memory = 8 << 20 } }))
	s.holds()
}

// A table that was there before is adopted with its rows. What removes some of
// them may come before any row of the topic has.
func TestApplier_AdoptsRows(t *testing.T) {
	adopted := func(t *testing.T) (*world, *source) {
		before := newWorld(t)
		old := before.table("t", 1)
		for id := range int64(3) {
			before.send(old.put(id, "old"))
		}
		must(t, before.run())
		table := before.open("t").Iceberg()
		ours := slices.DeleteFunc(slices.Collect(maps.Keys(table.Properties())), func(name string) bool { return !strings.HasPrefix(name, "firn.") })
		tx := table.NewTransaction()
		must(t, tx.RemoveProperties(ours))
		_, err := tx.Commit(t.Context())
		must(t, err)
		must(t, os.RemoveAll(filepath.Join(before.dir, "index")))
		w := newWorld(t)
		w.dir = before.dir
		s := w.table("t", 1)
		s.rows = old.rows
		return w, s
	}
	t.Run("a TRUNCATE comes first", func(t *testing.T) {
		w, s := adopted(t)
		w.send(s.truncate()...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		running := w.setup()
		running.log = slog.New(onMessage{
			"caught up with where the topics were at start": func() { w.send(s.put(7, "new")) },
			"committed": cancel,
		})
		must(t, running.run(ctx, false))
		s.holds()
	})
	t.Run("a delete comes first", func(t *testing.T) {
		w, s := adopted(t)
		w.send(s.remove(1)...)
		must(t, w.run())
		s.holds()
	})
}

// A table whose rows cannot be deleted is not touched.
func TestApplier_AdoptsNoTableOfAnotherFormat(t *testing.T) {
	for _, version := range []string{"1", "3"} {
		w := newWorld(t)
		s := w.table("t", 1)
		set := w.setup()
		catalog, err := set.catalog(t.Context())
		must(t, err)
		t.Cleanup(func() { must(t, catalog.Close()) })
		name := lake.Name{Namespace: "db", Table: "t"}
		_, err = catalog.LoadOrCreate(t.Context(), name, s.row, []string{"id"}, lake.CreateOptions{Properties: map[string]string{"format-version": version}})
		if _, refused := errors.AsType[*lake.AdoptError](err); !refused {
			t.Fatal(err)
		}
		w.send(s.put(1, "a"))
		err = w.run()
		if _, refused := errors.AsType[*lake.AdoptError](err); !refused || !strings.Contains(err.Error(), "its format version is "+version) || !strings.Contains(err.Error(), "--table-map") {
			t.Errorf("the error is %v", err)
		}
		if id := w.open("t").SnapshotID(); id != 0 {
			t.Errorf("the table has a snapshot %d", id)
		}
	}
}
