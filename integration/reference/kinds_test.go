//go:build !integration

package reference_test

import "github.com/firn-cdc/firn/integration/server"

// kinds are the servers that need nothing but Debian's archive.
func kinds() []server.Kind { return []server.Kind{server.MySQL9, server.MariaDB} }
