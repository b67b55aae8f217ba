package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Unwrapping says whether rows are published without their envelopes, by the
// options of Debezium's transform ExtractNewRecordState.
type Unwrapping struct {
	Unwrap                       bool   `negatable:"" help:"Publish rows without their envelopes, as ExtractNewRecordState does."`
	UnwrapDeletes                string `default:"tombstone" help:"Of a delete: tombstone, rewrite, rewrite-with-tombstone, drop or delete-to-tombstone."`
	UnwrapAddFields              string `placeholder:"FIELD,..." help:"Fields of the envelope to add to rows: name, block.name, either with :new behind it."`
	UnwrapAddFieldsPrefix        string `default:"__" help:"Prefix of fields that are added."`
	UnwrapAddHeaders             string `placeholder:"FIELD,..." help:"Fields of the envelope to add to headers."`
	UnwrapAddHeadersPrefix       string `default:"__" help:"Prefix of headers that are added."`
	UnwrapReplaceNullWithDefault bool   `negatable:"" help:"Write a column's default for null, whatever the converter does."`
}

// Transform returns the transform's configuration, nil if there is none.
func (u *Unwrapping) Transform() (*debezium.Unwrap, error) {
	if !u.Unwrap {
		return nil, nil //nolint:nilnil // there is nothing to do, which is no error
	}
	deletes, err := debezium.ParseUnwrapDeletes(u.UnwrapDeletes)
	if err != nil {
		return nil, err
	}
	t := &debezium.Unwrap{Deletes: deletes, ReplaceNullWithDefault: u.UnwrapReplaceNullWithDefault}
	if t.Fields, err = debezium.ParseFieldReferences(u.UnwrapAddFieldsPrefix, u.UnwrapAddFields); err != nil {
		return nil, err
	}
	t.Headers, err = debezium.ParseFieldReferences(u.UnwrapAddHeadersPrefix, u.UnwrapAddHeaders)
	return t, err
}

func (u *Unwrapping) validate(p *problems) {
	p.oneOf("--unwrap-deletes", u.UnwrapDeletes, "tombstone", "rewrite", "rewrite-with-tombstone", "drop", "delete-to-tombstone")
	if _, err := debezium.ParseFieldReferences(u.UnwrapAddFieldsPrefix, u.UnwrapAddFields); err != nil {
		p.add("--unwrap-add-fields: %w", err)
	}
	if _, err := debezium.ParseFieldReferences(u.UnwrapAddHeadersPrefix, u.UnwrapAddHeaders); err != nil {
		p.add("--unwrap-add-headers: %w", err)
	}
	if !u.Unwrap && (u.UnwrapDeletes != "tombstone" || u.UnwrapAddFields != "" || u.UnwrapAddHeaders != "") {
		p.add("--unwrap-deletes, --unwrap-add-fields and --unwrap-add-headers need --unwrap")
	}
}

// unwrapping takes the transform ExtractNewRecordState of an alias and its options
// out of the properties. What it leaves there is refused.
func (c *connector) unwrapping(properties map[string]string, prefix string) {
	delete(properties, prefix+"type")
	c.values["unwrap"], c.values["unwrap-replace-null-with-default"] = "true", "true"
	for name, value := range properties {
		option, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		flag, harmless := unwrapOption(option)
		switch {
		case passedOver(option):
			c.warnings = append(c.warnings, fmt.Sprintf("--debezium-config: %s is ignored, as Debezium 3.6 does", name))
		case flag == "unwrap-deletes":
			c.values[flag] = strings.ToLower(value)
		case flag != "":
			c.values[flag] = value
		case !slices.Contains(harmless, strings.ToLower(value)):
			continue
		}
		delete(properties, name)
	}
}

// passedOver reports whether an option is one of earlier versions of
// ExtractNewRecordState alone, or says nothing of records.
func passedOver(option string) bool {
	return slices.Contains([]string{"drop.tombstones", "delete.handling.mode", "plugin.version"}, option)
}

// unwrapOption returns the flag of an option of ExtractNewRecordState, or the
// values with which an option that is not supported does nothing.
func unwrapOption(option string) (flag string, harmless []string) {
	switch option {
	case "delete.tombstone.handling.mode":
		return "unwrap-deletes", nil
	case "add.fields", "add.fields.prefix", "add.headers", "add.headers.prefix", "replace.null.with.default":
		return "unwrap-" + strings.ReplaceAll(option, ".", "-"), nil
	case "route.by.field", "drop.fields.header.name":
		return "", []string{""}
	case "drop.fields.from.key":
		return "", []string{"false"}
	case "drop.fields.keep.schema.compatible": // of the fields that a header names
		return "", []string{"true", "false"}
	default:
		return "", nil
	}
}
