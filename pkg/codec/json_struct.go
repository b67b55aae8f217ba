package codec

import "github.com/firn-cdc/firn/pkg/debezium"

// structure reads a struct's fields into dst, which it may grow. Fields may
// come in any order.
func (s *scanner) structure(r *reader, dst []debezium.Value) ([]debezium.Value, error) {
	n := len(r.fields)
	dst = resize(dst, n)
	done, err := s.open('{', '}', "an object was expected")
	expected, ordered := 0, true
	for !done && err == nil {
		at := s.i
		i, name, err := s.member(&r.keys, expected)
		switch {
		case err != nil:
			return dst, err
		case i < 0 && r.lenient:
			if err := s.skip(maxDepth); err != nil {
				return dst, err
			}
		case i < 0:
			return dst, &FieldError{Field: string(name), Problem: UnknownField, Offset: at}
		default:
			if i != expected && ordered {
				ordered = false
				forget(dst[expected:])
			}
			if err := s.value(&r.fields[i], &dst[i]); err != nil {
				return dst, within(err, r.keys.names[i])
			}
			expected = i + 1
		}
		if done, err = s.next('}'); err != nil {
			return dst, err
		}
	}
	if err != nil {
		return dst, err
	}
	if ordered {
		forget(dst[expected:])
	}
	if !ordered || expected < n {
		err = s.missing(r, dst)
	}
	return dst, err
}

func forget(values []debezium.Value) {
	for i := range values {
		values[i].Type = absent
	}
}

// missing gives the fields that were not read their defaults, or null.
func (s *scanner) missing(r *reader, values []debezium.Value) error {
	for i := range values {
		if values[i].Type != absent {
			continue
		}
		switch f := &r.fields[i]; {
		case r.complete && !f.mayLack:
			return &FieldError{Field: r.keys.names[i], Problem: MissingField, Offset: s.i}
		case f.schema.Default != nil:
			values[i] = *f.schema.Default
		case f.schema.Optional || r.lenient:
			values[i] = debezium.Value{}
		default:
			return &FieldError{Field: r.keys.names[i], Problem: MissingField, Offset: s.i}
		}
	}
	return nil
}

func (s *scanner) array(r *reader, v *debezium.Value, c byte) error {
	if c != '[' {
		return s.wrongType(r, s.i)
	}
	done, err := s.open('[', ']', "")
	for !done && err == nil {
		v.Elems = resize(v.Elems, len(v.Elems)+1)
		if err = s.value(r.items, &v.Elems[len(v.Elems)-1]); err == nil {
			done, err = s.next(']')
		}
	}
	return err
}

// mapping reads a map: an object if its keys are strings, else an array of pairs.
func (s *scanner) mapping(r *reader, v *debezium.Value, c byte) error {
	object := r.mapKeys.schema.Type == debezium.String && !r.mapKeys.schema.Optional
	bracket, end := byte('['), byte(']')
	if object {
		bracket, end = '{', '}'
	}
	if c != bracket {
		return s.wrongType(r, s.i)
	}
	done, err := s.open(bracket, end, "")
	for !done && err == nil {
		n := len(v.Elems)
		v.Elems = resize(v.Elems, n+2)
		if object {
			err = s.namedEntry(r, &v.Elems[n], &v.Elems[n+1])
		} else {
			err = s.pair(r, &v.Elems[n], &v.Elems[n+1])
		}
		if err == nil {
			done, err = s.next(end)
		}
	}
	return err
}

func (s *scanner) namedEntry(r *reader, key, value *debezium.Value) error {
	name, err := s.key()
	if err != nil {
		return err
	}
	*key = debezium.Value{Type: debezium.String, B: name}
	return s.value(r.items, value)
}

func (s *scanner) pair(r *reader, key, value *debezium.Value) error {
	empty, err := s.open('[', ']', "a pair was expected")
	if err != nil {
		return err
	}
	if empty {
		return s.fail("a pair was expected")
	}
	if err := s.value(r.mapKeys, key); err != nil {
		return err
	}
	if done, err := s.next(']'); err != nil || done {
		return s.fail("a pair was expected")
	}
	if err := s.value(r.items, value); err != nil {
		return err
	}
	if done, err := s.next(']'); err != nil || !done {
		return s.fail("a pair was expected")
	}
	return nil
}

// resize returns values with length n, keeping what its elements have allocated.
func resize(values []debezium.Value, n int) []debezium.Value {
	if n <= cap(values) {
		return values[:n]
	}
	grown := make([]debezium.Value, n, max(n, 2*cap(values)))
	copy(grown, values[:cap(values)])
	return grown
}
