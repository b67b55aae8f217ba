package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"time"

	"github.com/firn-cdc/firn/integration/load"
	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// encode measures what a row change costs inside the reader: its image's bytes,
// as MySQL sent them, decoded, converted, and encoded as key and value.
func (b *bench) encode(ctx context.Context) error {
	rows, err := b.record(ctx)
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, encoder := range []struct {
		name    string
		encoder codec.Encoder
	}{
		{"reader_encode_json", codec.NewJSON(codec.JSONOptions{})},
		{"reader_encode_json_schemas", codec.NewJSON(codec.JSONOptions{Schemas: true})},
		{"reader_encode_avro", codec.NewAvro(ctx, new(registry), codec.AvroOptions{})},
	} {
		path, err := newRowPath(encoder.encoder)
		if err != nil {
			return err
		}
		events, took := 0, time.Duration(0)
		var before, after runtime.MemStats
		for pass := 0; took < 2*time.Second; pass++ {
			if pass == 1 { // the first pass has made what is reused
				events, took = 0, 0
				runtime.ReadMemStats(&before)
			}
			begin := time.Now()
			for i := range rows {
				n, err := path.event(&rows[i])
				if err != nil {
					return err
				}
				events += n
			}
			took += time.Since(begin)
		}
		runtime.ReadMemStats(&after)
		if perEvent := float64(after.Mallocs-before.Mallocs) / float64(events); perEvent > 0.01 {
			return fmt.Errorf("%s: %.2f allocations per event, want none", encoder.name, perEvent)
		}
		b.report.add(encoder.name, float64(events)/took.Seconds(), "events/s on one core")
	}
	return nil
}

// record makes changes and returns their row events. They are copies, which
// hold the bytes of the events that the server sent.
func (b *bench) record(ctx context.Context) ([]binlog.Rows, error) {
	const rows = 20_000
	if err := load.Fill(ctx, b.db, rows); err != nil {
		return nil, err
	}
	var from debezium.Position
	var executed string
	if err := b.db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_executed").Scan(&executed); err != nil {
		return nil, err
	}
	var err error
	if from.GTIDs, err = debezium.ParseGTIDSet(debezium.FlavorMySQL, executed); err != nil {
		return nil, err
	}
	changes, err := load.NewChanges(ctx, b.db, rows)
	if err != nil {
		return nil, err
	}
	defer changes.Close()
	for range rows / perTransaction {
		if err := changes.Transaction(ctx, perTransaction); err != nil {
			return nil, err
		}
	}
	host, port, err := net.SplitHostPort(b.server.Addr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	stream, err := binlog.Open(ctx, binlog.Config{
		Host: host, Port: number, User: server.User, Password: func(context.Context) (string, error) { return server.Password, nil },
		Flavor: debezium.FlavorMySQL, GTIDMode: true, ServerID: 4711,
	}, binlog.Resume{Position: from})
	if err != nil {
		return nil, err
	}
	var recorded []binlog.Rows
	for len(recorded) < rows {
		event, err := stream.Next(ctx)
		if err != nil {
			return nil, errors.Join(err, stream.Close())
		}
		if e, ok := event.(*binlog.Rows); ok {
			recorded = append(recorded, *e)
		}
	}
	return recorded, stream.Close()
}

// rowPath is what the reader does to a row change, without the reader.
type rowPath struct {
	encoder       codec.Encoder
	plan          *convert.Plan
	change        debezium.Event
	rows          binlog.Rows
	before, after mysql.Row
	old, new      []debezium.Value
	key           []debezium.Value
	buf           []byte
}

func newRowPath(encoder codec.Encoder) (*rowPath, error) {
	_, model, err := schemahistory.ParseCreateTable(load.Database, load.Definition, schemahistory.Options{Charset: "utf8mb4"})
	if err != nil {
		return nil, err
	}
	plan, err := convert.NewPlan("bench."+load.Source, model, convert.Options{})
	if err != nil {
		return nil, err
	}
	return &rowPath{encoder: encoder, plan: plan}, nil
}

// event takes the rows of a row event and returns their number.
func (p *rowPath) event(recorded *binlog.Rows) (n int, err error) {
	p.rows = *recorded // which is decoded again in the next pass
	rows, e := &p.rows, &p.change
	e.Source = debezium.Source{
		Version: "3.6.1.Final", Connector: "mysql", Name: "bench", TsNs: rows.TsNs, DB: load.Database, Table: load.Table,
		ServerID: int64(rows.ServerID), GTID: rows.GTID, File: rows.File, Pos: int64(rows.Pos), Thread: rows.Thread,
	}
	for {
		more, err := rows.Next(&p.before, &p.after)
		if err != nil || !more {
			return n, err
		}
		e.Row, e.KeySchema, e.Op, e.Before, e.After = p.plan.Row, p.plan.Key, rows.Op, nil, nil
		if rows.Op != debezium.Create {
			if p.old, err = p.plan.Streamed(p.old, p.before); err != nil {
				return n, err
			}
			e.Before = p.old
		}
		if rows.Op != debezium.Delete {
			if p.new, err = p.plan.Streamed(p.new, p.after); err != nil {
				return n, err
			}
			e.After = p.new
		}
		row := e.After
		if row == nil {
			row = e.Before
		}
		p.key = p.plan.KeyValues(p.key, row)
		e.Key, e.TsNs, e.Source.Row = p.key, time.Now().UnixNano(), int32(rows.Row)
		if p.buf, err = p.encoder.AppendKey(p.buf[:0], e); err != nil {
			return n, err
		}
		if p.buf, err = p.encoder.AppendValue(p.buf, e); err != nil {
			return n, err
		}
		p.plan.Reset()
		n++
	}
}

// registry gives schemas numbers.
type registry struct{ schemas []string }

// Register returns the number of a schema.
func (r *registry) Register(_ context.Context, _, schema string) (codec.SchemaID, error) {
	r.schemas = append(r.schemas, schema)
	return codec.ConfluentID(int32(len(r.schemas))), nil
}

// Schema knows none: nothing is decoded.
func (*registry) Schema(_ context.Context, id codec.SchemaID) (string, error) {
	return "", fmt.Errorf("no schema %s", id)
}

// Framing returns Confluent's.
func (*registry) Framing() codec.Framing { return codec.ConfluentFraming }

func (*registry) Check(context.Context) error { return nil }
