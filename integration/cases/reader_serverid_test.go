package cases

import (
	"strings"
	"testing"
	"time"

	"github.com/firn-cdc/firn/integration/server"
)

// Of two readers under one server id MariaDB ends the first, which says why and
// ends. On MySQL the second refuses to start: TestReader_BadInput.
func TestReader_ServerIDClash(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		if f.kind != server.MariaDB {
			t.Logf("%s refuses none", f.kind)
			return
		}
		database := f.readerOnly()
		w := f.writers(database+".t", 1000)
		f.Tables = database + `\.t`
		f.ReaderFlags = append(f.ReaderFlags, "--database-server-id=4711")
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		other := f.another(f.Prefix + "-other")
		select {
		case <-f.Reader.Exited():
		case <-time.After(patience):
			t.Fatal("the first reader goes on")
		}
		if code := f.Reader.ExitCode(); code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		if said := "choose another --database-server-id"; !strings.Contains(f.Reader.Tail(), said) {
			t.Errorf("the first reader does not say %q:\n%s", said, f.Reader.Tail())
		}
		f.ReaderFlags = append(f.ReaderFlags, "--database-server-id=4712")
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		f.must(w.sweep(t.Context(), 0))
		f.drained(database + ".t")
		select {
		case <-other.Reader.Exited():
			t.Errorf("the second reader has ended: %s", other.Reader.Tail())
		default:
		}
	})
}

// The server lists a client that was killed until it has written to it in vain.
// Its own reader does not wait for that, another one does.
func TestReader_ServerIDOfOneThatIsGone(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		table := f.readerOnly() + ".t"
		w := f.writers(table, 1000)
		f.Tables = strings.ReplaceAll(table, ".", `\.`)
		f.ReaderFlags = append(f.ReaderFlags, "--database-server-id=4721")
		gone := f.another(f.Prefix + "-gone")
		f.must(gone.Reader.Kill())
		begin := time.Now()
		f.must(gone.StartReader(t.Context()))
		f.must(gone.Reader.Ready(t.Context()))
		again := time.Since(begin)
		f.must(gone.Reader.Kill())
		begin = time.Now()
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		t.Logf("its own reader is ready after %s, another one after %s", again, time.Since(begin))
		if limit := 4 * time.Second; again > limit {
			t.Errorf("its own reader waited for more than %s", limit)
		}
		f.must(w.sweep(t.Context(), 0))
		f.drained(table)
	})
}
