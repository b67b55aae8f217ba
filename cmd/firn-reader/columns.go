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
