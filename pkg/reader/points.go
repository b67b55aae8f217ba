package reader

// Point is a moment in a span at which a crash test ends the process.
type Point string

// The points, in order.
const (
	BeforePublish     Point = "before-publish"      // nothing of the span is sent
	AfterPublish      Point = "after-publish"       // its records are sent, and perhaps not acknowledged
	InsideKafkaCommit Point = "inside-kafka-commit" // its records are in Kafka and do not count yet
	AfterKafkaCommit  Point = "after-kafka-commit"  // it is durable with the position behind it
)

// Points returns all of them.
func Points() []Point {
	return []Point{BeforePublish, AfterPublish, InsideKafkaCommit, AfterKafkaCommit}
}
