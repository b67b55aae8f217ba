package keyindex

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// File is a data file whose rows are indexed.
type File struct {
	ID          uint32
	Path        string
	Rows        int64 // in the file
	Dead        int64 // of them, those that position deletes cover
	DeleteFiles int   // position-delete files that name the file
}

// Live returns the number of rows that are not deleted.
func (f File) Live() int64 { return f.Rows - f.Dead }

// File returns the file with a number.
func (ix *Index) File(id uint32) (File, bool) {
	f, ok := ix.files[id]
	return f, ok
}

// Files returns all files by number.
func (ix *Index) Files() []File {
	files := make([]File, 0, len(ix.files))
	for _, f := range ix.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.ID, b.ID) })
	return files
}

// NewFileID returns a number for a file that a later Apply or load will add.
// It is not given out again while the index is open.
func (ix *Index) NewFileID() uint32 {
	id := ix.next
	ix.next++
	return id
}

func appendFileKey(dst []byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, spaceFile), id)
}

func appendFile(dst []byte, f File) []byte {
	dst = binary.AppendVarint(dst, f.Rows)
	dst = binary.AppendVarint(dst, f.Dead)
	dst = binary.AppendVarint(dst, int64(f.DeleteFiles))
	return append(dst, f.Path...)
}

func decodeFile(key, value []byte) (File, error) {
	if len(key) != 5 {
		return File{}, fmt.Errorf("%w: a file's key of %d bytes", ErrCorrupt, len(key))
	}
	f := File{ID: binary.BigEndian.Uint32(key[1:])}
	var numbers [3]int64
	for i := range numbers {
		n, size := binary.Varint(value)
		if size <= 0 {
			return File{}, fmt.Errorf("%w: file %d ends early", ErrCorrupt, f.ID)
		}
		numbers[i] = n
		value = value[size:]
	}
	f.Rows, f.Dead, f.DeleteFiles, f.Path = numbers[0], numbers[1], int(numbers[2]), string(value)
	return f, nil
}

func appendLocation(dst []byte, l Location) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(l.File)), uint64(l.Row))
}

func decodeLocation(p []byte) (Location, error) {
	file, n := binary.Uvarint(p)
	if n <= 0 {
		return Location{}, fmt.Errorf("%w: a location of %d bytes", ErrCorrupt, len(p))
	}
	row, m := binary.Uvarint(p[n:])
	if m <= 0 || n+m != len(p) {
		return Location{}, fmt.Errorf("%w: a location of %d bytes", ErrCorrupt, len(p))
	}
	return Location{File: uint32(file), Row: uint32(row)}, nil
}
