// Package reference holds what the real Debezium published of a corpus of SQL,
// and compares firn-reader with it: records to the byte, but for what masks.txt
// takes out and differences.txt accepts.
package reference

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/integration/server"
)

// Case is a database of the corpus: statements before the connector takes its
// snapshot and while it streams, and properties of the connector. The topic
// prefix is the case's name, and so is the database, if no other is given.
type Case struct {
	Name, Database   string
	Properties       []string // name=value
	Snapshot, Stream []string
	Alone            bool // no other connector reads the server meanwhile
	Sole             bool // and it has no other case's databases
}

func (c *Case) database() string { return cmp.Or(c.Database, c.Name) }

// history is the name of the topic of the case's schema history.
func (c *Case) history() string { return "__history." + c.Name }

// delimiter stands between the parts of the case's topics.
func (c *Case) delimiter() string { return cmp.Or(c.property("topic.delimiter"), ".") }

// property returns a property of the case's own; "": it has none of the name.
func (c *Case) property(name string) (value string) {
	for _, p := range c.Properties {
		if v, ok := strings.CutPrefix(p, name+"="); ok {
			value = v // the last one counts
		}
	}
	return value
}

// ReadCase reads a file of the corpus as it is for a kind of server.
// Statements end with a semicolon at a line's end. Lines that begin with -- @ direct:
//
//	@snapshot, @stream   what follows is executed then
//	@both                the next statement is executed in both; %p is 1 or 2
//	@server LIST         the next statement is for these servers only: 8, 9, mariadb
//	@props NAME=VALUE    a property of the connector
//	@include FILE        another case's statements are part of this one
//	@wait MS             a pause
//	@alone               other connectors of the server would see or suffer what is done
//	@sole                and every database of the server shows: those of other cases are dropped before
func ReadCase(path string, kind server.Kind) (*Case, error) {
	return readCase(path, kind, strings.TrimSuffix(filepath.Base(path), ".sql"))
}

func readCase(path string, kind server.Kind, name string) (*Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := parser{path: path, kind: kind, section: "snapshot", c: &Case{Name: name}}
	for line := range strings.Lines(string(text)) {
		if err := p.line(strings.TrimRight(line, "\r\n")); err != nil {
			return nil, err
		}
	}
	return p.c, nil
}

type parser struct {
	path, section, only string
	kind                server.Kind
	both                bool
	statement           []string // its lines so far
	c                   *Case
}

func (p *parser) line(line string) error {
	if len(p.statement) == 0 {
		if directive, ok := strings.CutPrefix(line, "-- @"); ok {
			return p.directive(directive)
		}
		if line == "" || strings.HasPrefix(line, "--") {
			return nil
		}
	}
	p.statement = append(p.statement, line)
	if !strings.HasSuffix(line, ";") {
		return nil
	}
	statement := strings.TrimSuffix(strings.Join(p.statement, "\n"), ";")
	statement = strings.ReplaceAll(statement, "@DB", p.c.Name)
	if p.only == "" || slices.Contains(strings.Split(p.only, ","), strings.TrimPrefix(string(p.kind), "mysql")) {
		switch {
		case p.both:
			p.c.Snapshot = append(p.c.Snapshot, strings.ReplaceAll(statement, "%p", "1"))
			p.c.Stream = append(p.c.Stream, strings.ReplaceAll(statement, "%p", "2"))
		case p.section == "snapshot":
			p.c.Snapshot = append(p.c.Snapshot, statement)
		default:
			p.c.Stream = append(p.c.Stream, statement)
		}
	}
	p.statement, p.only, p.both = nil, "", false
	return nil
}

func (p *parser) directive(text string) error {
	word, argument, _ := strings.Cut(text, " ")
	switch word {
	case "snapshot", "stream":
		p.section = word
	case "both":
		p.both = true
	case "server":
		p.only = argument
	case "alone":
		p.c.Alone = true
	case "sole":
		p.c.Alone, p.c.Sole = true, true
	case "props":
		p.c.Properties = append(p.c.Properties, strings.ReplaceAll(argument, "@DB", p.c.Name))
	case "wait":
		if p.section == "stream" {
			p.c.Stream = append(p.c.Stream, Wait+argument)
		}
	case "include":
		included, err := readCase(filepath.Join(filepath.Dir(p.path), argument), p.kind, p.c.Name)
		if err != nil {
			return err
		}
		p.c.Snapshot = append(p.c.Snapshot, included.Snapshot...)
		p.c.Stream = append(p.c.Stream, included.Stream...)
	default:
		return fmt.Errorf("%s: %s is not a directive", p.path, word)
	}
	return nil
}

// Wait begins a pause among a case's statements: Wait + milliseconds.
const Wait = "@wait "
