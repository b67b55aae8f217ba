package applier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// work is what a shard has in hand from the opening of its table to the first
// error.
type work struct {
	*shard
	feed    *feed
	decoder *decoder
	event   debezium.Event

	name      lake.Name
	topicID   string
	count     int // of the topic's partitions
	config    TableConfig
	table     *lake.Table // nil until the first row creates it
	committer *commit.Committer
	mirror    mirror
	schemas   schemas

	key    *batch.Key // that the index has; nil before it is known, and where changes are appended
	keeper *maintenance.Maintainer
	due    bool // maintenance may have something to do

	batch     *batch.Batch    // nil before the first change says whether there is a key
	first     map[int32]int64 // where reading began
	next      map[int32]int64 // what has been read
	target    map[int32]int64 // the ends when the table was opened
	began     time.Time       // when the oldest change of the batch came
	oldest    int64           // when that was made in the source, in nanoseconds since 1970
	saved     time.Time       // when the table last recorded what had been read
	barrier   barrier
	truncated debezium.Source // of the last TRUNCATE
	unwrapped unwrapped
	identity  identity
	fetched   []kafka.Fetched
}

func newWork(s *shard) *work {
	w := &work{shard: s, config: s.cfg.Tables(s.topic.ID), next: make(map[int32]int64), target: make(map[int32]int64)}
	w.feed = s.a.feed(s.topic.Prefix)
	w.decoder = newDecoder(s.topic.Name, s.cfg, w.feed)
	w.mirror.shard = s
	return w
}

// open finds the table, makes this process its owner and begins to read where
// the table ends.
func (w *work) open(ctx context.Context) (err error) {
	var rival string
	if w.name, rival, err = w.a.names.table(w.topic); err != nil {
		return err
	}
	w.board(w.name.String())
	info, err := w.cfg.Kafka.Topic(ctx, w.topic.Name)
	if err != nil {
		return readError(w.topic.Name, err)
	}
	w.topicID, w.count = info.ID, int(info.Partitions)
	w.say("opening", nil)
	if err := w.schemaChangesRead(ctx); err != nil {
		return err
	}
	w.table, err = w.cfg.Catalog.Load(ctx, w.name)
	switch {
	case errors.Is(err, lake.ErrNoTable):
		w.table = nil
	case err != nil:
		return err
	}
	// A table that is there already stays its topic's.
	if rival != "" && (w.table == nil || w.table.Properties()[lake.PropTopic] != w.topic.Name) {
		return &NameTakenError{Table: w.name.String(), Topic: w.topic.Name, Other: rival}
	}
	if w.table != nil {
		if err := w.takeOver(ctx); err != nil {
			return err
		}
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	w.first = maps.Clone(w.next)
	if err := w.savedBefore(); err != nil {
		return err
	}
	w.schemas.open(w)
	w.unwrapped.open(w)
	if w.table != nil {
		if err := w.settleRecorded(ctx); err != nil {
			return err
		}
	}
	if err := w.sameSchemaTopic(ctx); err != nil {
		return err
	}
	if err := w.schemaChanges(ctx); err != nil {
		return err
	}
	w.assign(w.next, w.topicID)
	w.say("streaming", nil)
	w.log.Info("table opened", "table", w.name.String(), "offsets", offsetsText(w.next), "caught_up_at", offsetsText(w.target))
	return nil
}

// takeOver makes this process the only one that commits to the shard.
func (w *work) takeOver(ctx context.Context) error {
	if err := errors.Join(w.table.CheckFormat(), w.checkPartitions(), w.checkFollowed()); err != nil {
		return err
	}
	var err error
	w.committer, err = commit.Open(w.table, commit.Config{
		Shard: w.shard.name, Owner: w.owner(), Logger: w.log,
		At: func(p commit.Point) { w.cfg.At(Point(p)) },
	})
	if err != nil {
		return err
	}
	return w.committer.TakeOver(ctx)
}

func (w *work) owner() lake.Owner {
	return lake.Owner{GroupID: w.cfg.GroupID, ClusterID: w.a.clusterID, Topic: w.topic.Name, TopicID: w.topicID}
}

// loop applies what comes until the shard is to be let go.
func (w *work) loop(ctx context.Context) error {
	age := time.NewTimer(w.cfg.Interval)
	defer age.Stop()
	for {
		changes := w.feed.watch()
		if err := w.schemaChanges(ctx); err != nil {
			return err
		}
		if err := w.catchUp(ctx); err != nil {
			return err
		}
		var maintained <-chan struct{}
		var rested <-chan time.Time
		if w.keeper != nil {
			maintained = w.keeper.Ready()
			if wait := w.keeper.Resting(); wait > 0 {
				rested = time.After(wait)
			}
		}
		if w.due && len(w.mail.ready) == 0 && !w.leaving() {
			if err := w.maintain(ctx); err != nil {
				return err
			}
			continue
		}
		if !w.began.IsZero() {
			age.Reset(time.Until(w.began.Add(w.cfg.Interval)))
		}
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-w.leave:
			return w.drain(ctx)
		case <-w.mail.ready:
			err = w.applyMail(ctx)
		case <-age.C:
			age.Reset(w.cfg.Interval)
			w.due = true
			err = w.flush(ctx)
		case <-w.wake:
			err = w.flush(ctx)
		case <-maintained:
			err = w.maintain(ctx)
		case <-changes:
		case <-rested:
			w.due = true
		}
		if err != nil {
			return err
		}
	}
}

// drain commits what is in hand.
func (w *work) drain(ctx context.Context) error {
	w.say("stopping", nil)
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	return w.flush(ctx)
}

// catchUp commits once what was there when the table was opened has been read.
func (w *work) catchUp(ctx context.Context) error {
	if w.caughtUp.Load() {
		return nil
	}
	for p, end := range w.target {
		if w.next[p] < end || w.barrier.holds(p) {
			return nil
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.caughtUp.Store(true)
	return nil
}

func (w *work) applyMail(ctx context.Context) error {
	w.fetched = w.mail.take(w.fetched)
	defer func() { w.mail.give(w.fetched) }()
	for i := range w.fetched {
		if err := w.apply(ctx, &w.fetched[i]); err != nil {
			return err
		}
		if w.leaving() && i+1 < len(w.fetched) {
			return nil // the rest is the next owner's
		}
	}
	w.lagging()
	return w.checkBarrier()
}

// apply adds what was read of a partition to the batch.
func (w *work) apply(ctx context.Context, f *kafka.Fetched) error {
	if f.Assignment != w.assigned[f.Partition] {
		return nil // it was on its way when the partition was assigned anew, and comes again
	}
	if f.Err != nil {
		return readError(w.topic.Name, f.Err)
	}
	if next := w.next[f.Partition]; f.First != next {
		return fmt.Errorf("read %s/%d: offsets from %d were delivered, and those from %d are next", w.topic.Name, f.Partition, f.First, next)
	}
	w.next[f.Partition] = f.Next
	if w.metrics != nil {
		w.metrics.Records.Add(float64(len(f.Records)))
	}
	if err := w.records(ctx, f.Partition, f.Records, f.Next); err != nil {
		return err
	}
	return w.account(ctx)
}

// records adds records of a partition, which account for its offsets up to next.
func (w *work) records(ctx context.Context, partition int32, records []kafka.Record, next int64) error {
	if w.barrier.holds(partition) {
		w.hold(partition, records, next)
		return nil
	}
	for i := range records {
		truncated, err := w.record(ctx, &records[i])
		if err != nil {
			return err
		}
		if !truncated {
			continue
		}
		w.hold(partition, records[i:], next)
		return w.truncate(ctx)
	}
	if w.batch != nil {
		w.batch.Skip(partition, next)
	}
	if w.schemas.appending && len(w.barrier.held) > 0 {
		return w.release(ctx)
	}
	return nil
}

// record adds one record to the batch, and commits where that fills it. A
// TRUNCATE is left to the caller: it is not of one partition alone.
func (w *work) record(ctx context.Context, r *kafka.Record) (truncated bool, err error) {
	e := &w.event
	err = w.decoder.decode(ctx, r, e)
	if errors.Is(err, codec.ErrRegistryUnavailable) {
		err = w.awaitRegistry(ctx, r, err)
	}
	if err != nil {
		return false, w.bad(r, err)
	}
	if w.batch == nil {
		if e.Tombstone {
			return false, nil // of what has not been seen
		}
		w.start(e)
	}
	if w.keyless(e) {
		if err := w.appendAfterAll(); err != nil {
			return false, err
		}
	}
	w.unwrapped.see(w, r, e)
	if e.Row != nil && !w.schemas.seen(e.Row) {
		if err := w.newSchema(ctx, e.Row); err != nil {
			return false, err
		}
	}
	if e.Op == debezium.Truncate && !e.Tombstone && !w.schemas.appending {
		w.truncated = e.Source
		return !w.cfg.IgnoreTruncate, nil
	}
	if !w.schemas.appending {
		if err := w.identity.check(e); err != nil {
			return false, w.bad(r, err)
		}
	}
	w.ages(&e.Source, r)
	err = w.batch.Add(e, r.Partition, r.Offset)
	if errors.Is(err, batch.ErrKeyChanged) {
		return false, w.keyChanged()
	}
	if err != nil {
		return false, w.bad(r, err)
	}
	if w.batch.Full(batch.Limits{Rows: w.cfg.Rows, Bytes: w.cfg.Bytes}) {
		return false, w.flush(ctx)
	}
	return false, nil
}

// ages notes when the oldest change of the batch came and was made, of a record
// that is about to be added.
func (w *work) ages(source *debezium.Source, r *kafka.Record) {
	if w.began.IsZero() {
		w.began, w.oldest = time.Now(), cmp.Or(source.TsNs, r.Timestamp.UnixNano())
	}
}

// begun makes the batch.
func (w *work) begun(appending bool) {
	w.schemas.appending = appending
	w.batch = batch.New(batch.Config{Append: appending, Pool: w.a.pool})
	for p, offset := range w.first {
		w.batch.Begin(p, offset)
	}
}

// account shares the memory for batches with the other shards: the largest batch
// is committed. Where that takes long, as in an outage of the catalog, the others
// do not go on for ever.
func (w *work) account(ctx context.Context) error {
	used, limit := w.weigh(), w.a.batches.limit
	if used <= limit {
		return nil
	}
	if largest := w.a.largest(); largest != nil && largest != w.shard {
		signal(largest.wake)
		if used <= limit+limit/4 {
			return nil
		}
	}
	return w.flush(ctx)
}

// weigh counts the batch anew and returns what all batches take together.
func (w *work) weigh() (used int64) {
	var bytes int64
	if w.batch != nil {
		bytes = w.batch.Bytes()
	}
	if w.metrics != nil {
		w.metrics.BatchBytes.Store(bytes)
	}
	return w.a.batches.used.Add(bytes - w.bytes.Swap(bytes))
}

// empty empties the batch, whose memory the other shards may have.
func (w *work) empty() {
	if w.batch != nil {
		w.batch.Reset()
	}
	w.weigh()
}

func (w *work) close(ctx context.Context) error {
	w.empty()
	var err error
	if w.keeper != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		err = w.keeper.Close(ctx)
	}
	return errors.Join(err, w.mirror.close())
}
