//go:build !integration

package server

// Kinds are the servers that need nothing but Debian's archive: what the tests
// run on.
func Kinds() []Kind { return []Kind{MySQL9, MariaDB} }
