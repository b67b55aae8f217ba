package lake_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

func nothing(func(string) (int, bool)) (map[string]string, error) { return nil, nil }

func TestTable_Alter(t *testing.T) {
	id := field("id", &debezium.Schema{Type: debezium.Int32})
	str, f32, f64 := schema(debezium.String, ""), schema(debezium.Float32, ""), schema(debezium.Float64, "")

	t.Run("columns, what is recorded of them and the place among the changes are one change of the table", func(t *testing.T) {
		tbl := created(t, rowSchema(id, field("a", f32)))
		before := len(versions(tbl))
		a := lake.Alteration{Next: 7, Renamed: [][2]string{{"a", "b"}}, Columns: []debezium.Field{field("b", f64), field("a", str)}}
		var ids []int
		changed, err := tbl.Alter(t.Context(), a, func(id func(string) (int, bool)) (map[string]string, error) {
			for _, name := range []string{"a", "b", "c"} {
				n, _ := id(name)
				ids = append(ids, n)
			}
			return map[string]string{"x": "y"}, nil
		})
		if err != nil || !changed {
			t.Fatalf("got %v, %v", changed, err)
		}
		if diff := cmp.Diff("1 id long!, 2 b double, 3 a string", print(tbl)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{3, 2, 0}, ids); diff != "" {
			t.Errorf("field ids of a, b, c (-want +got):\n%s", diff)
		}
		if altered(tbl) != 7 || tbl.Properties()["x"] != "y" {
			t.Errorf("properties %v", tbl.Properties())
		}
		if n := len(versions(tbl)) - before; n != 1 {
			t.Errorf("the table changed %d times, want once", n)
		}
	})
	t.Run("names change places", func(t *testing.T) {
		tbl := created(t, rowSchema(id, field("a", str), field("b", f32), field("b_", str)))
		for i, step := range []struct {
			a    lake.Alteration
			want string
		}{
			{lake.Alteration{Renamed: [][2]string{{"a", "b"}, {"b", "a"}}}, "1 id long!, 2 b string, 3 a float, 4 b_ string"},
			{lake.Alteration{Renamed: [][2]string{{"a", "b"}, {"b", "a"}}}, "1 id long!, 2 a string, 3 b float, 4 b_ string"}, // as it was
			{lake.Alteration{Renamed: [][2]string{{"a", "b"}, {"b", "b_"}, {"b_", "a"}}}, "1 id long!, 2 b string, 3 b_ float, 4 a string"},
			{lake.Alteration{Renamed: [][2]string{{"id", "a"}, {"a", "id"}}}, "1 a long!, 2 b string, 3 b_ float, 4 id string"},
			{
				lake.Alteration{Renamed: [][2]string{{"b", "b_"}, {"b_", "b"}}, Columns: []debezium.Field{field("b", f64), field("c", str)}},
				"1 a long!, 2 b_ string, 3 b double, 4 id string, 5 c string",
			},
		} {
			step.a.Next = int64(i + 1)
			for range 2 { // the second time it is done already
				if _, err := tbl.Alter(t.Context(), step.a, nothing); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(step.want, print(tbl)); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i+1, diff)
			}
		}
	})
	t.Run("an alteration is made once, whoever knows of it", func(t *testing.T) {
		tbl := created(t, rowSchema(id, field("a", str)))
		other := *tbl
		add := lake.Alteration{Next: 1, Columns: []debezium.Field{field("c", str)}}
		rename := lake.Alteration{Next: 2, Renamed: [][2]string{{"c", "d"}}}
		for _, a := range []lake.Alteration{add, rename} {
			if _, err := tbl.Alter(t.Context(), a, nothing); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range []lake.Alteration{add, rename} { // by one that has not looked
			if _, err := other.Alter(t.Context(), a, nothing); err != nil {
				t.Fatal(err)
			}
		}
		if err := other.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("1 id long!, 2 a string, 3 d string", print(&other)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
	})
	t.Run("one that changes no column is not made again, either", func(t *testing.T) {
		tbl := created(t, rowSchema(id, field("a", str)))
		other := *tbl
		for _, table := range []*lake.Table{tbl, &other} { // the other has not looked
			for _, a := range []lake.Alteration{
				{Next: 1}, // as of ALTER TABLE … ADD INDEX
				{Next: 2, Columns: []debezium.Field{field("c", str)}},
				{Next: 3, Renamed: [][2]string{{"c", "d"}}},
			} {
				if _, err := table.Alter(t.Context(), a, nothing); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff("1 id long!, 2 a string, 3 d string", print(&other)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
		if altered(&other) != 3 {
			t.Errorf("altered up to %d, want 3", altered(&other))
		}
	})
	t.Run("a dropped column gives its name to another one", func(t *testing.T) {
		for _, a := range []lake.Alteration{
			{Next: 1, Dropped: []string{"a"}, Columns: []debezium.Field{field("a", f32)}},
			{Next: 1, Dropped: []string{"a"}, Renamed: [][2]string{{"b", "a"}}},
		} {
			tbl := created(t, rowSchema(id, field("a", str), field("b", f32)))
			if _, err := tbl.Alter(t.Context(), a, nothing); err != nil {
				t.Fatal(err)
			}
			want := "1 id long!, 3 a float"
			if len(a.Renamed) == 0 {
				want = "1 id long!, 3 b float, 4 a float"
			}
			if diff := cmp.Diff(want, print(tbl)); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		}
	})
	t.Run("a column that the table is partitioned by is not dropped", func(t *testing.T) {
		tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, rowSchema(id, field("a", str), field("b", str)), []string{"id"},
			lake.CreateOptions{Partition: []lake.PartitionField{{Column: "a", Transform: "truncate[2]"}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tbl.Alter(t.Context(), lake.Alteration{Next: 1, Dropped: []string{"b", "a"}}, nothing)
		if _, ok := errors.AsType[*lake.AdoptError](err); !ok || !strings.Contains(err.Error(), "--on-drop-column=keep") {
			t.Errorf("the error is %v", err)
		}
		if diff := cmp.Diff("1 id long!, 2 a string, 3 b string", print(tbl)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
		if _, err := tbl.Alter(t.Context(), lake.Alteration{Next: 1, Dropped: []string{"b"}}, nothing); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("1 id long!, 2 a string", print(tbl)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
	})
	t.Run("files without field ids keep the names that columns had first", func(t *testing.T) {
		properties := map[string]string{"schema.name-mapping.default": `[{"field-id":1,"names":["id"]},{"field-id":2,"names":["a"]},{"field-id":3,"names":["b"]}]`}
		tbl, err := openCatalog(t).LoadOrCreate(t.Context(), customer, rowSchema(id, field("a", str), field("b", str)), []string{"id"},
			lake.CreateOptions{Properties: properties})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range []lake.Alteration{
			{Renamed: [][2]string{{"a", "b"}, {"b", "a"}}},
			{Renamed: [][2]string{{"a", "c"}}, Columns: []debezium.Field{field("d", str)}},
		} {
			a.Next = int64(i + 1)
			if _, err := tbl.Alter(t.Context(), a, nothing); err != nil {
				t.Fatal(err)
			}
		}
		want := "[\n\t([id] -> 1)\n\t([a] -> 2)\n\t([b, c] -> 3)\n\t([d] -> 4)\n]"
		if diff := cmp.Diff(want, tbl.Iceberg().Metadata().NameMapping().String()); diff != "" {
			t.Errorf("name mapping (-want +got):\n%s", diff)
		}
	})
	t.Run("metadata files that the table's log forgets are removed", func(t *testing.T) {
		dir := t.TempDir()
		tbl, err := openAt(t, dir).LoadOrCreate(t.Context(), customer, rowSchema(id), []string{"id"},
			lake.CreateOptions{Properties: map[string]string{"write.metadata.previous-versions-max": "2"}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if _, err := tbl.Alter(t.Context(), lake.Alteration{Next: int64(i + 1), Columns: []debezium.Field{field(fmt.Sprint("c", i), str)}}, nothing); err != nil {
				t.Fatal(err)
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "salesdb", "customer", "metadata", "*.metadata.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 3 {
			t.Errorf("%d metadata files, want the last one and two before it", len(files))
		}
	})
}

// versions lists the metadata files that the table has had.
func versions(tbl *lake.Table) (files []string) {
	for entry := range tbl.Iceberg().Metadata().PreviousFiles() {
		files = append(files, entry.MetadataFile)
	}
	return files
}

func altered(t *lake.Table) int64 {
	next, _ := t.Altered()
	return next
}
