package codec

import "strconv"

// instant is the decimal text of a time in nanoseconds, which holds its
// microseconds and milliseconds.
type instant struct {
	text [20]byte
	size uint8
	cut  bool // the coarser units are the text's prefixes
	ns   int64
}

func newInstant(ns int64) instant {
	t := instant{ns: ns, cut: ns >= 1e6}
	t.size = uint8(len(strconv.AppendInt(t.text[:0], ns, 10)))
	return t
}

func (t *instant) nanos() []byte { return t.text[:t.size] }

func (t *instant) micros() []byte { return t.unit(3, 1e3) }

func (t *instant) millis() []byte { return t.unit(6, 1e6) }

func (t *instant) unit(digits uint8, size int64) []byte {
	if t.cut {
		return t.text[:t.size-digits]
	}
	return strconv.AppendInt(nil, floorDiv(t.ns, size), 10)
}

// floorDiv divides rounding down, as Java's instants are truncated.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
