package convert_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// TestPlan_StreamEqualsSnapshot holds the promise that without DebeziumExact
// the event does not depend on how a row was read. The goldens have each row
// twice: with id 10x in the snapshot, 20x in the stream.
func TestPlan_StreamEqualsSnapshot(t *testing.T) {
	compared := 0
	forEachGolden(t, func(t *testing.T, properties []string, lines []goldenLine) {
		opts, _ := options(t, properties)
		opts.DebeziumExact, opts.Table = false, debezium.TableID{}
		plans := map[string]*convert.Plan{}
		snapshot := map[string]map[int64][]debezium.Value{}
		topic := ""
		for i, l := range lines {
			if l.Table != nil {
				topic = l.Model
				p, err := convert.NewPlan(topic, l.Table.table(), opts)
				if err != nil {
					t.Fatal(err)
				}
				plans[topic] = p
				if snapshot[topic] == nil {
					snapshot[topic] = map[int64][]debezium.Value{}
				}
				continue
			}
			p := plans[topic]
			if p.Row.Fields[0].Name != "id" {
				continue
			}
			switch l.Op {
			case "r":
				values, err := p.Selected(nil, l.Selected)
				if err != nil {
					t.Errorf("line %d: %v", i+2, err)
					continue
				}
				snapshot[topic][values[0].I] = values
			case "c":
				values, err := p.Streamed(nil, row(l.After))
				if err != nil {
					t.Errorf("line %d: %v", i+2, err)
					continue
				}
				want := snapshot[topic][values[0].I-100]
				if want == nil || len(want) != len(values) {
					continue
				}
				for k := 1; k < len(values); k++ {
					if diff := cmp.Diff(byValue(p, k, want[k]), byValue(p, k, values[k])); diff != "" {
						t.Errorf("line %d: field %s differs (-snapshot +stream)\n%s", i+2, p.Row.Fields[k].Name, diff)
					}
					compared++
				}
			}
		}
	})
	if compared < 1000 {
		t.Errorf("compared %d values, want at least 1000", compared)
	}
}

// byValue returns a value without what may differ in its text alone: zeros
// at the end of a fraction of a second, JSON's spaces and digits.
func byValue(p *convert.Plan, k int, v debezium.Value) any {
	if v.Type != debezium.String {
		return v
	}
	switch p.Row.Fields[k].Schema.Name {
	case debezium.NameZonedTimestamp:
		b := v.B[:len(v.B)-1]
		for len(b) > 20 && b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
		if len(b) == 20 {
			b = b[:19]
		}
		return string(b)
	case debezium.NameJSON:
		var j any
		if err := json.Unmarshal(v.B, &j); err != nil {
			return err.Error()
		}
		return j
	default:
		return string(v.B)
	}
}
