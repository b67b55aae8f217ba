package maintenance

import (
	"cmp"
	"math"
	"slices"
)

// Policy decides which files to rewrite. A scan's cost is that of its live rows,
// of its dead rows and of every file that it opens; the policy bounds the last
// two against the first. To DuckDB a dead row costs what 30 live ones do: it is
// read, decoded, kept in a set, and found there.
type Policy struct {
	TargetBytes int64   // size of data files; the default is 256 MiB
	MaxBytes    int64   // rewritten at a time; the default is 1 GiB
	DeadRows    float64 // share of a partition's rows that may be dead; the default is 0.005
	MinFiles    int     // small files that are worth merging; the default is 4

	Off bool // only columns are filled

	limit     int64 // of a rewrite for the time being, if it is not 0; dead rows wait then
	idle      bool  // nothing else is going on
	fillFirst bool  // files that lack a column come before what is worth more
}

const (
	fileDeadRows = 0.1  // share of a file's rows that may be dead, however large the partition
	rowsPerFile  = 2000 // dead ones that cost a scan as much as a file does
)

// What is worth doing while a table rests, once for each time that it changes.
const (
	idleDeadRows = 0.001
	idleRatio    = 20 // a file is merged with smaller ones that are together so many times smaller
)

// whenIdle returns the policy for a table that rests.
func (p Policy) whenIdle() Policy {
	p.DeadRows, p.MinFiles, p.idle = min(p.DeadRows, idleDeadRows), 2, true
	return p
}

func (p Policy) withDefaults() Policy {
	if p.TargetBytes <= 0 {
		p.TargetBytes = 256 << 20
	}
	if p.MaxBytes <= 0 {
		p.MaxBytes = 1 << 30
	}
	if p.DeadRows <= 0 {
		p.DeadRows = 0.005
	}
	if p.MinFiles < 2 {
		p.MinFiles = 4
	}
	return p
}

// Stat is what the policy knows of a data file.
type Stat struct {
	Group       string // files of one group may become one: they share a partition
	Bytes       int64
	Rows, Dead  int64
	DeleteFiles int
	Lacking     bool // a column whose value in old rows is known
	Reading     bool // by a rewrite that goes on: nothing but its delete files may become one
}

// live returns about how many bytes the file's live rows take.
func (s *Stat) live() int64 {
	return int64(float64(s.Bytes) * float64(s.Rows-s.Dead) / float64(max(s.Rows, 1)))
}

// Plan is the next thing to do, by indexes into the files.
type Plan struct {
	Rewrite []int // into one or a few files
	Drop    []int // no row of them is live
	Deletes []int // their delete files become one each
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Rewrite)+len(p.Drop)+len(p.Deletes) == 0 }

// Limits on what one rewrite reads at a time and keeps in memory.
const (
	maxInputs = 64
	maxRows   = 1 << 25
	openBytes = 64 << 20 // of inputs, beyond 8 of them, since each holds a part of it
)

// Plan returns what to do about the files.
func (p Policy) Plan(files []Stat) Plan {
	p = p.withDefaults()
	var plan Plan
	groups := make(map[string][]int)
	deletes := 0
	for i := range files {
		f := &files[i]
		deletes += f.DeleteFiles
		if f.Reading {
			continue
		}
		if f.Dead >= f.Rows {
			plan.Drop = append(plan.Drop, i)
			continue
		}
		groups[f.Group] = append(groups[f.Group], i)
	}
	if p.Off {
		return p.fill(files, groups)
	}
	best := 0.0
	if p.fillFirst {
		if plan.Rewrite = p.fill(files, groups).Rewrite; len(plan.Rewrite) > 0 {
			best = math.Inf(1)
		}
	}
	for _, name := range sortedKeys(groups) {
		if pick, gain := p.pick(files, groups[name]); gain > best {
			plan.Rewrite, best = pick, gain
		}
	}
	if deletes <= len(files) && len(plan.Rewrite)+len(plan.Drop) == 0 {
		return plan
	}
	for i := range files {
		if files[i].DeleteFiles > 1 && files[i].Dead < files[i].Rows && !slices.Contains(plan.Rewrite, i) {
			plan.Deletes = append(plan.Deletes, i)
		}
	}
	return plan
}

func sortedKeys(m map[string][]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// pick chooses files of one group, and says how much a scan gains by it, in
// files that it need not open.
func (p Policy) pick(files []Stat, group []int) (pick []int, gain float64) {
	pick, gain = p.small(files, group)
	if i, ok := p.dead(files, group); ok && float64(files[i].Dead)/rowsPerFile > gain {
		pick, gain = []int{i}, float64(files[i].Dead)/rowsPerFile
	}
	if gain > 0 {
		return pick, gain
	}
	if pick = p.lacking(files, group); len(pick) > 0 {
		gain = 0.5
	}
	return pick, gain
}

// dead chooses a file where the group or the file has too many dead rows. It is
// that of the most dead rows times their share: by the rows that a scan is rid of,
// and by how few are rewritten for it.
func (p Policy) dead(files []Stat, group []int) (worst int, ok bool) {
	if p.limit != 0 {
		return 0, false
	}
	var rows, dead int64
	share, most := 0.0, 0.0
	for _, i := range group {
		f := &files[i]
		rows, dead = rows+f.Rows, dead+f.Dead
		s := float64(f.Dead) / float64(f.Rows)
		share = max(share, s)
		if s*float64(f.Dead) > most {
			worst, most = i, s*float64(f.Dead)
		}
	}
	return worst, p.tooMany(dead, rows) || share >= fileDeadRows
}

// tooMany reports whether too many of the rows of a group are dead.
func (p Policy) tooMany(dead, rows int64) bool {
	return dead > 0 && float64(dead) >= p.DeadRows*float64(rows)
}

// fill plans nothing but fills.
func (p Policy) fill(files []Stat, groups map[string][]int) Plan {
	for _, name := range sortedKeys(groups) {
		if pick := p.lacking(files, groups[name]); len(pick) > 0 {
			return Plan{Rewrite: pick}
		}
	}
	return Plan{}
}

// lacking chooses files that lack a column, a few at a time.
func (p Policy) lacking(files []Stat, group []int) (pick []int) {
	var bytes int64
	for _, i := range group {
		if f := &files[i]; f.Lacking && p.allows(bytes+f.Bytes) && (len(pick) == 0 || bytes+f.Bytes <= openBytes && len(pick) < maxInputs) {
			pick, bytes = append(pick, i), bytes+f.Bytes
		}
	}
	return pick
}

func (p Policy) allows(bytes int64) bool { return p.limit == 0 || bytes <= p.limit }

// small chooses small files, the smallest first, as long as those before are
// together as large as the next: so a row is rewritten only into a file of at
// least twice the size of its last one, a number of times that is logarithmic.
func (p Policy) small(files []Stat, group []int) (pick []int, gain float64) {
	var small []int
	for _, i := range group {
		if files[i].live() < p.TargetBytes/4*3 {
			small = append(small, i)
		}
	}
	slices.SortFunc(small, func(a, b int) int { return cmp.Compare(files[a].live(), files[b].live()) })
	var bytes, live, rows int64
	n, fit := 0, true
	for k, i := range small {
		f := &files[i]
		bytes += f.Bytes
		rows += f.Rows
		fit = fit && bytes <= p.MaxBytes && p.allows(bytes) && rows <= maxRows && k < maxInputs && (k < 8 || bytes <= openBytes)
		if !fit {
			break
		}
		if k > 0 && (f.live() <= live || p.idle && f.live() <= live*idleRatio) {
			n = k + 1
		}
		live += f.live()
	}
	if n < p.MinFiles {
		return nil, 0
	}
	return small[:n], float64(n - 1)
}
