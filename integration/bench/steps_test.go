package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelected(t *testing.T) {
	for only, want := range map[string][]string{
		"reader_encode_avro":              {"encode"},
		"reader_latency_p50_ms":           {"fill", "snapshot", "latency"},
		"applier_upsert,index_lookups":    {"index", "fill", "snapshot", "append", "upsert"},
		"applier_backlog":                 {"fill", "snapshot", "append", "backlog", "apply"},
		"reader_snapshot,reader_snapshot": {"fill", "snapshot"},
	} {
		steps, err := selected(only)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range steps {
			got = append(got, s.name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-only %s: %s", only, diff)
		}
	}
	if _, err := selected("reader_speed"); err == nil {
		t.Error("an unknown name is no error")
	}
	if all, err := selected(""); err != nil || len(all) != len(steps()) {
		t.Errorf("%d steps, %v; want all", len(all), err)
	}
}

// The names that other things rely on.
func TestSteps_NamesThatStay(t *testing.T) {
	for _, name := range []string{
		"reader_encode_json", "reader_encode_json_schemas", "reader_encode_avro", "reader_backlog", "reader_snapshot", "reader_bytes_per_event",
		"reader_latency_p50_ms", "reader_latency_p99_ms", "reader_rss_mib", "applier_append", "applier_upsert", "applier_rss_mib",
		"index_bytes_per_key", "index_lookups", "freshness_p50_s", "freshness_p99_s", "scan_ratio",
	} {
		if !slices.Contains(names(), name) {
			t.Errorf("there is no result %s", name)
		}
	}
}
