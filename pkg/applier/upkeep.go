package applier

import (
	"context"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/batch"
	"github.com/firn-cdc/firn/pkg/lake"
	"github.com/firn-cdc/firn/pkg/maintenance"
	"github.com/firn-cdc/firn/pkg/status"
)

// settle brings the index to the table and makes the table's maintainer, once
// it is known how rows are told apart. key is nil where changes are appended.
func (w *work) settle(ctx context.Context, key *batch.Key) error {
	if key != nil {
		if err := w.mirror.sync(ctx, w.table, key); err != nil {
			return err
		}
		w.key = key
	}
	if w.keeper != nil {
		return nil
	}
	cfg := w.cfg.Maintenance
	cfg.Label, cfg.Alone, cfg.Logger = w.shard.name, w.id.of == 1, w.log
	cfg.At = func(p maintenance.Point) { w.cfg.At(maintenancePrefix + Point(p)) }
	if key != nil {
		cfg.Key = key.Schema()
	}
	w.keeper = maintenance.New(cfg, w.table, w.mirror.index, w.committer)
	w.due = true
	return nil
}

// settleRecorded settles by what the table records, if it does.
func (w *work) settleRecorded(ctx context.Context) error {
	properties := w.table.Properties()
	switch properties[propMode] {
	case modeAppend:
		w.begun(true)
		return w.settle(ctx, nil)
	case modeUpsert:
		if w.config.Append {
			return &StopError{
				Reason: "table " + w.name.String() + " is a mirror of its source",
				Remedy: "give the topic another table with --table-map, or leave its write mode at upsert",
			}
		}
		w.begun(false)
	}
	key, err := parseKey(properties[propKey])
	if key == nil || err != nil {
		return err
	}
	return w.settle(ctx, key)
}

// maintain does one thing that is due, and notes whether more may be.
func (w *work) maintain(ctx context.Context) error {
	if w.keeper == nil {
		w.due = false
		return nil
	}
	if w.mirror.index != nil {
		if err := w.mirror.sync(ctx, w.table, w.key); err != nil {
			return err
		}
	}
	did, err := w.keeper.Step(ctx)
	if w.metrics != nil && did.Action != maintenance.Nothing && did.Action != maintenance.Busy {
		result := "ok"
		if err != nil {
			result = "error"
		}
		w.metrics.Maintained(actionLabel(did.Action), result)
	}
	if err != nil {
		return err
	}
	switch did.Action {
	case maintenance.Nothing, maintenance.Busy, maintenance.Started:
		w.due = false
	default:
		w.due = true
	}
	if did.Committed() && w.mirror.index != nil {
		w.mirror.snapshot = -1 // its files are others now
		if err := w.mirror.sync(ctx, w.table, w.key); err != nil {
			return err
		}
	}
	return w.pending()
}

func actionLabel(a maintenance.Action) string {
	switch a {
	case maintenance.Expired:
		return "expire"
	case maintenance.Orphans:
		return "orphans"
	case maintenance.Manifests:
		return "manifests"
	default:
		return "merge"
	}
}

// pending shows which columns old rows still lack the value of.
func (w *work) pending() error {
	fills, err := maintenance.Fills(w.table)
	if err != nil {
		return err
	}
	var names []string
	for i := range fills {
		if !fills[i].Done {
			names = append(names, fills[i].Column)
		}
	}
	text := ""
	if len(names) > 0 {
		text = "old rows get their value of " + strings.Join(names, ", ")
	}
	w.update(func(t *status.Table) { t.Pending = text })
	return w.showUnknown()
}

// fills returns what rows hold that are older than a column. A column that the
// source has dropped since is null in rows without it.
func (w *work) fills() ([]lake.Fill, error) {
	recorded, err := maintenance.Fills(w.table)
	if err != nil {
		return nil, err
	}
	var fills []lake.Fill
	for i := range recorded {
		f := recorded[i].Fill
		if slices.ContainsFunc(w.schemas.dropped, func(name string) bool { return strings.EqualFold(name, f.Column) }) {
			continue
		}
		fills = append(fills, f)
	}
	return fills, nil
}

// keyChanged reports a key whose columns are not those that the table was
// written by.
func (w *work) keyChanged() error {
	return &StopError{
		Reason: "the key of table " + w.name.String() + " has changed: its rows are told apart by other columns now, and may be in other partitions",
		Remedy: "drop the Iceberg table, delete the topic, which has both keys, and have the reader take a new snapshot",
	}
}
