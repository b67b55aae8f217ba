package kafka_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// The vectors are those of Kafka's own UtilsTest.
func TestPartition_IsJavas(t *testing.T) {
	for _, tt := range []struct {
		key  string
		hash int32
	}{
		{"21", -973932308},
		{"foobar", -790332482},
		{"a-little-bit-long-string", -985981536},
		{"a-little-bit-longer-string", -1486304829},
		{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
		{"abc", 479470107},
	} {
		for _, n := range []int32{1, 3, 12, 1000} {
			want := tt.hash & 0x7fffffff % n
			if got := kafka.Partition([]byte(tt.key), n); got != want {
				t.Errorf("%s of %d: got %d, want %d", tt.key, n, got, want)
			}
		}
	}
}
