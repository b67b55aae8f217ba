package codec

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
)

// Framing is how a key or value names its schema ahead of Avro's bytes.
type Framing uint8

// The framings.
const (
	ConfluentFraming Framing = iota // a zero byte and the four bytes of the id
	GlueFraming                     // a 3, how the rest is compressed, and the sixteen bytes of the id
)

const (
	confluentMark = 0
	glueMark      = 3
	glueHead      = 2 + glueIDSize

	gluePlain = 0
	glueZlib  = 5

	// maxInflated bounds what is inflated of one key or value.
	maxInflated = 256 << 20
)

// Begins reports whether a key or value begins as those of the framing do. JSON
// begins as none.
func (f Framing) Begins(b []byte) bool {
	return len(b) > 0 && b[0] == f.mark()
}

// InAvro reports whether a key or value is in Avro, framed as the registry's
// are; nil: there is no registry. Of another framing, it is a [FramingError].
func InAvro(registry Registry, b []byte) (bool, error) {
	for _, f := range [...]Framing{ConfluentFraming, GlueFraming} {
		switch {
		case !f.Begins(b):
		case registry != nil && registry.Framing() == f:
			return true, nil
		default:
			return false, &FramingError{Framing: f}
		}
	}
	return false, nil
}

// FramingError is a key or value that is framed for a schema registry of a kind
// that was not given.
type FramingError struct{ Framing Framing }

// Error names the kind and the flag that gives one.
func (e *FramingError) Error() string {
	return "framed for a schema registry of " + e.Framing.String() + "'s kind; " + e.Remedy()
}

// Remedy names the flag that gives one.
func (e *FramingError) Remedy() string {
	if e.Framing == GlueFraming {
		return "give --schema-registry-auth glue"
	}
	return "give --schema-registry-url"
}

func (f Framing) mark() byte {
	if f == GlueFraming {
		return glueMark
	}
	return confluentMark
}

// String names the framing's registry.
func (f Framing) String() string {
	if f == GlueFraming {
		return "Glue"
	}
	return "Confluent"
}

// head returns what stands before a key or value whose schema has the id.
func (f Framing) head(id SchemaID) []byte {
	if f == GlueFraming {
		return append([]byte{glueMark, gluePlain}, id...)
	}
	return append([]byte{confluentMark}, id...)
}

// avroSide reads keys, or values. They are read together, so each has its own.
type avroSide struct {
	last     *avroBlock
	source   bytes.Reader
	inflater io.ReadCloser
	inflated bytes.Buffer
}

// begin returns where a key or value has its schema's id, and a scanner that
// stands behind its head.
func (a *avroSide) begin(f Framing, b []byte) (id []byte, s avroScanner, err error) {
	s.b = b
	if f == ConfluentFraming {
		if len(b) <= confluentIDSize || b[0] != confluentMark {
			return nil, s, s.fail("it does not begin with a zero byte and a schema's id")
		}
		s.i = 1 + confluentIDSize
		return b[1:s.i], s, nil
	}
	if len(b) < glueHead || b[0] != glueMark {
		return nil, s, s.fail("it does not begin with a 3, a compression and a schema version's id")
	}
	s.i = glueHead
	id = b[2:glueHead]
	switch b[1] {
	case gluePlain:
		return id, s, nil
	case glueZlib:
		if err := a.inflate(b[glueHead:]); err != nil {
			return nil, s, s.fail("it cannot be inflated: " + err.Error())
		}
		return id, avroScanner{b: a.inflated.Bytes()}, nil
	default:
		s.i = 1
		return nil, s, s.fail("an unknown compression")
	}
}

var errInflated = errors.New("it is too large")

func (a *avroSide) inflate(b []byte) error {
	a.source.Reset(b)
	if a.inflated.Cap() > maxArena {
		a.inflated = bytes.Buffer{}
	}
	a.inflated.Reset()
	var err error
	if a.inflater == nil {
		a.inflater, err = zlib.NewReader(&a.source)
	} else {
		err = a.inflater.(zlib.Resetter).Reset(&a.source, nil)
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(&a.inflated, io.LimitReader(a.inflater, maxInflated+1))
	if err == nil && n > maxInflated {
		err = errInflated
	}
	return err
}
