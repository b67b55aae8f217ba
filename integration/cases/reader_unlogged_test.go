package cases

import (
	"strings"
	"testing"
)

// A table that was changed without row events is known as such, also to a reader
// that starts later, until it is read again.
func TestReader_MarkOfAnUnloggedChange(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		table := f.readerOnly() + ".t"
		f.exec("CREATE TABLE "+table+" (id INT PRIMARY KEY, v INT)", "INSERT INTO "+table+" VALUES (1, 10), (2, NULL), (3, 30)")
		f.Tables = strings.ReplaceAll(table, ".", `\.`)
		flags := f.ReaderFlags
		f.ReaderFlags = append(flags, "--on-unlogged-change=mark")
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.marked(table, false)
		f.session("SET SESSION sql_mode = ''", "ALTER TABLE "+table+" MODIFY v VARCHAR(1) NOT NULL")
		f.said("table needs a new snapshot")
		f.exec("UPDATE " + table + " SET v = 4 WHERE id = 3")
		f.must(f.Reader.Stop())
		for _, end := range []func() error{func() error { return f.Reader.Kill() }, func() error { return f.Reader.Stop() }} {
			f.must(f.StartReader(t.Context()))
			f.said("table needs a new snapshot since an earlier run")
			f.must(f.Reader.Ready(t.Context()))
			f.marked(table, true)
			f.must(end())
		}
		f.ReaderFlags = append(flags, "--on-unlogged-change=resnapshot")
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.marked(table, false)
		f.must(f.Reader.Stop())
		f.readToEnd()
		f.sameAsSource(table)
		f.ReaderFlags = flags
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.marked(table, false)
	})
}

// marked fails unless the reader's metric and status say of a table whether it
// needs a snapshot.
func (f *fixture) marked(table string, want bool) {
	f.t.Helper()
	_, metrics, err := f.Reader.Get(f.t.Context(), "/metrics")
	f.must(err)
	_, page, err := f.Reader.Get(f.t.Context(), "/status")
	f.must(err)
	if got := strings.Contains(metrics, `firn_reader_needs_snapshot{table="`+table+`"} 1`); got != want {
		f.t.Errorf("the metric says %t, want %t", got, want)
	}
	if got := strings.Contains(page, `"needs_snapshot":`); got != want {
		f.t.Errorf("the status says %t, want %t", got, want)
	}
}
