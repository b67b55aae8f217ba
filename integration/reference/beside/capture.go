package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/reference"
)

// pair is a case and what both have published of it.
type pair struct {
	c            *reference.Case
	config       string // of firn-reader
	ours, theirs []reference.Record
	stopped      []reference.Difference // one of them ended before it had read all
}

// capture runs both with the configuration of each case. What before does is
// in their snapshots, and nothing else happens until they stream; what during
// does is in their streams.
func (w *world) capture(ctx context.Context, cases []*reference.Case, before, during func(context.Context) error) ([]*pair, error) {
	if err := before(ctx); err != nil {
		return nil, err
	}
	pairs := make([]*pair, len(cases))
	for i, c := range cases {
		pairs[i] = &pair{c: c}
		var err error
		if pairs[i].config, err = w.ours.Connector(c); err != nil {
			return nil, err
		}
	}
	for i, p := range pairs {
		if err := w.create(ctx, i, p.c); err != nil {
			return nil, err
		}
	}
	if err := w.read(ctx, pairs); err != nil {
		return nil, err
	}
	for _, p := range pairs {
		if err := w.streaming(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := during(ctx); err != nil {
		return nil, err
	}
	if err := w.read(ctx, pairs); err != nil {
		return nil, err
	}
	if err := w.settled(ctx, pairs); err != nil {
		return nil, err
	}
	for _, p := range pairs {
		var err error
		if p.theirs, err = reference.Records(ctx, w.theirs.Broker, p.c.Writes); err != nil {
			return nil, err
		}
		if err := w.failed(ctx, p); err != nil {
			return nil, err
		}
		if err := w.connect.Delete(ctx, p.c.Name); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// create makes the case's connector. What it has beside the case's own
// properties is no matter of what it publishes.
func (w *world) create(ctx context.Context, i int, c *reference.Case) error {
	list, err := w.theirs.Properties(c)
	if err != nil {
		return err
	}
	properties := map[string]string{"database.server.id": fmt.Sprint(5400 + i)}
	for _, p := range list {
		name, value, _ := strings.Cut(p, "=")
		properties[name] = strings.ReplaceAll(value, `\\`, `\`) // as in a file of properties
	}
	return w.connect.Create(ctx, properties)
}

// read runs firn-reader until it has published all that there is, for each case.
func (w *world) read(ctx context.Context, pairs []*pair) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(3)
	for _, p := range pairs {
		group.Go(func() error {
			err := w.ours.Reader(ctx, p.c, p.config)
			if stop, ok := errors.AsType[*reference.StoppedError](err); ok {
				p.stopped = append(p.stopped, reference.Difference{Topic: "firn-reader", Text: stop.Error()})
				err = nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.c.Name, err)
			}
			p.ours, err = reference.Records(ctx, w.ours.Broker, p.c.Writes)
			p.ours = slices.DeleteFunc(p.ours, p.c.Foreign)
			return err
		})
	}
	return group.Wait()
}

// streaming waits until the case's connector reads the binlog, or has failed.
func (w *world) streaming(ctx context.Context, p *pair) error {
	err := w.connect.Streaming(ctx, p.c.Name)
	if err == nil {
		return nil
	}
	if status, statusErr := w.connect.Status(ctx, p.c.Name); statusErr == nil && status.Failed() {
		return nil
	}
	return err
}

// failed notes why the case's connector has given up, if it has.
func (w *world) failed(ctx context.Context, p *pair) error {
	status, err := w.connect.Status(ctx, p.c.Name)
	if err != nil || !status.Failed() {
		return err
	}
	var causes []string
	for line := range strings.Lines(status.Trace) {
		if len(causes) == 0 || strings.HasPrefix(line, "Caused by: ") {
			causes = append(causes, strings.TrimSpace(line))
		}
	}
	p.stopped = append(p.stopped, reference.Difference{Topic: "debezium", Text: "stopped: " + strings.Join(causes, " ")})
	return nil
}

// The connectors are through when they have published as much as firn-reader
// and then nothing for a while, or nothing for much longer.
const (
	quiet   = 2 * time.Second
	silence = 15 * time.Second
	forever = 30 * time.Second // as much as firn-reader, and they still publish: heartbeats
)

// settled waits until the connectors are through.
func (w *world) settled(ctx context.Context, pairs []*pair) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(w.theirs.Broker))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var last int64
	changed, complete := time.Now(), time.Time{}
	return pipeline.Wait(ctx, 250*time.Millisecond, func() (bool, error) {
		ends, err := admin.ListEndOffsets(ctx)
		if err != nil {
			return false, err
		}
		counts := make(map[string]int64)
		var total int64
		ends.Each(func(o kadm.ListedOffset) {
			for _, p := range pairs {
				if p.c.Writes(o.Topic) {
					counts[o.Topic] += o.Offset
					total += o.Offset
					return
				}
			}
		})
		now := time.Now()
		if total != last {
			last, changed = total, now
		}
		if !enough(pairs, counts) {
			complete = time.Time{}
		} else if complete.IsZero() {
			complete = now
		}
		since := now.Sub(changed)
		return since > silence || !complete.IsZero() && (since > quiet || now.Sub(complete) > forever), nil
	})
}

// enough reports whether topics hold as many records as firn-reader wrote.
func enough(pairs []*pair, counts map[string]int64) bool {
	for _, p := range pairs {
		written := make(map[string]int64)
		for _, r := range p.ours {
			written[r.Topic]++
		}
		for topic, n := range written {
			if counts[topic] < n {
				return false
			}
		}
	}
	return true
}
