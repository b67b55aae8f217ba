package convert

import (
	encbinary "encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

var errJSON = errors.New("the binary JSON is malformed")

// jsonText converts JSON. A snapshot has the server's text; a stream has
// binary JSON, which Debezium prints in its own way: compact, members in stored
// order, doubles without an exponent. By value the two are the same, except
// that Debezium streams dates, times and bytes inside JSON in another form; we
// do so only to be exact.
type jsonText struct{ optional, exact bool }

func (j *jsonText) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	switch v.Kind {
	case mysql.JSONB:
	case mysql.Raw:
		return j.selected(a, v.B, out)
	default:
		return kindError{v.Kind}
	}
	if len(v.B) == 0 {
		j.storeEmpty(out)
		return nil
	}
	from := len(a.b)
	p := jsonPrinter{dst: a.b, exact: j.exact}
	err := p.value(v.B[0], v.B[1:], 0)
	a.b = p.dst
	if err != nil {
		return err
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

// storeEmpty stores what a row holds that is older than its NOT NULL column:
// the JSON null to MySQL, an empty object to Debezium.
func (j *jsonText) storeEmpty(out *debezium.Value) {
	switch {
	case j.optional:
		*out = debezium.Value{}
	case j.exact:
		*out = debezium.Text("{}")
	default:
		*out = debezium.Text("null")
	}
}

func (*jsonText) selected(_ *arena, text []byte, out *debezium.Value) error {
	*out = debezium.Value{Type: debezium.String, B: text}
	return nil
}

// The types of binary JSON (https://dev.mysql.com/doc/dev/mysql-server/latest/json__binary_8h.html).
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0A
	jsonDouble      = 0x0B
	jsonString      = 0x0C
	jsonOpaque      = 0x0F

	jsonMaxDepth = 256 // MySQL's limit is 100
)

// jsonPrinter appends binary JSON as text.
type jsonPrinter struct {
	dst   []byte
	exact bool // print opaque values as Debezium, not as the server does
}

func (p *jsonPrinter) value(kind byte, data []byte, depth int) error {
	if depth > jsonMaxDepth {
		return errJSON
	}
	switch kind {
	case jsonSmallObject, jsonSmallArray:
		return p.container(data, 2, kind == jsonSmallObject, depth)
	case jsonLargeObject, jsonLargeArray:
		return p.container(data, 4, kind == jsonLargeObject, depth)
	case jsonString:
		s, err := jsonBytes(data)
		if err != nil {
			return err
		}
		p.text(s)
		return nil
	case jsonOpaque:
		if len(data) == 0 {
			return errJSON
		}
		b, err := jsonBytes(data[1:])
		if err != nil {
			return err
		}
		return p.opaque(data[0], b)
	default:
		return p.scalar(kind, data)
	}
}

func (p *jsonPrinter) scalar(kind byte, data []byte) error {
	size := map8(kind)
	if size == 0 || len(data) < size {
		return errJSON
	}
	var u uint64
	for i := range size {
		u |= uint64(data[i]) << (8 * i)
	}
	switch kind {
	case jsonLiteral:
		switch u {
		case 0:
			p.dst = append(p.dst, "null"...)
		case 1:
			p.dst = append(p.dst, "true"...)
		case 2:
			p.dst = append(p.dst, "false"...)
		default:
			return errJSON
		}
	case jsonInt16:
		p.dst = strconv.AppendInt(p.dst, int64(int16(u)), 10)
	case jsonInt32:
		p.dst = strconv.AppendInt(p.dst, int64(int32(u)), 10)
	case jsonInt64:
		p.dst = strconv.AppendInt(p.dst, int64(u), 10)
	case jsonDouble:
		f := math.Float64frombits(u)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return errJSON
		}
		p.double(f)
	default:
		p.dst = strconv.AppendUint(p.dst, u, 10)
	}
	return nil
}

// map8 returns the bytes of a scalar of fixed size, or 0.
func map8(kind byte) int {
	switch kind {
	case jsonLiteral:
		return 1
	case jsonInt16, jsonUint16:
		return 2
	case jsonInt32, jsonUint32:
		return 4
	case jsonInt64, jsonUint64, jsonDouble:
		return 8
	default:
		return 0
	}
}

// container prints an object or array whose offsets are size bytes wide:
// count, total size, key entries (offset, 2-byte length), value entries (type, offset or value), contents.
func (p *jsonPrinter) container(data []byte, size int, object bool, depth int) error {
	count, total := jsonOffset(data, size), jsonOffset(tail(data, size), size)
	if count < 0 || total < 0 || total > len(data) {
		return errJSON
	}
	data = data[:total]
	keys, values := 2*size, 2*size
	if object {
		values += count * (size + 2)
	}
	if count > len(data) || values+count*(1+size) > len(data) {
		return errJSON
	}
	opening, closing := byte('['), byte(']')
	if object {
		opening, closing = '{', '}'
	}
	p.dst = append(p.dst, opening)
	for i := range count {
		if i > 0 {
			p.dst = append(p.dst, ',')
		}
		if object {
			entry := data[keys+i*(size+2):]
			at, length := jsonOffset(entry, size), int(encbinary.LittleEndian.Uint16(entry[size:]))
			if at < 0 || at+length > len(data) {
				return errJSON
			}
			p.text(data[at : at+length])
			p.dst = append(p.dst, ':')
		}
		if err := p.entry(data, data[values+i*(1+size):], size, depth); err != nil {
			return err
		}
	}
	p.dst = append(p.dst, closing)
	return nil
}

// entry prints the value that a value entry holds or points to.
func (p *jsonPrinter) entry(data, entry []byte, size, depth int) error {
	kind := entry[0]
	if n := map8(kind); n > 0 && n <= size {
		return p.scalar(kind, entry[1:1+size])
	}
	at := jsonOffset(entry[1:], size)
	if at < 0 || at >= len(data) {
		return errJSON
	}
	return p.value(kind, data[at:], depth+1)
}

func tail(data []byte, n int) []byte { return data[min(n, len(data)):] }

// jsonOffset reads an offset of 2 or 4 bytes; -1 if there is none.
func jsonOffset(data []byte, size int) int {
	switch {
	case len(data) < size:
		return -1
	case size == 2:
		return int(encbinary.LittleEndian.Uint16(data))
	default:
		return int(encbinary.LittleEndian.Uint32(data))
	}
}

// jsonBytes reads bytes that follow their length, seven bits of it per byte.
func jsonBytes(data []byte) ([]byte, error) {
	length := 0
	for i := range min(5, len(data)) {
		length |= int(data[i]&0x7F) << (7 * i)
		if data[i]&0x80 == 0 {
			if rest := data[i+1:]; length <= len(rest) {
				return rest[:length], nil
			}
			break
		}
	}
	return nil, errJSON
}
