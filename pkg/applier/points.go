package applier

import "github.com/firn-cdc/firn/pkg/commit"

// Point is a moment in a flush at which a crash test ends the process.
type Point string

// The points, in order. Those of package commit come between AfterUpload and
// BeforeIndex.
const (
	BeforeUpload   Point = "before-upload"
	AfterUpload    Point = "after-upload"
	BeforeTakeOver       = Point(commit.BeforeTakeOver)
	AfterTakeOver        = Point(commit.AfterTakeOver)
	BeforeCommit         = Point(commit.BeforeCommit)
	AfterCommit          = Point(commit.AfterCommit)
	BeforeIndex    Point = "before-index"
	AfterIndex     Point = "after-index"
)

// Points returns all of them.
func Points() []Point {
	return []Point{BeforeTakeOver, AfterTakeOver, BeforeUpload, AfterUpload, BeforeCommit, AfterCommit, BeforeIndex, AfterIndex}
}
