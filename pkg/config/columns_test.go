package config_test

import (
	"strings"
	"testing"

	"github.com/firn-cdc/firn/pkg/config"
)

// A salt is a secret: whoever has it tries the values. It is in no error, however the rule is wrong.
func TestCapture_ColumnRulesKeepTheirSalt(t *testing.T) {
	for _, rule := range []string{
		"column.mask.hash.v2.SHA-256.with.salt.s3cret",
		"column.mask.hash.v2.SHA-256.with.salt.s3cret=(",
		"column.mask.hash.v2.SHA-256.with.salt.s3c=s3cret=(",
		"column.mask.hash.v2.ROT13.with.salt.s3cret=d.t.c",
		"column.mask.hash.v2.SHA-256.with.slat.s3cret=d.t.c",
		"column.mask.hash.s3cret",
		"Column.Mask.Hash.v2.SHA-256.with.salt.s3cret=d.t.c",
	} {
		c := config.Capture{ColumnRule: []string{rule}}
		_, err := c.ColumnRules()
		if err == nil || strings.Contains(err.Error(), "s3c") || !strings.Contains(err.Error(), "--column-rule") {
			t.Errorf("%s: got %v, want an error without the salt", rule, err)
		}
	}
	for _, property := range []string{"column.mask.hash.v2.SHA-256.with.slat.s3cret=d.t.c", "column.mask.hash.v2.ROT13.with.salt.s3cret=d.t.c"} {
		if _, err := parseConnector(t, least+property+"\n"); err == nil || strings.Contains(err.Error(), "s3c") {
			t.Errorf("%s: got %v, want an error without the salt", property, err)
		}
	}
}

// A salt in base64 ends with what stands between a rule's property and its columns.
func TestCapture_ColumnRulesWithAnySalt(t *testing.T) {
	c := config.Capture{ColumnRule: []string{"column.mask.hash.v2.SHA-256.with.salt.c2FsdA===shop.customers.name"}}
	rules, err := c.ColumnRules()
	if err != nil || len(rules) != 1 {
		t.Fatalf("got %v (%v)", rules, err)
	}
	if r := &rules[0]; r.Salt != "c2FsdA==" || !r.Columns.Match("shop.customers.name") {
		t.Errorf("the salt is %q, of the column: %t", r.Salt, r.Columns.Match("shop.customers.name"))
	}
}
