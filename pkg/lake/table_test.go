package lake_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

func openCatalog(t *testing.T) *lake.Catalog {
	t.Helper()
	return openAt(t, t.TempDir())
}

func openAt(t *testing.T, dir string) *lake.Catalog {
	t.Helper()
	c, err := lake.OpenCatalog(t.Context(), lake.Config{Type: lake.SQL, Warehouse: "file://" + dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func schema(t debezium.Type, name string, params ...debezium.Param) *debezium.Schema {
	return &debezium.Schema{Type: t, Name: name, Params: params, Optional: true}
}

func rowSchema(fields ...debezium.Field) *debezium.Schema {
	return &debezium.Schema{Type: debezium.Struct, Fields: fields}
}

func field(name string, s *debezium.Schema) debezium.Field {
	return debezium.Field{Name: name, Schema: s}
}

func customers() *debezium.Schema {
	return rowSchema(
		field("id", &debezium.Schema{Type: debezium.Int32}),
		field("name", schema(debezium.String, "")),
		field("mktsegment", schema(debezium.String, "")))
}

var customer = lake.Name{Namespace: "salesdb", Table: "customer"}

func TestCatalog_LoadOrCreate(t *testing.T) {
	dir := t.TempDir()
	owner := lake.Owner{GroupID: "g", ClusterID: "c", Topic: "t", TopicID: "1"}
	created, err := openAt(t, dir).LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{
		Owner: owner, Properties: map[string]string{"write.metadata.previous-versions-max": "7", "owner": "me"},
	})
	if err != nil {
		t.Fatal(err)
	}

	c := openAt(t, dir)
	again, err := c.LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(created.UUID(), again.UUID()); diff != "" {
		t.Errorf("the second call made another table (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"id"}, again.Key()); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	want := map[string]string{
		"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "7",
		"write.parquet.compression-codec": "zstd", "write.delete.isolation-level": "snapshot", "owner": "me",
		"firn.format": "1", "firn.group-id": "g", "firn.kafka.cluster-id": "c", "firn.kafka.topic": "t", "firn.kafka.topic-id": "1",
	}
	for k, v := range want {
		if got := again.Properties()[k]; got != v {
			t.Errorf("property %s: got %q, want %q", k, got, v)
		}
	}

	t.Run("a table that another group feeds is refused", func(t *testing.T) {
		other := owner
		other.GroupID = "h"
		_, err := c.LoadOrCreate(t.Context(), customer, customers(), []string{"id"}, lake.CreateOptions{Owner: other})
		var refused *lake.OwnerError
		if !errors.As(err, &refused) {
			t.Fatalf("got %v, want an OwnerError", err)
		}
		if diff := cmp.Diff(&lake.OwnerError{Table: "salesdb.customer", Property: "firn.group-id", Have: "g", Want: "h"}, refused); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
	t.Run("what cannot be made as it is asked for is an AdoptError", func(t *testing.T) {
		for name, create := range map[string]func() error{
			"partition": func() error {
				_, err := c.LoadOrCreate(t.Context(), lake.Name{Namespace: "salesdb", Table: "p"}, customers(), []string{"id"},
					lake.CreateOptions{Partition: []lake.PartitionField{{Column: "created", Transform: "day"}}})
				return err
			},
			"transform": func() error {
				_, err := c.LoadOrCreate(t.Context(), lake.Name{Namespace: "salesdb", Table: "p"}, customers(), []string{"id"},
					lake.CreateOptions{Partition: []lake.PartitionField{{Column: "name", Transform: "day"}}})
				return err
			},
			"key": func() error {
				_, err := c.LoadOrCreate(t.Context(), lake.Name{Namespace: "salesdb", Table: "p"}, customers(), []string{"email"}, lake.CreateOptions{})
				return err
			},
		} {
			err := create()
			if _, ok := errors.AsType[*lake.AdoptError](err); !ok {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	t.Run("a missing table is ErrNoTable", func(t *testing.T) {
		_, err := c.Load(t.Context(), lake.Name{Namespace: "salesdb", Table: "x"})
		if !errors.Is(err, lake.ErrNoTable) {
			t.Errorf("got %v, want ErrNoTable", err)
		}
	})
}
