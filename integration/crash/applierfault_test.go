package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// fault is what goes wrong between an applier and its catalog or its files.
type fault string

// Answers that are lost: the process lives on and must find out.
const (
	lostTakeOver   fault = "the answer to a takeover is lost"
	lostCommit     fault = "the answer to a commit is lost"
	lostRequest    fault = "a commit is lost on its way"
	lostUpload     fault = "the answer to an upload is lost"
	lostThenKilled fault = "the answer to a commit is lost, and the process killed when it looks"
	lostReplace    fault = "the answer to a rewrite's commit is lost"
	lostExpire     fault = "the answer to an expiry is lost"
)

// of is the kind of commit that a fault strikes.
func (f fault) of() kind {
	switch f {
	case lostTakeOver:
		return takeOver
	case lostReplace:
		return rewrite
	case lostExpire:
		return expiry
	case lostUpload:
		return noKind
	default:
		return batchOfRows
	}
}

// Planted bugs: what the product must not do, done for it.
const (
	blindRetry   fault = "a commit whose answer is lost is made again without looking"
	earlyOffsets fault = "offsets are saved before the data"
)

var errLost = errors.New("the connection was lost")

// faulty stands between tables and their catalog.
type faulty struct {
	*hits
	table.CatalogIO
	lost bool
}

func (h *hits) wrap(c table.CatalogIO) table.CatalogIO { return &faulty{hits: h, CatalogIO: c} }

// LoadTable is asked after an answer was lost.
func (f *faulty) LoadTable(ctx context.Context, id table.Identifier) (*table.Table, error) {
	if f.lost && f.Fault == lostThenKilled {
		f.die(string(f.Fault))
	}
	t, err := f.CatalogIO.LoadTable(ctx, id)
	if err != nil || f.Fault != lostUpload {
		return t, err
	}
	files := func(ctx context.Context) (icebergio.IO, error) {
		fs, err := t.FS(ctx)
		if err != nil {
			return nil, err
		}
		w, ok := fs.(icebergio.WriteFileIO)
		if !ok {
			return nil, fmt.Errorf("%T cannot write", fs)
		}
		return &faultyFiles{WriteFileIO: w, hits: f.hits}, nil
	}
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), files, f), nil
}

// CommitTable sees what kind of commit it is by what its table snapshot adds.
func (f *faulty) CommitTable(ctx context.Context, id table.Identifier, rq []table.Requirement, up []table.Update) (table.Metadata, string, error) {
	c, err := parse(up)
	if err != nil {
		return nil, "", err
	}
	if c.kind == noKind || c.kind != f.Fault.of() || !f.nth(string(f.Fault)) {
		return f.CatalogIO.CommitTable(ctx, id, rq, up)
	}
	switch f.Fault {
	case lostRequest:
		f.note(string(f.Fault))
		return nil, "", errLost
	case earlyOffsets:
		if err := f.saveOffsets(ctx, id, c); err != nil {
			return nil, "", err
		}
		f.die(string(f.Fault))
	default: // the others let the commit through
	}
	meta, location, err := f.CatalogIO.CommitTable(ctx, id, rq, up)
	if err != nil {
		return meta, location, fmt.Errorf("the fault needs a commit that works: %w", err)
	}
	if f.Fault == blindRetry {
		f.note(string(f.Fault))
		return f.again(ctx, id, c)
	}
	f.lost = true
	if f.Fault != lostThenKilled {
		f.note(string(f.Fault))
	}
	return nil, "", errLost
}

// kind is what a commit is about.
type kind int

const (
	noKind kind = iota
	takeOver
	batchOfRows
	rewrite
	expiry
)

// parsed is what a commit's updates say.
type parsed struct {
	kind       kind
	properties iceberg.Properties
	summary    iceberg.Properties
}

func parse(updates []table.Update) (*parsed, error) {
	c := &parsed{properties: iceberg.Properties{}, summary: iceberg.Properties{}}
	data := false
	for _, u := range updates {
		text, err := json.Marshal(u)
		if err != nil {
			return nil, err
		}
		var fields struct {
			Updates  map[string]string `json:"updates"`
			Snapshot struct {
				Summary map[string]string `json:"summary"`
			} `json:"snapshot"`
		}
		switch u.Action() {
		case table.UpdateSetProperties, table.UpdateAddSnapshot:
			if err := json.Unmarshal(text, &fields); err != nil {
				return nil, fmt.Errorf("read update %s: %w", u.Action(), err)
			}
		case table.UpdateRemoveSnapshots:
			c.kind = expiry
		}
		maps.Copy(c.properties, fields.Updates)
		for k, v := range fields.Snapshot.Summary {
			if strings.HasPrefix(k, "firn.") {
				c.summary[k] = v
			}
			if k == "operation" && v == "replace" {
				c.kind = rewrite
			}
			data = data || (k == "added-data-files" || k == "added-delete-files") && v != "0"
		}
	}
	if c.kind == noKind && c.summary["firn.commit-token"] != "" {
		if c.kind = takeOver; data {
			c.kind = batchOfRows
		}
	}
	return c, nil
}

// saveOffsets commits what the commit records, in a table snapshot without its data.
func (f *faulty) saveOffsets(ctx context.Context, id table.Identifier, c *parsed) error {
	t, err := f.CatalogIO.LoadTable(ctx, id)
	if err != nil {
		return err
	}
	txn := t.NewTransaction()
	if err := txn.SetProperties(c.properties); err != nil {
		return err
	}
	if err := appendNothing(ctx, t, txn, c.summary); err != nil {
		return err
	}
	_, err = txn.Commit(ctx)
	return err
}

// again commits the files of the current table snapshot once more.
func (f *faulty) again(ctx context.Context, id table.Identifier, c *parsed) (table.Metadata, string, error) {
	t, err := f.CatalogIO.LoadTable(ctx, id)
	if err != nil {
		return nil, "", err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, "", err
	}
	s := t.CurrentSnapshot()
	manifests, err := s.Manifests(fs)
	if err != nil {
		return nil, "", err
	}
	var data, deletes []iceberg.DataFile
	for _, m := range manifests {
		for e, err := range m.Entries(fs, true) {
			switch {
			case err != nil:
				return nil, "", err
			case e.SnapshotID() != s.SnapshotID:
			case e.DataFile().ContentType() == iceberg.EntryContentData:
				data = append(data, e.DataFile())
			default:
				deletes = append(deletes, e.DataFile())
			}
		}
	}
	txn := t.NewTransaction()
	if err := txn.SetProperties(c.properties); err != nil {
		return nil, "", err
	}
	if err := txn.NewRowDelta(c.summary).AddRows(data...).AddDeletes(deletes...).Commit(ctx); err != nil {
		return nil, "", err
	}
	t, err = txn.Commit(ctx)
	if err != nil {
		return nil, "", err
	}
	return t.Metadata(), t.MetadataLocation(), nil
}

// faultyFiles loses the answer to the Nth upload of a data or delete file.
type faultyFiles struct {
	icebergio.WriteFileIO
	hits *hits
}

// Create is how data and delete files are written.
func (f *faultyFiles) Create(name string) (icebergio.FileWriter, error) {
	w, err := f.WriteFileIO.Create(name)
	if err != nil || !strings.HasSuffix(name, ".parquet") || !f.hits.nth(string(lostUpload)) {
		return w, err
	}
	return &faultyFile{FileWriter: w, hits: f.hits}, nil
}

type faultyFile struct {
	icebergio.FileWriter
	hits *hits
}

// Close writes the file and says that it failed.
func (f *faultyFile) Close() error {
	if err := f.FileWriter.Close(); err != nil {
		return err
	}
	f.hits.note(string(lostUpload))
	return errLost
}

// appendNothing adds a table snapshot without files.
func appendNothing(ctx context.Context, t *table.Table, txn *table.Transaction, summary iceberg.Properties) error {
	schema, err := table.SchemaToArrowSchema(t.Schema(), nil, true, false)
	if err != nil {
		return err
	}
	nothing, err := array.NewRecordReader(schema, nil)
	if err != nil {
		return err
	}
	defer nothing.Release()
	return txn.Append(ctx, nothing, summary)
}
