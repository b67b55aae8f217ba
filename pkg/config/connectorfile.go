package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// parseConnector reads {"name": …, "config": {…}}, the inner object alone, or
// properties.
func parseConnector(content []byte) (map[string]string, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
	if !strings.HasPrefix(text, "{") {
		return parseProperties(text)
	}
	var outer struct {
		Name   string                     `json:"name"`
		Config map[string]json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal([]byte(text), &outer); err != nil {
		return nil, err
	}
	flat := outer.Config
	if flat == nil {
		if err := json.Unmarshal([]byte(text), &flat); err != nil {
			return nil, err
		}
	}
	properties := map[string]string{}
	if outer.Name != "" {
		properties["name"] = outer.Name
	}
	for name, value := range flat {
		switch value[0] {
		case '"':
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				return nil, fmt.Errorf("%s: %w", withoutSalt(name), err)
			}
			properties[name] = s
		case 'n':
		case '{', '[':
			return nil, fmt.Errorf("%s: a string is wanted", name)
		default: // a number or a truth, as it is written
			properties[name] = string(value)
		}
	}
	return properties, nil
}

// parseProperties reads what java.util.Properties reads, as UTF-8.
func parseProperties(text string) (map[string]string, error) {
	properties := map[string]string{}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continues(line) {
			line = line[:len(line)-1]
			if i++; i == len(lines) {
				break
			}
			line += strings.TrimLeft(lines[i], " \t\f")
		}
		name, value := cutProperty(line)
		var err error
		if name, err = unescape(name); err == nil {
			properties[name], err = unescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("property %s: %w", withoutSalt(name), err)
		}
	}
	return properties, nil
}

// continues reports whether a line ends in a backslash that no other one escapes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// cutProperty splits a line behind the name, which =, : or white space ends.
func cutProperty(line string) (name, value string) {
	end := 0
	for ; end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])); end++ {
		if line[end] == '\\' {
			end++
		}
	}
	end = min(end, len(line))
	value = strings.TrimLeft(line[end:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return line[:end], value
}

// unescape resolves \t, \n, \r, \f and \uXXXX; before any other character a backslash is nothing.
func unescape(s string) (string, error) {
	runes := []rune(s)
	var units []uint16 // Java's characters: two \u may make one of ours
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		if r == '\\' && i+1 < len(runes) {
			i++
			switch r = runes[i]; r {
			case 't':
				r = '\t'
			case 'n':
				r = '\n'
			case 'r':
				r = '\r'
			case 'f':
				r = '\f'
			case 'u':
				unit, err := strconv.ParseUint(string(runes[i+1:min(i+5, len(runes))]), 16, 16)
				if err != nil || i+5 > len(runes) {
					return "", errors.New(`\u is not followed by four hexadecimal digits`)
				}
				units = append(units, uint16(unit))
				i += 4
				continue
			default:
			}
		}
		units = utf16.AppendRune(units, r)
	}
	return string(utf16.Decode(units)), nil
}
