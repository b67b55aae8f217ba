package process

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/firn-cdc/firn/pkg/codec"
)

// Checklist prints of each thing that is needed whether it is there.
type Checklist struct {
	out    io.Writer
	failed bool
}

// NewChecklist returns one on which all is well.
func NewChecklist(out io.Writer) *Checklist { return &Checklist{out: out} }

// Say prints what is wrong with a thing, or that nothing is.
func (l *Checklist) Say(name string, err error) {
	if err == nil {
		fmt.Fprintf(l.out, "%-24s ok\n", name)
		return
	}
	l.failed = true
	fmt.Fprintf(l.out, "%-24s %v\n", name, err)
}

// Advise prints what is not as it should be, and what to do. A notice lets all be well.
func (l *Checklist) Advise(name, message, fix string, notice bool) {
	l.failed = l.failed || !notice
	fmt.Fprintf(l.out, "%-24s %s\n%-24s -> %s\n", name, message, "", fix)
}

// Registry asks a schema registry, if there is one, whether it answers.
func (l *Checklist) Registry(ctx context.Context, schemas codec.Registry, err error) {
	switch {
	case err != nil:
		l.Say("schema registry", err)
	case schemas != nil:
		l.Say("schema registry", schemas.Check(ctx))
	}
}

// Err returns an error unless all is well.
func (l *Checklist) Err() error {
	if l.failed {
		return errors.New("not everything is as it must be")
	}
	return nil
}
