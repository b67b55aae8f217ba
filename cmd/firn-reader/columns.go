package main

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/convert"
	"github.com/firn-cdc/firn/pkg/debezium"
)

// rulesOf is what the flags say of columns, in the converter's terms.
func rulesOf(c *config.Capture) (r convert.Rules, err error) {
	if !c.ColumnIncludeList.Empty() || !c.ColumnExcludeList.Empty() {
		r.Published = func(table debezium.TableID, column string) bool { return c.Column(table.Database, table.Table, column) }
	}
	columns, err := c.ColumnRules()
	if err != nil {
		return r, err
	}
	add := func(action convert.Action, rule *config.ColumnRule) {
		r.Treatments = append(r.Treatments, convert.Treatment{
			Match: func(table debezium.TableID, c *debezium.Column) bool {
				return rule.Columns.Match(table.String() + "." + c.Name)
			},
			Action: action, Length: rule.Length, NewHash: newHash(rule.Algorithm), Salt: rule.Salt,
		})
	}
	for i := range columns {
		switch rule := &columns[i]; rule.Action {
		case "truncate":
			add(convert.Truncate, rule)
		case "mask":
			add(convert.Mask, rule)
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
	for i := range columns {
		switch rule := &columns[i]; rule.Action {
		case "hash":
			add(convert.HashV1, rule)
		case "hash.v2":
			add(convert.Hash, rule)
		}
	}
	keys, err := c.KeyRules()
	if len(keys) > 0 {
		r.Key = func(table debezium.TableID) []string {
			for i := range keys {
				if keys[i].Tables.Match(table.String()) {
					return keys[i].Columns
				}
			}
			return nil
		}
	}
	return r, err
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
