package applier_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/applier"
)

// Partitions that have come to a TRUNCATE wait for the one that has not. What
// follows theirs may be more than fits into memory.
func TestApplier_ATruncateComesLateInOnePartition(t *testing.T) {
	w := newWorld(t)
	s := w.table("t", 12)
	pad := strings.Repeat("x", 20_000)
	var late []*kgo.Record
	for id := int64(0); len(late) < 60; id++ {
		if r := s.put(id, fmt.Sprint("before ", pad)); r.Partition == 11 {
			late = append(late, r)
		}
	}
	truncates := s.truncate()
	w.send(truncates[:11]...)
	var after, more []*kgo.Record
	for id := range int64(1000) {
		if r := s.put(id, fmt.Sprint("after ", pad)); r.Partition == 11 {
			after = append(after, r)
		} else {
			more = append(more, r)
		}
	}
	w.send(more...)
	w.send(late...)
	w.send(truncates[11])
	w.send(after...)
	must(t, w.run(func(s *setup) { s.change = func(c *applier.Config) { c.Memory = 8 << 20 } }))
	s.holds()
}
