package applier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/status"
)

// propUnknown is the table property of columns that have another value in every
// old row, which no event tells. It outlives the process, and ends when the table
// is emptied after the statement, which a new snapshot begins with.
const propUnknown = "firn.needs-snapshot"

// unknownValues are such columns, and the last statement that added one.
type unknownValues struct {
	Columns []string `json:"columns"`
	TsNs    int64    `json:"ts_ns"`
	File    string   `json:"file,omitempty"`
	Pos     int64    `json:"pos,omitempty"`
}

// unknown returns what the table records, nil for nothing.
func (w *work) unknown() (*unknownValues, error) {
	text := w.table.Properties()[propUnknown]
	if text == "" {
		return nil, nil
	}
	var u unknownValues
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		return nil, fmt.Errorf("read property %s of %s: %w", propUnknown, w.name, err)
	}
	return &u, nil
}

// note adds what a statement did to what the table records, as its properties.
func (w *work) note(d *ddl) (map[string]string, error) {
	if len(d.perRow) == 0 {
		return nil, nil
	}
	u, err := w.unknown()
	if err != nil {
		return nil, err
	}
	if u == nil {
		u = &unknownValues{}
	}
	for _, name := range d.perRow {
		if !slices.Contains(u.Columns, name) {
			u.Columns = append(u.Columns, name)
		}
	}
	u.TsNs, u.File, u.Pos = d.source.TsNs, d.source.File, d.source.Pos
	text, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("record property %s of %s: %w", propUnknown, w.name, err)
	}
	return map[string]string{propUnknown: string(text)}, nil
}

// before reports whether the statement came before an event, or with it. Times
// are whole seconds; where they are the same the binlog decides.
func (u *unknownValues) before(s *debezium.Source) bool {
	if u.File == s.File {
		return u.Pos <= s.Pos
	}
	return u.TsNs < s.TsNs
}

// emptied has the commit of a TRUNCATE end what the table records, if that was
// before it.
func (w *work) emptied(c *change) error {
	u, err := w.unknown()
	if err != nil || u == nil || !w.batch.Truncated() || !u.before(&w.truncated) {
		return err
	}
	if c.request.Properties == nil {
		c.request.Properties = make(map[string]string)
	}
	c.request.Properties[propUnknown] = ""
	return nil
}

// showUnknown puts the columns on the status page.
func (w *work) showUnknown() error {
	u, err := w.unknown()
	if err != nil {
		return err
	}
	text := ""
	if u != nil {
		text = "no event tells the values of " + strings.Join(u.Columns, ", ") + " in old rows"
	}
	if w.metrics != nil {
		w.metrics.NeedsSnapshot.Store(u != nil)
	}
	w.update(func(t *status.Table) { t.NeedsSnapshot = text })
	return nil
}
