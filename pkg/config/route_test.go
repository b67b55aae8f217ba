package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/config"
)

const router = "org.apache.kafka.connect.transforms.RegexRouter"

func TestParseReader_Routes(t *testing.T) {
	routed := func(args ...string) []string {
		c, err := config.ParseReader(input(append([]string{"run", "--bootstrap-servers=k:1"}, args...)...))
		if err != nil {
			t.Fatal(err)
		}
		topics := []string{"p.shop.orders", "p"}
		for i := range topics {
			for _, r := range c.TopicRoute {
				topics[i] = r.Topic(topics[i])
			}
		}
		return topics
	}
	flags := []string{"--database-hostname=h", "--database-user=u", "--topic-prefix=p"}
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"none", flags, []string{"p.shop.orders", "p"}},
		{"a = in the expression", append(flags, `--topic-route=[=p]\.(.*)=$1`), []string{"shop.orders", "p"}},
		{"one behind the other", append(flags, `--topic-route=p\.(.*)=$1`, `--topic-route=(.*)=r,$1`), []string{"r,shop.orders", "r,p"}},
		{
			"a connector's, with its rows unwrapped",
			[]string{connectorWith(t, "transforms=b, unwrap, a", "transforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState",
				"transforms.a.type="+router, `transforms.a.regex=x(.*)`, "transforms.a.replacement=y$1",
				"transforms.b.type="+router, `transforms.b.regex=([^.]+)\\.([^.]+)\\.(?<table>.*)`, "transforms.b.replacement=x${table}")},
			[]string{"yorders", "p"},
		},
	} {
		if diff := cmp.Diff(test.want, routed(test.args...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestParseReader_RoutesRefused(t *testing.T) {
	for name, test := range map[string]struct{ arg, want string }{
		"no replacement":      {"--topic-route=a", "a is not REGEX=REPLACEMENT"},
		"no expression":       {"--topic-route=(=a", "missing closing )"},
		"no group":            {"--topic-route=a=$1", "replacement $1"},
		"what Java alone has": {"--topic-route=(?=a)b=c", "a look ahead is not supported"},
		"half a router":       {connectorWith(t, "transforms=x", "transforms.x.type="+router, "transforms.x.regex=a"), "transforms.x.regex: is not supported"},
		"a router's group":    {connectorWith(t, "transforms=x", "transforms.x.type="+router, "transforms.x.regex=a", "transforms.x.replacement=$2"), "transforms.x.regex: replacement $2"},
		"a predicate":         {connectorWith(t, "transforms=x", "transforms.x.type="+router, "transforms.x.regex=a", "transforms.x.replacement=b", "transforms.x.predicate=p"), "transforms.x.predicate: is not supported"},
		"another beside":      {connectorWith(t, "transforms=x,y", "transforms.x.type="+router, "transforms.x.regex=a", "transforms.x.replacement=b", "transforms.y.type=Y"), "transforms.y.type: is not supported"},
	} {
		_, err := config.ParseReader(input("run", "--bootstrap-servers=k:1", "--database-hostname=h", "--database-user=u", "--topic-prefix=p", test.arg))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}
