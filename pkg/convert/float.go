package convert

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// float converts FLOAT, DOUBLE and REAL.
type float struct {
	as     debezium.Type // Float32 or Float64
	single bool          // the column holds 32 bits, whatever the event does
	lost   bool          // Debezium emits null for every value of FLOAT4
}

func newFloat(c *debezium.Column, s *debezium.Schema, exact bool) converter {
	f := &float{as: s.Type}
	switch c.BaseType() {
	case "FLOAT":
		f.single = c.Length <= 24 || c.Scale >= 0
	case "FLOAT4":
		f.single, f.lost = true, exact
	}
	return f
}

func (f *float) streamed(_ *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Float {
		return kindError{v.Kind}
	}
	f.store(math.Float64frombits(uint64(v.I)), out)
	return nil
}

func (f *float) selected(_ *arena, text []byte, out *debezium.Value) error {
	n, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	if err != nil {
		return errMalformed // not err, which quotes the value
	}
	f.store(n, out)
	return nil
}

func (f *float) store(n float64, out *debezium.Value) {
	switch {
	case f.lost:
		*out = debezium.Value{}
	case f.as == debezium.Float32, f.single:
		*out = debezium.Float(f.as, float64(float32(n)))
	default:
		*out = debezium.Float(f.as, n)
	}
}
