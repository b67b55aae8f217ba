package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
)

// report compares what both have published, and prints it.
type report struct {
	kind     server.Kind
	mask     *reference.Mask
	accepted []*reference.Accepted

	cases, records, known, unknown int
}

func newReport(kind server.Kind) (*report, error) {
	r := &report{kind: kind}
	var err error
	if r.mask, err = reference.NewMask(reference.Beside); err != nil {
		return nil, err
	}
	r.accepted, err = reference.ReadAccepted(reference.Beside)
	return r, err
}

// add compares a case and prints each of its differences that is not accepted.
// What both have published is written beside firn-reader's log then.
func (r *report) add(p *pair) error {
	differences := append(p.stopped, reference.Compare(r.mask, p.theirs, p.ours)...)
	unexpected, idle := reference.Unaccepted(r.accepted, string(r.kind), p.c.Name, differences)
	for _, d := range unexpected {
		fmt.Printf("%s %s: %s\n", r.kind, p.c.Name, d)
	}
	for _, a := range idle {
		fmt.Printf("%s %s: differences.txt accepts what is no longer different: %s\n", r.kind, p.c.Name, a.Match)
	}
	r.cases++
	r.records += len(p.theirs)
	r.known += len(differences) - len(unexpected)
	r.unknown += len(unexpected) + len(idle)
	if len(unexpected) == 0 {
		return nil
	}
	dir := filepath.Dir(p.config)
	return errors.Join(
		reference.WriteGolden(filepath.Join(dir, "debezium.jsonl"), p.theirs), reference.WriteGolden(filepath.Join(dir, "firn.jsonl"), p.ours),
	)
}

// verdict prints the sum, and returns an error if there is a difference that
// is not accepted.
func (r *report) verdict() error {
	fmt.Printf("%s: %d cases, %d records of Debezium, %d accepted differences, %d others\n", r.kind, r.cases, r.records, r.known, r.unknown)
	if r.unknown > 0 {
		return fmt.Errorf("%d differences from Debezium that differences.txt does not accept", r.unknown)
	}
	return nil
}
