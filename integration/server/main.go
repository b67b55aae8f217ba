package server

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Tests is a *testing.M.
type Tests interface{ Run() int }

// Shared is what the tests of a package share.
type Shared struct {
	Dir       string // for files, removed afterwards
	Databases map[Kind]*Database

	ends []func() error
}

// End has Main call f once the tests have run: what was opened last first. What
// does not end is said.
func (s *Shared) End(f func() error) { s.ends = append(s.ends, f) }

// Main is a TestMain: it starts a database of each kind with the flags, has open
// do the rest, runs the tests, ends everything and the process with it.
func Main(m Tests, open func(ctx context.Context, s *Shared) error, flags ...string) {
	flag.Parse()
	code, err := run(m, open, flags)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m Tests, open func(ctx context.Context, s *Shared) error, flags []string) (code int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &Shared{Databases: make(map[Kind]*Database)}
	if s.Dir, err = os.MkdirTemp("", "firn-tests-"); err != nil {
		return 1, err
	}
	s.End(func() error { return os.RemoveAll(s.Dir) })
	defer func() {
		for _, end := range slices.Backward(s.ends) {
			if err := end(); err != nil {
				fmt.Fprintln(os.Stderr, "after the tests:", err) // which it does not change the result of
			}
		}
	}()
	for _, kind := range Kinds() {
		db, err := StartDatabase(ctx, kind, filepath.Join(s.Dir, string(kind)), flags...)
		if err != nil {
			return 1, err
		}
		s.End(db.Stop)
		s.Databases[kind] = db
	}
	if err := open(ctx, s); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
