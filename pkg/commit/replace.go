package commit

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-cdc/firn/pkg/datafile"
)

// Replacement changes files and no row: together, the files that it adds say what
// those that it removes have said.
type Replacement struct {
	Token  string // a new UUID; the same when it is tried again
	Parent int64  // the table snapshot whose files it replaces

	Remove, Add               []datafile.File
	RemoveDeletes, AddDeletes []datafile.File // to add one, one must be removed
	Sequence                  int64           // sequence number of the table snapshot that the added rows were read from
	MergeManifests            int64           // manifests of data files that are smaller become one; 0: none does
	OwnFiles                  bool            // no removed file holds rows of another shard

	Properties, Summary map[string]string

	// Check may refuse on grounds of the table's properties; it is asked before
	// every attempt. It may be nil.
	Check func(properties map[string]string) error
}

// Replace makes the replacement one table snapshot, under the rules and with the
// errors of Commit. The shard's offsets stay as they are.
func (c *Committer) Replace(ctx context.Context, r Replacement) (Result, error) {
	return c.Commit(ctx, Request{
		Token: r.Token, Parent: r.Parent, SchemaOffset: -1, Properties: r.Properties, Summary: r.Summary, replace: &r,
	})
}

// stage reports false where no file changes: then only the head has to move.
func (r *Replacement) stage(ctx context.Context, txn *table.Transaction, sum iceberg.Properties) (bool, error) {
	if r.MergeManifests > 0 {
		// One cluster: as few manifests as their size allows, however few there are now.
		one := table.WithRewriteManifestClusterBy(func(iceberg.DataFile) any { return 0 })
		small := table.WithRewriteManifestPredicate(func(m iceberg.ManifestFile) bool { return m.Length() < r.MergeManifests })
		if _, err := txn.RewriteManifests(ctx, one, small); err != nil {
			return false, fmt.Errorf("merge manifests: %w", err)
		}
	}
	if len(r.Remove)+len(r.Add)+len(r.RemoveDeletes)+len(r.AddDeletes) == 0 {
		return false, nil
	}
	if r.OwnFiles {
		sum[summaryOwnFiles] = "true"
	}
	rewrite := txn.NewRewrite(sum)
	for _, f := range r.Remove {
		rewrite.DeleteFile(f.Iceberg())
	}
	for _, f := range r.RemoveDeletes {
		rewrite.DeleteFile(f.Iceberg())
	}
	for _, f := range r.Add {
		rewrite.AddDataFile(f.Iceberg())
	}
	for _, f := range r.AddDeletes {
		rewrite.AddDeleteFile(f.Iceberg())
	}
	if len(r.Add) > 0 {
		rewrite.DataSequenceNumber(r.Sequence)
	}
	return true, rewrite.Commit(ctx)
}
