package keyindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"
)

const (
	parallelKeys = 8192 // from so many keys on, two iterators share them
	ctxEvery     = 4096
)

// Lookup calls found for each of the keys that the index has, in the order of
// keys, which must ascend. A location whose file is unknown is ErrCorrupt.
func (ix *Index) Lookup(ctx context.Context, keys [][]byte, found func(i int, at Location)) error {
	if cap(ix.found) < len(keys) {
		ix.found = make([]Location, len(keys))
	}
	at := ix.found[:len(keys)]
	clear(at) // files are numbered from 1: file 0 is not found
	if err := ix.seekAll(ctx, keys, at); err != nil {
		return fmt.Errorf("look up %d keys: %w", len(keys), damage(err))
	}
	var last uint32
	for i, l := range at {
		if l.File == 0 {
			continue
		}
		if l.File != last {
			if _, ok := ix.files[l.File]; !ok {
				return fmt.Errorf("look up %d keys: %w: file %d is unknown", len(keys), ErrCorrupt, l.File)
			}
			last = l.File
		}
		found(i, l)
	}
	return nil
}

func (ix *Index) seekAll(ctx context.Context, keys [][]byte, at []Location) error {
	if len(keys) < parallelKeys {
		return ix.seek(ctx, keys, at)
	}
	half := len(keys) / 2
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ix.seek(ctx, keys[:half], at[:half]) })
	g.Go(func() error { return ix.seek(ctx, keys[half:], at[half:]) })
	return g.Wait()
}

// seek passes one iterator over the keys.
func (ix *Index) seek(ctx context.Context, keys [][]byte, at []Location) (err error) {
	it, err := ix.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceKey}, UpperBound: []byte{spaceKey + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	buf := make([]byte, 0, 64)
	for i, key := range keys {
		if i%ctxEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		buf = append(append(buf[:0], spaceKey), key...)
		if !it.SeekGE(buf) {
			if it.Error() != nil {
				return it.Error()
			}
			return nil // this key and those behind it come after the last one
		}
		if !bytes.Equal(it.Key(), buf) {
			continue
		}
		if at[i], err = decodeLocation(it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// Scan calls fn for every key in ascending order, until it returns an error.
// The key is valid during the call.
func (ix *Index) Scan(ctx context.Context, fn func(key []byte, at Location) error) (err error) {
	it, err := ix.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceKey}, UpperBound: []byte{spaceKey + 1}})
	if err != nil {
		return fmt.Errorf("scan key index: %w", err)
	}
	defer func() { err = damage(errors.Join(err, it.Close())) }()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%ctxEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at, err := decodeLocation(it.Value())
		if err != nil {
			return err
		}
		if err := fn(it.Key()[1:], at); err != nil {
			return err
		}
	}
	return it.Error()
}
