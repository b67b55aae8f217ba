package lake

import (
	"github.com/apache/iceberg-go"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// IcebergType returns the type that holds every value of the schema.
func IcebergType(s *debezium.Schema) (iceberg.Type, error) {
	ids := 0
	return types{}.iceberg(s, &ids)
}
