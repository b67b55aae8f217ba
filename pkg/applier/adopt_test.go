package applier_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// create makes the Iceberg table of a source as another program would, with
// required columns.
func (s *source) create(row *debezium.Schema, required ...string) {
	s.w.t.Helper()
	setup := s.w.setup()
	catalog, err := setup.catalog(s.w.t.Context())
	must(s.w.t, err)
	defer func() { must(s.w.t, catalog.Close()) }()
	t, err := catalog.LoadOrCreate(s.w.t.Context(), lake.Name{Namespace: "db", Table: s.name}, row, nil, lake.CreateOptions{})
	must(s.w.t, err)
	txn := t.Iceberg().NewTransaction()
	update := txn.UpdateSchema(true, true)
	for _, name := range required {
		update.UpdateColumn([]string{name}, table.ColumnUpdate{Required: iceberg.Optional[bool]{Valid: true, Val: true}})
	}
	must(s.w.t, update.Commit())
	_, err = txn.Commit(s.w.t.Context())
	must(s.w.t, err)
}

func TestApplier_TableOfAnotherMaker(t *testing.T) {
	null := func(s *source, id int64) *kgo.Record {
		s.rows[id] = []string{"(null)"}
		return s.record(&debezium.Event{Op: debezium.Create, After: []debezium.Value{debezium.Int(debezium.Int64, id), {}}}, id)
	}
	t.Run("a required column may be null where the source's may", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		s.create(s.row, "id", "v")
		w.send(s.put(1, "a"), null(s, 2))
		must(t, w.run())
		s.holds()
		w.send(s.put(2, "b"), null(s, 1))
		must(t, w.run())
		s.holds()
	})
	t.Run("a required column that the source does not have stops the table, with the remedy", func(t *testing.T) {
		w := newWorld(t)
		s := w.table("t", 1)
		row := *s.row
		row.Fields = append(slices.Clip(row.Fields), debezium.Field{Name: "more", Schema: &debezium.Schema{Type: debezium.String, Optional: true}})
		s.create(&row, "id", "more")
		w.send(s.put(1, "a"))
		err := w.run()
		if err == nil || !strings.Contains(err.Error(), "column more is required (NOT NULL)") || !strings.Contains(err.Error(), "DROP NOT NULL") {
			t.Errorf("the error is %v", err)
		}
	})
}
