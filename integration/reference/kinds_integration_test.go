//go:build integration

package reference_test

import "github.com/firn-cdc/firn/integration/server"

// kinds are the servers that need Maven.
func kinds() []server.Kind { return []server.Kind{server.MySQL8} }
