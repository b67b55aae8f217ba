package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ColumnRule changes columns, as one of Debezium's properties whose name says how.
type ColumnRule struct {
	Action    string // truncate, mask, hash.v2, or hash of what Java serialises a string as
	Length    int    // of truncate and mask
	Algorithm string // of a hash, as Java names it: SHA-256
	Salt      string // of a hash
	Columns   Patterns
}

var (
	sizedRule  = regexp.MustCompile(`^column\.(truncate\.to|mask\.with)\.(\d+)\.chars$`)
	hashedHead = regexp.MustCompile(`^column\.mask\.hash(?:\.v2)?\.[^.]+\.with\.salt\.`)
	hashedRule = regexp.MustCompile(`^column\.mask\.(hash(?:\.v2)?)\.([^.]+)\.with\.salt\.(.+)$`)
)

// isColumnRule reports whether a property is one that a ColumnRule follows.
func isColumnRule(property string) bool {
	return sizedRule.MatchString(property) || hashedRule.MatchString(property)
}

// ColumnRules returns what --column-rule says, in the order in which Debezium
// tries such rules: of those that match a column, the first is followed.
func (c *Capture) ColumnRules() ([]ColumnRule, error) {
	var rules []ColumnRule
	var errs []error
	for _, text := range c.ColumnRule {
		rule, err := parseColumnRule(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--column-rule %s: %w", withoutSalt(text), err))
			continue
		}
		rules = append(rules, rule)
	}
	order := []string{"truncate", "mask", "hash", "hash.v2"}
	slices.SortStableFunc(rules, func(a, b ColumnRule) int { return slices.Index(order, a.Action) - slices.Index(order, b.Action) })
	return rules, errors.Join(errs...)
}

// cutRule splits a rule into its property and its columns. A salt may hold what stands between them.
func cutRule(text string) (property, columns string, ok bool) {
	at := strings.IndexByte(text, '=')
	if strings.HasPrefix(text, hashProperty) {
		at = strings.LastIndexByte(text, '=')
	}
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}

const hashProperty = "column.mask.hash"

// withoutSalt returns a property, or a rule, as it may be shown: of one that hashes
// the beginning, for a salt may be anywhere behind it, should it be written wrong.
func withoutSalt(text string) string {
	if len(text) < len(hashProperty) || !strings.EqualFold(text[:len(hashProperty)], hashProperty) {
		return text
	}
	if m := hashedHead.FindString(text); m != "" {
		return m + "…"
	}
	return text[:len(hashProperty)] + "…"
}

func parseColumnRule(text string) (r ColumnRule, err error) {
	property, columns, ok := cutRule(text)
	if !ok {
		return r, errors.New("want a property and its columns: column.mask.with.5.chars=shop.customers.email")
	}
	if m := sizedRule.FindStringSubmatch(property); m != nil {
		r.Action = strings.TrimSuffix(strings.TrimSuffix(m[1], ".to"), ".with")
		if r.Length, err = strconv.Atoi(m[2]); err != nil {
			return r, err
		}
	} else if m := hashedRule.FindStringSubmatch(property); m != nil {
		r.Action, r.Algorithm, r.Salt = m[1], strings.ToUpper(m[2]), m[3]
		if !slices.Contains([]string{"MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}, r.Algorithm) {
			return r, fmt.Errorf("%s is not one of MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512", m[2])
		}
	} else {
		return r, errors.New("want column.truncate.to.N.chars, column.mask.with.N.chars or column.mask.hash[.v2].ALGORITHM.with.salt.SALT")
	}
	r.Columns, err = ParsePatterns(columns)
	return r, err
}

// KeyRules returns what --message-key-columns says: expressions for
// database.table.column, of which each adds the columns that it matches to the
// key of their table. A table of which none matches a column keeps its key.
func (c *Capture) KeyRules() ([]Patterns, error) {
	var rules []Patterns
	var errs []error
	for part := range strings.SplitSeq(c.MessageKeyColumns, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		tables, columns, ok := strings.Cut(part, ":")
		if !ok || columns == "" || strings.Contains(columns, ":") {
			errs = append(errs, fmt.Errorf("--message-key-columns: %q is not REGEX:COLUMN,…", part))
			continue
		}
		for column := range strings.SplitSeq(columns, ",") {
			rule, err := ParsePatterns(tables + "." + strings.TrimSpace(column))
			errs, rules = append(errs, err), append(rules, rule)
		}
	}
	return rules, errors.Join(errs...)
}

func (c *Capture) validateRules(p *problems) {
	if _, err := c.ColumnRules(); err != nil {
		p.add("%w", err)
	}
	if _, err := c.KeyRules(); err != nil {
		p.add("%w", err)
	}
}
