package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// reference is ${provider:key} or ${provider:path:key}.
var reference = regexp.MustCompile(`\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}`)

// expand replaces what a value refers to by what Connect's config providers would:
// of a file, of a directory's files, and of the environment, under the
// names that its documentation gives them. No value is in the error.
func expand(value string, environ map[string]string) (string, error) {
	if !strings.Contains(value, "${") {
		return value, nil
	}
	var errs []error
	expanded := reference.ReplaceAllStringFunc(value, func(text string) string {
		m := reference.FindStringSubmatch(text)
		provided, err := provide(m[1], m[2], m[3], environ)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", text, err))
		}
		return provided
	})
	return expanded, errors.Join(errs...)
}

func provide(provider, path, key string, environ map[string]string) (string, error) {
	switch provider {
	case "file":
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		properties, err := parseProperties(string(content))
		if err != nil {
			return "", err
		}
		value, ok := properties[key]
		if !ok {
			return "", fmt.Errorf("%s has no %s", path, key)
		}
		return value, nil
	case "dir", "directory":
		content, err := os.ReadFile(filepath.Join(path, filepath.Base(key)))
		return strings.TrimRight(string(content), "\r\n"), err
	case "env":
		value, ok := environ[key]
		if !ok {
			return "", fmt.Errorf("the environment has no %s", key)
		}
		return value, nil
	default:
		return "", fmt.Errorf("config provider %s is not one of file, dir, directory, env; write the value, or give the flag", provider)
	}
}
