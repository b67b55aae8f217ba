package datafile

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// ErrEqualityDeletes is returned for a table whose rows cannot be located
// because another writer deleted by value. Compacting it removes such deletes.
var ErrEqualityDeletes = errors.New("the table has equality deletes, which another program wrote: " +
	"compact it with that program or with Spark's rewrite_data_files, then start again")

// Live is a data file of a table snapshot with the files that delete rows of it.
type Live struct {
	File    File
	Deletes []File // position deletes and deletion vectors
	task    table.FileScanTask
}

// List returns the data files of a table snapshot; 0 is the current one, and a
// table without one has none.
func List(ctx context.Context, t *lake.Table, snapshot int64) ([]Live, error) {
	if t.SnapshotID() == 0 {
		return nil, nil
	}
	if snapshot == 0 {
		snapshot = t.SnapshotID()
	}
	tasks, err := t.Iceberg().Scan(table.WithSnapshotID(snapshot)).PlanFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("list files of %s: %w", t.Name(), err)
	}
	live := make([]Live, 0, len(tasks))
	at := make(map[string]int, len(tasks)) // a big file may come in several tasks, one per split
	for _, task := range tasks {
		if len(task.EqualityDeleteFiles) > 0 {
			return nil, fmt.Errorf("list files of %s: %w", t.Name(), ErrEqualityDeletes)
		}
		path := task.File.FilePath()
		if _, ok := at[path]; ok {
			continue
		}
		at[path] = len(live)
		l := Live{File: File{file: task.File}}
		for _, d := range task.DeleteFiles {
			l.Deletes = append(l.Deletes, File{file: d})
		}
		for _, d := range task.DeletionVectorFiles {
			l.Deletes = append(l.Deletes, File{file: d})
		}
		l.task = task
		l.task.Start, l.task.Length = 0, task.File.FileSizeBytes()
		l.task.DeleteFiles, l.task.DeletionVectorFiles = nil, nil
		live = append(live, l)
	}
	return live, nil
}

// ScanKeys calls found for every row of the live files that no delete file
// deletes, with the row's position and its key in the form of the key schema. The
// key is valid until the next call.
func ScanKeys(ctx context.Context, t *lake.Table, key *debezium.Schema, files []Live, found func(f File, row uint32, key []debezium.Value) error) error {
	reader, err := t.NewKeyReader(key)
	if err != nil {
		return fmt.Errorf("scan keys of %s: %w", t.Name(), err)
	}
	s := scanner{table: t, reader: reader, found: found}
	for i := range files {
		if err := s.file(ctx, &files[i]); err != nil {
			return fmt.Errorf("scan keys of %s in %s: %w", t.Name(), files[i].File.Path(), err)
		}
	}
	return nil
}

type scanner struct {
	table   *lake.Table
	reader  *lake.KeyReader
	found   func(File, uint32, []debezium.Value) error
	columns []arrow.Array
	key     []debezium.Value
}

func (s *scanner) file(ctx context.Context, live *Live) error {
	deleted, err := live.deleted(ctx, s.table)
	if err != nil {
		return err
	}
	// One reader and no deletes: rows come in the file's order, all of them.
	scan := s.table.Iceberg().Scan(table.WithSelectedFields(s.reader.Columns()...), table.WithMaxConcurrency(1))
	schema, batches, err := scan.ReadTasks(ctx, []table.FileScanTask{live.task})
	if err != nil {
		return err
	}
	var at []int
	for _, name := range s.reader.Columns() {
		i := schema.FieldIndices(name)
		if len(i) != 1 {
			return fmt.Errorf("column %s is there %d times", name, len(i))
		}
		at = append(at, i[0])
	}
	row := int64(0)
	for batch, err := range batches {
		if err != nil {
			return err
		}
		err = s.batch(live, batch, at, row, deleted)
		row += batch.NumRows()
		batch.Release()
		if err != nil {
			return err
		}
	}
	if row != live.File.Rows() {
		return fmt.Errorf("%d rows were read of %d", row, live.File.Rows())
	}
	return nil
}

func (s *scanner) batch(live *Live, batch arrow.RecordBatch, at []int, first int64, deleted bitmap) error {
	s.columns = s.columns[:0]
	for _, i := range at {
		s.columns = append(s.columns, batch.Column(i))
	}
	for i := range int(batch.NumRows()) {
		row := first + int64(i)
		if deleted.has(row) {
			continue
		}
		var err error
		if s.key, err = s.reader.Read(s.key[:0], s.columns, i); err != nil {
			return err
		}
		if err := s.found(live.File, uint32(row), s.key); err != nil {
			return err
		}
	}
	return nil
}
