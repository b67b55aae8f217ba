package codec

import (
	"fmt"
	"math"
	"strconv"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// node is a JSON value read whole, its members in order.
type node struct {
	kind    byte   // { [ " 0 t f n
	text    string // of a string or number
	members []nodeMember
	elems   []node
}

type nodeMember struct {
	name  string
	value node
}

// member returns the member of that name, or nil.
func (n *node) member(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return &n.members[i].value
		}
	}
	return nil
}

// string returns the text of the member of that name, or "".
func (n *node) string(name string) string {
	if m := n.member(name); m != nil {
		return m.text
	}
	return ""
}

func (s *scanner) node(depth int) (*node, error) {
	if depth == 0 {
		return nil, s.fail("nested too deep")
	}
	n := &node{kind: s.space()}
	switch n.kind {
	case '{', '[':
		return n, s.children(n, depth)
	case '"':
		b, err := s.str()
		n.text = string(b)
		return n, err
	case 't', 'f', 'n':
		return n, s.skip(depth)
	default:
		n.kind = '0'
		b, err := s.number()
		n.text = string(b)
		return n, err
	}
}

func (s *scanner) children(n *node, depth int) error {
	end := n.kind + 2
	done, err := s.open(n.kind, end, "")
	for !done && err == nil {
		var name []byte
		if n.kind == '{' {
			if name, err = s.key(); err != nil {
				return err
			}
		}
		var child *node
		if child, err = s.node(depth - 1); err != nil {
			return err
		}
		if n.kind == '{' {
			n.members = append(n.members, nodeMember{string(name), *child})
		} else {
			n.elems = append(n.elems, *child)
		}
		done, err = s.next(end)
	}
	return err
}

// value returns a default as Avro schemas have them; bytes are characters of Latin-1.
func (n *node) value(t debezium.Type) (*debezium.Value, error) {
	v := debezium.Value{Type: t}
	ok := false
	switch t {
	case debezium.Int8, debezium.Int16, debezium.Int32, debezium.Int64:
		i, err := strconv.ParseInt(n.text, 10, 64)
		v.I, ok = i, err == nil && n.kind == '0'
	case debezium.Float32, debezium.Float64:
		size := 64
		if t == debezium.Float32 {
			size = 32
		}
		f, err := strconv.ParseFloat(n.text, size)
		v.I, ok = int64(math.Float64bits(f)), err == nil && n.kind == '0'
	case debezium.Boolean:
		v, ok = debezium.Bool(n.kind == 't'), n.kind == 't' || n.kind == 'f'
	case debezium.String:
		v.B, ok = []byte(n.text), n.kind == '"'
	case debezium.Bytes:
		ok = n.kind == '"'
		v.B = []byte{}
		for _, r := range n.text {
			v.B = append(v.B, byte(r))
			ok = ok && r <= 0xFF
		}
	default:
		return nil, fmt.Errorf("a default of type %s is not supported", t)
	}
	if !ok {
		return nil, fmt.Errorf("it is no %s", t)
	}
	return &v, nil
}
