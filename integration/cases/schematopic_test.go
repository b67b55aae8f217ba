package cases

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A schema-change topic that was deleted takes statements with it. The reader's
// new snapshot makes the table whole: for an applier that runs on, and for one that
// was down.
func TestSchemaTopic_DeletedBeforeANewSnapshot(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		table := f.online("t")
		client, err := kgo.NewClient(kgo.SeedBrokers(shared.broker))
		f.must(err)
		defer client.Close()
		name := "a"
		for i, down := range []bool{false, true} { // a name that was there once is not given again
			d, lost, e, last := fmt.Sprint("d", i), fmt.Sprint("lost", i), fmt.Sprint("e", i), fmt.Sprint("last", i)
			f.exec("ALTER TABLE "+table+" ADD COLUMN "+d+" INT NOT NULL DEFAULT 4", "UPDATE "+table+" SET "+d+" = id WHERE id % 7 = 1")
			f.same(table, table)
			if down {
				f.must(f.Applier.Stop())
				f.Applier = nil
			}
			f.must(f.Reader.Stop())
			f.exec("DELETE FROM "+table+" WHERE id % 50 = 1", "ALTER TABLE "+table+" RENAME COLUMN "+name+" TO "+lost+", DROP COLUMN "+d) // in no topic
			for _, topic := range []string{f.Prefix, "__firn-offsets." + f.Prefix} {
				_, err := kadm.NewClient(client).DeleteTopic(t.Context(), topic)
				f.must(err)
			}
			f.must(f.StartReader(t.Context()))
			f.must(f.Reader.Ready(t.Context()))
			if down {
				f.must(f.StartApplier(t.Context()))
			}
			f.same(table, table)
			f.exec("ALTER TABLE "+table+" RENAME COLUMN "+lost+" TO "+last+", ADD COLUMN "+e+" INT NOT NULL DEFAULT 5",
				"UPDATE "+table+" SET "+last+" = 'new' WHERE id % 9 = 1")
			f.same(table, table)
			name = last
		}
	})
}
