package cases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/integration/server"
	"github.com/firn-cdc/firn/integration/validate"
)

// A snapshot has every row of tables whose key is longer than what a server sorts by: values that
// differ behind the first kilobyte only, and those that differ in ways which count behind the text.
func TestReaderSnapshot_KeysThatAreNotSortedWhole(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		database := f.readerOnly()
		f.ReaderFlags = []string{"--no-schemas-enable", "--snapshot-chunk-rows=20"}
		f.Tables = database + `\..*`
		const rows = 300
		const long = "CONCAT(REPEAT('x', 1100), %[1]d)"
		tables := map[string]string{ // to the value of row n
			"prefix (v VARCHAR(3000) CHARACTER SET latin1 NOT NULL, n INT, PRIMARY KEY (v(2000)))":                            long,
			"bytes (v BLOB NOT NULL, n INT, PRIMARY KEY (v(2000)))":                                                           long,
			"beside (v VARCHAR(2000) CHARACTER SET latin1, n INT, s SET(" + labels(64) + ") DEFAULT '1', PRIMARY KEY (v, s))": long,
		}
		if f.kind == server.MariaDB {
			tables["hashed (v TEXT CHARACTER SET utf8mb4 NOT NULL, n INT, UNIQUE KEY (v))"] = long
		} else { // the case of letters counts behind all letters
			tables["cased (v VARCHAR(4000) COLLATE utf8mb4_0900_as_cs, n INT, PRIMARY KEY (v(20)))"] = "CONCAT(LPAD(REPLACE(REPLACE(BIN(%[1]d), '1', 'A'), '0', 'a'), 10, 'a'), REPEAT('x', 2000))"
		}
		for definition, value := range tables {
			name, _, _ := strings.Cut(definition, " ")
			var values []string
			for n := range rows {
				values = append(values, fmt.Sprintf("("+value+", %[1]d)", n))
			}
			f.exec("CREATE TABLE "+database+"."+definition, "INSERT INTO "+database+"."+name+" (v, n) VALUES "+strings.Join(values, ","))
		}
		f.readToEnd()
		for definition := range tables {
			name, _, _ := strings.Cut(definition, " ")
			events := f.events(database + "." + name)
			seen := make(map[string]bool)
			for i := range events {
				seen[validate.Field(events[i].After, "n")] = true
			}
			if len(seen) != rows || len(events) != rows {
				t.Errorf("%.60s: %d rows of %d were published, by %d records", definition, len(seen), rows, len(events))
			}
		}
	})
}

// labels are so many of a SET.
func labels(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("'%d'", i+1)
	}
	return strings.Join(list, ",")
}
