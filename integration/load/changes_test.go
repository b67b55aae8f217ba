package load

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// Every statement changes exactly one row: what is updated or deleted is there,
// what is inserted is not.
func TestChanges_EachChangesOneRow(t *testing.T) {
	const rows, changes = 1000, 3000
	c := &Changes{text: newText(1), next: rows + 1}
	c.zipf = rand.NewZipf(c.text.random, 1.1, 1, rows*9/10)
	there := make(map[int64]bool)
	for id := int64(1); id <= rows; id++ {
		c.live = append(c.live, id)
		there[id] = true
	}
	count := make(map[string]int)
	updated := make(map[int64]int)
	for range changes {
		c.text.buf = c.text.buf[:0]
		c.change()
		statement := string(c.text.buf)
		verb, _, _ := strings.Cut(statement, " ")
		count[verb]++
		text, _, _ := strings.Cut(statement[strings.IndexByte(statement, '(')+1:], ",")
		if verb != "INSERT" {
			text = statement[strings.LastIndexByte(statement, ' ')+1:]
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if there[id] == (verb == "INSERT") {
			t.Fatalf("%.60s … id %d: there is %t", statement, id, there[id])
		}
		there[id] = verb != "DELETE"
		if verb == "UPDATE" {
			updated[id]++
		}
	}
	if count["UPDATE"] != changes/2 || count["INSERT"] != changes/4 || count["DELETE"] != changes/4 {
		t.Errorf("got %v, want half updates, a quarter inserts, a quarter deletes", count)
	}
	most := 0
	for _, n := range updated {
		most = max(most, n)
	}
	if most < changes/2/len(updated)*5 {
		t.Errorf("the most updated row has %d of %d updates over %d rows: want a few rows to have many", most, changes/2, len(updated))
	}
}
