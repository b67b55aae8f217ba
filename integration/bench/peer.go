package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/firn-cdc/firn/integration/gauge"
	"github.com/firn-cdc/firn/integration/server"
)

// peer is Debezium's connector, which does the reader's work from the same
// server to the same broker in the same run. One connector for each form is
// stopped when it is not measured.
type peer struct {
	worker    *server.Connect
	baselines map[string]float64 // by the result's name
}

// peerPrefix is put before the prefix of a form.
const peerPrefix = "debezium_"

// connector returns the name of a form's connector, which is its prefix too.
func connector(f *form) string { return peerPrefix + f.pipe.Prefix }

// hasJava reports whether Debezium can run here.
func hasJava() bool {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return false
		}
	}
	return true
}

func startPeer(ctx context.Context, dir, broker string) (*peer, error) {
	worker, err := server.StartConnect(ctx, filepath.Join(dir, "connect"), broker, server.MySQL9, server.RunsFast,
		"producer.compression.type=lz4", "producer.batch.size=262144")
	if err != nil {
		return nil, err
	}
	return &peer{worker: worker, baselines: make(map[string]float64)}, nil
}

// baseline returns the counterpart of a result, 0 if there is none.
func (p *peer) baseline(name string) float64 {
	if p == nil {
		return 0
	}
	return p.baselines[name]
}

// properties are Debezium's defaults, but for larger batches and a shorter
// wait than they have: it is to be as fast as it can.
func (*peer) properties(b *bench, f *form) (map[string]string, error) {
	host, port, err := net.SplitHostPort(b.server.Addr)
	if err != nil {
		return nil, err
	}
	prefix := connector(f)
	properties := map[string]string{
		"name": prefix, "connector.class": "io.debezium.connector.mysql.MySqlConnector", "tasks.max": "1", "topic.prefix": prefix,
		"database.hostname": host, "database.port": port, "database.user": server.DebeziumUser, "database.password": server.Password,
		"database.server.id": "5401", "table.include.list": f.pipe.Tables,
		"schema.history.internal.kafka.bootstrap.servers": b.broker, "schema.history.internal.kafka.topic": prefix + "_history",
		"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1",
		"max.batch.size": "8192", "max.queue.size": "32768", "poll.interval.ms": "10",
	}
	for _, part := range []string{"key", "value"} {
		properties[part+".converter"] = "org.apache.kafka.connect.json.JsonConverter"
		properties[part+".converter.schemas.enable"] = fmt.Sprint(f.suffix == "")
	}
	return properties, nil
}

// snapshot has a connector read the whole table, and stops it.
func (p *peer) snapshot(ctx context.Context, b *bench, f *form) error {
	properties, err := p.properties(b, f)
	if err != nil {
		return err
	}
	m, _, err := p.read(ctx, b, f, b.rows, func() error { return p.worker.Create(ctx, properties) })
	if err != nil {
		return err
	}
	p.baselines["reader_snapshot"+f.suffix] = m.rate()
	p.used("reader_snapshot_cpu_us"+f.suffix, m, b.rows)
	return nil
}

// backlog has a connector read changes that were made while it was stopped.
func (p *peer) backlog(ctx context.Context, b *bench, f *form, records int) error {
	m, bytes, err := p.read(ctx, b, f, records, func() error { return p.worker.Resume(ctx, connector(f)) })
	if err != nil {
		return err
	}
	changes := b.options.changes
	p.baselines["reader_backlog"+f.suffix] = m.rate() * float64(changes) / float64(records)
	p.baselines["reader_bytes_per_event"+f.suffix] = float64(bytes) / float64(changes)
	p.used("reader_backlog_cpu_us"+f.suffix, m, changes)
	return nil
}

func (p *peer) used(name string, m moved, events int) {
	p.baselines[name] = microseconds(m, events)
	p.baselines["reader_rss_mib"] = max(p.baselines["reader_rss_mib"], gauge.MiB(m.usage.Peak))
}

// read starts a connector, waits until it has published so many records, and
// stops it. bytes are what the broker stores of them.
func (p *peer) read(ctx context.Context, b *bench, f *form, records int, start func() error) (m moved, bytes int64, err error) {
	return b.measured(ctx, peerPrefix+f.topic, func(t *topic, base int64) (m moved, err error) {
		watch := gauge.Watch(p.worker.PID())
		before := watch.Usage()
		defer func() {
			m.usage = watch.Stop()
			m.usage.CPU -= before.CPU
		}()
		if err := start(); err != nil {
			return m, err
		}
		if m, err = p.await(ctx, connector(f), base+int64(records), func() (int64, error) { return t.end(ctx) }); err != nil {
			return m, err
		}
		return m, p.worker.StopConnector(ctx, connector(f))
	})
}

// await waits until a count has come to what it must be.
func (p *peer) await(ctx context.Context, connector string, want int64, look func() (int64, error)) (m moved, err error) {
	var grown growth
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	health := time.NewTicker(5 * time.Second)
	defer health.Stop()
	for grown.last < want {
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-health.C:
			if status, err := p.worker.Status(ctx, connector); err == nil && status.Failed() {
				return m, fmt.Errorf("connector %s failed: %s", connector, status)
			}
		case <-tick.C:
		}
		n, err := look()
		if err != nil {
			return m, err
		}
		grown.see(n)
	}
	if grown.last != want {
		return m, fmt.Errorf("debezium has published up to %d, want %d", grown.last, want)
	}
	return grown.moved(), nil
}

// latency measures how prompt a connector is, once it has caught up.
func (p *peer) latency(ctx context.Context, b *bench, f *form) error {
	if err := p.worker.Resume(ctx, connector(f)); err != nil {
		return err
	}
	if err := p.worker.Streaming(ctx, connector(f)); err != nil {
		return err
	}
	t, err := openTopic(b.broker, peerPrefix+f.topic)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.quiet(ctx); err != nil {
		return err
	}
	times, err := b.delays(ctx, peerPrefix+f.topic)
	if err != nil {
		return err
	}
	for _, q := range latencies() {
		p.baselines[q.name] = milliseconds(times.Quantile(q.share))
	}
	return p.worker.StopConnector(ctx, connector(f))
}
