package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/config"
)

const toBoolean = "io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter"

func TestParseReader_Booleans(t *testing.T) {
	c, err := config.ParseReader(input("run", "--bootstrap-servers=k:1", connectorWith(t, "converters=a, b,c",
		"a.type="+toBoolean, `a.selector=db\\.t\\.x, db\\.t\\.Y`, "b.type="+strings.Replace(toBoolean, "binlog", "mysql", 1), "b.length.checker=false", "b.selector=.*[.]z",
		"c.type="+toBoolean, "c.selector=.*u")))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]bool{"db.t.x": {true, false}, "db.t.y": {true, false}, "db.t.z": {false, true}, "db.t.u": {true, false}, "db.t.v": {}} {
		if got := [2]bool{c.Tinyint1ToBoolean.Match(name), c.TinyintToBoolean.Match(name)}; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	const lapse = "TinyIntOneToBooleanConverter: TINYINT UNSIGNED above 127 streams as false"
	if !slices.Contains(c.LapsedPromises(), lapse) {
		t.Errorf("%q is not among %q", lapse, c.LapsedPromises())
	}
	c, err = config.ParseReader(input("run", "--bootstrap-servers=k:1", connectorWith(t, "converters=a", "a.type="+toBoolean)))
	if err != nil || !c.Tinyint1ToBoolean.Match("any.table.column") || !c.TinyintToBoolean.Empty() {
		t.Errorf("without a selector: %v, %q, %q", err, c.Tinyint1ToBoolean, c.TinyintToBoolean)
	}
}

func TestParseReader_ConvertersRefused(t *testing.T) {
	for name, test := range map[string]struct{ arg, want string }{
		"another class":  {connectorWith(t, "converters=a", "a.type=org.example.A"), "converters: is not supported and would change what is published"},
		"another beside": {connectorWith(t, "converters=a,b", "a.type="+toBoolean, "b.type=org.example.B"), "converters: is not supported"},
		"another option": {connectorWith(t, "converters=a", "a.type="+toBoolean, "a.x=y"), "a.x: is not a property"},
	} {
		_, err := config.ParseReader(input("run", "--bootstrap-servers=k:1", test.arg))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}
