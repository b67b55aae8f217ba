package binlog

import (
	"context"
	"testing"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// rowsOf returns the first row event of a recorded table, to be read again and again.
func rowsOf(t testing.TB, file, table string) Rows {
	t.Helper()
	s := open(t, file, Config{}, Resume{})
	for {
		ev, err := s.Next(t.Context())
		if err != nil {
			t.Fatalf("no rows of %s: %v", table, err)
		}
		if rows, ok := ev.(*Rows); ok && rows.Table.Table.Table == table {
			out := *rows
			out.data = append([]byte(nil), rows.data...)
			return out
		}
	}
}

func TestRows_Next_allocates(t *testing.T) {
	for _, table := range []string{"ints", "decimals", "floats", "bits", "texts", "blobs", "temporals", "documents"} {
		t.Run("nothing for "+table, func(t *testing.T) {
			rows := rowsOf(t, "testdata/mysql9/types.binlog", table)
			data := rows.data
			var before, after mysql.Row
			read := func() {
				rows.data = data
				for {
					more, err := rows.Next(&before, &after)
					if err != nil {
						t.Fatal(err)
					}
					if !more {
						return
					}
				}
			}
			read()
			if n := testing.AllocsPerRun(100, read); n != 0 {
				t.Errorf("got %v allocations, want 0", n)
			}
		})
	}
}

// FuzzRows_Next proves that no bytes make the decoders panic or read beyond them.
func FuzzRows_Next(f *testing.F) {
	type source struct{ file, table string }
	sources := []source{
		{"mysql9", "ints"},
		{"mysql9", "decimals"},
		{"mysql9", "bits"},
		{"mysql9", "texts"},
		{"mysql9", "blobs"},
		{"mysql9", "temporals"},
		{"mysql9", "documents"},
		{"mariadb", "compressed"},
		{"mariadb", "old_temporals"},
	}
	tables := make([]*TableMap, len(sources))
	for i, src := range sources {
		rows := rowsOf(f, "testdata/"+src.file+"/types.binlog", src.table)
		tables[i] = rows.Table
		f.Add(uint8(i), rows.data)
	}
	f.Fuzz(func(t *testing.T, i uint8, data []byte) {
		rows := Rows{Table: tables[int(i)%len(tables)], Op: 'u', data: data}
		var before, after mysql.Row
		for {
			more, err := rows.Next(&before, &after)
			if !more || err != nil {
				return
			}
			for k := range after {
				_ = text(&ColumnMeta{}, &after[k])
			}
		}
	})
}

// FuzzStream proves that a damaged log ends in an error.
func FuzzStream(f *testing.F) {
	for i, file := range []string{"mysql9/transactions", "mysql9/compressed", "mysql9/xa", "mysql9/tagged", "mariadb/transactions", "mariadb/compressed", "mariadb/xa"} {
		for _, raw := range readEvents(f, "testdata/"+file+".binlog") {
			f.Add(i >= 4, raw)
		}
	}
	f.Fuzz(func(t *testing.T, mariadb bool, raw []byte) {
		file := "testdata/mysql9/transactions.binlog"
		if mariadb {
			file = "testdata/mariadb/transactions.binlog"
		}
		s := open(t, file, Config{}, Resume{})
		fake, _ := s.src.(*fakeServer)
		// In the place of the last event, with the size that its header must have.
		last := len(fake.events) - 1
		if len(raw) < headerSize {
			return
		}
		raw = append([]byte(nil), raw...)
		raw[9], raw[10], raw[11], raw[12] = byte(len(raw)), byte(len(raw)>>8), byte(len(raw)>>16), byte(len(raw)>>24)
		fake.events[last] = raw
		_ = each(t, s, func(ev Event) {
			if rows, ok := ev.(*Rows); ok {
				_ = rows.SkipAll()
			}
		})
	})
}

// BenchmarkRows_Next decodes rows of a bigint key, an int, a char(120) and a char(60).
func BenchmarkRows_Next(b *testing.B) {
	columns := []ColumnMeta{{Type: TypeLonglong}, {Type: TypeLong}, {Type: TypeString, Meta: 480}, {Type: TypeString, Meta: 240}}
	table := &TableMap{Columns: columns, plan: compilePlan(columns)}
	var image []byte
	image = append(image, 0)
	image = append(image, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4)
	image = append(append(image, 119, 0), make([]byte, 119)...)
	image = append(append(image, 59), make([]byte, 59)...)
	const perEvent = 40
	var event []byte
	for range perEvent {
		event = append(event, image...)
	}
	var before, after mysql.Row
	b.ReportAllocs()
	b.SetBytes(int64(len(image)))
	rows := Rows{Table: table, Op: 'c'}
	for b.Loop() {
		if len(rows.data) == 0 {
			rows.data = event
		}
		if ok, err := rows.Next(&before, &after); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream_Next reads small transactions, again and again.
func BenchmarkStream_Next(b *testing.B) {
	s := open(b, "testdata/mysql9/transactions.binlog", Config{}, Resume{})
	all := readEvents(b, "testdata/mysql9/transactions.binlog")
	cycle := &cyclicServer{head: all[:1], events: all[2 : len(all)-1]}
	s.src = cycle
	b.ReportAllocs()
	for b.Loop() {
		for done := false; !done; {
			ev, err := s.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			_, done = ev.(*Commit)
		}
	}
}

// cyclicServer sends a file's first event and then the others for ever.
type cyclicServer struct {
	head, events [][]byte
	at           int
}

func (c *cyclicServer) next(context.Context) ([]byte, error) {
	if len(c.head) > 0 {
		raw := c.head[0]
		c.head = c.head[1:]
		return raw, nil
	}
	raw := c.events[c.at]
	c.at = (c.at + 1) % len(c.events)
	return raw, nil
}

func (*cyclicServer) buffered() bool { return true }
func (*cyclicServer) close() error   { return nil }
