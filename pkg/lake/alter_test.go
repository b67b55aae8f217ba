package lake_test

import (
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
		if tbl.Altered() != 7 || tbl.Properties()["x"] != "y" {
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
}

// versions lists the metadata files that the table has had.
func versions(tbl *lake.Table) (files []string) {
	for entry := range tbl.Iceberg().Metadata().PreviousFiles() {
		files = append(files, entry.MetadataFile)
	}
	return files
}
