package commit_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/datafile"
)

// TestCommitter runs the commands in testdata. Every command prints what became
// of it and then the table: its snapshots with the files that each added, and the
// offsets that a process opening it would go on from. A file that is in two table
// snapshots' additions fails the test.
//
//	open PROCESS shard=S                    read the table
//	take-over PROCESS [fault=…]             write an epoch
//	commit PROCESS from=N to=N [file=NAME] [fault=…] [again]
//	                                        one batch of partition S; again repeats the last one
//	foreign, rollback by=N, expire          another program at work
func TestCommitter(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := &world{dir: t.TempDir(), procs: make(map[string]*process), label: map[int64]string{0: "none"}}
		last := make(map[string]commit.Request)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			said := ""
			proc := ""
			if len(d.CmdArgs) > 0 && len(d.CmdArgs[0].Vals) == 0 {
				proc = d.CmdArgs[0].Key
			}
			p := w.procs[proc]
			if p != nil {
				p.faults.next = nil
				for _, arg := range d.CmdArgs {
					if arg.Key == "fault" {
						p.faults.next = arg.Vals
					}
				}
			}
			var err error
			switch d.Cmd {
			case "open":
				var shard string
				d.ScanArgs(t, "shard", &shard)
				err = w.open(t, proc, shard)
			case "take-over":
				err = p.committer.TakeOver(t.Context())
			case "commit":
				req, again := last[proc], d.HasArg("again")
				if !again {
					req = w.request(t, d, p)
				}
				last[proc] = req
				var res commit.Result
				res, err = p.committer.Commit(t.Context(), req)
				if err == nil {
					said = fmt.Sprintf("%s attempts=%d found=%v\n", w.name(res.Snapshot), res.Attempts, res.Found)
				}
			case "foreign":
				err = w.foreign(t.Context(), t)
			case "rollback":
				var by int
				d.ScanArgs(t, "by", &by)
				err = w.rollback(t, by)
			case "expire":
				err = w.expire(t)
			default:
				t.Fatalf("unknown command %q", d.Cmd)
			}
			table := w.print(t) // names snapshots in order, before errors name them
			if err != nil {
				said = w.plain(err) + "\n"
			}
			return said + table
		})
	})
}

func (w *world) request(t *testing.T, d *datadriven.TestData, p *process) commit.Request {
	var from, to int64
	d.ScanArgs(t, "from", &from)
	d.ScanArgs(t, "to", &to)
	parent := p.table.SnapshotID()
	var data []datafile.File
	if d.HasArg("file") {
		var label string
		d.ScanArgs(t, "file", &label)
		var err error
		if data, err = w.write(t.Context(), p.table, label); err != nil {
			t.Fatal(err)
		}
	}
	var partition int32
	if _, err := fmt.Sscan(p.shard, &partition); err != nil {
		t.Fatal(err)
	}
	w.tokens++
	return commit.Request{
		Token: fmt.Sprint("token", w.tokens), Parent: parent, Data: data, SchemaOffset: -1,
		Offsets: map[int32]commit.Span{partition: {From: from, To: to}},
	}
}
