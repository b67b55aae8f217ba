package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// Route is one of --topic-route, REGEX=REPLACEMENT. The last = counts: no topic's
// name has one.
type Route struct{ *debezium.Route }

// UnmarshalText reads a route.
func (r *Route) UnmarshalText(text []byte) error {
	i := strings.LastIndexByte(string(text), '=')
	if i < 0 {
		return fmt.Errorf("%s is not REGEX=REPLACEMENT", text)
	}
	var err error
	*r, err = parseRoute(string(text[:i]), string(text[i+1:]))
	return err
}

func parseRoute(regex, replacement string) (Route, error) {
	if feature := javaOnly(regex); feature != "" {
		return Route{}, fmt.Errorf("regular expression %s: %s is not supported; say it without", regex, feature)
	}
	route, err := debezium.NewRoute(regex, replacement)
	return Route{route}, err
}

// unlisted takes out what is said of transforms that are not in use, as Connect does.
func (c *connector) unlisted(properties map[string]string) {
	var used []string
	for alias := range strings.SplitSeq(properties["transforms"], ",") {
		used = append(used, strings.TrimSpace(alias))
	}
	for name := range properties {
		option, ok := strings.CutPrefix(name, "transforms.")
		alias, _, _ := strings.Cut(option, ".")
		if ok && !slices.Contains(used, alias) {
			c.warnings = append(c.warnings, fmt.Sprintf("--debezium-config: %s is ignored: %s is not in transforms", name, alias))
			delete(properties, name)
		}
	}
}

// transforms takes those that are supported out of the properties, with their
// options: ExtractNewRecordState once, and RegexRouter. Neither looks at what the
// other changes, so that their order is that of the routers alone. What is left in
// the properties is refused.
func (c *connector) transforms(properties map[string]string) error {
	var left []string
	var errs []error
	for alias := range strings.SplitSeq(properties["transforms"], ",") {
		alias = strings.TrimSpace(alias)
		prefix := "transforms." + alias + "."
		switch class := strings.TrimSpace(properties[prefix+"type"]); {
		case class == "io.debezium.transforms.ExtractNewRecordState" && c.values["unwrap"] == "":
			c.unwrapping(properties, prefix)
		case class == "org.apache.kafka.connect.transforms.RegexRouter":
			errs = append(errs, c.routing(properties, prefix))
		default:
			left = append(left, alias)
		}
	}
	if properties["transforms"] = strings.Join(left, ","); !slices.ContainsFunc(left, func(alias string) bool { return alias != "" }) {
		delete(properties, "transforms")
	}
	return errors.Join(errs...)
}

// routing takes the transform RegexRouter of an alias. Without one of its options
// it is no transform: they are left to be refused.
func (c *connector) routing(properties map[string]string, prefix string) error {
	regex, one := properties[prefix+"regex"]
	replacement, other := properties[prefix+"replacement"]
	if !one || !other {
		return nil
	}
	for _, option := range []string{"type", "regex", "replacement"} {
		delete(properties, prefix+option)
	}
	route, err := parseRoute(strings.TrimSpace(regex), strings.TrimSpace(replacement))
	if err != nil {
		return fmt.Errorf("%sregex: %w", prefix, err)
	}
	c.routes = append(c.routes, route)
	return nil
}
