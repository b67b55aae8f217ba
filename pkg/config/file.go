package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// file is a YAML file of settings.
type file struct {
	path     string
	values   map[string]string // by flag, as on a command line
	lines    map[string]int
	sections sections
}

// sections is what a file has beside flags.
type sections struct {
	Tables      []Table              `yaml:"tables"`
	Roles       map[string]Role      `yaml:"aws-roles"`
	Maintenance *Maintenance         `yaml:"-"` // the flag's value may be in its place
	Rest        map[string]yaml.Node `yaml:",inline"`
}

func errUnknownSection(path string) error {
	return fmt.Errorf("%s: the reader has no sections tables and maintenance", path)
}

// readFile reads a file, or nothing if the path is empty.
func readFile(path string) (*file, error) {
	f := &file{path: path, values: map[string]string{}, lines: map[string]int{}}
	if path == "" {
		return f, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read --config: %w", err)
	}
	if err := decodeStrict(content, &f.sections); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read --config %s: %w", path, err)
	}
	for name, value := range f.sections.Rest {
		node := &value
		if name == "maintenance" && node.Kind == yaml.MappingNode {
			if err := f.readMaintenance(node); err != nil {
				return nil, fmt.Errorf("read --config %s: maintenance: %w", path, err)
			}
			continue
		}
		text, err := flagText(node)
		if err != nil {
			return nil, fmt.Errorf("read --config %s: line %d: %s: %w", path, node.Line, name, err)
		}
		f.lines[name] = node.Line
		if node.Tag != "!!null" {
			f.values[name] = text
		}
	}
	return f, nil
}

func decodeStrict(content []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	return d.Decode(into)
}

func (f *file) readMaintenance(node *yaml.Node) error {
	content, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	m := defaultMaintenance()
	f.sections.Maintenance = &m
	return decodeStrict(content, &m)
}

// check reports names that are no flags. Secrets have their own message.
func (f *file) check(known map[string]bool) error {
	var errs []error
	for name, line := range f.lines {
		switch {
		case slices.Contains(secrets(), name):
			errs = append(errs, fmt.Errorf("%s: line %d: %s: secrets do not go into the file; use %s or --%s-file", f.path, line, name, variable(name), name))
		case name == "config" || !known[name]:
			errs = append(errs, fmt.Errorf("%s: line %d: no flag has the name %q", f.path, line, name))
		default:
		}
	}
	for service := range f.sections.Roles {
		if !slices.Contains([]string{"kafka", "glue", "s3", "secrets", "rds"}, service) {
			errs = append(errs, fmt.Errorf("%s: aws-roles: %q is not one of kafka, glue, s3, secrets, rds", f.path, service))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// flagText writes a value as it would be given to a flag: lists with commas,
// maps as k=v with semicolons.
func flagText(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.AliasNode:
		return flagText(node.Alias)
	case yaml.SequenceNode:
		var parts []string
		for _, n := range node.Content {
			if n.Kind != yaml.ScalarNode {
				return "", errors.New("a list of single values is wanted")
			}
			parts = append(parts, escape(n.Value, ','))
		}
		return strings.Join(parts, ","), nil
	case yaml.MappingNode:
		var parts []string
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i+1].Kind != yaml.ScalarNode {
				return "", errors.New("a map of single values is wanted")
			}
			parts = append(parts, escape(node.Content[i].Value+"="+node.Content[i+1].Value, ';'))
		}
		return strings.Join(parts, ";"), nil
	default:
		return "", fmt.Errorf("unexpected kind %d of value", node.Kind)
	}
}

// escape puts a backslash before each sep that has none.
func escape(s string, sep byte) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == sep {
			out.WriteByte('\\')
		}
		out.WriteByte(s[i])
		if s[i] == '\\' && i+1 < len(s) {
			i++
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
