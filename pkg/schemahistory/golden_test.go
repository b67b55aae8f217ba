package schemahistory_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// lines calls fn with every line of a file.
func lines(t *testing.T, path string, fn func(line []byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	n := 0
	for s.Scan() {
		n++
		fn(s.Bytes())
	}
	if s.Err() != nil || n == 0 {
		t.Fatalf("%s: %d lines, %v", path, n, s.Err())
	}
}

// recordedPart is a record of the schema-change topic.
type recordedPart struct {
	Database string          `json:"database"`
	DDL      string          `json:"ddl"`
	Table    string          `json:"table"`
	Changes  json.RawMessage `json:"changes"`
}

// TestHistory_FollowsDebezium replays the statements that Debezium recorded on
// its schema-change topic and compares every record's text, tables and definitions.
func TestHistory_FollowsDebezium(t *testing.T) {
	for _, server := range []string{"mysql9", "mariadb"} {
		t.Run(server, func(t *testing.T) {
			histories := make(map[string]*schemahistory.History)
			lines(t, "testdata/golden/"+server+".jsonl", func(line []byte) {
				var want struct {
					Case      string         `json:"case"`
					Statement string         `json:"statement"`
					Parts     []recordedPart `json:"parts"`
				}
				if err := json.Unmarshal(line, &want); err != nil {
					t.Fatal(err)
				}
				h := histories[want.Case]
				if h == nil {
					h = schemahistory.New(schemahistory.Options{Charset: "latin1", DebeziumExact: true, MariaDB: server == "mariadb"})
					histories[want.Case] = h
				}
				_, effect, err := h.Apply(want.Case, want.Statement, schemahistory.StatementContext{})
				if err != nil {
					t.Fatalf("%s: %v", want.Statement, err)
				}
				compareParts(t, want.Statement, want.Parts, effect.Parts)
			})
		})
	}
}

func compareParts(t *testing.T, statement string, want []recordedPart, got []schemahistory.Part) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d records, want %d", statement, len(got), len(want))
	}
	for i, p := range got {
		var names []string
		for _, id := range p.Tables {
			names = append(names, id.Table)
		}
		if p.Database != want[i].Database || p.DDL != want[i].DDL || strings.Join(names, ",") != want[i].Table {
			t.Errorf("%s: got record %q of %q in %q, want %q of %q in %q", statement,
				p.DDL, names, p.Database, want[i].DDL, want[i].Table, want[i].Database)
		}
		// The topic's form of a change is the history's without hasDefaultValue, previousId and the comment's place.
		rec, err := schemahistory.DecodeRecord([]byte(`{"tableChanges":` + string(want[i].Changes) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(rec.Changes), plain(p.Changes)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", statement, diff)
		}
	}
}

// plain returns the changes without what the schema-change topic does not carry.
func plain(changes []debezium.TableChange) []debezium.TableChange {
	var out []debezium.TableChange
	for _, c := range changes {
		c.Previous = nil
		if c.Table != nil {
			table := *c.Table
			table.PrimaryKey = append([]string{}, table.PrimaryKey...)
			table.Columns = append([]debezium.Column(nil), table.Columns...)
			for i := range table.Columns {
				table.Columns[i].HasDefault = false
			}
			c.Table = &table
		}
		out = append(out, c)
	}
	return out
}

// records calls fn with every record of Debezium's internal history topics.
func records(t *testing.T, fn func(text string, r *schemahistory.Record)) {
	lines(t, "testdata/golden/history.jsonl", func(line []byte) {
		var text string
		if err := json.Unmarshal(line, &text); err != nil {
			t.Fatal(err)
		}
		r, err := schemahistory.DecodeRecord([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		fn(text, &r)
	})
}

func TestRecord_EncodesAsDebezium(t *testing.T) {
	records(t, func(text string, r *schemahistory.Record) {
		if diff := cmp.Diff(text, string(schemahistory.EncodeRecord(r))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.DDL, diff)
		}
	})
}

func TestHistory_LoadsDebeziumsHistory(t *testing.T) {
	h := schemahistory.New(schemahistory.Options{Captured: func(debezium.TableID) bool { return false }})
	want := make(map[debezium.TableID]*debezium.Table)
	records(t, func(_ string, r *schemahistory.Record) {
		h.Load(r)
		for _, c := range r.Changes {
			if c.Previous != nil {
				delete(want, *c.Previous)
			}
		}
		for _, c := range r.Changes {
			delete(want, c.ID)
			if c.Table != nil {
				want[c.ID] = c.Table
			}
		}
	})
	// Debezium's record of ALTER TABLE … RENAME TO does not say that the old name is gone.
	delete(want, debezium.TableID{Database: "ddl", Table: "t_new"})
	got := make(map[debezium.TableID]*debezium.Table)
	for _, id := range h.Tables() {
		got[id], _ = h.Table(id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

// TestHistory_KnowsWhichColumnsHaveDefaults replays the history's statements
// and compares what only the history records carry: hasDefaultValue and previousId.
func TestHistory_KnowsWhichColumnsHaveDefaults(t *testing.T) {
	h := schemahistory.New(schemahistory.Options{DebeziumExact: true})
	records(t, func(_ string, r *schemahistory.Record) {
		ddl := r.DDL
		if strings.Contains(ddl, "/*!") { // Debezium cuts the end of the comment off
			ddl += " */"
		}
		got, _, err := h.Apply(r.Database, ddl, schemahistory.StatementContext{})
		if err != nil {
			t.Fatalf("%s: %v", r.DDL, err)
		}
		if r.DDL == "RENAME TABLE swap1 TO swap_tmp" { // one of three pairs, of which the record shows the end
			return
		}
		normal := func(changes []debezium.TableChange) string {
			return string(schemahistory.EncodeRecord(&schemahistory.Record{Changes: changes}))
		}
		if diff := cmp.Diff(normal(r.Changes), normal(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.DDL, diff)
		}
	})
}
