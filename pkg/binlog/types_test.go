package binlog

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/mysql"
)

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// TestRows_Next compares every type's values with the text that the server
// printed for them (testdata/*/types.sql).
func TestRows_Next(t *testing.T) {
	for _, server := range []string{"mysql8", "mysql9", "mariadb"} {
		t.Run(server, func(t *testing.T) {
			want, err := os.ReadFile("testdata/" + server + "/types.txt")
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			var before, after mysql.Row
			s := open(t, "testdata/"+server+"/types.binlog", Config{}, Resume{})
			err = each(t, s, func(ev Event) {
				rows, ok := ev.(*Rows)
				if !ok {
					return
				}
				for {
					more, err := rows.Next(&before, &after)
					if err != nil {
						t.Fatal(err)
					}
					if !more {
						return
					}
					got.WriteString(rows.Table.Table.Table)
					for i := range after {
						got.WriteString("\t" + text(&rows.Table.Columns[i], &after[i]))
					}
					got.WriteByte('\n')
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(string(want)), normal(got.String())); diff != "" {
				t.Errorf("rows differ (-server +decoded):\n%s", diff)
			}
		})
	}
}

// normal writes each float of the table of floats in one way.
func normal(s string) []string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		if fields[0] != "floats" {
			continue
		}
		for j, field := range fields[2:] {
			if f, err := strconv.ParseFloat(field, 64); err == nil {
				fields[2+j] = strconv.FormatFloat(f, 'g', -1, 64)
			}
		}
		lines[i] = strings.Join(fields, "\t")
	}
	return lines
}
