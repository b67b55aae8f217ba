package codec

import "context"

// Registry gives schemas numbers and keeps them.
type Registry interface {
	// Register returns the id of the schema under the subject, and adds it if it is new.
	Register(ctx context.Context, subject, schema string) (int32, error)
	// Schema returns the text of a schema.
	Schema(ctx context.Context, id int32) (string, error)
}
