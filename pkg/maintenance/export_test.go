package maintenance

// Searching reports whether a search for orphans goes on or waits to be noted.
func (m *Maintainer) Searching() bool { return m.search != nil }
