package convert

import (
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// enum converts ENUM, an index of its labels from 1; 0 is MySQL's empty error value.
type enum struct{ labels [][]byte }

func newEnum(c *debezium.Column, exact bool) converter { return &enum{labels: labelBytes(c, exact)} }

func labelBytes(c *debezium.Column, exact bool) [][]byte {
	labels := c.Labels()
	list := make([][]byte, len(labels))
	for i, l := range labels {
		list[i] = []byte(l.Text)
		if exact {
			list[i] = []byte(l.Escaped)
		}
	}
	return list
}

func (e *enum) streamed(_ *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	if v.I < 0 || v.I > int64(len(e.labels)) {
		return errLabel
	}
	*out = debezium.Value{Type: debezium.String, B: []byte{}}
	if v.I > 0 {
		out.B = e.labels[v.I-1]
	}
	return nil
}

func (*enum) selected(_ *arena, text []byte, out *debezium.Value) error {
	*out = debezium.Value{Type: debezium.String, B: text}
	return nil
}

// set converts SET, a bit mask of its labels.
type set struct{ labels [][]byte }

func newSet(c *debezium.Column, exact bool) converter { return &set{labels: labelBytes(c, exact)} }

func (s *set) streamed(a *arena, v *mysql.Value, out *debezium.Value) error {
	if v.Kind != mysql.Int {
		return kindError{v.Kind}
	}
	from := len(a.b)
	mask := uint64(v.I)
	for i := 0; mask != 0; i++ {
		if mask&1 != 0 {
			if i >= len(s.labels) {
				return errLabel
			}
			if len(a.b) > from {
				a.b = append(a.b, ',')
			}
			a.b = append(a.b, s.labels[i]...)
		}
		mask >>= 1
	}
	*out = debezium.Value{Type: debezium.String, B: a.from(from)}
	return nil
}

func (*set) selected(_ *arena, text []byte, out *debezium.Value) error {
	*out = debezium.Value{Type: debezium.String, B: text}
	return nil
}
