package reference_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/firn-cdc/firn/integration/reference"
)

// Where Debezium's connector fails, all rows are published, and a value that no
// date can be is what Debezium makes of a zero date.
func TestReader_GoesOnWhereDebeziumStops(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/crash_*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for kind, lab := range labs {
		for _, file := range files {
			c, err := reference.ReadCase(file, kind)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(string(kind)+"/"+c.Name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				want, ok := beyond()[c.Name]
				if !ok {
					t.Fatalf("what is published of %s is not known", c.Name)
				}
				if diff := cmp.Diff(want, published(ctx, t, lab, c)); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// beyond returns the rows that are published of each case, as table: row.
func beyond() map[string][]string {
	return map[string][]string{
		"crash_ansi_quotes": {`ansi: {"id":1,"a b":2}`, `t: {"id":0}`, `t: {"id":1}`, `t: {"id":2}`},
		"crash_decimal_zerofill": {
			`d: {"id":101,"z":"AA=="}`, `d: {"id":102,"z":"BM4="}`, `d: {"id":103,"z":"BfXg/w=="}`, `d: {"id":104,"z":"AQ=="}`,
			`d: {"id":201,"z":"AA=="}`, `d: {"id":202,"z":"BM4="}`, `d: {"id":203,"z":"BfXg/w=="}`, `d: {"id":204,"z":"AQ=="}`,
		},
		"crash_invalid_date": {`d: {"id":1,"d":null,"dt":null}`, `d: {"id":2,"d":null,"dt":null}`},
		"crash_stream_invalid_date": {
			`d: {"id":0,"d":null,"dn":17532,"dt":null,"dtn":1514764800000,"dt6":null,"ts":null}`,
			`d: {"id":1,"d":null,"dn":0,"dt":null,"dtn":0,"dt6":null,"ts":"2018-02-28T00:00:00Z"}`,
			`z: {"id":1,"z":"BM4="}`, `z: {"id":2,"z":"AA=="}`, `z: {"id":3,"z":"BfXg/w=="}`,
		},
	}
}

// published runs a case and returns its rows.
func published(ctx context.Context, t *testing.T, lab *reference.Lab, c *reference.Case) []string {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	conn, err := lab.Prepare(ctx, c)
	must(err)
	defer conn.Close()
	must(reference.Execute(ctx, conn, c.Snapshot))
	config, err := lab.Connector(c)
	must(err)
	must(lab.Reader(ctx, c, config))
	must(reference.Execute(ctx, conn, c.Stream))
	must(lab.Reader(ctx, c, config))
	records, err := lab.Records(ctx, c)
	must(err)
	var rows []string
	for _, r := range records {
		if after := gjson.GetBytes(r.Value, "payload.after"); after.Exists() {
			rows = append(rows, fmt.Sprintf("%s: %s", strings.TrimPrefix(r.Topic, c.Name+"."+c.Name+"."), after.Raw))
		}
	}
	slices.Sort(rows)
	return rows
}
