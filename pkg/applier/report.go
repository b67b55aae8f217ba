package applier

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/status"
)

// propPartitions is the table property of how many partitions the topic has.
const propPartitions = "firn.kafka.partitions"

// propOffsets and propSchemaOffset are what package commit calls a shard's offsets,
// and shardOf stands between the parts of a shard's name.
const (
	propOffsets      = "firn.kafka.offsets."
	propSchemaOffset = "firn.schema-offset."
	shardOf          = "-of-"
)

// partitionPosition is how far into the source a partition's rows have come.
type partitionPosition struct {
	TsMs   int64  `json:"ts_ms"`
	Server int64  `json:"server_id,omitempty"`
	GTID   string `json:"gtid,omitempty"`
	File   string `json:"file,omitempty"`
	Pos    int64  `json:"pos,omitempty"`
}

// sourcePosition brings what a table records up to where the spans end.
func sourcePosition(recorded string, spans []batch.Span) (string, error) {
	positions, err := parsePositions(recorded)
	if err != nil {
		return "", err
	}
	for i := range spans {
		s := &spans[i]
		if s.TsNs == 0 {
			continue
		}
		positions[s.Partition] = partitionPosition{
			TsMs: s.TsNs / int64(time.Millisecond), Server: s.Server, GTID: string(s.GTID), File: string(s.File), Pos: s.Pos,
		}
	}
	if len(positions) == 0 {
		return "", nil
	}
	text, err := json.Marshal(positions)
	if err != nil {
		return "", fmt.Errorf("write the source position: %w", err)
	}
	return string(text), nil
}

// checkPartitions refuses a topic that has another number of partitions than
// when the table was written, and another number of shards.
func (w *work) checkPartitions() error {
	properties := w.table.Properties()
	if have := properties[propPartitions]; have != "" && have != strconv.Itoa(w.count) {
		return &StopError{
			Reason: fmt.Sprintf("topic %s has %d partitions and had %s: keys are in other partitions than their older changes", w.topic.Name, w.count, have),
			Remedy: "have the source snapshotted into a new topic and map that to a new Iceberg table (--table-map)",
		}
	}
	for name := range properties {
		shard, ok := strings.CutPrefix(name, propOffsets)
		if !ok {
			continue
		}
		if _, of, ok := strings.Cut(shard, shardOf); ok && of != strconv.Itoa(int(w.id.of)) {
			return &StopError{
				Reason: "table " + w.name.String() + " is written by " + of + " shards",
				Remedy: "start with --shards " + of,
			}
		}
	}
	return nil
}

// board puts the table on the status page.
func (s *shard) board(name string) {
	s.mu.Lock()
	s.boarded = name
	s.mu.Unlock()
	if s.cfg.Metrics != nil && s.metrics == nil {
		s.metrics = s.cfg.Metrics.Table(name)
	}
}

// say shows the shard's state, and what is wrong if something is.
func (s *shard) say(state string, err error) {
	if s.metrics != nil {
		s.metrics.Stopped.Store(state == "stopped")
	}
	s.update(func(t *status.Table) {
		t.State, t.Error = state, ""
		if err != nil {
			t.Error = err.Error()
		}
	})
}

func (s *shard) update(fn func(*status.Table)) {
	if s.cfg.Status == nil {
		return
	}
	table, shard := s.line()
	s.cfg.Status.UpdateShard(table, shard, func(t *status.Table) {
		t.Topic = s.topic.Name
		if t.ApplierTable == nil {
			t.ApplierTable = &status.ApplierTable{Offsets: make(map[string]int64)}
		}
		fn(t)
	})
}

// line returns under which names the shard is on the status page.
func (s *shard) line() (table, shard string) {
	if s.id.of > 1 {
		shard = s.name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boarded == "" {
		return s.topic.Name, shard
	}
	return s.boarded, shard
}

// gone takes the shard off the page.
func (s *shard) gone() {
	if s.metrics != nil {
		s.metrics.Close()
	}
	if s.cfg.Status != nil {
		s.cfg.Status.RemoveShard(s.line())
	}
}

// measure counts a commit, whatever became of it.
func (w *work) measure(c *change, err error, started time.Time) {
	if w.metrics == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "error"
	}
	w.metrics.Committed(result, c.upserted+c.deleted, time.Since(started))
}

// committed tells of a batch that is in the table and in the index.
func (w *work) committed(ctx context.Context, c *change, started time.Time) {
	now := time.Now()
	offsets := make(map[kafka.TopicPartition]int64)
	latest := w.unwrapped.seenNs
	for p, s := range c.request.Offsets {
		offsets[kafka.TopicPartition{Topic: w.topic.Name, Partition: p}] = s.To
	}
	for _, s := range w.batch.Spans() {
		latest = max(latest, s.TsNs)
	}
	if err := w.a.group.Commit(ctx, offsets); err != nil {
		w.log.Debug("offsets were not stored in the group, for lag tools", "error", err)
	}
	w.log.Debug("committed", "table", w.name.String(), "rows", c.upserted+c.deleted, "events", w.batch.Events(), "duration", now.Sub(started))
	position := c.request.SourcePosition
	w.update(func(t *status.Table) {
		t.Rows.Upserted += int64(c.upserted)
		t.Rows.Deleted += int64(c.deleted)
		t.LastCommit = &now
		t.SourcePosition = position
		for p, s := range c.request.Offsets {
			t.Offsets[strconv.Itoa(int(p))] = s.To
		}
		t.Files.Data, t.Files.Delete = w.mirror.count()
	})
	if w.metrics == nil {
		return
	}
	w.metrics.Lag.At(latest)
	if w.schemas.appending {
		w.metrics.Appended.Add(float64(c.upserted))
	} else {
		w.metrics.Upserted.Add(float64(c.upserted))
		w.metrics.Deleted.Add(float64(c.deleted))
	}
	if w.mirror.index == nil {
		return
	}
	data, deletes := w.mirror.count()
	w.metrics.DataFiles.Store(data)
	w.metrics.DeleteFiles.Store(deletes)
	w.metrics.IndexKeys.Store(w.mirror.index.Len())
	w.metrics.IndexBytes.Store(w.mirror.index.DiskBytes())
	var debt int64
	for _, f := range w.mirror.index.Files() {
		debt += f.Dead
	}
	w.metrics.DeleteDebt.Store(debt)
}

func (m *mirror) count() (data, deletes int64) {
	for _, l := range m.files {
		deletes += int64(len(l.Deletes))
	}
	return int64(len(m.files)), deletes
}

// lagging measures how much is still to be applied, and ends the lag where nothing is.
func (w *work) lagging() {
	if w.metrics == nil {
		return
	}
	var behind, gathered int64
	var held time.Time // the oldest open transaction
	for p, next := range w.next {
		if since := w.a.consumer.HeldSince(w.topic.Name, p); held.IsZero() || !since.IsZero() && since.Before(held) {
			held = since
		}
		if _, _, stable, ok := w.a.consumer.Position(w.topic.Name, p); ok && stable > next {
			behind += stable - next
		}
	}
	if w.batch != nil && !w.batch.Empty() {
		for _, s := range w.batch.Spans() {
			gathered += s.Next - s.First
		}
	}
	w.metrics.OffsetLag.Store(behind + gathered)
	switch {
	case behind+gathered > 0 || len(w.barrier.held) > 0:
		w.metrics.Lag.Waits(w.oldest)
	case held.IsZero():
		w.metrics.Lag.Idle()
	default:
		w.metrics.Lag.Waits(held.UnixNano())
	}
}

// largest returns the shard with the largest batch.
func (a *Applier) largest() *shard {
	a.mu.Lock()
	defer a.mu.Unlock()
	var largest *shard
	for _, s := range a.shards {
		if largest == nil || s.bytes.Load() > largest.bytes.Load() {
			largest = s
		}
	}
	return largest
}

func offsetsText(offsets map[int32]int64) string {
	var parts []string
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		parts = append(parts, fmt.Sprintf("%d:%d", p, offsets[p]))
	}
	return strings.Join(parts, " ")
}
