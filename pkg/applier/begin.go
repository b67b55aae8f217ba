package applier

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// begin fills in where reading begins, and where it has caught up.
func (w *work) begin(ctx context.Context) error {
	ends, err := w.cfg.Kafka.Offsets(ctx, w.topic.Name)
	if err != nil {
		return readError(w.topic.Name, err)
	}
	if w.committer != nil {
		state := w.committer.State()
		if state.RolledBack {
			w.log.Warn("table was rolled back: it is applied again from what its snapshot records", "table", w.name.String())
		}
		maps.Copy(w.next, state.Offsets)
	}
	latest, err := w.latest(ctx, ends)
	if err != nil {
		return err
	}
	for _, end := range ends {
		if !w.has(end.Partition) {
			continue
		}
		w.target[end.Partition] = end.HighWatermark
		if _, ok := w.next[end.Partition]; ok {
			continue
		}
		offset := end.Earliest
		switch start := w.cfg.Start; {
		case start.Latest:
			offset = latest[end.Partition]
		case !start.Time.IsZero():
			if offset, err = w.cfg.Kafka.OffsetForTime(ctx, w.topic.Name, end.Partition, start.Time); err != nil {
				return err
			}
		case offset > 0 && !start.Available:
			return beginningGone(w.topic.Name, end.Partition, offset)
		}
		w.next[end.Partition] = offset
	}
	return nil
}

// latest returns the ends of the partitions of which the table records nothing, as
// they were when this was first asked for: the group remembers them before
// anything is read, until the first commit. An end that is newer at the next start
// would skip what has come meanwhile.
func (w *work) latest(ctx context.Context, ends []kafka.PartitionOffsets) (map[int32]int64, error) {
	var partitions []int32
	ends = slices.DeleteFunc(slices.Clone(ends), func(end kafka.PartitionOffsets) bool {
		_, recorded := w.next[end.Partition]
		return recorded || !w.has(end.Partition)
	})
	for _, end := range ends {
		partitions = append(partitions, end.Partition)
	}
	if !w.cfg.Start.Latest || len(partitions) == 0 {
		return nil, nil //nolint:nilnil // none is needed
	}
	note := "firn: start of topic " + w.topicID
	latest, err := w.a.group.Remembered(ctx, w.topic.Name, partitions, note)
	if err != nil {
		return nil, err
	}
	first := make(map[kafka.TopicPartition]int64)
	for _, end := range ends {
		offset, ok := latest[end.Partition]
		switch {
		case ok && offset < end.Earliest:
			return nil, &StopError{
				Reason: fmt.Sprintf("Kafka's retention has removed %d offsets of %s/%d since --auto-offset-reset=latest was first followed, and nothing was committed since",
					end.Earliest-offset, w.topic.Name, end.Partition),
				Remedy: "delete the offsets of group " + w.cfg.GroupID + " for the topic (kafka-consumer-groups.sh --delete-offsets), to begin at the end that it has now",
			}
		case !ok:
			latest[end.Partition] = end.HighWatermark
			first[kafka.TopicPartition{Topic: w.topic.Name, Partition: end.Partition}] = end.HighWatermark
		}
	}
	return latest, w.a.group.Remember(ctx, first, note)
}
