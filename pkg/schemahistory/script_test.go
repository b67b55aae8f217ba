package schemahistory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// TestHistory runs the scripts in testdata/script:
//
//	new [mariadb] [lower=1] [comments] [only=table]   starts an empty history; only: the one table captured
//	apply [strict] [ansi] [plain] [db=name] [server=charset]  applies a statement and prints its effect
//	        ansi: "x" is a name; plain: a backslash in a string is one
//	load                                              loads a history record of the statement, without definitions
//	tables                                            prints every definition
func TestHistory(t *testing.T) {
	datadriven.Walk(t, "testdata/script", func(t *testing.T, path string) {
		h := schemahistory.New(schemahistory.Options{Charset: "utf8mb4"})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "new":
				h = schemahistory.New(scriptOptions(d))
				return ""
			case "apply":
				var ctx schemahistory.StatementContext
				if d.HasArg("strict") {
					ctx.SQLMode |= mysql.StrictTransTables
				}
				if d.HasArg("ansi") {
					ctx.SQLMode |= mysql.ANSIQuotes
				}
				if d.HasArg("plain") {
					ctx.SQLMode |= mysql.NoBackslashEscapes
				}
				d.MaybeScanArgs(t, "server", &ctx.ServerCharset)
				db := "app"
				d.MaybeScanArgs(t, "db", &db)
				_, effect, err := h.Apply(db, d.Input, ctx)
				if err != nil {
					return fmt.Sprintf("error: %v\n", err)
				}
				return printEffect(&effect)
			case "load":
				h.Load(&schemahistory.Record{Database: "app", DDL: d.Input})
				return ""
			case "tables":
				return printTables(h)
			default:
				t.Fatalf("unknown command %q", d.Cmd)
				return ""
			}
		})
	})
}

func scriptOptions(d *datadriven.TestData) schemahistory.Options {
	o := schemahistory.Options{Charset: "utf8mb4", MariaDB: d.HasArg("mariadb"), Comments: d.HasArg("comments"), DebeziumExact: d.HasArg("debezium")}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "lower":
			o.LowerCaseTableNames = 1
		case "only":
			o.Captured = func(id debezium.TableID) bool { return id.Table == arg.Vals[0] }
		}
	}
	return o
}

func printEffect(e *schemahistory.Effect) string {
	var b strings.Builder
	if e.Ignored {
		b.WriteString("ignored\n")
	}
	for _, t := range e.Touched {
		fmt.Fprintf(&b, "%s %s", t.Table, t.Kind)
		if t.From.Table != "" {
			fmt.Fprintf(&b, " from %s", t.From)
		}
		if !t.Captured {
			b.WriteString(" (not captured)")
		}
		b.WriteByte('\n')
		for _, k := range t.Cascades {
			fmt.Fprintf(&b, "  cascades by constraint %s\n", k)
		}
		if t.Versioned {
			b.WriteString("  versioned\n")
		}
		for _, a := range t.Added {
			switch {
			case a.PerRow:
				fmt.Fprintf(&b, "  added %s, a value per row\n", a.Column)
			case a.Null:
				fmt.Fprintf(&b, "  added %s NULL\n", a.Column)
			default:
				fmt.Fprintf(&b, "  added %s %q\n", a.Column, a.Text)
			}
		}
		for _, c := range t.Columns {
			fmt.Fprintf(&b, "  renamed %s to %s\n", c.From, c.To)
		}
		for _, c := range t.Dropped {
			fmt.Fprintf(&b, "  dropped %s\n", c)
		}
		for _, why := range t.Unlogged {
			fmt.Fprintf(&b, "  unlogged: %s\n", why)
		}
	}
	return b.String()
}

func printTables(h *schemahistory.History) string {
	var b strings.Builder
	for _, id := range h.Tables() {
		t, ok := h.Table(id)
		if !ok {
			fmt.Fprintf(&b, "%s: unknown\n", id)
			continue
		}
		fmt.Fprintf(&b, "%s %s key %q", id, t.DefaultCharset, t.PrimaryKey)
		if t.Comment != "" {
			fmt.Fprintf(&b, " comment %q", t.Comment)
		}
		b.WriteByte('\n')
		for i := range t.Columns {
			c := &t.Columns[i]
			fmt.Fprintf(&b, "  %d %s %s", c.Position, c.Name, c.TypeName)
			if c.Length >= 0 {
				fmt.Fprintf(&b, " length %d", c.Length)
			}
			if c.Scale >= 0 {
				fmt.Fprintf(&b, " scale %d", c.Scale)
			}
			for _, s := range []string{c.Charset, strings.Join(c.EnumValues, ",")} {
				if s != "" {
					b.WriteString(" " + s)
				}
			}
			if !c.Optional {
				b.WriteString(" not null")
			}
			if c.Default != nil {
				fmt.Fprintf(&b, " default %s", *c.Default)
			} else if c.HasDefault && !c.Optional {
				b.WriteString(" default expression")
			}
			if c.AutoIncremented {
				b.WriteString(" auto")
			}
			if c.Comment != "" {
				fmt.Fprintf(&b, " comment %q", c.Comment)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
