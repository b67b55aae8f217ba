package applier

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/lake"
)

// Naming says what the tables of topics are called.
type Naming struct {
	Template string            // of {prefix}, {database} and {table}; "" is {database}.{table}
	Map      map[string]string // database.table to namespace.table, over the template
}

// Topic is a data topic's name in parts.
type Topic struct {
	Name   string
	Prefix string
	ID     debezium.TableID // as the topic spells it
}

// ParseTopic reads <prefix>.<database>.<table>, with the delimiter for dots. With
// a prefix the database ends at the next delimiter; without one the last two parts
// are database and table.
func (c *Config) ParseTopic(name string) (Topic, bool) {
	t := Topic{Name: name, Prefix: c.Prefix}
	delimiter := cmp.Or(c.Delimiter, ".")
	rest := ""
	if c.Prefix != "" {
		var ok bool
		if rest, ok = strings.CutPrefix(name, c.Prefix+delimiter); !ok {
			return t, false
		}
	} else {
		i := strings.LastIndex(name, delimiter)
		if i > 0 {
			i = strings.LastIndex(name[:i], delimiter)
		}
		if i <= 0 {
			return t, false
		}
		t.Prefix, rest = name[:i], name[i+len(delimiter):]
	}
	var ok bool
	t.ID.Database, t.ID.Table, ok = strings.Cut(rest, delimiter)
	return t, ok && t.ID.Database != "" && t.ID.Table != ""
}

// DataTopics returns those of all topics that hold tables' changes: not the
// schema-change topic, whose name is the prefix alone, not transactions and
// heartbeats, and nothing internal.
func (c *Config) DataTopics(all []string) []string {
	var data []string
	for _, name := range all {
		if _, ok := c.ParseTopic(name); !ok || strings.HasPrefix(name, "__") {
			continue
		}
		if c.Topics != nil && c.Topics.FindString(name) != name {
			continue
		}
		data = append(data, name)
	}
	return data
}

// Name returns what the table of a topic is called.
func (n Naming) Name(t Topic) (lake.Name, error) {
	text, ok := n.Map[t.ID.String()]
	if !ok {
		template := n.Template
		if template == "" {
			template = "{database}.{table}"
		}
		text = strings.NewReplacer("{prefix}", t.Prefix, "{database}", t.ID.Database, "{table}", strings.ReplaceAll(t.ID.Table, ".", "_")).Replace(template)
	}
	name, err := lake.ParseName(text)
	if err != nil {
		return lake.Name{}, fmt.Errorf("name of the table of topic %s: %w", t.Name, err)
	}
	return name, nil
}

// NameTakenError says that two topics would write one table.
type NameTakenError struct {
	Table, Topic, Other string
}

// Error says what to change.
func (e *NameTakenError) Error() string {
	return fmt.Sprintf("topics %s and %s would both be applied to table %s: give one of them another name with --table-map, "+
		"or all with {prefix} in --table-name, or leave one out with --topics in place of --topic-prefix", e.Topic, e.Other, e.Table)
}

// CheckNames refuses topics that would be applied to one table.
func (c *Config) CheckNames(topics []string) error {
	var errs []error
	n := newNames(c)
	n.set(topics)
	for _, name := range topics {
		t, _ := c.ParseTopic(name)
		table, rival, err := n.table(t)
		if err == nil && name < rival { // each pair once
			err = &NameTakenError{Table: table.String(), Topic: name, Other: rival}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// names knows which topics would write one table.
type names struct {
	config *Config

	mu     sync.Mutex
	topics map[lake.Name][]string
}

func newNames(c *Config) *names { return &names{config: c} }

// set says which topics there are.
func (n *names) set(topics []string) {
	by := make(map[lake.Name][]string, len(topics))
	for _, name := range topics {
		t, _ := n.config.ParseTopic(name)
		if table, err := n.config.Naming.Name(t); err == nil { // else the opening of the table says so
			table = n.config.Catalog.Fold(table)
			by[table] = append(by[table], name)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.topics = by
}

// table returns the table of a topic, and another topic that would write it, ""
// if there is none.
func (n *names) table(t Topic) (name lake.Name, rival string, err error) {
	if name, err = n.config.Naming.Name(t); err != nil {
		return name, "", err
	}
	name = n.config.Catalog.Fold(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.topics[name] {
		if other != t.Name {
			return name, other, nil
		}
	}
	return name, "", nil
}
