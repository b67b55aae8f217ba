package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// ErrIncrementalSnapshot is a Debezium checkpoint in the middle of an
// incremental snapshot, which only Debezium can finish.
var ErrIncrementalSnapshot = errors.New("the Debezium connector has an incremental snapshot under way: " +
	"let it finish, or stop it with a stop-snapshot signal, before taking over")

// Loader collects a checkpoint from a topic's records, read in order; those of
// other connectors are passed over.
type Loader struct {
	format Format
	place  []byte
	tables map[debezium.TableID][]byte
}

// Loader returns an empty loader.
func (f Format) Loader() *Loader {
	return &Loader{format: f, tables: make(map[debezium.TableID][]byte)}
}

// Add takes the next record. The loader keeps the value.
func (l *Loader) Add(key, value []byte) {
	table, mine, ours := l.format.parseKey(key)
	switch {
	case !mine:
	case !ours:
		l.place = value
	case value == nil:
		delete(l.tables, table)
	default:
		l.tables[table] = value
	}
}

// parseKey reports whether a key is of this format's reader, and whether it is
// of a table.
func (f Format) parseKey(key []byte) (table debezium.TableID, mine, ofTable bool) {
	var parts []json.RawMessage
	if err := json.Unmarshal(key, &parts); err != nil || len(parts) != 2 {
		return table, false, false
	}
	var name string
	var partition map[string]any
	if json.Unmarshal(parts[0], &name) != nil || json.Unmarshal(parts[1], &partition) != nil {
		return table, false, false
	}
	if name != f.name() || partition["server"] != f.Prefix {
		return table, false, false
	}
	id, ofTable := partition["snapshot"].(string)
	if !ofTable {
		return table, len(partition) == 1, false
	}
	table, ok := debezium.ParseTableID(id)
	return table, ok, true
}

// Checkpoint returns what the records say, and false where there is none. State
// of a newer firn is ErrNewerFormat.
func (l *Loader) Checkpoint() (Checkpoint, bool, error) {
	if l.place == nil {
		return Checkpoint{}, false, nil
	}
	c, err := parseCheckpoint(l.place)
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("read the checkpoint of %s: %w", l.format.Prefix, err)
	}
	for id, value := range l.tables {
		p, err := parseProgress(value)
		if err != nil {
			return Checkpoint{}, false, fmt.Errorf("read the checkpoint of %s: table %s: %w", l.format.Prefix, id, err)
		}
		c.table(id, p)
	}
	return c, true, nil
}

// place is a position as it is stored.
type place struct {
	File  *string `json:"file"`
	Pos   *uint64 `json:"pos"`
	GTIDs string  `json:"gtids"`
}

func (p *place) position() (debezium.Position, error) {
	if p.File == nil || p.Pos == nil {
		return debezium.Position{}, errors.New("a position without file or pos")
	}
	// MySQL's UUIDs are followed by a colon, MariaDB's numbers never.
	flavor := debezium.FlavorMariaDB
	if strings.Contains(p.GTIDs, ":") {
		flavor = debezium.FlavorMySQL
	}
	set, err := debezium.ParseGTIDSet(flavor, p.GTIDs)
	if err != nil {
		return debezium.Position{}, err
	}
	return debezium.Position{GTIDs: set, File: *p.File, Pos: *p.Pos}, nil
}

// stored is a checkpoint's value: Debezium's fields, and ours.
type stored struct {
	place
	TsSec    int64  `json:"ts_sec"`
	Row      int    `json:"row"`
	ServerID uint32 `json:"server_id"`
	Event    int    `json:"event"`
	Snapshot any    `json:"snapshot"` // true in old releases, else the kind of snapshot

	Completed   bool            `json:"snapshot_completed"`
	Incremental json.RawMessage `json:"incremental_snapshot_collections"`

	Transaction *string `json:"transaction_id"`

	GTID       string `json:"firn_gtid"`
	Ordinal    int64  `json:"firn_rows"`
	Prepared   *place `json:"firn_prepared"`
	TakingOver bool   `json:"firn_taking_over"`
	Connect    struct {
		Partition int32 `json:"partition"`
		Next      int64 `json:"next"`
	} `json:"firn_connect"`
}

// snapshotting reports whether the first snapshot was under way. A blocking
// snapshot, which Debezium takes on demand, is not begun again after a restart.
func (s *stored) snapshotting() bool {
	switch s.Snapshot {
	case nil, false, "false", "BLOCKING", "INCREMENTAL":
		return false
	default:
		return !s.Completed
	}
}

func parseCheckpoint(value []byte) (Checkpoint, error) {
	if err := checkFormat(value); err != nil {
		return Checkpoint{}, err
	}
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		return Checkpoint{}, err
	}
	if running := bytes.TrimSpace(s.Incremental); len(running) > 0 && string(running) != "null" {
		return Checkpoint{}, ErrIncrementalSnapshot
	}
	c := Checkpoint{
		GTID: s.GTID, Event: s.Event, Row: s.Row, Ordinal: s.Ordinal, TsSec: s.TsSec, ServerID: s.ServerID,
		Snapshotting: s.snapshotting(), TakingOver: s.TakingOver, Connect: ConnectPlace(s.Connect),
	}
	var err error
	if c.Position, err = s.position(); err != nil {
		return Checkpoint{}, err
	}
	if s.Transaction != nil && *s.Transaction != "" {
		if c.Published, err = transaction(*s.Transaction, value); err != nil {
			return Checkpoint{}, err
		}
	}
	if s.Prepared != nil {
		if c.Prepared, err = s.Prepared.position(); err != nil {
			return Checkpoint{}, fmt.Errorf("firn_prepared: %w", err)
		}
	}
	return c, nil
}

// transaction reads what was published of the transaction called id.
func transaction(id string, value []byte) (Transaction, error) {
	t := Transaction{ID: id}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil {
		return t, err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		table, ok := strings.CutPrefix(name, transactionCount)
		if !ok {
			continue
		}
		var n int64
		if err := json.Unmarshal(members[name], &n); err != nil {
			return t, fmt.Errorf("%s: %w", name, err)
		}
		t.Counts = append(t.Counts, debezium.TableCount{Table: table, Events: n})
	}
	return t, nil
}

func parseProgress(value []byte) (TableProgress, error) {
	if err := checkFormat(value); err != nil {
		return TableProgress{}, err
	}
	var s struct {
		State    TableState `json:"state"`
		Rows     int64      `json:"rows"`
		After    []string   `json:"after"`
		Key      []string   `json:"key"`
		From     *place     `json:"from"`
		Unlogged string     `json:"unlogged"`
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return TableProgress{}, err
	}
	p := TableProgress{State: s.State, After: s.After, Key: s.Key, Rows: s.Rows, Unlogged: s.Unlogged}
	switch p.State {
	case Pending, Reading, Captured:
	default:
		return TableProgress{}, fmt.Errorf("unknown state %q", p.State)
	}
	if s.From == nil {
		return p, nil
	}
	var err error
	if p.From, err = s.From.position(); err != nil {
		return TableProgress{}, fmt.Errorf("from: %w", err)
	}
	return p, nil
}

// checkFormat refuses what a newer firn wrote. Debezium's own has no number.
func checkFormat(value []byte) error {
	var s struct {
		Format int `json:"firn_format"`
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return err
	}
	if s.Format > formatVersion {
		return fmt.Errorf("%w: firn_format %d, this version of firn knows %d: upgrade it", ErrNewerFormat, s.Format, formatVersion)
	}
	return nil
}
