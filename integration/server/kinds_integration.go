//go:build integration

package server

// Kinds are the servers that need Maven: what the tests run on.
func Kinds() []Kind { return []Kind{MySQL8} }
