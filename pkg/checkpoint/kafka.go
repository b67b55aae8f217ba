package checkpoint

import (
	"context"
	"fmt"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// Load reads the checkpoint from a topic: firn's own, or the offsets topic of a
// Connect worker. It waits for transactions that are open there, so the caller
// fences the previous reader first. False: the topic has none.
func Load(ctx context.Context, client *kafka.Client, topic string, f Format) (Checkpoint, bool, error) {
	info, err := client.Topic(ctx, topic)
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("load the checkpoint: %w", err)
	}
	offsets, err := client.Offsets(ctx, topic)
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("load the checkpoint: %w", err)
	}
	loader := f.Loader()
	for partition := range info.Partitions {
		err := client.ReadAll(ctx, topic, partition, offsets[partition].Earliest, func(r *kafka.Record) error {
			loader.Add(r.Key, r.Value)
			return nil
		})
		if err != nil {
			return Checkpoint{}, false, fmt.Errorf("load the checkpoint: %w", err)
		}
	}
	return loader.Checkpoint()
}
