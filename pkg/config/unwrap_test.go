package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/debezium"
)

func connectorWith(t *testing.T, properties ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "connector.properties")
	all := append([]string{"database.hostname=h", "database.user=u", "topic.prefix=p"}, properties...)
	if err := os.WriteFile(path, []byte(strings.Join(all, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return "--debezium-config=" + path
}

func TestParseReader_Unwrap(t *testing.T) {
	const class = "io.debezium.transforms.ExtractNewRecordState"
	tests := []struct {
		name string
		args []string
		want *debezium.Unwrap
	}{
		{"nothing said", []string{"--database-hostname=h", "--database-user=u", "--topic-prefix=p"}, nil},
		{
			"by flags",
			[]string{"--database-hostname=h", "--database-user=u", "--topic-prefix=p", "--unwrap", "--unwrap-deletes=drop", "--unwrap-add-headers=op:o"},
			&debezium.Unwrap{Deletes: debezium.DeletesDrop, Headers: []debezium.FieldReference{{Field: "op", Name: "__o"}}},
		},
		{
			"a connector's defaults",
			[]string{connectorWith(t, "transforms=x", "transforms.x.type="+class, "transforms.x.route.by.field=")},
			&debezium.Unwrap{ReplaceNullWithDefault: true},
		},
		{
			"a connector's options",
			[]string{connectorWith(t, "transforms=x", "transforms.x.type="+class, "transforms.x.delete.tombstone.handling.mode=REWRITE",
				"transforms.x.add.fields=op,source.ts_ms", "transforms.x.add.fields.prefix=", "transforms.x.replace.null.with.default=false")},
			&debezium.Unwrap{Deletes: debezium.DeletesRewrite, Fields: []debezium.FieldReference{
				{Field: "op", Name: "op"}, {Block: "source", Field: "ts_ms", Name: "source_ts_ms"},
			}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := config.ParseReader(input(append([]string{"run", "--bootstrap-servers=k:1"}, test.args...)...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Transform()
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestReader_LapsedPromises_Unwrap(t *testing.T) {
	c, err := config.ParseReader(input("run", "--bootstrap-servers=k:1", "--database-hostname=h", "--database-user=u", "--topic-prefix=p",
		"--unwrap", "--unwrap-replace-null-with-default"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--unwrap: TRUNCATE is not published, so its rows stay", "--unwrap-replace-null-with-default: NULL reads as the column's default"}
	if diff := cmp.Diff(want, c.LapsedPromises()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseReader_UnwrapRefused(t *testing.T) {
	const class = "io.debezium.transforms.ExtractNewRecordState"
	for name, test := range map[string]struct{ arg, want string }{
		"without --unwrap":        {"--unwrap-add-fields=op", "need --unwrap"},
		"no way to treat deletes": {"--unwrap-deletes=none", "--unwrap-deletes \"none\" is not one of tombstone"},
		"no field":                {"--unwrap-add-headers=a.b.c", "--unwrap-add-headers: \"a.b.c\" is not a field"},
		"two transforms":          {connectorWith(t, "transforms=x,y", "transforms.x.type="+class), "transforms: is not supported and would change what is published"},
		"another transform":       {connectorWith(t, "transforms=x", "transforms.x.type=org.example.Y"), "transforms.x.type: is not supported"},
		"routing":                 {connectorWith(t, "transforms=x", "transforms.x.type="+class, "transforms.x.route.by.field=a"), "transforms.x.route.by.field: is not supported"},
		"a predicate":             {connectorWith(t, "transforms=x", "transforms.x.type="+class, "transforms.x.predicate=p"), "transforms.x.predicate: is not supported"},
		"dropped keys":            {connectorWith(t, "transforms=x", "transforms.x.type="+class, "transforms.x.drop.fields.from.key=true"), "transforms.x.drop.fields.from.key: is not supported"},
	} {
		_, err := config.ParseReader(input("run", "--bootstrap-servers=k:1", test.arg))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}
