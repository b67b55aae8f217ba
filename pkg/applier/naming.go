package applier

import (
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

// ParseTopic reads <prefix>.<database>.<table>. Without a prefix the last two
// parts are database and table.
func ParseTopic(name, prefix string) (Topic, bool) {
	t := Topic{Name: name, Prefix: prefix}
	rest := ""
	if prefix != "" {
		var ok bool
		if rest, ok = strings.CutPrefix(name, prefix+"."); !ok {
			return t, false
		}
	} else {
		i := strings.LastIndexByte(name, '.')
		if i > 0 {
			i = strings.LastIndexByte(name[:i], '.')
		}
		if i <= 0 {
			return t, false
		}
		t.Prefix, rest = name[:i], name[i+1:]
	}
	var ok bool
	t.ID.Database, t.ID.Table, ok = strings.Cut(rest, ".")
	return t, ok && t.ID.Database != "" && t.ID.Table != ""
}

// DataTopics returns those of all topics that hold tables' changes: not the
// schema-change topic, whose name is the prefix alone, not transactions and
// heartbeats, and nothing internal.
func (c *Config) DataTopics(all []string) []string {
	var data []string
	for _, name := range all {
		if _, ok := ParseTopic(name, c.Prefix); !ok || strings.HasPrefix(name, "__") {
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
	n := newNames(c.Naming, c.Catalog.Fold)
	n.set(c.Prefix, topics)
	for _, name := range topics {
		t, _ := ParseTopic(name, c.Prefix)
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
	naming Naming
	fold   func(lake.Name) lake.Name

	mu     sync.Mutex
	topics map[lake.Name][]string
}

func newNames(n Naming, fold func(lake.Name) lake.Name) *names {
	return &names{naming: n, fold: fold}
}

// set says which topics there are.
func (n *names) set(prefix string, topics []string) {
	by := make(map[lake.Name][]string, len(topics))
	for _, name := range topics {
		t, _ := ParseTopic(name, prefix)
		if table, err := n.naming.Name(t); err == nil { // else the opening of the table says so
			by[n.fold(table)] = append(by[n.fold(table)], name)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.topics = by
}

// table returns the table of a topic, and another topic that would write it, ""
// if there is none.
func (n *names) table(t Topic) (name lake.Name, rival string, err error) {
	if name, err = n.naming.Name(t); err != nil {
		return name, "", err
	}
	name = n.fold(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.topics[name] {
		if other != t.Name {
			return name, other, nil
		}
	}
	return name, "", nil
}
