package binlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// fakeServer serves a recorded binlog as a server does: the format first, then
// what is after a position, without the transactions of a GTID set. After the
// last event, or the one that breaks it, comes err.
type fakeServer struct {
	events [][]byte
	err    error
	copied []byte
}

func (f *fakeServer) next(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(f.events) == 0 {
		return nil, f.err
	}
	// An event is valid until the next call only.
	for i := range f.copied {
		f.copied[i] = 0xee
	}
	f.copied = append(make([]byte, 0, len(f.events[0])), f.events[0]...)
	f.events = f.events[1:]
	return f.copied, nil
}

func (f *fakeServer) buffered() bool { return len(f.events) > 0 }
func (*fakeServer) close() error     { return nil }

// readEvents splits a binlog file.
func readEvents(t testing.TB, file string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var events [][]byte
	for data = data[4:]; len(data) > 0; {
		n := binary.LittleEndian.Uint32(data[9:])
		events = append(events, data[:n])
		data = data[n:]
	}
	return events
}

// serve returns what a server with this binlog sends.
func serve(t testing.TB, file string, from Resume, flavor string) *fakeServer {
	t.Helper()
	all := readEvents(t, file)
	f := &fakeServer{events: all[:1:1], err: io.EOF}
	skipping := false
	for _, raw := range all[1:] {
		h, _ := parseHeader(raw)
		if from.Position.GTIDs.IsEmpty() && uint64(h.logPos-h.size) < from.Position.Pos {
			continue
		}
		if !from.Position.GTIDs.IsEmpty() {
			switch h.kind {
			case kindGTID, kindTaggedGTID, kindMariaDBGTID:
				skipping = from.Position.GTIDs.ContainsGTID(gtidOf(t, h, raw))
			case kindRotate:
				skipping = false
			}
		}
		if !skipping {
			f.events = append(f.events, raw)
		}
	}
	return f
}

func gtidOf(t testing.TB, h header, raw []byte) string {
	t.Helper()
	e, err := gtidEvent{}, error(nil)
	switch body := raw[headerSize : len(raw)-checksumSize]; h.kind {
	case kindGTID:
		e, err = parseGTID(body)
	case kindTaggedGTID:
		e, err = parseTaggedGTID(body)
	default:
		e, err = parseMariaDBGTID(body, h.serverID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.gtid
}

// open replays a recorded binlog through a stream.
func open(t testing.TB, file string, cfg Config, from Resume) *Stream {
	t.Helper()
	cfg.Flavor = debezium.FlavorMySQL
	if strings.Contains(file, "mariadb") {
		cfg.Flavor = debezium.FlavorMariaDB
	}
	if from.Position.File == "" {
		from.Position.File = "binlog.000001"
	}
	cfg.PreparedDir = t.TempDir()
	s := newStream(cfg, nil, from)
	served := from
	served.Position = s.startPosition()
	s.src = serve(t, file, served, cfg.Flavor)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// each calls fn with the stream's events until it ends.
func each(t testing.TB, s *Stream, fn func(Event)) error {
	t.Helper()
	for {
		ev, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fn(ev)
	}
}

// text returns a value as the server prints it; what is not Unicode text in hexadecimal.
func text(c *ColumnMeta, v *mysql.Value) string {
	switch v.Kind {
	case mysql.Null:
		return ""
	case mysql.Int:
		return intText(c, v.I)
	case mysql.Float:
		return strconv.FormatFloat(math.Float64frombits(uint64(v.I)), 'g', -1, 64)
	case mysql.Decimal:
		return decimalText(v.I, int(c.Meta&0xff))
	case mysql.DecimalText:
		return string(v.B)
	case mysql.Year:
		return strconv.FormatInt(v.I, 10)
	case mysql.Date:
		return fmt.Sprintf("%04d-%02d-%02d", v.I>>9, v.I>>5&15, v.I&31)
	case mysql.Time:
		sign, n := "", v.I
		if n < 0 {
			sign, n = "-", -n
		}
		return fmt.Sprintf("%s%02d:%02d:%02d", sign, n/3600e6, n/60e6%60, n/1e6%60) + fraction(n%1e6, int(c.Meta))
	case mysql.Datetime:
		n := v.I >> 24
		ym := n >> 22
		return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", ym/13, ym%13, n>>17&31, n>>12&31, n>>6&63, n&63) + fraction(v.I&0xffffff, int(c.Meta))
	case mysql.Timestamp:
		return timestampText(v.I, int(c.Meta))
	case mysql.Raw, mysql.JSONB:
		return strings.ToUpper(hex.EncodeToString(v.B))
	default:
		return fmt.Sprintf("kind %d", v.Kind)
	}
}

func intText(c *ColumnMeta, i int64) string {
	switch {
	case c.Type == TypeEnum && i == 0:
		return ""
	case c.Type == TypeEnum:
		return string(c.Labels[i-1])
	case c.Type == TypeSet:
		var labels [][]byte
		for k, label := range c.Labels {
			if i&(1<<k) != 0 {
				labels = append(labels, label)
			}
		}
		return string(bytes.Join(labels, []byte(",")))
	case c.Unsigned || c.Type == TypeBit:
		bits := map[ColumnType]int{TypeTiny: 8, TypeShort: 16, TypeInt24: 24, TypeLong: 32}[c.Type]
		if bits > 0 {
			i &= 1<<bits - 1
		}
		return strconv.FormatUint(uint64(i), 10)
	default:
		return strconv.FormatInt(i, 10)
	}
}

func decimalText(i int64, scale int) string {
	sign := ""
	if i < 0 {
		sign, i = "-", -i
	}
	digits := fmt.Sprintf("%0*d", scale+1, i)
	if scale == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

func timestampText(micros int64, digits int) string {
	if micros == 0 {
		return "0000-00-00 00:00:00" + fraction(0, digits)
	}
	return timeOf(micros).Format("2006-01-02 15:04:05") + fraction(micros%1e6, digits)
}

func fraction(micros int64, digits int) string {
	if digits == 0 {
		return ""
	}
	return "." + fmt.Sprintf("%06d", micros)[:digits]
}
