package lake

import (
	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// fit says how a column of type have takes values of type want, which a Connect
// schema maps to: as it is, after widening it to the type returned, or not at all.
// Nothing else is ever promoted; the library would accept more than readers do.
func fit(have, want iceberg.Type, s *debezium.Schema) (widened iceberg.Type, ok bool) {
	switch h := have.(type) {
	case iceberg.Int32Type: // of a table that another program created
		if want.Equals(iceberg.PrimitiveTypes.Int64) && isInteger(s) {
			if s.Type == debezium.Int64 {
				return want, true
			}
			return nil, true
		}
	case iceberg.Float32Type:
		if want.Equals(iceberg.PrimitiveTypes.Float64) {
			return want, true
		}
	case iceberg.Float64Type:
		if want.Equals(iceberg.PrimitiveTypes.Float32) {
			return nil, true
		}
	case iceberg.DecimalType:
		return fitDecimal(h, want)
	case *iceberg.ListType:
		if w, ok := want.(*iceberg.ListType); ok {
			return nil, holds(h.Element, w.Element, s.Items)
		}
	case *iceberg.MapType:
		if w, ok := want.(*iceberg.MapType); ok {
			return nil, holds(h.KeyType, w.KeyType, s.Keys) && holds(h.ValueType, w.ValueType, s.Items)
		}
	case *iceberg.StructType:
		if w, ok := want.(*iceberg.StructType); ok {
			return nil, holdsFields(h, w, s)
		}
	}
	return nil, have.Equals(want)
}

const int64Digits = 19

func fitDecimal(have iceberg.DecimalType, want iceberg.Type) (iceberg.Type, bool) {
	switch w := want.(type) {
	case iceberg.Int64Type:
		return nil, have.Scale() == 0 && have.Precision() >= int64Digits
	case iceberg.DecimalType:
		if w.Scale() != have.Scale() {
			return nil, false
		}
		if w.Precision() > have.Precision() {
			return w, true
		}
		return nil, true
	default:
		return nil, false
	}
}

// holds is fit without widening: nested fields keep their types.
func holds(have, want iceberg.Type, s *debezium.Schema) bool {
	widened, ok := fit(have, want, s)
	return ok && widened == nil
}

func holdsFields(have, want *iceberg.StructType, s *debezium.Schema) bool {
	for i, w := range want.FieldList {
		found := false
		for _, h := range have.FieldList {
			if h.Name == w.Name && holds(h.Type, w.Type, s.Fields[i].Schema) {
				found = true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func isInteger(s *debezium.Schema) bool {
	return s.Type == debezium.Int8 || s.Type == debezium.Int16 || s.Type == debezium.Int32 || s.Type == debezium.Int64
}
