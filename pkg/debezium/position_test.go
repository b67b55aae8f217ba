package debezium_test

import (
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func TestPosition_AtOrAfter(t *testing.T) {
	at := func(gtids, file string, pos uint64) debezium.Position {
		return debezium.Position{GTIDs: parsed(t, gtids), File: file, Pos: pos}
	}
	tests := []struct {
		name string
		p, o debezium.Position
		want bool
	}{
		{"the same place", at("", "b.000001", 4), at("", "b.000001", 4), true},
		{"a later pos", at("", "b.000001", 5), at("", "b.000001", 4), true},
		{"an earlier pos", at("", "b.000001", 4), at("", "b.000001", 5), false},
		{"a later file with an earlier pos", at("", "b.000002", 4), at("", "b.000001", 500), true},
		{"more than six digits", at("", "b.1000000", 4), at("", "b.999999", 4), true},
		{"sets decide against pos", at(uuid1+":1-9", "b.000001", 4), at(uuid1+":1-8", "b.000002", 4), true},
		{"neither set contains the other", at(uuid1+":1-9", "b.000003", 4), at(uuid2+":1", "b.000002", 4), false},
		{"only one has a set", at(uuid1+":1-9", "b.000001", 4), at("", "b.000002", 4), false},
		{"MariaDB", at("0-1-9", "", 0), at("0-2-8", "", 0), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.p.AtOrAfter(test.o); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
