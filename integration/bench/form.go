package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/integration/gauge"
	"github.com/firn-cdc/firn/integration/load"
	"github.com/firn-cdc/firn/integration/pipeline"
)

// form is a reader and an applier of one form of records, under a prefix of
// their own.
type form struct {
	suffix  string // of the names of its results
	pipe    *pipeline.Pipeline
	applier []string // flags
	topic   string
	table   string
}

func newForms(b *bench) []*form {
	var forms []*form
	avro := append([]string{"--key-converter=avro", "--value-converter=avro"}, b.registry.Flags()...)
	for _, kind := range []struct {
		suffix          string
		reader, applier []string
	}{
		{"", nil, nil},
		{"_plain", []string{"--no-schemas-enable"}, nil},
		{"_avro", avro, b.registry.Flags()},
	} {
		prefix := "bench" + kind.suffix
		pipe := pipeline.For(filepath.Join(b.dir, prefix), prefix, b.server, b.broker)
		pipe.Tables = strings.ReplaceAll(load.Source, ".", `\.`)
		pipe.ReaderFlags = append([]string{"--topic-partitions=1"}, kind.reader...)
		pipe.TableMaps = []string{load.Source + "=lake." + load.Table}
		forms = append(forms, &form{suffix: kind.suffix, pipe: pipe, applier: kind.applier, topic: prefix + "." + load.Source, table: "lake." + load.Table})
	}
	return forms
}

func (b *bench) stopForms() error {
	var errs []error
	for _, f := range b.forms {
		errs = append(errs, f.pipe.Stop())
	}
	return errors.Join(errs...)
}

func (b *bench) logs() string {
	var all strings.Builder
	if log, err := os.ReadFile(filepath.Join(b.dir, "mysql", "error.log")); err == nil {
		all.WriteString("---- mysql\n" + string(log[max(0, len(log)-2000):]))
	}
	for _, f := range b.forms {
		all.WriteString(f.pipe.Logs())
	}
	return all.String()
}

// moved is what a process has moved, and what that took.
type moved struct {
	records int64
	took    time.Duration // from the first to the last of them
	usage   gauge.Usage
}

func (m moved) rate() float64 { return float64(m.records) / m.took.Seconds() }

// errAtOnce is of a run that is over before it was looked at twice.
var errAtOnce = errors.New("all came at once: there is too little to measure a rate, raise -rows and -changes")

// measured measures what move brings to a topic, whose end is at base before, and
// how many bytes the broker stores of it.
func (b *bench) measured(ctx context.Context, name string, move func(t *topic, base int64) (moved, error)) (m moved, bytes int64, err error) {
	t, err := openTopic(b.broker, name)
	if err != nil {
		return m, 0, err
	}
	defer t.close()
	base, err := t.end(ctx)
	if err != nil {
		return m, 0, err
	}
	stored, err := t.bytes(ctx)
	if err != nil {
		return m, 0, err
	}
	if m, err = move(t, base); err != nil {
		return m, 0, err
	}
	if m.took <= 0 {
		return m, 0, errAtOnce
	}
	after, err := t.bytes(ctx)
	return m, after - stored, err
}

// start starts the reader or the applier of a form.
func (f *form) start(ctx context.Context, start func(context.Context) error) error {
	if err := os.MkdirAll(f.pipe.Dir, 0o755); err != nil {
		return err
	}
	return start(ctx)
}

// toEnd waits until a process that was started with --stop-at-end has ended,
// and looks meanwhile at how far it has come: look returns a count that grows.
func toEnd(ctx context.Context, process *pipeline.Process, look func() (int64, error)) (m moved, err error) {
	watch := gauge.Watch(process.PID())
	defer func() { m.usage = watch.Stop() }()
	base, err := look()
	if err != nil {
		return m, err
	}
	grown := growth{last: base}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-process.Exited():
			ended = true
		case <-tick.C:
		}
		n, err := look()
		if err != nil {
			return m, err
		}
		grown.see(n)
	}
	if code := process.ExitCode(); code != 0 {
		return m, fmt.Errorf("%s ended with %d", process.Name, code)
	}
	return grown.moved(), nil
}

// growth is a count that is looked at again and again: what was there when it
// was first seen to have changed does not count, as it took an unknown time.
type growth struct {
	first, last int64
	began, at   time.Time // when they were seen
}

func (g *growth) see(n int64) {
	if n == g.last {
		return
	}
	g.last, g.at = n, time.Now()
	if g.began.IsZero() {
		g.first, g.began = n, g.at
	}
}

func (g *growth) moved() moved { return moved{records: g.last - g.first, took: g.at.Sub(g.began)} }

// topic looks at a topic from outside, with a client that firn does not use.
type topic struct {
	client *kgo.Client
	admin  *kadm.Client
	name   string
}

func openTopic(broker, name string) (*topic, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.MetadataMinAge(10*time.Millisecond)) // the topic may come later
	if err != nil {
		return nil, err
	}
	return &topic{client: client, admin: kadm.NewClient(client), name: name}, nil
}

func (t *topic) close() { t.client.Close() }

// end returns where a reader of what is committed would stand at the topic's
// end, 0 before the topic exists.
func (t *topic) end(ctx context.Context) (int64, error) {
	ends, err := t.admin.ListCommittedOffsets(ctx, t.name)
	if err != nil {
		return 0, err
	}
	var n int64
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			n += o.Offset
		}
	})
	return n, nil
}

// quiet waits until nothing has come for a while.
func (t *topic) quiet(ctx context.Context) error {
	const while = 3 * time.Second
	for before := int64(-1); ; {
		end, err := t.end(ctx)
		if err != nil || end == before {
			return err
		}
		before = end
		select {
		case <-time.After(while):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bytes returns what the broker stores of the topic.
func (t *topic) bytes(ctx context.Context) (int64, error) {
	dirs, err := t.admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, broker := range dirs {
		for _, dir := range broker {
			for _, p := range dir.Topics[t.name] {
				n += p.Size
			}
		}
	}
	return n, nil
}
