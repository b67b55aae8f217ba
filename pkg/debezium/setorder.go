package debezium

import (
	"slices"
	"unicode/utf16"
)

// SetOrder returns the names of tables in the order in which Debezium lists
// the tables of one statement: that of Java's HashSet.
func SetOrder(tables []TableID) []string {
	buckets := 16
	for len(tables) > buckets/4*3 {
		buckets *= 2
	}
	order := slices.Clone(tables)
	bucket := func(t TableID) int {
		h := javaHash(t.String())
		return int(h^h>>16) & (buckets - 1)
	}
	slices.SortStableFunc(order, func(a, b TableID) int { return bucket(a) - bucket(b) })
	names := make([]string, len(order))
	for i, t := range order {
		names[i] = t.Table
	}
	return names
}

// javaHash is Java's String.hashCode.
func javaHash(s string) (h uint32) {
	for _, unit := range utf16.Encode([]rune(s)) {
		h = 31*h + uint32(unit)
	}
	return h
}
