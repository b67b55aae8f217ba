// Package datafile writes a table's rows as Parquet data files whose row
// positions are known, writes position-delete files that name one data file each,
// and reads the keys of a table's live rows back.
//
// Rows keep the order in which they come. Files are written by one goroutine, in
// row groups of bounded size, and belong to no table snapshot until package
// commit puts them into one.
package datafile

import (
	"bytes"
	"path"
	"strings"

	"github.com/apache/iceberg-go"
)

// File is a data file or a position-delete file.
type File struct{ file iceberg.DataFile }

// FromIceberg returns the file that a manifest lists.
func FromIceberg(f iceberg.DataFile) File { return File{file: f} }

// Iceberg returns the file for the packages that know iceberg-go.
func (f File) Iceberg() iceberg.DataFile { return f.file }

// Path returns where the file is.
func (f File) Path() string { return f.file.FilePath() }

// Rows returns the number of rows, or of deleted positions.
func (f File) Rows() int64 { return f.file.Count() }

// Bytes returns the file's size.
func (f File) Bytes() int64 { return f.file.FileSizeBytes() }

// Target returns the path of the one data file that a position-delete file names.
// A v2 manifest, as iceberg-go writes it, keeps that only as bounds of file_path.
func (f File) Target() string {
	if ref := f.file.ReferencedDataFile(); ref != nil {
		return *ref
	}
	if f.file.ContentType() != iceberg.EntryContentPosDeletes {
		return ""
	}
	lower, ok := f.file.LowerBoundValues()[filePathField]
	if upper := f.file.UpperBoundValues()[filePathField]; !ok || !bytes.Equal(lower, upper) {
		return ""
	}
	return string(lower)
}

// filePathField is the id of file_path, which Iceberg reserves.
const filePathField = 2147483546

// Label returns what the writer of a data file called the rows it holds, such as
// the set of Kafka partitions of their keys. It is "" in files of other writers.
func (f File) Label() string {
	name := path.Base(f.Path())
	rest, ok := strings.CutPrefix(name, filePrefix)
	if !ok {
		return ""
	}
	label, _, ok := strings.Cut(rest, "_")
	if !ok {
		return ""
	}
	return label
}

const filePrefix = "firn_"

// Location is where a row is: the ordinal of its file and its position there.
type Location struct{ File, Row uint32 }
