package debezium

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The server flavors, which write GTIDs differently.
const (
	FlavorMySQL   = "mysql"
	FlavorMariaDB = "mariadb"
)

// GTIDSet is a set of executed transactions: MySQL's ranges per server UUID and
// tag, or MariaDB's last transaction per domain. The zero value is empty. A
// copy is independent of its original.
type GTIDSet struct {
	sources []gtidSource // MySQL, sorted; shared between copies, so never changed in place
	domains []gtidDomain // MariaDB, sorted; never changed in place either

	// The range or domain that Add extended last, so that one more transaction costs no allocation:
	// it overrides the end that sources[hot-1].ranges[hotRange] or domains[hot-1] holds. 0: none.
	hot      int
	hotRange int
	hotEnd   gtidDomain // domain is unused
}

// gtidSource holds the transactions of one MySQL server and tag.
type gtidSource struct {
	name   string // uuid or uuid:tag, lower case
	ranges []gtidRange
}

type gtidRange struct{ first, last uint64 }

// gtidDomain is MariaDB's last transaction of a replication domain.
type gtidDomain struct {
	domain, server uint32
	seq            uint64
}

// ParseGTIDSet reads a GTID set as a server of the flavor prints it. White
// space and the case of UUIDs do not matter.
func ParseGTIDSet(flavor, s string) (GTIDSet, error) {
	var set GTIDSet
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		var err error
		switch flavor {
		case FlavorMySQL:
			set.sources, err = appendSources(set.sources, part)
		case FlavorMariaDB:
			var d gtidDomain
			if d, err = parseDomain(part); err == nil {
				set.domains = append(set.domains, d)
			}
		default:
			err = fmt.Errorf("unknown flavor %q", flavor)
		}
		if err != nil {
			return GTIDSet{}, fmt.Errorf("parse GTID set: %w", err)
		}
	}
	set.sources = normalSources(set.sources)
	set.domains = normalDomains(set.domains)
	return set, nil
}

// IsEmpty reports whether the set holds no transaction.
func (s GTIDSet) IsEmpty() bool { return len(s.sources) == 0 && len(s.domains) == 0 }

// String returns the set as the server prints it, sorted, without white space.
func (s GTIDSet) String() string { return string(s.Append(nil)) }

// Append appends String to dst.
func (s GTIDSet) Append(dst []byte) []byte {
	start := len(dst)
	for i := range s.sources {
		src := &s.sources[i]
		uuid, tag := src.name[:uuidLen], src.name[uuidLen:]
		switch {
		case i > 0 && tag != "" && s.sources[i-1].name[:uuidLen] == uuid:
			dst = append(dst, tag...) // the server's form for several tags of one UUID
		case len(dst) > start:
			dst = append(append(dst, ','), src.name...)
		default:
			dst = append(dst, src.name...)
		}
		for j := range src.ranges {
			r := s.rangeAt(i, j)
			dst = strconv.AppendUint(append(dst, ':'), r.first, 10)
			if r.last > r.first {
				dst = strconv.AppendUint(append(dst, '-'), r.last, 10)
			}
		}
	}
	for i := range s.domains {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		d := s.domainAt(i)
		dst = strconv.AppendUint(dst, uint64(d.domain), 10)
		dst = strconv.AppendUint(append(dst, '-'), uint64(d.server), 10)
		dst = strconv.AppendUint(append(dst, '-'), d.seq, 10)
	}
	return dst
}

// Clone returns a copy. A plain assignment does the same.
func (s GTIDSet) Clone() GTIDSet { return s }

// Equal reports whether both sets hold the same transactions.
func (s GTIDSet) Equal(o GTIDSet) bool {
	var a, b [512]byte
	return bytes.Equal(s.Append(a[:0]), o.Append(b[:0]))
}

// Contains reports whether every transaction of o is in s. MariaDB's sets are
// compared by the sequence number of each domain.
func (s GTIDSet) Contains(o GTIDSet) bool {
	for i := range o.sources {
		k, ok := s.source(o.sources[i].name)
		if !ok {
			return false
		}
		for j := range o.sources[i].ranges {
			if !s.covers(k, o.rangeAt(i, j)) {
				return false
			}
		}
	}
	for i := range o.domains {
		k, ok := s.domain(o.domains[i].domain)
		if !ok || s.domainAt(k).seq < o.domainAt(i).seq {
			return false
		}
	}
	return true
}

// ContainsGTID reports whether the transaction is in the set. What is not a
// GTID is in no set.
func (s GTIDSet) ContainsGTID(gtid string) bool {
	if strings.IndexByte(gtid, ':') < 0 {
		d, err := parseDomain(gtid)
		if err != nil {
			return false
		}
		k, ok := s.domain(d.domain)
		return ok && s.domainAt(k).seq >= d.seq
	}
	name, n, err := parseGTID(gtid)
	if err != nil {
		return false
	}
	k, ok := s.source(name)
	return ok && s.covers(k, gtidRange{n, n})
}

// Add adds one transaction: uuid:5, uuid:tag:5 or 0-1-5. In MariaDB's sets it
// becomes its domain's last transaction, whatever stood there.
func (s *GTIDSet) Add(gtid string) error {
	if strings.IndexByte(gtid, ':') < 0 {
		if len(s.sources) > 0 {
			return fmt.Errorf("add GTID %q to a MySQL set", gtid)
		}
		d, err := parseDomain(gtid)
		if err != nil {
			return fmt.Errorf("add GTID: %w", err)
		}
		s.addDomain(d)
		return nil
	}
	if len(s.domains) > 0 {
		return fmt.Errorf("add GTID %q to a MariaDB set", gtid)
	}
	name, n, err := parseGTID(gtid)
	if err != nil {
		return fmt.Errorf("add GTID: %w", err)
	}
	s.addTransaction(name, n)
	return nil
}

// Union returns the transactions that are in either set.
func (s GTIDSet) Union(o GTIDSet) GTIDSet {
	a, b := s.settled(), o.settled()
	return GTIDSet{
		sources: normalSources(slices.Concat(a.sources, b.sources)),
		domains: normalDomains(slices.Concat(a.domains, b.domains)),
	}
}

// Minus returns the transactions of s that are not in o. Of MariaDB's sets it
// returns the domains in which s is ahead.
func (s GTIDSet) Minus(o GTIDSet) GTIDSet {
	a, b := s.settled(), o.settled()
	var out GTIDSet
	for _, src := range a.sources {
		if k, ok := b.source(src.name); ok {
			src.ranges = subtractRanges(src.ranges, b.sources[k].ranges)
		}
		if len(src.ranges) > 0 {
			out.sources = append(out.sources, src)
		}
	}
	for _, d := range a.domains {
		if k, ok := b.domain(d.domain); !ok || b.domains[k].seq < d.seq {
			out.domains = append(out.domains, d)
		}
	}
	return out
}

func (s *GTIDSet) source(name string) (int, bool) {
	return slices.BinarySearchFunc(s.sources, name, func(e gtidSource, name string) int { return cmp.Compare(e.name, name) })
}

func (s *GTIDSet) domain(domain uint32) (int, bool) {
	return slices.BinarySearchFunc(s.domains, domain, func(e gtidDomain, d uint32) int { return cmp.Compare(e.domain, d) })
}

func (s *GTIDSet) rangeAt(i, j int) gtidRange {
	r := s.sources[i].ranges[j]
	if i == s.hot-1 && j == s.hotRange {
		r.last = s.hotEnd.seq
	}
	return r
}

func (s *GTIDSet) domainAt(i int) gtidDomain {
	d := s.domains[i]
	if i == s.hot-1 {
		d.server, d.seq = s.hotEnd.server, s.hotEnd.seq
	}
	return d
}

// covers reports whether one range of source i spans r.
func (s *GTIDSet) covers(i int, r gtidRange) bool {
	j := rangeBefore(s.sources[i].ranges, r.first)
	return j >= 0 && s.rangeAt(i, j).last >= r.last
}

// settled returns the set with the hot end written into slices of its own.
func (s *GTIDSet) settled() GTIDSet {
	if s.hot == 0 {
		return *s
	}
	out := GTIDSet{sources: slices.Clone(s.sources), domains: slices.Clone(s.domains)}
	i := s.hot - 1
	if len(s.domains) > 0 {
		out.domains[i] = s.domainAt(i)
		return out
	}
	out.sources[i].ranges = slices.Clone(s.sources[i].ranges)
	out.sources[i].ranges[s.hotRange] = s.rangeAt(i, s.hotRange)
	return out
}

func (s *GTIDSet) addDomain(d gtidDomain) {
	if i := s.hot - 1; i >= 0 && s.domains[i].domain == d.domain {
		s.hotEnd = d
		return
	}
	*s = s.settled()
	i, ok := s.domain(d.domain)
	if !ok {
		s.domains = slices.Insert(slices.Clip(s.domains), i, d)
	}
	s.hot, s.hotEnd = i+1, d
}

func (s *GTIDSet) addTransaction(name string, n uint64) {
	i := s.hot - 1
	if i < 0 || s.sources[i].name != name {
		var ok bool
		if i, ok = s.source(name); !ok {
			*s = s.settled()
			s.sources = slices.Insert(slices.Clip(s.sources), i, gtidSource{name: name, ranges: []gtidRange{{n, n}}})
			return
		}
	}
	ranges := s.sources[i].ranges
	j := rangeBefore(ranges, n)
	if j >= 0 && s.rangeAt(i, j).last >= n {
		return
	}
	if j >= 0 && s.rangeAt(i, j).last == n-1 && (j+1 == len(ranges) || ranges[j+1].first > n+1) {
		if i != s.hot-1 || j != s.hotRange {
			*s = s.settled()
		}
		s.hot, s.hotRange, s.hotEnd.seq = i+1, j, n
		return
	}
	*s = s.settled()
	s.sources = slices.Clone(s.sources)
	s.sources[i].ranges = normalRanges(append(slices.Clip(s.sources[i].ranges), gtidRange{n, n}))
}
