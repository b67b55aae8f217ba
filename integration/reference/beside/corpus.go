package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/firn-cdc/firn/integration/reference"
)

// compareCorpus runs the cases: all at a time, but for those that would
// disturb the others.
func (w *world) compareCorpus(ctx context.Context, cases []*reference.Case, r *report) error {
	var together []*reference.Case
	var groups [][]*reference.Case
	for _, c := range cases {
		if c.Alone {
			groups = append(groups, []*reference.Case{c})
		} else {
			together = append(together, c)
		}
	}
	if len(together) > 0 {
		groups = slices.Insert(groups, 0, together)
	}
	for _, group := range groups {
		pairs, err := w.captureCases(ctx, group)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			if err := r.add(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// captureCases executes the statements of cases one after another.
func (w *world) captureCases(ctx context.Context, cases []*reference.Case) ([]*pair, error) {
	conns := make([]*sql.Conn, len(cases))
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	before := func(ctx context.Context) (err error) {
		for i, c := range cases {
			if conns[i], err = w.ours.Prepare(ctx, c); err != nil {
				return err
			}
			if err := reference.Execute(ctx, conns[i], c.Snapshot); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		return nil
	}
	during := func(ctx context.Context) error {
		for i, c := range cases {
			if err := reference.Execute(ctx, conns[i], c.Stream); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		return nil
	}
	return w.capture(ctx, cases, before, during)
}

// record writes what Debezium publishes of each case, each alone on the
// server, as goldens.
func (w *world) record(ctx context.Context, cases []*reference.Case) error {
	if len(cases) == 0 {
		return errors.New("no such case")
	}
	for _, c := range cases {
		pairs, err := w.captureCases(ctx, []*reference.Case{c})
		if err != nil {
			return err
		}
		published := slices.DeleteFunc(pairs[0].theirs, func(r reference.Record) bool { return !c.Publishes(r.Topic) })
		path := filepath.Join(testdata(), "golden", string(w.db.Kind), c.Name+".jsonl")
		if err := reference.WriteGolden(path, published); err != nil {
			return err
		}
		fmt.Printf("%s %s: %d records in %s\n", w.db.Kind, c.Name, len(published), path)
	}
	return nil
}
