package lake_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

func created(t *testing.T, row *debezium.Schema) *lake.Table {
	t.Helper()
	tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, row, []string{"id"}, lake.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// print lists columns as id name type, with ! for required ones.
func print(tbl *lake.Table) string {
	var out []string
	for _, f := range tbl.Iceberg().Schema().Fields() {
		mark := ""
		if f.Required {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%d %s %s%s", f.ID, f.Name, f.Type, mark))
	}
	return strings.Join(out, ", ")
}

func TestTable_Evolve(t *testing.T) {
	id := field("id", &debezium.Schema{Type: debezium.Int32})
	one := func(s *debezium.Schema) *debezium.Schema { return rowSchema(id, field("c", s)) }
	str, f32, f64 := schema(debezium.String, ""), schema(debezium.Float32, ""), schema(debezium.Float64, "")
	tests := []struct {
		name     string
		from, to *debezium.Schema
		want     string // the table afterwards; "" is incompatible
		changed  bool
	}{
		{"the same", one(str), one(str), "1 id long!, 2 c string", false},
		{"int to bigint is no change", one(schema(debezium.Int32, "")), one(schema(debezium.Int64, "")), "1 id long!, 2 c long", false},
		{"two columns are one change", rowSchema(id), rowSchema(id, field("a", str), field("b", f32)), "1 id long!, 2 a string, 3 b float", true},
		{"an added NOT NULL column is optional", rowSchema(id), rowSchema(field("n", &debezium.Schema{Type: debezium.String}), id), "1 id long!, 2 n string", true},
		{"a dropped column stays", one(str), rowSchema(id), "1 id long!, 2 c string", false},
		{"float to double", one(f32), one(f64), "1 id long!, 2 c double", true},
		{"double holds float", one(f64), one(f32), "1 id long!, 2 c double", false},
		{"more digits", one(decimalSchema("10", "2")), one(decimalSchema("12", "2")), "1 id long!, 2 c decimal(12, 2)", true},
		{"fewer digits", one(decimalSchema("12", "2")), one(decimalSchema("10", "2")), "1 id long!, 2 c decimal(12, 2)", false},
		{"another scale", one(decimalSchema("10", "2")), one(decimalSchema("12", "4")), "", false},
		{"unsigned bigint holds bigint", one(decimalSchema("20", "0")), one(schema(debezium.Int64, "")), "1 id long!, 2 c decimal(20, 0)", false},
		{"bigint does not hold unsigned bigint", one(schema(debezium.Int64, "")), one(decimalSchema("20", "0")), "", false},
		{"string to binary, which the library would take", one(str), one(schema(debezium.Bytes, "")), "", false},
		{"int to string", one(schema(debezium.Int32, "")), one(str), "", false},
		{"date to timestamp", one(schema(debezium.Int32, times+"Date")), one(schema(debezium.Int64, times+"Timestamp")), "", false},
		{"timestamp to timestamptz", one(schema(debezium.Int64, times+"Timestamp")), one(schema(debezium.String, times+"ZonedTimestamp")), "", false},
		{"datetime to datetime(6)", one(schema(debezium.Int64, times+"Timestamp")), one(schema(debezium.Int64, times+"MicroTimestamp")), "1 id long!, 2 c timestamp", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tbl := created(t, tt.from)
			schemas := len(tbl.Iceberg().Metadata().Schemas())
			changed, err := tbl.Evolve(t.Context(), tt.to)
			if tt.want == "" {
				var refused *lake.IncompatibleTypeError
				if !errors.As(err, &refused) {
					t.Fatalf("got %v, want an IncompatibleTypeError", err)
				}
				if refused.Table != "salesdb.customer" || refused.Column != "c" {
					t.Errorf("got %s.%s, want salesdb.customer.c", refused.Table, refused.Column)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := tbl.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, print(tbl)); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
			if changed != tt.changed {
				t.Errorf("changed: got %v, want %v", changed, tt.changed)
			}
			if got, most := len(tbl.Iceberg().Metadata().Schemas())-schemas, 1; got > most {
				t.Errorf("%d schema updates, want at most one", got)
			}
		})
	}

	t.Run("a case twin is refused", func(t *testing.T) {
		tbl := created(t, one(str))
		_, err := tbl.Evolve(t.Context(), rowSchema(id, field("C", str)))
		var clash *lake.NameClashError
		if !errors.As(err, &clash) || clash.Existing != "c" {
			t.Errorf("got %v, want a NameClashError with c", err)
		}
	})
	t.Run("a rename keeps the field id", func(t *testing.T) {
		tbl := created(t, one(str))
		for i, want := range []bool{true, false} { // the second time it is done already
			changed, err := tbl.Alter(t.Context(), lake.Alteration{Next: int64(i), Renamed: [][2]string{{"c", "d"}}}, nothing)
			if err != nil || changed != want {
				t.Fatalf("got %v, %v, want %v", changed, err, want)
			}
		}
		if diff := cmp.Diff("1 id long!, 2 d string", print(tbl)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
	})
	t.Run("a key column can be renamed and not dropped", func(t *testing.T) {
		tbl := created(t, one(str))
		if _, err := tbl.Alter(t.Context(), lake.Alteration{Next: 1, Renamed: [][2]string{{"id", "no"}}}, nothing); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"no"}, tbl.Key()); diff != "" {
			t.Errorf("key (-want +got):\n%s", diff)
		}
		if _, err := tbl.Alter(t.Context(), lake.Alteration{Next: 2, Dropped: []string{"no"}}, nothing); err == nil {
			t.Error("the key column was dropped")
		}
	})
}

// TestTable_EvolveConcurrently lets processes see the same new columns at once.
func TestTable_EvolveConcurrently(t *testing.T) {
	dir := t.TempDir()
	const processes = 6
	wide := customers()
	wide.Fields = append(wide.Fields, field("status", schema(debezium.String, "")))
	tables := make([]*lake.Table, processes)
	failed := make([]error, processes)
	var wg sync.WaitGroup
	catalogs := make([]*lake.Catalog, processes)
	for i := range processes {
		wg.Go(func() {
			if catalogs[i], failed[i] = lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, Warehouse: dir}); failed[i] != nil {
				return
			}
			tables[i], failed[i] = catalogs[i].LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{})
			if failed[i] == nil {
				_, failed[i] = tables[i].Evolve(t.Context(), wide)
			}
		})
	}
	wg.Wait()
	for i := range processes {
		if failed[i] != nil {
			t.Fatalf("process %d: %v", i, failed[i])
		}
		if diff := cmp.Diff("1 id long!, 2 name string, 3 mktsegment string, 4 status string", print(tables[i])); diff != "" {
			t.Errorf("process %d (-want +got):\n%s", i, diff)
		}
		if err := catalogs[i].Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTable_EvolveARequiredColumn(t *testing.T) {
	id, str := field("id", &debezium.Schema{Type: debezium.Int32}), schema(debezium.String, "")
	always := &debezium.Schema{Type: debezium.String}
	tbl := created(t, rowSchema(id, field("a", str), field("b", str)))
	require(t, tbl, "a", "b")
	if _, err := tbl.Evolve(t.Context(), rowSchema(id, field("a", always), field("b", str))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("1 id long!, 2 a string!, 3 b string", print(tbl)); diff != "" {
		t.Errorf("what may be null in the rows may be in the table (-want +got):\n%s", diff)
	}
	builder, err := tbl.NewRowBuilder(memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer builder.Release()
	err = builder.Append(rowSchema(id, field("b", str)), []debezium.Value{debezium.Int(debezium.Int32, 1), debezium.Text("x")})
	if _, ok := errors.AsType[*lake.AdoptError](err); !ok || !strings.Contains(err.Error(), "column a is required") || !strings.Contains(err.Error(), "DROP NOT NULL") {
		t.Errorf("rows without a required column: %v", err)
	}
}

// require makes columns required, as another program may have made them.
func require(t *testing.T, tbl *lake.Table, columns ...string) {
	t.Helper()
	txn := tbl.Iceberg().NewTransaction()
	update := txn.UpdateSchema(true, true)
	for _, name := range columns {
		update.UpdateColumn([]string{name}, table.ColumnUpdate{Required: iceberg.Optional[bool]{Valid: true, Val: true}})
	}
	if err := update.Commit(); err != nil {
		t.Fatal(err)
	}
	changed, err := txn.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tbl.Set(changed)
}
