package reference

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// Difference is something in which two publishers' records are not equal.
type Difference struct {
	Topic string
	Text  string // for a person, without the topic
}

func (d Difference) String() string { return d.Topic + ": " + d.Text }

// Compare returns how got differs from want: in topics, partitions, order,
// keys, values and headers. Records without a key go to any partition, and those
// of transactions to that of their id: they are compared in the order of their source.
func Compare(mask *Mask, want, got []Record) []Difference {
	var differences []Difference
	wantBy, gotBy := byLane(want), byLane(got)
	lanes := slices.Sorted(maps.Keys(wantBy))
	for l := range gotBy {
		if _, ok := wantBy[l]; !ok {
			lanes = append(lanes, l)
		}
	}
	for _, l := range lanes {
		topic, _, _ := strings.Cut(l, "\x00")
		for _, text := range compareLane(mask, wantBy[l], gotBy[l]) {
			differences = append(differences, Difference{Topic: topic, Text: text})
		}
	}
	return differences
}

// byLane splits records into those whose order is defined: of one partition,
// or of one topic's records without a key.
func byLane(records []Record) map[string][]Record {
	lanes := make(map[string][]Record)
	for _, r := range records {
		lane := fmt.Sprintf("%s\x00%d", r.Topic, r.Partition)
		switch {
		case r.Key == nil:
			lane = r.Topic + "\x00none"
		case ofTransaction(&r):
			lane = r.Topic + "\x00transactions"
		}
		lanes[lane] = append(lanes[lane], r)
	}
	for name, lane := range lanes {
		if strings.HasSuffix(name, "none") {
			slices.SortStableFunc(lane, inSource)
		}
		if strings.HasSuffix(name, "transactions") {
			slices.SortStableFunc(lane, func(a, b Record) int { return cmp.Compare(sequence(&a), sequence(&b)) })
		}
	}
	return lanes
}

// ofTransaction reports whether a record is the beginning or the end of a
// transaction. Its key, which the server decides, decides the partition.
func ofTransaction(r *Record) bool {
	return bytes.Contains(r.Key, []byte(`"io.debezium.connector.common.TransactionMetadataKey"`))
}

// sequence is the number at the end of a transaction's id: of MySQL's GTID, or
// of where it is in the binlog.
func sequence(r *Record) int64 {
	_, key := unwrap(r.Key)
	id := gjson.Get(*key, "id").String()
	n, _ := strconv.ParseInt(id[strings.LastIndexAny(id, ":-=")+1:], 10, 64) // 0: they are compared as they came
	return n
}

// inSource orders records by where their changes are in the binlog; tombstones
// come last. Unwrapped rows do not say where they are from: by what they are.
func inSource(a, b Record) int {
	at := func(r *Record) (file string, pos, row int64, content string) {
		_, text := unwrap(r.Value)
		if text == nil {
			return "~", 0, 0, ""
		}
		source := gjson.Get(*text, "source")
		if !source.Exists() {
			return "", 0, 0, *text
		}
		return source.Get("file").String(), source.Get("pos").Int(), source.Get("row").Int(), ""
	}
	aFile, aPos, aRow, aContent := at(&a)
	bFile, bPos, bRow, bContent := at(&b)
	return cmp.Or(cmp.Compare(aFile, bFile), cmp.Compare(aPos, bPos), cmp.Compare(aRow, bRow), cmp.Compare(aContent, bContent))
}

func compareLane(mask *Mask, want, got []Record) []string {
	w, g := make([]masked, len(want)), make([]masked, len(got))
	for i := range want {
		w[i] = mask.apply(&want[i])
	}
	for i := range got {
		g[i] = mask.apply(&got[i])
	}
	var texts []string
	for _, p := range align(w, g) {
		switch {
		case p.want < 0:
			texts = append(texts, "not in the reference: "+g[p.got].key+" "+short(g[p.got].value))
		case p.got < 0:
			texts = append(texts, "missing: "+w[p.want].key+" "+short(w[p.want].value))
		default:
			texts = append(texts, w[p.want].differences(&g[p.got])...)
		}
	}
	return texts
}

// pair is a record of each side that belong together; -1: there is none.
type pair struct{ want, got int }

// align pairs records: equal ones at the beginning, then those of the longest
// common subsequence, and what is between two of those one by one if both sides
// have as many. Of very many, those that are equal at the end are left out first.
func align(w, g []masked) []pair {
	const most = 4000 // records of a side: the table grows with the product
	first := 0
	for first < min(len(w), len(g)) && w[first] == g[first] {
		first++
	}
	for max(len(w), len(g))-first > most && len(w) > first && len(g) > first && w[len(w)-1] == g[len(g)-1] {
		w, g = w[:len(w)-1], g[:len(g)-1]
	}
	if max(len(w), len(g))-first > most {
		return between(first, len(w), first, len(g))
	}
	pairs := subsequence(w[first:], g[first:])
	for i := range pairs {
		pairs[i] = pair{want: shifted(pairs[i].want, first), got: shifted(pairs[i].got, first)}
	}
	return pairs
}

func shifted(i, by int) int {
	if i < 0 {
		return i
	}
	return i + by
}

// subsequence returns the pairs that are not equal.
func subsequence(w, g []masked) []pair {
	common := make([][]int, len(w)+1) // of w[i:] and g[j:]
	for i := range common {
		common[i] = make([]int, len(g)+1)
	}
	for i := range slices.Backward(w) {
		for j := range slices.Backward(g) {
			if w[i] == g[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var pairs []pair
	i, j := 0, 0
	for i < len(w) || j < len(g) {
		if i < len(w) && j < len(g) && w[i] == g[j] {
			i, j = i+1, j+1
			continue
		}
		fromI, fromJ := i, j
		for (i < len(w) || j < len(g)) && (i == len(w) || j == len(g) || w[i] != g[j]) {
			if j == len(g) || i < len(w) && common[i+1][j] >= common[i][j+1] {
				i++
			} else {
				j++
			}
		}
		pairs = append(pairs, between(fromI, i, fromJ, j)...)
	}
	return pairs
}

func between(fromI, toI, fromJ, toJ int) []pair {
	var pairs []pair
	if toI-fromI == toJ-fromJ {
		for k := range toI - fromI {
			pairs = append(pairs, pair{want: fromI + k, got: fromJ + k})
		}
		return pairs
	}
	for i := fromI; i < toI; i++ {
		pairs = append(pairs, pair{want: i, got: -1})
	}
	for j := fromJ; j < toJ; j++ {
		pairs = append(pairs, pair{want: -1, got: j})
	}
	return pairs
}

// differences says where two records differ, each part from its first difference on.
func (m *masked) differences(o *masked) []string {
	var texts []string
	for _, part := range []struct{ name, want, got string }{
		{"key", m.key, o.key},
		{"key's schema", m.keySchema, o.keySchema},
		{"value", m.value, o.value},
		{"value's schema", m.valueSchema, o.valueSchema},
		{"headers", m.headers, o.headers},
	} {
		if part.want == part.got {
			continue
		}
		at := 0
		for at < min(len(part.want), len(part.got)) && part.want[at] == part.got[at] {
			at++
		}
		from := max(at-60, 0)
		texts = append(texts, fmt.Sprintf("%s of %s differs:\n   want …%s\n    got …%s", part.name, m.key, short(part.want[from:]), short(part.got[from:])))
	}
	return texts
}

func short(s string) string {
	const limit = 260
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
