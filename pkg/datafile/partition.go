package datafile

import "maps"

// present returns a partition's values so that empty bytes are not taken for null:
// to the encoder of manifests a nil slice is.
func present(values map[int]any) map[int]any {
	values = maps.Clone(values)
	for id, v := range values {
		if b, ok := v.([]byte); ok && b == nil {
			values[id] = []byte{}
		}
	}
	return values
}
