package config

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// Secret is a string that prints as stars. Reveal returns it.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns stars, or nothing where there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString returns the same as String.
func (s Secret) GoString() string { return s.String() }

// LogValue returns the same as String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the same as String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Password returns what is asked for a password at every connect: the secret,
// or what the file holds by then, without a line's end.
func Password(secret Secret, file string) func(context.Context) (string, error) {
	if file == "" {
		return func(context.Context) (string, error) { return secret.Reveal(), nil }
	}
	return func(context.Context) (string, error) {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read password file: %w", err)
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	}
}
