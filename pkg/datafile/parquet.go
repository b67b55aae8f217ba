package datafile

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

var allocator = memory.DefaultAllocator

func newID() string { return uuid.NewString() }

// parquetFile is a Parquet file being written.
type parquetFile struct {
	path     string
	file     io.WriteCloser
	counter  *counter
	parquet  *pqarrow.FileWriter
	rowGroup int64
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// create opens a new file, name below the table's data folder.
func (f *format) create(name string, schema *arrow.Schema, rowGroup int64) (*parquetFile, error) {
	props, err := f.writerProperties(schema)
	if err != nil {
		return nil, err
	}
	p := &parquetFile{path: f.provider.NewDataLocation(name), rowGroup: rowGroup}
	if p.file, err = f.fs.Create(p.path); err != nil {
		return nil, fmt.Errorf("create %s: %w", p.path, err)
	}
	// The Parquet writer closes what it can close; the file is closed by close,
	// whose error counts.
	p.counter = &counter{w: p.file}
	arrowProps := pqarrow.NewArrowWriterProperties(pqarrow.WithAllocator(allocator))
	if p.parquet, err = pqarrow.NewFileWriter(schema, p.counter, props, arrowProps); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", p.path, err), p.abandon(f.fs))
	}
	return p, nil
}

const (
	pageBytes       = 1 << 20
	dictionaryBytes = 1 << 20
)

// writerProperties follow the table's properties where Iceberg's writers do.
func (f *format) writerProperties(schema *arrow.Schema) (*parquet.WriterProperties, error) {
	codec, err := compression(f.props.Get(table.ParquetCompressionKey, table.ParquetCompressionDefault))
	if err != nil {
		return nil, err
	}
	level := f.props.GetInt(table.ParquetCompressionLevelKey, compress.DefaultCompressionLevel)
	props := []parquet.WriterProperty{
		parquet.WithAllocator(allocator),
		parquet.WithCreatedBy("firn"),
		parquet.WithCompression(codec),
		parquet.WithCompressionLevel(level),
		parquet.WithDataPageVersion(parquet.DataPageV2),
		parquet.WithDataPageSize(int64(f.props.GetInt(table.ParquetPageSizeBytesKey, pageBytes))),
		parquet.WithDictionaryPageSizeLimit(int64(f.props.GetInt(table.ParquetDictSizeBytesKey, dictionaryBytes))),
		parquet.WithStats(true),
	}
	root, err := pqarrow.ToParquet(schema, parquet.NewWriterProperties(props...), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, fmt.Errorf("parquet schema: %w", err)
	}
	for i := range root.NumColumns() {
		props = append(props, parquet.WithDictionaryCostFallbackFor(root.Column(i).Path(), true))
	}
	for k, v := range f.props {
		if column, ok := strings.CutPrefix(k, table.ParquetBloomFilterColumnEnabledKeyPrefix+"."); ok {
			enabled, err := strconv.ParseBool(v)
			if err != nil {
				return nil, fmt.Errorf("table property %s: want true or false", k)
			}
			props = append(props, parquet.WithBloomFilterEnabledFor(column, enabled))
		}
	}
	return parquet.NewWriterProperties(props...), nil
}

func compression(name string) (compress.Compression, error) {
	switch strings.ToLower(name) {
	case "zstd":
		return compress.Codecs.Zstd, nil
	case "snappy":
		return compress.Codecs.Snappy, nil
	case "gzip":
		return compress.Codecs.Gzip, nil
	case "lz4":
		return compress.Codecs.Lz4Raw, nil
	case "uncompressed", "none":
		return compress.Codecs.Uncompressed, nil
	default:
		return compress.Codecs.Uncompressed, fmt.Errorf("table property %s: %q is none of zstd, snappy, gzip, lz4, uncompressed",
			table.ParquetCompressionKey, name)
	}
}

// write appends a batch, starting a new row group where the last one is full.
func (p *parquetFile) write(batch arrow.RecordBatch) error {
	if p.parquet.RowGroupTotalBytesWritten() >= p.rowGroup {
		if err := p.parquet.NewBufferedRowGroupChecked(); err != nil {
			return fmt.Errorf("write %s: %w", p.path, err)
		}
	}
	if err := p.parquet.WriteBuffered(batch); err != nil {
		return fmt.Errorf("write %s: %w", p.path, err)
	}
	return nil
}

// size returns about how large the file would be if it ended here.
func (p *parquetFile) size() int64 { return p.counter.n + p.parquet.RowGroupTotalCompressedBytes() }

// close ends the file and describes it with the statistics of its footer.
func (p *parquetFile) close(f *format, content iceberg.ManifestEntryContent, spec iceberg.PartitionSpec, partition map[int]any, target *string) (File, error) {
	if err := p.parquet.Close(); err != nil {
		return File{}, fmt.Errorf("end %s: %w", p.path, err)
	}
	if err := p.file.Close(); err != nil {
		return File{}, fmt.Errorf("close %s: %w", p.path, err)
	}
	meta, err := p.parquet.FileMetadata()
	if err != nil {
		return File{}, fmt.Errorf("read back the footer of %s: %w", p.path, err)
	}
	schema := f.schema
	if content == iceberg.EntryContentPosDeletes {
		schema = iceberg.PositionalDeleteSchema
	}
	df, err := table.DataFileFromMetadata(table.DataFileArgs{
		Schema: schema, Spec: spec, Format: iceberg.ParquetFile, Metadata: meta,
		FilePath: p.path, FileSize: p.counter.n, Content: content, PartitionValues: present(partition),
		Properties: f.props, FormatVersion: f.version, ReferencedDataFile: target,
	})
	if err != nil {
		return File{}, fmt.Errorf("describe %s: %w", p.path, err)
	}
	return File{file: df}, nil
}

// abandon closes and removes the file.
func (p *parquetFile) abandon(fs icebergio.WriteFileIO) error {
	return errors.Join(p.file.Close(), fs.Remove(p.path))
}
