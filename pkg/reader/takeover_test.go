package reader

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// taking is a rig that takes over behind five transactions of nine; counts are
// what the offset says of the sixth.
func taking(t *testing.T, counts checkpoint.Checkpoint) *rig {
	r := newRig(t, 1)
	r.s.position = r.position(5)
	r.s.takeover = &takeover{from: counts, until: r.position(9), gtids: true, topics: make(map[string]*tails)}
	return r
}

// put publishes what Debezium would have, a record a line: the transaction, pos,
// row, and what else is to be said of it.
func (r *rig) put(partition int32, lines ...string) {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := r.s.cfg.Kafka.EnsureTopic(ctx, kafka.TopicSpec{Name: "p.d.a", Partitions: max(partition+1, 1)}); err != nil {
		r.t.Fatal(err)
	}
	producer, err := kafka.NewProducer(ctx, r.s.cfg.Kafka, kafka.ProducerConfig{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer producer.Close()
	for _, line := range lines {
		p, marks := r.parsePlace(line)
		record := kafka.Record{Topic: "p.d.a", Partition: partition, Key: []byte(`{"id":1}`), Headers: []kafka.Header{{Key: debezium.HeaderContextRun, Value: []byte("1")}}}
		snapshot := "null"
		for _, mark := range marks {
			switch mark {
			case "snapshot":
				snapshot = `"incremental"`
			case "again":
				record.Headers[0].Value = []byte("2")
			}
		}
		source := fmt.Sprintf(`{"snapshot":%s,"gtid":%q,"file":%q,"pos":%d,"row":%d}`, snapshot, p.gtid, p.file, p.pos, p.row)
		switch {
		case slices.Contains(marks, "unwrapped"):
			record.Value = []byte(`{"id":1}`)
		case slices.Contains(marks, "schema"):
			record.Value = []byte(`{"schema":{"type":"struct"},"payload":{"op":"c","source":` + source + `}}`)
		case !slices.Contains(marks, "tombstone"):
			record.Value = []byte(`{"op":"c","source":` + source + `}`)
		}
		if err := producer.Send(&record); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := producer.Flush(ctx); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) parsePlace(line string) (place, []string) {
	r.t.Helper()
	fields := strings.Fields(line)
	pos, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		r.t.Fatal(err)
	}
	row, err := strconv.ParseInt(fields[2], 10, 32)
	if err != nil {
		r.t.Fatal(err)
	}
	return place{gtid: rigServer + ":" + fields[0], file: "b.000001", pos: pos, row: int32(row)}, fields[3:]
}

// published returns of the lines those that are published.
func (r *rig) stream(lines ...string) []string {
	r.t.Helper()
	t := r.s.takeover
	var published []string
	last := ""
	for _, line := range lines {
		p, marks := r.parsePlace(line)
		if p.gtid != last {
			if last != "" {
				t.commits(last)
			}
			t.begins(&binlog.Begin{GTID: p.gtid})
			last = p.gtid
		}
		rows := &binlog.Rows{GTID: p.gtid, File: p.file, Pos: p.pos, Row: int(p.row), Event: int(p.pos % 100), Compressed: slices.Contains(marks, "packed")}
		t.atRow(rows)
		in, err := r.s.inKafka(&kafka.Record{Topic: "p.d.a", Partition: kafka.Unassigned, Key: []byte(`{"id":1}`)})
		if err != nil {
			r.t.Fatal(err)
		}
		if !in {
			published = append(published, line)
		}
	}
	return published
}

// What is in a partition is not published again, and what is not is: whatever the
// offset says.
func TestTakeover_APartitionGoesOnBehindItsLastRecord(t *testing.T) {
	binlogs := []string{"6 602 0", "6 602 1", "6 604 0", "7 702 0", "7 702 1", "8 802 0", "9 902 0"}
	for _, tt := range []struct {
		name          string
		offset        checkpoint.Checkpoint
		inKafka       []string
		stream, again []string
	}{
		{name: "nothing", stream: binlogs, again: binlogs},
		{name: "rows of before", inKafka: []string{"4 402 0", "5 502 0"}, stream: binlogs, again: binlogs},
		{name: "up to the middle of an event", inKafka: []string{"5 502 0", "6 602 0"}, stream: binlogs, again: binlogs[1:]},
		{name: "up to the end of a transaction", inKafka: []string{"5 502 0", "6 602 0", "6 602 1", "6 604 0"}, stream: binlogs, again: binlogs[3:]},
		{name: "whole transactions", inKafka: []string{"6 602 0", "6 602 1", "6 604 0", "7 702 0", "7 702 1"}, stream: binlogs, again: binlogs[5:]},
		{name: "with schemas", inKafka: []string{"6 602 0 schema"}, stream: binlogs, again: binlogs[1:]},
		{name: "rows of a snapshot behind", inKafka: []string{"6 602 0", "7 750 0 snapshot"}, stream: binlogs, again: binlogs[1:]},
		{
			name: "a delete without its tombstone", inKafka: []string{"6 602 0"},
			stream: []string{"6 602 0", "6 602 0", "6 602 1"}, again: []string{"6 602 0", "6 602 1"},
		},
		{
			name: "a delete and its tombstone", inKafka: []string{"6 602 0", "6 602 0 tombstone"},
			stream: []string{"6 602 0", "6 602 0", "6 602 1"}, again: []string{"6 602 1"},
		},
		{
			name: "rows that Debezium itself published twice", inKafka: []string{"6 602 0", "6 602 1", "6 602 0 again", "6 602 1 again"},
			stream: binlogs, again: binlogs[2:],
		},
		{
			name: "a compressed transaction", inKafka: []string{"6 600 0", "6 600 1", "6 600 0"},
			stream: []string{"6 600 0 packed", "6 600 1 packed", "6 600 0 packed", "6 600 1 packed"}, again: []string{"6 600 1 packed"},
		},
		{
			name: "a compressed transaction, begun twice: rather twice than never", inKafka: []string{"6 600 0", "6 600 1", "6 600 0 again", "6 600 1 again", "6 600 0 again"},
			stream: []string{"6 600 0 packed", "6 600 1 packed", "6 600 0 packed", "6 600 1 packed"}, again: []string{"6 600 1 packed"},
		},
		{
			name: "the offset is ahead of an empty partition", offset: checkpoint.Checkpoint{Event: 2, Row: 2},
			stream: binlogs, again: binlogs[1:],
		},
		{
			name: "the last row of the offset is there", offset: checkpoint.Checkpoint{Event: 2, Row: 2}, inKafka: []string{"6 602 0", "6 602 1"},
			stream: binlogs, again: binlogs[2:],
		},
		{
			name: "rows without their source", offset: checkpoint.Checkpoint{Event: 2, Row: 2}, inKafka: []string{"6 602 1 unwrapped"},
			stream: binlogs, again: binlogs[2:],
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := taking(t, tt.offset)
			r.put(0, tt.inKafka...)
			if diff := cmp.Diff(tt.again, r.stream(tt.stream...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The end of a partition may be a transaction of any size.
func TestTakeover_ALongTransactionIsReadBackToItsBeginning(t *testing.T) {
	const rows = 5 * tailWindow
	r := taking(t, checkpoint.Checkpoint{})
	var in, stream []string
	for i := range rows {
		in = append(in, fmt.Sprintf("6 602 %d", i))
	}
	stream = append(slices.Clone(in), fmt.Sprintf("6 602 %d", rows), "7 702 0")
	r.put(0, append([]string{"5 502 0"}, in...)...)
	if diff := cmp.Diff(stream[rows:], r.stream(stream...)); diff != "" {
		t.Error(diff)
	}
}

func TestTakeover_RowsOfAnotherServerAreRefused(t *testing.T) {
	r := taking(t, checkpoint.Checkpoint{})
	r.put(0, "12 1202 0")
	r.s.takeover.here = place{gtid: rigServer + ":6", file: "b.000001", pos: 602}
	_, err := r.s.inKafka(&kafka.Record{Topic: "p.d.a", Partition: 0})
	if err == nil || !strings.Contains(err.Error(), "which the server does not have") {
		t.Errorf("got %v", err)
	}
}

// A connector's configuration says nothing of converters that are the worker's.
func TestTakeover_AnotherFormIsRefused(t *testing.T) {
	const inline, bare, avro = `{"schema":{"type":"struct","fields":[]},"payload":{"id":1}}`, `{"schema":{"x":1}}`, "\x00\x00\x00\x00\x01\x02"
	for _, tt := range []struct{ marks, key, value, want string }{
		{"", bare, bare, ""},
		{"schema", bare, inline, ""},
		{"tombstone", bare, inline, ""},
		{"", bare, "", ""},
		{"", inline, bare, "the keys of topic p.d.a are JSON without schemas, and JSON with schemas would follow; set --key-converter and --key-schemas-enable as the Connect worker has key.converter"},
		{"", avro, bare, "the keys of topic p.d.a are JSON without schemas, and Avro would follow"},
		{"schema", bare, bare, "the values of topic p.d.a are JSON with schemas, and JSON without schemas would follow; set --value-converter and --schemas-enable as the Connect worker has value.converter"},
		{"", bare, avro, "the values of topic p.d.a are JSON without schemas, and Avro would follow"},
	} {
		r := taking(t, checkpoint.Checkpoint{})
		r.put(0, "6 602 0 "+tt.marks)
		record := kafka.Record{Topic: "p.d.a", Partition: 0, Key: []byte(tt.key)}
		if tt.value != "" {
			record.Value = []byte(tt.value)
		}
		_, err := r.s.inKafka(&record)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, then %s: %s: got error %v\nwant %s", tt.marks, tt.key, tt.value, err, tt.want)
		}
	}
}

// Rows without a key may have gone to any partition.
func TestTakeover_RowsWithoutAKeyAreLookedForInAllPartitions(t *testing.T) {
	r := taking(t, checkpoint.Checkpoint{})
	r.put(1, "5 502 0", "6 602 1", "7 702 0")
	var published []string
	for _, line := range []string{"6 602 0", "6 602 1", "7 702 0", "7 702 1"} {
		r.s.takeover.here, _ = r.parsePlace(line)
		in, err := r.s.inKafka(&kafka.Record{Topic: "p.d.a", Partition: kafka.Unassigned})
		if err != nil {
			t.Fatal(err)
		}
		if !in {
			published = append(published, line)
		}
	}
	if diff := cmp.Diff([]string{"6 602 0", "7 702 1"}, published); diff != "" {
		t.Error(diff)
	}
}

// What is of no place in the binlog is this reader's own. It may come first: the
// topic's end is in the reader's own transaction then.
func TestTakeover_OwnRecordsArePublished(t *testing.T) {
	r := taking(t, checkpoint.Checkpoint{})
	r.put(0, "6 602 0", "6 602 1")
	r.s.takeover.nowhere()
	record := kafka.Record{Topic: "p.d.a", Partition: 0, Value: []byte(`{"op":"r"}`)}
	if err := r.s.send(&record); err != nil {
		t.Fatal(err)
	}
	if err := r.s.producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.stream("6 602 0", "6 602 1", "6 604 0"); !slices.Equal(got, []string{"6 604 0"}) {
		t.Errorf("published %v", got)
	}
	if n := r.s.span.records; n != 1 {
		t.Errorf("the span has %d records, want the one that was sent", n)
	}
}

func TestBoundaryPlace(t *testing.T) {
	for id, want := range map[string]place{
		"file=mysql-bin.000003,pos=194": {file: "mysql-bin.000003", pos: 194},
		rigServer + ":7":                {gtid: rigServer + ":7"},
		"0-1-5":                         {gtid: "0-1-5"},
	} {
		if got := boundaryPlace(id); got != want {
			t.Errorf("%s: got %+v, want %+v", id, got, want)
		}
	}
}
