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
	suffix string // of the names of its results
	pipe   *pipeline.Pipeline
	topic  string
	table  string
}

func newForms(b *bench) []*form {
	var forms []*form
	for suffix, flags := range map[string][]string{"": nil, "_plain": {"--no-schemas-enable"}} {
		prefix := "bench" + suffix
		pipe := pipeline.For(filepath.Join(b.dir, prefix), prefix, b.server, b.broker)
		pipe.Tables = strings.ReplaceAll(load.Source, ".", `\.`)
		pipe.ReaderFlags = append([]string{"--topic-partitions=1"}, flags...)
		pipe.TableMaps = []string{load.Source + "=lake." + load.Table}
		forms = append(forms, &form{suffix: suffix, pipe: pipe, topic: prefix + "." + load.Source, table: "lake." + load.Table})
	}
	if forms[0].suffix != "" {
		forms[0], forms[1] = forms[1], forms[0]
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
	var first, last time.Time // when the count had changed
	atFirst, atLast := base, base
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
		if n == atLast {
			continue
		}
		last = time.Now()
		if first.IsZero() {
			first, atFirst = last, n
		}
		atLast = n
	}
	if code := process.ExitCode(); code != 0 {
		return m, fmt.Errorf("%s ended with %d", process.Name, code)
	}
	m.records, m.took = atLast-atFirst, last.Sub(first)
	return m, nil
}

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
