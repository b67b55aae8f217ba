package applier

import (
	"context"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// opColumn is the operation's column in tables whose changes are appended.
const opColumn = "__op"

// schemas follows a table's columns: by its schema changes, and by the schemas
// that rows come with. Statements are followed when they are seen, which may be
// before older rows come; those are then taken as the statements left them.
type schemas struct {
	appending bool

	done     int64             // offset of the next schema change to follow
	topic    string            // id of the topic that it is in; "": not known
	anew     bool              // nothing of that topic was followed, of another one before it something was
	read     int64             // of the feed
	versions int               // of the table, that there were then
	changes  []ddl             // between them
	renamed  map[string]string // old names to present ones, for rows that fit none of its versions
	dropped  []string          // columns that the source has no more

	known   map[*debezium.Schema]*debezium.Schema // row schemas as events have them, as the table has them
	evolved map[*debezium.Schema]bool             // those that the table holds, under its schema
	schema  int
}

// open begins where the table ends.
func (s *schemas) open(w *work) {
	s.done, s.topic, s.anew = -1, "", false
	if w.committer != nil {
		state := w.committer.State()
		s.done, s.topic = state.SchemaOffset, state.SchemaTopicID
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
	if s.done <= 0 && !s.anew {
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
	s.rename(&t)
	if s.appending {
		t.Fields = append(t.Fields, debezium.Field{Name: opColumn, Schema: &debezium.Schema{Type: debezium.String, Optional: true}})
	}
	s.known[row] = &t
	return &t
}

// rename gives a row's columns their present names.
func (s *schemas) rename(row *debezium.Schema) {
	if later, ok := s.since(row); ok {
		for i := range later {
			for f := range row.Fields {
				at := slices.IndexFunc(later[i].renamed, func(r [2]string) bool { return r[0] == row.Fields[f].Name })
				if at >= 0 {
					row.Fields[f].Name = later[i].renamed[at][1]
				}
			}
		}
		return
	}
	for i := range row.Fields {
		for range s.renamed { // a column may be renamed more than once
			to, ok := s.renamed[row.Fields[i].Name]
			if !ok || row.FieldIndex(to) >= 0 {
				break
			}
			row.Fields[i].Name = to
		}
	}
}

// since returns the changes after the last version of the table that had the
// row's columns.
func (s *schemas) since(row *debezium.Schema) ([]ddl, bool) {
	if later, ok := s.sinceFit(func(columns []string) bool { // names may have changed places, but not their order
		return slices.EqualFunc(columns, row.Fields, func(name string, f debezium.Field) bool { return name == f.Name })
	}); ok {
		return later, true
	}
	return s.sinceFit(func(columns []string) bool {
		return len(columns) == len(row.Fields) && !slices.ContainsFunc(columns, func(name string) bool { return row.FieldIndex(name) < 0 })
	})
}

func (s *schemas) sinceFit(fits func(columns []string) bool) ([]ddl, bool) {
	for i := len(s.changes); i > 0; i-- {
		if fits(s.changes[i-1].after) {
			return s.changes[i:], true
		}
	}
	if len(s.changes) > 0 && fits(s.changes[0].before) {
		return s.changes, true
	}
	return nil, false
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
	case debezium.Upsert: // the record does not tell
		return debezium.Value{}
	default:
		return debezium.Text(string(rune(op)))
	}
}

// newSchema is told of a row schema that has not been seen: the statement that
// made it is in the schema-change topic by now, and is followed first.
func (w *work) newSchema(ctx context.Context, row *debezium.Schema) error {
	if err := w.schemaChangesRead(ctx); err != nil {
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
	versions, next, id := w.feed.table(w.topic.Name)
	switch {
	case s.topic == "":
		s.topic = id
	case id != s.topic && id != "":
		return errSchemaTopicAnew
	}
	if next == s.read && (w.keeper == nil || s.done >= next) {
		return nil
	}
	if s.read < 0 || len(versions) > s.versions {
		changes, err := history(versions, w.cfg.Modes, !w.cfg.DropColumns)
		if err != nil {
			return err
		}
		s.versions = len(versions)
		s.fold(changes)
	}
	s.read = next
	if w.keeper == nil { // before the table, or its key, is known
		return nil
	}
	if err := w.follow(ctx, s.changes); err != nil {
		return err
	}
	s.done = max(s.done, next)
	return w.pending()
}

// follow makes the alterations that the table has not seen.
func (w *work) follow(ctx context.Context, changes []ddl) error {
	s := &w.schemas
	news := func() []ddl {
		altered, _ := w.table.Altered() // another topic's is refused at the opening
		s.done = max(s.done, altered)
		i := slices.IndexFunc(changes, func(d ddl) bool { return d.offset >= s.done })
		if i < 0 {
			return nil
		}
		return changes[i:]
	}
	if len(news()) == 0 {
		return nil
	}
	if err := w.table.Reload(ctx); err != nil { // another shard may have made them
		return err
	}
	ahead := news()
	if s.done <= 0 && len(ahead) > 0 {
		ahead = []ddl{squash(ahead, func(column string) bool { return slices.Contains(w.table.Columns(), column) })}
	}
	for i := range ahead {
		if err := w.alter(ctx, &ahead[i]); err != nil {
			return err
		}
		s.done = ahead[i].offset + 1
	}
	return nil
}

// fold recomputes what rows of older schemas need.
func (s *schemas) fold(changes []ddl) {
	s.changes, s.renamed, s.dropped = changes, make(map[string]string), nil
	for i := range changes {
		d := &changes[i]
		for _, r := range d.renamed {
			delete(s.renamed, r[1])
		}
		for _, r := range d.renamed {
			s.renamed[r[0]] = r[1]
		}
		s.dropped = append(s.dropped, d.dropped...)
		for _, r := range d.renamed {
			s.there(r[1])
		}
		for _, f := range d.added {
			delete(s.renamed, f.Name)
			s.there(f.Name)
		}
	}
	s.reset()
}

// there notes that a column has a name that a dropped one may have had.
func (s *schemas) there(name string) {
	s.dropped = slices.DeleteFunc(s.dropped, func(dropped string) bool { return strings.EqualFold(dropped, name) })
}

// alter does to the table what a statement did in MySQL, as one change of it.
func (w *work) alter(ctx context.Context, d *ddl) error {
	a := lake.Alteration{Next: d.offset + 1, TopicID: w.schemas.topic, Renamed: d.renamed, Columns: append(slices.Clone(d.added), d.changed...)}
	if w.cfg.DropColumns {
		a.Dropped = d.dropped
	}
	further, err := w.note(d)
	if err != nil {
		return err
	}
	changed, err := w.keeper.Alter(ctx, a, d.fills, further)
	if err != nil {
		return err
	}
	w.due = w.due || len(d.fills) > 0
	if changed && w.metrics != nil {
		w.metrics.SchemaChanges.Inc()
	}
	for _, name := range d.perRow {
		w.log.Warn("column has another value in every old row, which no event tells: snapshot the table again", "table", w.name.String(), "column", name)
	}
	return nil
}

// evolve makes the table hold the rows of the batch.
func (w *work) evolve(ctx context.Context) error {
	if id := w.table.SchemaID(); id != w.schemas.schema { // another program may have dropped a column
		clear(w.schemas.evolved)
		w.schemas.schema = id
	}
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
