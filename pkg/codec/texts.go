package codec

import "unsafe"

// texts makes strings of bytes, many to an allocation.
type texts struct{ chunk []byte }

const textChunk = 4096

// text returns the bytes as a string: last, which it replaces, if it is the same.
func (t *texts) text(b []byte, last *string) string {
	if *last != string(b) {
		*last = t.copy(b)
	}
	return *last
}

func (t *texts) copy(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > cap(t.chunk)-len(t.chunk) {
		if len(b) > textChunk/8 {
			return string(b)
		}
		t.chunk = make([]byte, 0, textChunk)
	}
	n := len(t.chunk)
	t.chunk = append(t.chunk, b...)
	return unsafe.String(&t.chunk[n], len(b)) // never written again
}
