package kafka

import "github.com/IBM/sarama"

// Kill ends g's connections without leaving the group, as the death of its
// process does.
func Kill(g *Group) error {
	g.mu.Lock()
	g.member, g.generation = "", -1
	g.mu.Unlock()
	_ = g.joins.close() // Run closes them again
	return g.beats.close()
}

// Committed is committed, for blocks that no broker here would send.
func Committed(partition int32, from int64, block *sarama.FetchResponseBlock) ([]Record, int64, error) {
	return committed(nil, "t", partition, from, block, make(map[string]string))
}

// Brokers returns where c's cluster is.
func Brokers(c *Client) []string { return c.cfg.Brokers }

// Held returns the memory of the batches that wait in p.
func Held(p *Producer) (bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, part := range p.active {
		for _, b := range part.queue {
			bytes += cap(b.records)
		}
		if part.open != nil {
			bytes += cap(part.open.records)
		}
	}
	return bytes
}
