package applier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/retry"
)

// feed is the schema-change topic of a prefix, read whole by every process and
// outside the group. It is kept by data topic.
type feed struct {
	prefix   string
	client   *kafka.Client
	registry codec.Registry
	topics   debezium.Naming
	names    debezium.NameAdjustment // of columns
	log      *slog.Logger

	mu      sync.Mutex
	id      string               // of the topic; "": not known yet, or the brokers have none
	tables  map[string][]version // by data topic, in order
	next    int64                // offset after the last one read
	read    bool                 // up to the end at the first look
	missing bool                 // there is no such topic
	trouble error                // why it is not read at present
	changed chan struct{}        // closed with every progress, and made anew
}

// version is a table as a schema change left it.
type version struct {
	Offset int64 // in the schema-change topic
	Type   string
	Table  *debezium.Table // nil: dropped
	DDL    string
	Source debezium.Source
	Began  time.Time               // of the statement, in its session's time zone; else its commit, in UTC
	Names  debezium.NameAdjustment // of columns, in the records of rows
}

func newFeed(prefix string, cfg *Config) *feed {
	return &feed{
		prefix: prefix, client: cfg.Kafka, registry: cfg.Registry, log: cfg.Logger,
		topics: debezium.Naming{Delimiter: cfg.Delimiter}, names: cfg.FieldNames,
		tables: make(map[string][]version), changed: make(chan struct{}),
	}
}

const feedPause = time.Second // between looks for a topic that is not there

// run reads until ctx ends.
func (f *feed) run(ctx context.Context) error {
	policy := retry.Policy{Logger: f.log, Retryable: func(err error) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.trouble = err
		f.notify()
		return true
	}}
	err := policy.Run(ctx, "read schema changes", f.follow)
	if err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (f *feed) follow(ctx context.Context, works func()) (err error) {
	id, err := f.await(ctx)
	if err != nil {
		return err
	}
	ends, err := f.client.Offsets(ctx, f.prefix)
	if err != nil {
		return err
	}
	if len(ends) != 1 {
		f.log.Warn("schema-change topic has several partitions, of which the first is read", "topic", f.prefix)
	}
	from := max(f.begin(id), ends[0].Earliest)
	if from > ends[0].HighWatermark {
		return fmt.Errorf("topic %s ends at offset %d and has been read up to %d: it has lost records", f.prefix, ends[0].HighWatermark, from)
	}
	f.advance(from, nil, from >= ends[0].HighWatermark)
	consumer, err := kafka.OpenConsumer(ctx, f.client, kafka.ConsumerConfig{BufferBytes: 4 << 20})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, consumer.Close()) }()
	consumer.ExpectTopicID(f.prefix, id)
	consumer.Assign(f.prefix, 0, from)
	works()
	for {
		got, err := consumer.Poll(ctx)
		if err != nil {
			return err
		}
		for i := range got {
			if got[i].Err != nil {
				return fmt.Errorf("read schema changes: %w", got[i].Err)
			}
			changes, err := f.decode(ctx, got[i].Records)
			if err != nil {
				return err
			}
			f.advance(got[i].Next, changes, got[i].Next >= ends[0].HighWatermark)
		}
	}
}

// begin returns where to read on in the topic that has the id now. A topic that was
// created anew is read from its beginning, and what the old one had is forgotten.
func (f *feed) begin(id string) (next int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.id != "" && f.id != id {
		f.log.Warn("schema-change topic was deleted and created again", "topic", f.prefix)
		f.tables, f.next, f.read = make(map[string][]version), 0, false
		f.notify()
	}
	f.id = id
	return f.next
}

// await returns the topic's id once the topic exists.
func (f *feed) await(ctx context.Context) (string, error) {
	for {
		id, err := f.client.TopicID(ctx, f.prefix)
		if !errors.Is(err, kafka.ErrTopicNotFound) {
			return id, err
		}
		f.mu.Lock()
		said := f.missing
		f.missing = true
		f.notify()
		f.mu.Unlock()
		if !said {
			f.log.Info("no schema-change topic: columns are added by their first rows, and read null in older rows", "topic", f.prefix)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(feedPause):
		}
	}
}

func (f *feed) decode(ctx context.Context, records []kafka.Record) (map[string][]version, error) {
	changes := make(map[string][]version)
	for i := range records {
		r := &records[i]
		if r.Value == nil {
			continue
		}
		c, avro, err := f.change(ctx, r)
		if err != nil {
			err = fmt.Errorf("schema change at offset %d of topic %s: %w", r.Offset, f.prefix, err)
			if is[*codec.FormatError](err) {
				err = &StopError{
					Reason: "the schema-change topic holds what is no schema change", Err: err,
					Remedy: "keep other writers away from it, delete it, and have the reader take a new snapshot: stop it, " +
						"delete the topic __firn-offsets." + f.prefix + " too, and start it; then start this program again",
				}
			}
			return nil, err
		}
		began, err := statementTime(r, c)
		if err != nil {
			return nil, fmt.Errorf("schema change at offset %d of topic %s: %w", r.Offset, f.prefix, err)
		}
		names := f.names
		if names == debezium.NamesAsTheyAre && avro { // as Debezium does where its converter writes Avro
			names = debezium.NamesAvro
		}
		for j := range c.Changes {
			t := &c.Changes[j]
			topic := f.topics.Table(f.prefix, t.ID)
			changes[topic] = append(changes[topic], version{Offset: r.Offset, Type: t.Type, Table: t.Table, DDL: c.DDL, Source: c.Source, Began: began, Names: names})
		}
	}
	return changes, nil
}

// statementTime returns what CURRENT_TIMESTAMP was in the statement. Other
// writers tell the second of its commit.
func statementTime(r *kafka.Record, c *debezium.SchemaChange) (time.Time, error) {
	text, told := r.Header(debezium.HeaderStatementTime)
	if !told {
		return time.Unix(0, c.Source.TsNs).UTC().Truncate(time.Second), nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}, fmt.Errorf("header %s: %w", debezium.HeaderStatementTime, err)
	}
	return t, nil
}

// change decodes a schema change, and says whether it is written in Avro.
func (f *feed) change(ctx context.Context, r *kafka.Record) (c *debezium.SchemaChange, avro bool, err error) {
	if avro, err = isAvro(f.registry, f.prefix, r.Value); err != nil {
		return nil, false, err
	}
	if avro {
		c, err = codec.NewAvroDecoder(ctx, f.registry).DecodeSchemaChange(r.Value)
	} else {
		c, err = codec.DecodeSchemaChange(r.Key, r.Value)
	}
	return c, avro, err
}

func (f *feed) advance(next int64, changes map[string][]version, read bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for topic, more := range changes {
		f.tables[topic] = append(f.tables[topic], more...)
	}
	f.next, f.missing, f.read, f.trouble = max(f.next, next), false, f.read || read, nil
	f.notify()
}

func (f *feed) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// watch returns a channel that is closed when the feed has come further.
func (f *feed) watch() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// table returns what is known about the table of a topic, the offset up to which
// that is all there is, and the id of the schema-change topic that has it.
func (f *feed) table(topic string) (versions []version, next int64, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.tables[topic]
	return slices.Clip(v), f.next, f.id
}

// gone reports whether there was no such topic at the last look.
func (f *feed) gone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missing
}

// errNoSchemaTopic says that there is no schema-change topic.
var errNoSchemaTopic = errors.New("there is no schema-change topic")

// catchUp returns once all has been read that the topic holds now: what came
// before a data record may not be readable yet when that is. It returns an error
// where a record of the topic cannot be read, and errNoSchemaTopic.
func (f *feed) catchUp(ctx context.Context) error {
	return f.catchUpSaying(ctx, func(error) {})
}

// catchUpSaying is catchUp, and says what keeps it waiting.
func (f *feed) catchUpSaying(ctx context.Context, say func(error)) error {
	high, of := int64(-1), "" // of that topic
	var said error
	for {
		f.mu.Lock()
		changed, id, next, read, missing, trouble := f.changed, f.id, f.next, f.read, f.missing, f.trouble
		f.mu.Unlock()
		if missing {
			return errNoSchemaTopic
		}
		if read && (high < 0 || of != id) {
			var err error
			if of, high, err = f.end(ctx); err != nil {
				return err
			}
		}
		if read && of == id && next >= high { // else the reading of it is about to find out that the topic is another one
			return nil
		}
		if trouble != nil && permanent(trouble) {
			return trouble
		}
		if trouble != nil && !errors.Is(trouble, said) {
			said = trouble
			say(trouble)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for schema changes up to offset %d: %w", high, ctx.Err())
		case <-changed:
		}
	}
}

// end returns the topic's id and where it ends now.
func (f *feed) end(ctx context.Context) (id string, high int64, err error) {
	id, err = f.client.TopicID(ctx, f.prefix)
	var ends []kafka.PartitionOffsets
	if err == nil {
		ends, err = f.client.Offsets(ctx, f.prefix)
	}
	if errors.Is(err, kafka.ErrTopicNotFound) {
		err = errNoSchemaTopic
	}
	if err != nil {
		return "", -1, err
	}
	return id, ends[0].HighWatermark, nil
}
