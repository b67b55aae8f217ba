package reader_test

import (
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/reader"
)

func TestCheckTopics(t *testing.T) {
	tables := []debezium.TableID{{Database: "d", Table: "t1"}, {Database: "d", Table: "t2"}}
	for _, test := range []struct{ regex, replacement, want string }{
		{`(.*)`, "$1", ""},
		{`(.*)\d`, "$1", "the tables d.t1 and d.t2 would be routed to one topic, p.d.t; change --topic-route"},
		{`p\.d\.t1`, "p", "the topic of table d.t1, p, is that of schema changes"},
		{`p(.d.t1)?`, "q", "the topic of table d.t1, q, is that of schema changes"},
	} {
		route, err := debezium.NewRoute(test.regex, test.replacement)
		if err != nil {
			t.Fatal(err)
		}
		err = reader.CheckTopics(debezium.Naming{Routes: []*debezium.Route{route}}, "p", tables)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s=%s: %v, want %q", test.regex, test.replacement, err, test.want)
		}
	}
}
