// Package status tells what a process is doing: on a board that its loops
// write to, over HTTP to probes and scrapers, as JSON and as a page, and in
// lines for a person. It never holds a row's values.
package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// State is what a process is doing.
type State string

// The states.
const (
	Starting  State = "starting"
	Snapshot  State = "snapshot"
	Streaming State = "streaming"
	Stopping  State = "stopping"
	Failed    State = "failed"
)

// Page is what /status answers.
type Page struct {
	State      State     `json:"state"`
	Since      time.Time `json:"since"` // when the state began
	Version    string    `json:"version"`
	LagSeconds float64   `json:"lag_seconds"`
	Ready      bool      `json:"ready"`
	Reason     string    `json:"reason,omitempty"` // why it is not ready, or has failed

	Position *Position `json:"position,omitempty"` // of a reader
	Events   *Events   `json:"events,omitempty"`   // of a reader
	Tables   []Table   `json:"tables"`
}

// Position is where a reader is in the binlog.
type Position struct {
	GTIDSet string `json:"gtid_set"`
	File    string `json:"file"`
	Pos     uint64 `json:"pos"`
}

// Events counts what a reader has published.
type Events struct {
	Read    int64 `json:"read"`
	Created int64 `json:"created"`
	Updated int64 `json:"updated"`
	Deleted int64 `json:"deleted"`
	Bytes   int64 `json:"bytes"`
}

// Table is the state of one table: of a reader's or of an applier's, or of one
// shard of it.
type Table struct {
	Table string `json:"table"`
	Shard string `json:"shard,omitempty"` // where a table has several
	Topic string `json:"topic"`
	State string `json:"state"`
	Error string `json:"error"`

	NeedsSnapshot string `json:"needs_snapshot,omitempty"` // why the table has to be read again

	*ReaderTable
	*ApplierTable
}

// ReaderTable is what a reader adds.
type ReaderTable struct {
	Snapshot Progress `json:"snapshot"`
	Waits    string   `json:"waits,omitempty"` // why the snapshot has not moved for long
}

// Progress is how far the snapshot of a table has come.
type Progress struct {
	State  string `json:"state"` // waiting, running, done, or none
	Chunks int64  `json:"chunks"`
	Rows   int64  `json:"rows"`
	Total  int64  `json:"total"` // rows, as MySQL estimates them; 0 if unknown
}

// ApplierTable is what an applier adds.
type ApplierTable struct {
	Offsets        map[string]int64 `json:"offsets"`         // the next offset by partition
	SourcePosition string           `json:"source_position"` // of the last commit
	LastCommit     *time.Time       `json:"last_commit"`
	Rows           RowCounts        `json:"rows"`
	Files          FileCounts       `json:"files"`
	DeadLetters    int64            `json:"dead_letters"`
	Pending        string           `json:"pending,omitempty"` // such as a fill of old rows
}

// RowCounts is rows that were committed since the start.
type RowCounts struct {
	Upserted int64 `json:"upserted"`
	Deleted  int64 `json:"deleted"`
}

// FileCounts is a table's files.
type FileCounts struct {
	Data   int64 `json:"data"`
	Delete int64 `json:"delete"`
}

// Board holds a process's page. It is safe for concurrent use, and cheap to
// write to: a reader of the page pays for the copy.
type Board struct {
	mu   sync.Mutex
	page Page
	lag  func() float64
}

// NewBoard returns a board in the state starting.
func NewBoard(version string) *Board {
	return &Board{page: Page{State: Starting, Since: time.Now(), Version: version, Reason: "starting", Tables: []Table{}}}
}

// SetState changes the state. Ready or not is unchanged.
func (b *Board) SetState(s State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setState(s)
}

func (b *Board) setState(s State) {
	if b.page.State != s {
		b.page.State, b.page.Since = s, time.Now()
	}
}

// SetReady says that the process does its work.
func (b *Board) SetReady() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page.Ready, b.page.Reason = true, ""
}

// SetNotReady says why the process does not do its work yet.
func (b *Board) SetNotReady(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page.Ready, b.page.Reason = false, reason
}

// Fail says that the process has ended with an error.
func (b *Board) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setState(Failed)
	b.page.Ready, b.page.Reason = false, err.Error()
}

// SetLag gives the board what it asks for the lag in seconds.
func (b *Board) SetLag(lag func() float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lag = lag
}

// Update changes the page. Slices and maps that fn puts in belong to the board
// afterwards; fn must not keep the page.
func (b *Board) Update(fn func(*Page)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(&b.page)
}

// UpdateTable changes one table's part, which it adds where there is none.
func (b *Board) UpdateTable(table string, fn func(*Table)) { b.UpdateShard(table, "", fn) }

// UpdateShard changes the part of one of a table's shards.
func (b *Board) UpdateShard(table, shard string, fn func(*Table)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.find(table, shard)
	if !ok {
		b.page.Tables = slices.Insert(b.page.Tables, i, Table{Table: table, Shard: shard})
	}
	fn(&b.page.Tables[i])
}

// RemoveShard takes one of a table's shards off the board, "" the table that has none.
func (b *Board) RemoveShard(table, shard string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, ok := b.find(table, shard); ok {
		b.page.Tables = slices.Delete(b.page.Tables, i, i+1)
	}
}

// find returns where a table's or shard's part is, or is to be, b.mu held.
func (b *Board) find(table, shard string) (int, bool) {
	return slices.BinarySearchFunc(b.page.Tables, Table{Table: table, Shard: shard}, func(a, b Table) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Shard, b.Shard))
	})
}

// Page returns a copy of the page.
func (b *Board) Page() Page {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page
	if b.lag != nil {
		p.LagSeconds = b.lag()
	}
	p.Position, p.Events = clone(p.Position), clone(p.Events)
	p.Tables = slices.Clone(p.Tables)
	for i := range p.Tables {
		t := &p.Tables[i]
		t.ReaderTable, t.ApplierTable = clone(t.ReaderTable), clone(t.ApplierTable)
		if t.ApplierTable != nil {
			t.Offsets, t.LastCommit = maps.Clone(t.Offsets), clone(t.LastCommit)
		}
	}
	return p
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// ready returns why the process is not ready, or "".
func (b *Board) ready() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.page.Ready {
		return ""
	}
	return fmt.Sprintf("%s: %s", b.page.State, b.page.Reason)
}

func (b *Board) state() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.page.State
}
