package applier

import (
	"context"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// opColumn is the operation's column in tables whose changes are appended.
const opColumn = "__op"

// schemas follows a table's columns: by its schema changes, and by the schemas
// that rows come with. Statements are followed when they are seen, which may be
// before older rows come; those are then taken as the statements left them.
type schemas struct {
	appending bool

	done    int64             // offset of the next schema change to follow
	read    int64             // of the feed
	renamed map[string]string // old names to present ones
	dropped []string          // columns that the source has no more

	known   map[*debezium.Schema]*debezium.Schema // row schemas as events have them, as the table has them
	evolved map[*debezium.Schema]bool
}

// open begins where the table ends.
func (s *schemas) open(w *work) {
	s.done = -1
	if w.committer != nil {
		s.done = w.committer.State().SchemaOffset
	}
	s.read = -1
	s.reset()
}

func (s *schemas) reset() {
	s.known = make(map[*debezium.Schema]*debezium.Schema)
	s.evolved = make(map[*debezium.Schema]bool)
}

// committable returns the offset to record with a batch, -1 for none.
func (s *schemas) committable() int64 {
	if s.done <= 0 {
		return -1
	}
	return s.done
}

func (s *schemas) seen(row *debezium.Schema) bool { return s.known[row] != nil }

// target returns a row schema as the table has it.
func (s *schemas) target(row *debezium.Schema) *debezium.Schema {
	if t := s.known[row]; t != nil {
		return t
	}
	var t debezium.Schema
	if row != nil {
		t = *row
		t.Fields = slices.Clone(row.Fields)
	} else {
		t.Type = debezium.Struct
	}
	for i := range t.Fields {
		for seen := 0; seen < len(s.renamed); seen++ { // a column may be renamed more than once
			to, ok := s.renamed[t.Fields[i].Name]
			if !ok || row.FieldIndex(to) >= 0 {
				break
			}
			t.Fields[i].Name = to
		}
	}
	if s.appending {
		t.Fields = append(t.Fields, debezium.Field{Name: opColumn, Schema: &debezium.Schema{Type: debezium.String, Optional: true}})
	}
	s.known[row] = &t
	return &t
}

func opValue(op debezium.Op) debezium.Value {
	switch op {
	case debezium.Create:
		return debezium.Text("c")
	case debezium.Update:
		return debezium.Text("u")
	case debezium.Delete:
		return debezium.Text("d")
	case debezium.Read:
		return debezium.Text("r")
	default:
		return debezium.Text(string(rune(op)))
	}
}

// newSchema is told of a row schema that has not been seen: the statement that
// made it is in the schema-change topic by now, and is followed first.
func (w *work) newSchema(ctx context.Context, row *debezium.Schema) error {
	if err := w.feed.catchUp(ctx); err != nil {
		return err
	}
	if err := w.schemaChanges(ctx); err != nil {
		return err
	}
	w.schemas.target(row)
	return nil
}

// schemaChanges follows what the schema-change topic has of the table.
func (w *work) schemaChanges(ctx context.Context) error {
	s := &w.schemas
	versions, next := w.feed.table(w.topic.Name)
	if next == s.read && (w.keeper == nil || s.done >= next) {
		return nil
	}
	changes, err := history(versions, w.cfg.Modes)
	if err != nil {
		return err
	}
	s.read = next
	s.fold(changes)
	if w.keeper == nil { // before the table, or its key, is known
		return nil
	}
	for i := range changes {
		if changes[i].offset < s.done {
			continue
		}
		if err := w.alter(ctx, &changes[i]); err != nil {
			return err
		}
		s.done = changes[i].offset + 1
	}
	s.done = max(s.done, next)
	return w.pending()
}

// fold recomputes what rows of older schemas need.
func (s *schemas) fold(changes []ddl) {
	s.renamed, s.dropped = make(map[string]string), nil
	for i := range changes {
		d := &changes[i]
		for _, r := range d.renamed {
			s.renamed[r[0]] = r[1]
			delete(s.renamed, r[1])
		}
		s.dropped = append(s.dropped, d.dropped...)
		for _, f := range d.added {
			delete(s.renamed, f.Name)
			s.dropped = slices.DeleteFunc(s.dropped, func(name string) bool { return strings.EqualFold(name, f.Name) })
		}
	}
	s.reset()
}

// alter does to the table what a statement did in MySQL.
func (w *work) alter(ctx context.Context, d *ddl) error {
	for _, r := range d.renamed {
		if !slices.Contains(w.table.Columns(), r[0]) && !slices.Contains(w.table.Columns(), r[1]) {
			continue // no row has had it
		}
		if _, err := w.table.Rename(ctx, r[0], r[1]); err != nil {
			return err
		}
	}
	for _, f := range d.fills {
		if err := w.keeper.AddFill(ctx, f, d.position); err != nil {
			return err
		}
		w.due = true
	}
	if fields := append(slices.Clone(d.added), d.changed...); len(fields) > 0 {
		changed, err := w.table.Evolve(ctx, &debezium.Schema{Type: debezium.Struct, Fields: fields})
		if err != nil {
			return err
		}
		if changed && w.metrics != nil {
			w.metrics.SchemaChanges.Inc()
		}
	}
	for _, name := range d.dropped {
		if !w.cfg.DropColumns {
			continue
		}
		if _, err := w.table.DropColumn(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range d.perRow {
		w.log.Warn("column has another value in every old row, which no event tells: snapshot the table again", "table", w.name.String(), "column", name)
		if w.metrics != nil {
			w.metrics.NeedsSnapshot.Store(true)
		}
	}
	return nil
}

// evolve makes the table hold the rows of the batch.
func (w *work) evolve(ctx context.Context) error {
	for _, row := range w.batch.Schemas() {
		t := w.schemas.target(row)
		if w.schemas.evolved[t] {
			continue
		}
		changed, err := w.table.Evolve(ctx, t)
		if err != nil {
			return err
		}
		if changed && w.metrics != nil {
			w.metrics.SchemaChanges.Inc()
		}
		w.schemas.evolved[t] = true
	}
	return nil
}
