package debezium_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestRoute(t *testing.T) {
	tests := []struct{ regex, replacement, topic, want string }{
		{`([^.]+)\.([^.]+)\.([^.]+)`, `$3`, "p.shop.orders", "orders"},
		{`([^.]+)\.([^.]+)\.([^.]+)`, `$3`, "p", "p"},
		{`([^.]+)\.([^.]+)\.([^.]+)`, `$3`, "p.shop.orders.archive", "p.shop.orders.archive"},
		{`p\.(?<db>.*)\.(.*)`, `cdc-${db}_$2`, "p.shop.orders", "cdc-shop_orders"},
		{`(.*)`, `$10`, "p", "p0"},  // there is no tenth group
		{`(.*)`, `$01x`, "p", "px"}, // group 1, then what cannot be one
		{`(.*)`, `\$1\.$1$0`, "p", "$1.pp"},
		{`a|ab`, `x`, "ab", "xb"},       // found anew, the first alternative is enough
		{`(a)|(b)`, `$1-$2`, "b", "-b"}, // a group that took no part is empty
		{`.*`, ``, "p", ""},
		{`P.*`, `x`, "p", "p"}, // case counts
	}
	for _, test := range tests {
		r, err := debezium.NewRoute(test.regex, test.replacement)
		if err != nil {
			t.Errorf("%s: %v", test.regex, err)
			continue
		}
		if got := r.Topic(test.topic); got != test.want {
			t.Errorf("%s, %s: %s became %q, want %q", test.regex, test.replacement, test.topic, got, test.want)
		}
	}
	for _, bad := range [][2]string{{`(`, ``}, {`.*`, `$1`}, {`.*`, `$`}, {`.*`, `$x`}, {`.*`, `${x}`}, {`(?<x>.*)`, `${x`}, {`.*`, `\`}} {
		if r, err := debezium.NewRoute(bad[0], bad[1]); err == nil {
			t.Errorf("%s, %s: %v, want an error", bad[0], bad[1], r)
		}
	}
}
