package batch

// Resort makes the next iteration sort again.
func (b *Batch) Resort() { b.sorted = false }
