package debezium

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const uuidLen = 36

// maxGTID is the largest transaction number that MySQL accepts.
const maxGTID = math.MaxInt64 - 1

// appendSources reads uuid:1-5:7:tag:1-3 and appends what it names.
func appendSources(dst []gtidSource, s string) ([]gtidSource, error) {
	uuid, rest, ok := strings.Cut(s, ":")
	uuid = strings.ToLower(strings.TrimSpace(uuid))
	if !ok || !isUUID(uuid) {
		return nil, fmt.Errorf("%q does not begin with a server UUID and a colon", s)
	}
	cur := gtidSource{name: uuid}
	for part := range strings.SplitSeq(rest, ":") {
		part = strings.TrimSpace(part)
		if tag := strings.ToLower(part); isTag(tag) {
			if len(cur.ranges) > 0 {
				dst = append(dst, cur)
			}
			cur = gtidSource{name: uuid + ":" + tag}
			continue
		}
		r, err := parseRange(part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		cur.ranges = append(cur.ranges, r)
	}
	if len(cur.ranges) == 0 {
		return nil, fmt.Errorf("%q ends without a transaction number", s)
	}
	return append(dst, cur), nil
}

func parseRange(s string) (gtidRange, error) {
	a, b, isRange := strings.Cut(s, "-")
	first, err := parseNumber(strings.TrimSpace(a))
	if err != nil {
		return gtidRange{}, err
	}
	last := first
	if isRange {
		if last, err = parseNumber(strings.TrimSpace(b)); err != nil {
			return gtidRange{}, err
		}
	}
	if last < first {
		return gtidRange{}, fmt.Errorf("range %q ends before it begins", s)
	}
	return gtidRange{first, last}, nil
}

func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || n > maxGTID {
		return 0, fmt.Errorf("%q is not a transaction number", s)
	}
	return n, nil
}

// parseGTID splits uuid:5 or uuid:tag:5 into the source's name and the number.
func parseGTID(s string) (name string, n uint64, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < uuidLen {
		return "", 0, fmt.Errorf("%q is not a GTID", s)
	}
	name = strings.ToLower(s[:i])
	if !isUUID(name[:uuidLen]) || len(name) > uuidLen && (name[uuidLen] != ':' || !isTag(name[uuidLen+1:])) {
		return "", 0, fmt.Errorf("%q is not a GTID", s)
	}
	n, err = parseNumber(s[i+1:])
	return name, n, err
}

func parseDomain(s string) (gtidDomain, error) {
	a, rest, ok1 := strings.Cut(s, "-")
	b, c, ok2 := strings.Cut(rest, "-")
	domain, err1 := strconv.ParseUint(a, 10, 32)
	server, err2 := strconv.ParseUint(b, 10, 32)
	seq, err3 := strconv.ParseUint(c, 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil {
		return gtidDomain{}, fmt.Errorf("%q is not domain-server-sequence", s)
	}
	return gtidDomain{uint32(domain), uint32(server), seq}, nil
}

func isUUID(s string) bool {
	if len(s) != uuidLen {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// isTag reports whether s is a MySQL GTID tag: a letter or underscore, then
// letters, digits and underscores, 32 at most.
func isTag(s string) bool {
	if s == "" || len(s) > 32 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// normalSources sorts and joins; it may change its argument's elements.
func normalSources(in []gtidSource) []gtidSource {
	slices.SortStableFunc(in, func(a, b gtidSource) int { return cmp.Compare(a.name, b.name) })
	out := in[:0]
	for _, src := range in {
		if k := len(out) - 1; k >= 0 && out[k].name == src.name {
			out[k].ranges = slices.Concat(out[k].ranges, src.ranges)
			continue
		}
		out = append(out, src)
	}
	for i := range out {
		out[i].ranges = normalRanges(slices.Clone(out[i].ranges))
	}
	return out
}

// normalRanges sorts and joins ranges that touch, in place.
func normalRanges(in []gtidRange) []gtidRange {
	slices.SortFunc(in, func(a, b gtidRange) int { return cmp.Compare(a.first, b.first) })
	out := in[:0]
	for _, r := range in {
		if k := len(out) - 1; k >= 0 && r.first <= out[k].last+1 {
			out[k].last = max(out[k].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// normalDomains sorts and keeps the highest sequence number of each domain.
func normalDomains(in []gtidDomain) []gtidDomain {
	slices.SortStableFunc(in, func(a, b gtidDomain) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), cmp.Compare(b.seq, a.seq))
	})
	return slices.CompactFunc(in, func(a, b gtidDomain) bool { return a.domain == b.domain })
}

// subtractRanges returns a without b, in new memory.
func subtractRanges(a, b []gtidRange) []gtidRange {
	var out []gtidRange
	j := 0
	for _, r := range a {
		for j < len(b) && b[j].last < r.first {
			j++
		}
		for k := j; k < len(b) && b[k].first <= r.last; k++ {
			if b[k].first > r.first {
				out = append(out, gtidRange{r.first, b[k].first - 1})
			}
			r.first = b[k].last + 1
		}
		if r.first <= r.last {
			out = append(out, r)
		}
	}
	return out
}

// rangeBefore returns the last range that begins at or before n, or -1.
func rangeBefore(ranges []gtidRange, n uint64) int {
	// The newest transactions are looked up most.
	if k := len(ranges) - 1; k >= 0 && ranges[k].first <= n {
		return k
	}
	i, ok := slices.BinarySearchFunc(ranges, n, func(r gtidRange, n uint64) int { return cmp.Compare(r.first, n) })
	if ok {
		return i
	}
	return i - 1
}
