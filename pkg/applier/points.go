package applier

import (
	"github.com/firn-cdc/firn/pkg/commit"
	"github.com/firn-cdc/firn/pkg/maintenance"
)

// Point is a moment at which a crash test ends the process.
type Point string

// The points of a flush, in order. Those of package commit come between
// AfterUpload and BeforeIndex.
const (
	BeforeTakeOver       = Point(commit.BeforeTakeOver)
	AfterTakeOver        = Point(commit.AfterTakeOver)
	BeforeUpload   Point = "before-upload"
	AfterUpload    Point = "after-upload"
	BeforeCommit         = Point(commit.BeforeCommit)
	AfterCommit          = Point(commit.AfterCommit)
	BeforeIndex    Point = "before-index"
	AfterIndex     Point = "after-index"
)

// The points of maintenance, in order. Those of package commit come between
// AfterRewrite and RewriteIndex.
const (
	BeforeRewrite = maintenancePrefix + Point(maintenance.BeforeRewrite)
	AfterRewrite  = maintenancePrefix + Point(maintenance.AfterRewrite)
	BeforeReplace = Point(commit.BeforeReplace)
	AfterReplace  = Point(commit.AfterReplace)
	RewriteIndex  = maintenancePrefix + Point(maintenance.BeforeIndex)
	AfterExpire   = maintenancePrefix + Point(maintenance.AfterExpire)
)

const maintenancePrefix Point = "maintenance-"

// Points returns all of them: those of a flush, and those of what goes on between
// flushes.
func Points() (flush, upkeep []Point) {
	return []Point{BeforeTakeOver, AfterTakeOver, BeforeUpload, AfterUpload, BeforeCommit, AfterCommit, BeforeIndex, AfterIndex},
		[]Point{BeforeRewrite, AfterRewrite, BeforeReplace, AfterReplace, RewriteIndex, AfterExpire}
}
