package binlog

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// TestStream prints the events of recorded binlogs (testdata/stream):
//
//	read file=FILE [captures=(TABLE,…)] [query] [small] [ignore-unknown-xa] [gtids=SET | binlog=FILE pos=N]
//	     [gtid=GTID] [ordinal=N] [event=N] [row=N] [prepared=POS] [only=(KIND,…)]
//
// U stands for the server's UUID.
func TestStream(t *testing.T) {
	datadriven.Walk(t, "testdata/stream", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "read" {
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			file, cfg, from := arguments(t, d)
			var out strings.Builder
			err := each(t, open(t, file, cfg, from), func(ev Event) {
				line := printEvent(t, ev)
				if wanted(d, line) {
					out.WriteString(line)
				}
			})
			if err != nil {
				fmt.Fprintf(&out, "error: %v\n", err)
			}
			return uuidPattern.ReplaceAllString(out.String(), "U")
		})
	})
}

func arguments(t *testing.T, d *datadriven.TestData) (file string, cfg Config, from Resume) {
	t.Helper()
	flavor := debezium.FlavorMySQL
	set := func(s string) debezium.GTIDSet {
		parsed, err := debezium.ParseGTIDSet(flavor, strings.ReplaceAll(s, "U", uuidOf(t, file)))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		return parsed
	}
	cfg.GTIDMode = true
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "file":
			file = "testdata/" + arg.Vals[0] + ".binlog"
			if strings.HasPrefix(arg.Vals[0], "mariadb") {
				flavor = debezium.FlavorMariaDB
			}
		case "captures":
			cfg.Captures = func(id debezium.TableID) bool { return strings.Contains(strings.Join(arg.Vals, ","), id.String()) }
			cfg.CapturesDatabase = func(db string) bool { return strings.Contains(strings.Join(arg.Vals, ","), db+".") }
		case "query":
			cfg.Query = true
		case "small":
			cfg.PreparedSize = 1
		case "ignore-unknown-xa":
			cfg.IgnoreUnknownXA = true
		case "gtids":
			from.Position.GTIDs = set(strings.Join(arg.Vals, ","))
		case "binlog":
			cfg.GTIDMode = false
			from.Position.File = arg.Vals[0]
		case "pos":
			d.ScanArgs(t, "pos", &from.Position.Pos)
		case "prepared":
			d.ScanArgs(t, "prepared", &from.Prepared.Pos)
			from.Prepared.File = "binlog.000001"
		case "prepared-gtids":
			from.Prepared.GTIDs = set(strings.Join(arg.Vals, ","))
		case "gtid":
			from.GTID = strings.ReplaceAll(arg.Vals[0], "U", uuidOf(t, file))
		case "ordinal":
			d.ScanArgs(t, "ordinal", &from.Ordinal)
		case "event":
			d.ScanArgs(t, "event", &from.Event)
		case "row":
			d.ScanArgs(t, "row", &from.Row)
		case "only":
		default:
			d.Fatalf(t, "unknown argument %s", arg.Key)
		}
	}
	return file, cfg, from
}

func wanted(d *datadriven.TestData, line string) bool {
	var kinds []string
	for _, arg := range d.CmdArgs {
		if arg.Key == "only" {
			kinds = arg.Vals
		}
	}
	for _, kind := range kinds {
		if strings.HasPrefix(line, kind+" ") {
			return true
		}
	}
	return kinds == nil
}

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-11[0-9a-f]{2}-[0-9a-f]{4}-[0-9a-f]{12}`)

// uuidOf returns the UUID of the server that a binlog was recorded from.
func uuidOf(t testing.TB, file string) string {
	t.Helper()
	for _, raw := range readEvents(t, file) {
		if h, _ := parseHeader(raw); h.kind == kindGTID {
			return strings.SplitN(gtidOf(t, h, raw), ":", 2)[0]
		}
	}
	return ""
}

func printEvent(t testing.TB, ev Event) string {
	t.Helper()
	switch e := ev.(type) {
	case *Begin:
		return fmt.Sprintf("begin %s at %s:%d, after %s, thread %t\n", e.GTID, e.File, e.Pos, place(e.Position), e.Thread != 0)
	case *Rows:
		return printRows(t, e)
	case *Query:
		s := fmt.Sprintf("query %s at %s:%d-%d in %q event %d", e.GTID, e.File, e.Pos, e.End, e.Database, e.Event)
		if e.InTransaction {
			s += " in transaction"
		}
		if e.SQLMode&mysql.ANSIQuotes != 0 {
			s += " ansi quotes"
		}
		return s + fmt.Sprintf(" charset %s: %s\n", e.Charset, e.SQL)
	case *Commit:
		s := fmt.Sprintf("commit %s, then %s", e.GTID, place(e.Position))
		if !e.Prepared.IsZero() {
			s += fmt.Sprintf(", prepared at %s:%d, executed %s", e.Prepared.File, e.Prepared.Pos, e.Executed)
		}
		return s + "\n"
	case *Rollback:
		return fmt.Sprintf("rollback %s, then %s\n", e.GTID, place(e.Position))
	case *Heartbeat:
		return fmt.Sprintf("heartbeat %s\n", place(e.Position))
	case *Rotate:
		return fmt.Sprintf("rotate to %s:%d\n", e.File, e.Pos)
	default:
		t.Fatalf("unexpected event %T", ev)
		return ""
	}
}

func place(p debezium.Position) string {
	return strings.TrimPrefix(fmt.Sprintf("%s %s:%d", p.GTIDs, p.File, p.Pos), " ")
}

func printRows(t testing.TB, e *Rows) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "rows %s %s at %s:%d event %d gtid %s", e.Table.Table, string(rune(e.Op)), e.File, e.Pos, e.Event, e.GTID)
	if len(e.Query) > 0 {
		fmt.Fprintf(&out, " query %s", e.Query)
	}
	out.WriteByte('\n')
	var before, after mysql.Row
	for {
		more, err := e.Next(&before, &after)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return out.String()
		}
		fmt.Fprintf(&out, "  row %d (%d)", e.Row, e.Ordinal)
		for _, image := range []mysql.Row{before, after} {
			if len(image) == 0 {
				continue
			}
			sep := " "
			for i := range image {
				out.WriteString(sep + shortText(&e.Table.Columns[i], &image[i]))
				sep = ","
			}
		}
		out.WriteByte('\n')
	}
}

func shortText(c *ColumnMeta, v *mysql.Value) string {
	switch {
	case v.Kind == mysql.Null:
		return "NULL"
	case v.Kind == mysql.Raw && len(v.B) > 20:
		return fmt.Sprintf("%d bytes", len(v.B))
	case v.Kind == mysql.Raw:
		return string(v.B)
	default:
		return text(c, v)
	}
}
