package schemahistory

import (
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/mysql"
)

// setDatabase follows CREATE and ALTER DATABASE, which matter for the default
// character set.
func (s *statement) setDatabase() {
	r := s.r
	exists := r.accept("IF", "NOT", "EXISTS")
	db := s.database
	if t := r.peek(); t.Kind == mysql.TokenQuoted || t.Kind == mysql.TokenWord && !startsOption(r) {
		db = r.next().Text
	}
	created := s.r.toks[0].Is("CREATE")
	key := s.h.key(debezium.TableID{Database: db}).Database
	if _, known := s.h.databases[key]; !exists || !known {
		o := r.options()
		switch {
		case o.charset != "" && o.charset != "default":
			s.h.databases[key] = o.charset
		case created, o.charset == "default":
			s.h.databases[key] = s.serverCharset()
		}
	}
	if created {
		s.part(db, nil)
	} else {
		s.other()
	}
}

// startsOption reports whether a database option follows, not a name.
func startsOption(r *reader) bool {
	switch t := r.peek(); {
	case t.Is("DEFAULT"), t.Is("CHARACTER"), t.Is("CHARSET"), t.Is("COLLATE"):
		return true
	case t.Is("ENCRYPTION"), t.Is("READ"), t.Is("COMMENT"):
		return r.at(1).Is("=") || r.at(1).Kind == mysql.TokenText || r.at(1).Is("ONLY")
	}
	return false
}

func (s *statement) serverCharset() string {
	if s.ctx.ServerCharset != "" && !s.h.opts.DebeziumExact { // Debezium keeps to what the server had at its start
		return strings.ToLower(s.ctx.ServerCharset)
	}
	return s.h.charset
}

// databaseCharset is the character set of a table that does not name one.
func (s *statement) databaseCharset(database string) string {
	key := s.h.key(debezium.TableID{Database: database}).Database
	if cs := s.h.databases[key]; cs != "" {
		return cs
	}
	return s.serverCharset()
}

func (s *statement) dropDatabase(db string) {
	s.forgetDatabase(db)
	s.part(db, nil)
}

func (s *statement) forgetDatabase(db string) {
	for _, id := range s.h.Tables() {
		if s.h.key(id).Database == s.h.key(debezium.TableID{Database: db}).Database {
			s.h.Drop(id)
			s.touch(Touched{Table: id, Kind: Dropped})
		}
	}
	delete(s.h.databases, s.h.key(debezium.TableID{Database: db}).Database)
}

// setVariables follows the SET with which a history begins.
func (s *statement) setVariables() {
	known := false
	for _, r := range s.r.split() {
		for r.acceptAny("GLOBAL", "SESSION", "LOCAL", "PERSIST") {
		}
		name := strings.ToLower(strings.TrimLeft(r.next().Text, "@"))
		for r.accept(".") {
			name = strings.ToLower(r.next().Text)
		}
		r.accept(":")
		if !r.accept("=") {
			return
		}
		value := strings.ToLower(r.next().Text)
		switch name {
		case "character_set_server":
			s.h.charset, known = value, true
		case "collation_server":
			known = true
		case "character_set_database":
			s.h.SetDatabaseCharset(s.database, value)
			known = true
		}
	}
	if known {
		s.part("", nil)
	}
}

// options are the table and database options that show in the model.
type options struct {
	charset string
	comment *string
	query   bool // a SELECT follows

	versioned bool
}

// options reads options up to the end, a partition clause or a SELECT.
func (r *reader) options() options {
	var o options
	collation := ""
	for !r.done() {
		switch {
		case r.accept("CHARACTER", "SET"), r.accept("CHAR", "SET"), r.accept("CHARSET"):
			r.accept("=")
			o.charset = strings.ToLower(r.next().Text)
		case r.accept("COLLATE"):
			r.accept("=")
			collation = strings.ToLower(r.next().Text)
		case r.accept("COMMENT"):
			r.accept("=")
			if t := r.next(); t.Kind == mysql.TokenText {
				v := inner(t)
				o.comment = &v
			}
		case r.peek().Is("PARTITION"):
			r.i = len(r.toks)
		case r.accept("WITH", "SYSTEM", "VERSIONING"):
			o.versioned = true
		case r.peek().Is("SELECT"), r.accept("AS"), r.peek().Is("VALUES"), r.peek().Is("WITH"):
			o.query = true
			r.i = len(r.toks)
		case r.accept("="):
			r.next() // an option's value, whatever it reads like
		case r.peek().Is("("):
			if r.parens() != nil {
				r.i = len(r.toks)
			}
		default:
			r.next()
		}
	}
	if o.charset == "" && collation != "" && collation != "default" {
		o.charset = charsetOfCollation(collation)
	}
	return o
}
