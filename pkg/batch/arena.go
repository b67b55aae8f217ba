package batch

import "sync"

const chunkBytes = 64 << 10

// Pool lends memory to batches, so that many tables' batches together keep no
// more than the largest few needed. It is safe for concurrent use.
type Pool struct {
	mu   sync.Mutex
	free [][]byte
	max  int
}

// NewPool returns a pool that keeps at most so many unused bytes.
func NewPool(bytes int64) *Pool { return &Pool{max: int(bytes / chunkBytes)} }

func (p *Pool) take() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		chunk := p.free[n-1]
		p.free = p.free[:n-1]
		return chunk
	}
	return make([]byte, 0, chunkBytes)
}

func (p *Pool) give(chunks [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range chunks {
		if cap(c) == chunkBytes && len(p.free) < p.max {
			p.free = append(p.free, c[:0])
		}
	}
}

// ref is a place in an arena: the chunk's number and the byte in it.
type ref uint64

// arena is memory that is filled from one end and emptied at once.
type arena struct {
	pool   *Pool
	chunks [][]byte
	open   int // the chunk being filled; oversized ones are appended full
	bytes  int64
}

// put copies p into the arena.
func (a *arena) put(p []byte) ref {
	a.bytes += int64(len(p))
	if len(p) > chunkBytes/4 {
		a.chunks = append(a.chunks, append(make([]byte, 0, len(p)), p...))
		return ref(len(a.chunks)-1) << 32
	}
	if len(a.chunks) == 0 || cap(a.chunks[a.open])-len(a.chunks[a.open]) < len(p) {
		if len(a.chunks) > 0 { // what is left over at the end of a chunk is taken too
			a.bytes += int64(cap(a.chunks[a.open]) - len(a.chunks[a.open]))
		}
		a.chunks = append(a.chunks, a.pool.take())
		a.open = len(a.chunks) - 1
	}
	c := a.chunks[a.open]
	a.chunks[a.open] = append(c, p...)
	return ref(a.open)<<32 | ref(len(c))
}

func (a *arena) get(r ref, n uint32) []byte {
	if n == 0 {
		return nil
	}
	off := uint32(r)
	return a.chunks[r>>32][off : off+n : off+n]
}

func (a *arena) reset() {
	a.pool.give(a.chunks)
	clear(a.chunks)
	a.chunks, a.open, a.bytes = a.chunks[:0], 0, 0
}
