package kafka_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/kafka"
)

// Compaction leaves batches without a record. sarama hides them, and a reader
// that does not pass them asks for the same ones for ever.
func TestCommitted_PassesEmptyBatches(t *testing.T) {
	response := &sarama.FetchResponse{Version: 11}
	response.AddRecordBatch("t", 0, nil, nil, 20, 7, false)
	empty := response.GetBlock("t", 0)
	batch := empty.RecordsSet[0].RecordBatch
	batch.Records, batch.FirstOffset, batch.LastOffsetDelta = nil, 20, 4
	block := reencode(t, response)
	if len(block.RecordsSet) != 0 {
		t.Fatal("sarama shows empty batches now: afterEmptyBatches may go")
	}
	_, next, err := kafka.Committed(0, 20, block)
	must(t, err)
	if next != 25 {
		t.Errorf("next offset %d, want 25", next)
	}
}

// reencode has sarama decode what it encoded, through a broker of one answer.
func reencode(t *testing.T, response *sarama.FetchResponse) *sarama.FetchResponseBlock {
	t.Helper()
	mock := sarama.NewMockBroker(t, 1)
	defer mock.Close()
	mock.Returns(response)
	cfg := sarama.NewConfig()
	cfg.Version, cfg.ApiVersionsRequest = sarama.V3_6_0_0, false
	b := sarama.NewBroker(mock.Addr())
	must(t, b.Open(cfg))
	req := &sarama.FetchRequest{Version: 11, SessionEpoch: -1}
	req.AddBlock("t", 0, 20, 1000, -1)
	answer, err := b.Fetch(req)
	must(t, err)
	must(t, b.Close())
	return answer.GetBlock("t", 0)
}

// A transaction that was aborted before offset 30 and one that is committed
// after it, of one producer, told apart by the marker between them.
func TestCommitted_AnAbortEndsAtItsMarker(t *testing.T) {
	batch := func(producer, first int64, control bool, keys ...[]byte) *sarama.Records {
		b := &sarama.RecordBatch{
			Version: 2, FirstOffset: first, LastOffsetDelta: int32(len(keys) - 1), ProducerID: producer,
			IsTransactional: true, Control: control,
		}
		for i, k := range keys {
			b.Records = append(b.Records, &sarama.Record{OffsetDelta: int64(i), Key: k})
		}
		return &sarama.Records{RecordBatch: b}
	}
	marker := func(kind sarama.ControlRecordType) []byte {
		return binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(kind))
	}
	block := &sarama.FetchResponseBlock{
		AbortedTransactions: []*sarama.AbortedTransaction{{ProducerID: 2, FirstOffset: 13}, {ProducerID: 1, FirstOffset: 10}},
		RecordsSet: []*sarama.Records{
			batch(1, 10, false, []byte("aborted"), []byte("aborted")),
			batch(3, 12, false, []byte("a")),
			batch(2, 13, false, []byte("aborted")),
			batch(1, 14, true, marker(sarama.ControlRecordAbort)),
			batch(1, 15, false, []byte("b"), []byte("c")),
			batch(2, 17, false, []byte("aborted")),
			batch(3, 18, true, marker(sarama.ControlRecordCommit)),
		},
	}
	records, next, err := kafka.Committed(0, 10, block)
	must(t, err)
	var got []string
	for _, r := range records {
		got = append(got, fmt.Sprint(r.Offset, string(r.Key)))
	}
	if diff := cmp.Diff([]string{"12a", "15b", "16c"}, got); diff != "" {
		t.Error(diff)
	}
	if next != 19 {
		t.Errorf("next offset %d, want 19", next)
	}
}
