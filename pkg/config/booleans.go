package config

import (
	"cmp"
	"slices"
	"strings"
)

// booleans takes TinyIntOneToBooleanConverter, under its names in Debezium, and its
// options out of the properties. What is left there is refused.
func (c *connector) booleans(properties map[string]string) {
	var left []string
	for alias := range strings.SplitSeq(properties["converters"], ",") {
		alias = strings.TrimSpace(alias)
		class := strings.TrimSpace(properties[alias+".type"])
		if !slices.Contains([]string{
			"io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter",
			"io.debezium.connector.mysql.converters.TinyIntOneToBooleanConverter",
		}, class) {
			left = append(left, alias)
			continue
		}
		flag := "tinyint1-to-boolean"
		if checks := properties[alias+".length.checker"]; checks != "" && !strings.EqualFold(checks, "true") {
			flag = "tinyint-to-boolean"
		}
		selector := cmp.Or(strings.TrimSpace(properties[alias+".selector"]), ".*")
		if before := c.values[flag]; before != "" {
			selector = before + "," + selector
		}
		c.values[flag] = selector
		for _, option := range []string{".type", ".length.checker", ".selector"} {
			delete(properties, alias+option)
		}
	}
	if properties["converters"] = strings.Join(left, ","); strings.Trim(properties["converters"], ",") == "" {
		delete(properties, "converters")
	}
}
