package status

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes a page for a person, as it is at the time now.
func Print(w io.Writer, p Page, now time.Time) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s for %s, %s behind", p.State, ago(now.Sub(p.Since)), seconds(p.LagSeconds))
	if !p.Ready {
		fmt.Fprintf(&out, ", not ready: %s", p.Reason)
	}
	fmt.Fprintf(&out, " (version %s)\n", p.Version)
	if p.Position != nil {
		fmt.Fprintf(&out, "position %s:%d", p.Position.File, p.Position.Pos)
		if p.Position.GTIDSet != "" {
			fmt.Fprintf(&out, ", GTID set %s", p.Position.GTIDSet)
		}
		out.WriteByte('\n')
	}
	if e := p.Events; e != nil {
		fmt.Fprintf(&out, "read %s, created %s, updated %s, deleted %s, %s\n",
			count(e.Read), count(e.Created), count(e.Updated), count(e.Deleted), size(e.Bytes))
	}
	if len(p.Tables) > 0 {
		out.WriteByte('\n')
		t := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
		if p.Tables[0].ApplierTable != nil {
			printApplier(t, p.Tables, now)
		} else {
			printReader(t, p.Tables)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	for _, t := range p.Tables {
		if t.Error != "" {
			fmt.Fprintf(&out, "\n%s: %s\n", t.name(), t.Error)
		}
		if t.NeedsSnapshot != "" {
			fmt.Fprintf(&out, "\n%s needs a snapshot: %s\n", t.name(), t.NeedsSnapshot)
		}
		if t.ReaderTable != nil && t.Waits != "" {
			fmt.Fprintf(&out, "\n%s waits: %s\n", t.Table, t.Waits)
		}
		if t.ApplierTable != nil && t.Pending != "" {
			fmt.Fprintf(&out, "\n%s: %s\n", t.name(), t.Pending)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

func printReader(w io.Writer, tables []Table) {
	fmt.Fprintln(w, "TABLE\tTOPIC\tSTATE\tSNAPSHOT")
	for _, t := range tables {
		progress := ""
		if t.ReaderTable != nil {
			s := t.Snapshot
			progress = s.State
			if s.Rows > 0 {
				progress += ", " + count(s.Rows) + " rows"
			}
			if s.State == "running" && s.Total > 0 {
				progress += fmt.Sprintf(", %d %%", min(99, s.Rows*100/s.Total))
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Table, t.Topic, t.State, progress)
	}
}

func printApplier(w io.Writer, tables []Table, now time.Time) {
	fmt.Fprintln(w, "TABLE\tTOPIC\tSTATE\tOFFSETS\tLAST COMMIT\tUPSERTED\tDELETED\tFILES\tDELETE FILES\tDEAD LETTERS")
	for _, t := range tables {
		a := t.ApplierTable
		if a == nil {
			a = &ApplierTable{}
		}
		last := "never"
		if a.LastCommit != nil {
			last = ago(now.Sub(*a.LastCommit)) + " ago"
		}
		var offsets []string
		for _, partition := range slices.Sorted(maps.Keys(a.Offsets)) {
			offsets = append(offsets, fmt.Sprintf("%s:%d", partition, a.Offsets[partition]))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.name(), t.Topic, t.State, strings.Join(offsets, " "), last,
			count(a.Rows.Upserted), count(a.Rows.Deleted), count(a.Files.Data), count(a.Files.Delete), count(a.DeadLetters))
	}
}

// name is the table's, and its shard's.
func (t *Table) name() string {
	if t.Shard == "" {
		return t.Table
	}
	return t.Table + " " + t.Shard
}

func ago(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Second:
		return "0s"
	case d < time.Hour:
		return d.Truncate(time.Second).String()
	default:
		return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
	}
}

func seconds(s float64) string {
	if s < 10 {
		return fmt.Sprintf("%.1fs", s)
	}
	return ago(time.Duration(s * float64(time.Second)))
}

// count writes 1234567 as 1,234,567.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	unit := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f := float64(n)
	i := 0
	for f >= 1024 && i < len(unit)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit[i])
}

const html = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>{{.Name}}</title>
<style>body{font-family:sans-serif;margin:2em}pre{font-size:14px}</style></head>
<body><h1>{{.Name}}</h1><pre>{{.Text}}</pre>
<p><a href="/status">status</a> <a href="/metrics">metrics</a></p></body></html>
`

func writeHTML(w io.Writer, name string, p Page) error {
	var text bytes.Buffer
	if err := Print(&text, p, time.Now()); err != nil {
		return err
	}
	t, err := template.New("page").Parse(html)
	if err != nil {
		return err
	}
	return t.Execute(w, struct{ Name, Text string }{name, text.String()})
}
