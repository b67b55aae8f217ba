package main

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"

	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// rulesOf is what the flags say of columns, in the converter's terms.
func rulesOf(c *config.Capture) (r convert.Rules, err error) {
	if !c.ColumnIncludeList.Empty() || !c.ColumnExcludeList.Empty() {
		r.Published = func(table debezium.TableID, column string) bool { return c.Column(table.Database, table.Table, column) }
	}
	if !c.Tinyint1ToBoolean.Empty() || !c.TinyintToBoolean.Empty() {
		r.Boolean = func(table debezium.TableID, column *debezium.Column) bool {
			if column.TypeName != "TINYINT" && column.TypeName != "TINYINT UNSIGNED" {
				return false
			}
			name := table.String() + "." + column.Name
			return column.Length == 1 && c.Tinyint1ToBoolean.Match(name) || c.TinyintToBoolean.Match(name)
		}
	}
	columns, err := c.ColumnRules()
	if err != nil {
		return r, err
	}
	var hashes []convert.Treatment // tried last
	for i := range columns {
		rule := &columns[i]
		t := convert.Treatment{
			Match: func(table debezium.TableID, c *debezium.Column) bool {
				return rule.Columns.Match(table.String() + "." + c.Name)
			},
			Length: rule.Length, NewHash: newHash(rule.Algorithm), Salt: rule.Salt,
		}
		switch rule.Action {
		case "truncate":
			t.Action = convert.Truncate
		case "mask":
			t.Action = convert.Mask
		case "hash":
			t.Action = convert.HashV1
		default:
			t.Action = convert.Hash
		}
		if t.NewHash != nil {
			hashes = append(hashes, t)
		} else {
			r.Treatments = append(r.Treatments, t)
		}
	}
	propagate := func(patterns config.Patterns, name func(debezium.TableID, *debezium.Column) string) {
		if !patterns.Empty() {
			r.Treatments = append(r.Treatments, convert.Treatment{
				Match: func(table debezium.TableID, c *debezium.Column) bool { return patterns.Match(name(table, c)) }, Action: convert.Propagate,
			})
		}
	}
	propagate(c.ColumnPropagateSourceType, func(t debezium.TableID, c *debezium.Column) string { return t.String() + "." + c.Name })
	propagate(c.DatatypePropagateSourceType, func(t debezium.TableID, c *debezium.Column) string { return t.String() + "." + c.TypeName })
	r.Treatments = append(r.Treatments, hashes...)
	keys, err := c.KeyRules()
	if len(keys) > 0 {
		r.Key = func(table debezium.TableID, columns []debezium.Column) []string { return keyOf(keys, table, columns) }
	}
	return r, err
}

// keyOf returns the columns of a table's own key: those that the first rule
// matches, then those of the next. Nil: none does.
func keyOf(rules []config.Patterns, table debezium.TableID, columns []debezium.Column) (key []string) {
	for _, rule := range rules {
		for i := range columns {
			name := columns[i].Name
			if rule.Match(table.String()+"."+name) && !slices.Contains(key, name) {
				key = append(key, name)
			}
		}
	}
	return key
}

// newHash returns what makes a hash by Java's name of it; nil for none.
func newHash(algorithm string) func() hash.Hash {
	switch algorithm {
	case "MD5":
		return md5.New
	case "SHA-1":
		return sha1.New
	case "SHA-224":
		return sha256.New224
	case "SHA-256":
		return sha256.New
	case "SHA-384":
		return sha512.New384
	case "SHA-512":
		return sha512.New
	default:
		return nil
	}
}
