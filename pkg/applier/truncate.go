package applier

import (
	"context"
	"fmt"
	"slices"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// barrier holds back partitions that have come to a TRUNCATE until all of the
// shard have: it has no key, so the reader writes it to every partition, and
// what it removes are the rows that came before it in each.
type barrier struct {
	held map[int32]*heldPartition
	ends map[int32]int64 // of the topic when the first came: the others must be below
}

// heldPartition is what was read of a partition from its TRUNCATE on.
type heldPartition struct {
	records []kafka.Record
	next    int64
}

func (b *barrier) holds(partition int32) bool { return b.held[partition] != nil }

// hold keeps records of a partition, which account for its offsets up to next.
// What is still to come of it must not fill the room that the others need.
func (w *work) hold(partition int32, records []kafka.Record, next int64) {
	w.a.consumer.Hold(w.topic.Name, partition)
	h := w.barrier.held[partition]
	if h == nil {
		if w.barrier.held == nil {
			w.barrier.held = make(map[int32]*heldPartition)
		}
		h = &heldPartition{}
		w.barrier.held[partition] = h
	}
	h.records, h.next = append(h.records, records...), next
}

// truncate empties the table if all partitions have come to the TRUNCATE, and
// goes on behind it.
func (w *work) truncate(ctx context.Context) error {
	if len(w.barrier.held) < len(w.partitions) {
		return w.expectOthers(ctx)
	}
	if err := w.schemaChangesRead(ctx); err != nil { // of a new topic it is what the table begins again with
		return err
	}
	if err := w.schemaChanges(ctx); err != nil {
		return err
	}
	held := w.barrier.held
	w.barrier = barrier{}
	for i, p := range w.partitions {
		w.ages(&w.truncated, &held[p].records[0])
		first := held[p].records[0].Offset
		if i < len(w.partitions)-1 {
			w.batch.Skip(p, first+1)
			continue
		}
		if err := w.batch.Add(&debezium.Event{Op: debezium.Truncate}, p, first); err != nil {
			return err
		}
	}
	for _, p := range w.partitions {
		if err := w.records(ctx, p, held[p].records[1:], held[p].next); err != nil {
			return err
		}
		if !w.barrier.holds(p) {
			w.a.consumer.Resume(w.topic.Name, p)
		}
	}
	return nil
}

// release goes on with what is held back: where changes are appended a TRUNCATE is
// a change like others.
func (w *work) release(ctx context.Context) error {
	held := w.barrier.held
	w.barrier = barrier{}
	for _, p := range w.partitions {
		if held[p] == nil {
			continue
		}
		if err := w.records(ctx, p, held[p].records, held[p].next); err != nil {
			return err
		}
		w.a.consumer.Resume(w.topic.Name, p)
	}
	return nil
}

// expectOthers notes up to where the other partitions must have the TRUNCATE,
// too: it was written to all at once.
func (w *work) expectOthers(ctx context.Context) error {
	if w.barrier.ends != nil {
		return nil
	}
	ends, err := w.cfg.Kafka.Offsets(ctx, w.topic.Name)
	if err != nil {
		return err
	}
	w.barrier.ends = make(map[int32]int64)
	for _, end := range ends {
		if w.has(end.Partition) {
			w.barrier.ends[end.Partition] = end.HighWatermark
		}
	}
	return nil
}

// checkBarrier stops the table where a TRUNCATE is in some partitions only.
func (w *work) checkBarrier() error {
	if w.barrier.ends == nil {
		return nil
	}
	missing := slices.DeleteFunc(slices.Clone(w.partitions), w.barrier.holds)
	for _, p := range missing {
		if w.next[p] < w.barrier.ends[p] {
			return nil
		}
	}
	return &StopError{
		Reason: fmt.Sprintf("topic %s has a TRUNCATE in %d of its %d partitions, so that it is unknown what rows of the others it removes",
			w.topic.Name, len(w.barrier.held), len(w.partitions)),
		Remedy: "have firn-reader write the topic, which writes it to all, or use topics of one partition; --on-truncate ignore passes over it",
	}
}
