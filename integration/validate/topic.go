package validate

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// most is how many problems are worth reading.
const most = 20

// changeOf is an event in the terms of a workload: version is the field that
// tells the versions of a row apart.
func changeOf(e *Event, version string) Change {
	return Change{Key: e.Key, Op: e.Op, Version: e.Version(version)}
}

// Complete holds that every change that was committed after the reader began appears at
// least once.
func Complete(history []Change, events []Event, version string) []string {
	seen := make(map[Change]bool, len(events))
	for i := range events {
		seen[changeOf(&events[i], version)] = true
	}
	var problems []string
	for _, c := range history {
		if !seen[c] && len(problems) < most {
			problems = append(problems, fmt.Sprintf("%s of %s, version %s, is missing", c.Op, c.Key, c.Version))
		}
	}
	return problems
}

// Order holds that per key, a change that was never seen does not follow a later one.
// Repeats are allowed, and a key keeps its partition.
func Order(history []Change, events []Event, version string) []string {
	place := make(map[Change]int, len(history))
	for i, c := range history {
		place[c] = i
	}
	var problems []string
	partitions, last, seen := make(map[string]int32), make(map[string]int), make(map[Change]bool)
	for i := range events {
		e := &events[i]
		if p, ok := partitions[e.Key]; ok && p != e.Partition && len(problems) < most {
			problems = append(problems, fmt.Sprintf("%s is in partitions %d and %d", e.Key, p, e.Partition))
		}
		partitions[e.Key] = e.Partition
		c := changeOf(e, version)
		n, known := place[c]
		if !known || seen[c] {
			continue
		}
		seen[c] = true
		if before, ok := last[e.Key]; ok && before > n && len(problems) < most {
			problems = append(problems, fmt.Sprintf("%s of %s, version %s, at %d:%d follows %s of version %s",
				c.Op, c.Key, c.Version, e.Partition, e.Offset, history[before].Op, history[before].Version))
		}
		last[e.Key] = max(n, last[e.Key])
	}
	return problems
}

// Once holds that no change appears twice, no row twice in one snapshot, and each delete
// has its tombstone right behind it.
func Once(events []Event) []string {
	var problems []string
	type identity struct {
		partition              int32
		key, op, before, after string
	}
	seen := make(map[identity]int64)
	for i := range events {
		e := &events[i]
		if e.Op == "t" {
			maps.DeleteFunc(seen, func(id identity, _ int64) bool { return id.partition == e.Partition && id.op == "r" })
		}
		if e.Op == "" || e.Op == "t" {
			continue
		}
		id := identity{e.Partition, e.Key, e.Op, e.Before, e.After}
		if e.Op == "r" {
			id.after = ""
		}
		if first, ok := seen[id]; ok && len(problems) < most {
			problems = append(problems, fmt.Sprintf("%s of %s at %d:%d was at %d before", e.Op, e.Key, e.Partition, e.Offset, first))
		}
		seen[id] = e.Offset
	}
	for i := range events {
		if events[i].Op != "d" || len(problems) >= most {
			continue
		}
		if n := i + 1; n == len(events) || events[n].Op != "" || events[n].Key != events[i].Key {
			problems = append(problems, fmt.Sprintf("d of %s at %d:%d has no tombstone", events[i].Key, events[i].Partition, events[i].Offset))
		}
	}
	return problems
}

// Chain holds that the events of a key are a history without a gap, a repeat or a change
// of order: each starts from the row that the one before it left. A row that a
// snapshot read is not older than what the stream had said of it.
func Chain(events []Event) []string {
	type state struct {
		row       string // "" for none
		where     string
		partition int32
	}
	rows := make(map[string]state)
	var problems []string
	for i := range events {
		e := &events[i]
		if e.Op == "t" {
			maps.DeleteFunc(rows, func(_ string, s state) bool { return s.partition == e.Partition })
		}
		if e.Op == "" || e.Op == "t" {
			continue
		}
		last, known := rows[e.Key]
		from := e.Before
		if e.Op == "r" {
			from = e.After // a read changes nothing
		}
		if known && last.row != from && len(problems) < most {
			problems = append(problems, fmt.Sprintf("%s of %s at %d:%d starts from %s, but %s left %s", e.Op, e.Key, e.Partition, e.Offset,
				orNone(from), last.where, orNone(last.row)))
		}
		rows[e.Key] = state{row: e.After, where: fmt.Sprintf("%s at %d:%d", e.Op, e.Partition, e.Offset), partition: e.Partition}
	}
	return problems
}

func orNone(row string) string {
	if row == "" {
		return "no row"
	}
	return row
}

// Final holds that the last event of each key is the row that the source has, and the
// source has no other. It compares integers, text and JSON.
func Final(ctx context.Context, db *sql.DB, source string, events []Event) ([]string, error) {
	columns, err := Columns(ctx, db, source)
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", source, err)
	}
	want, err := sourceRows(ctx, db, source, columns)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	last := make(map[string]*Event)
	for i := range events {
		e := &events[i]
		switch e.Op {
		case "":
		case "t":
			maps.DeleteFunc(last, func(_ string, l *Event) bool { return l.Partition == e.Partition })
		default:
			last[e.Key] = e
		}
	}
	var got []string
	for _, e := range last {
		row := e.After
		if row == "" {
			continue
		}
		fields := make([]string, len(columns))
		for i := range columns {
			fields[i] = columns[i].normal(Field(row, columns[i].Name))
		}
		got = append(got, strings.Join(fields, " | "))
	}
	slices.Sort(got)
	problems := diff(want, got)
	for i := range problems {
		problems[i] = strings.Replace(problems[i], "only Iceberg has", "only Kafka has  ", 1)
	}
	return problems, nil
}
