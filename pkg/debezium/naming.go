package debezium

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxTopicLength is the length that Kafka allows a topic name.
const maxTopicLength = 249

// TopicName returns the topic of a table's events, <prefix>.<database>.<table>
// with every character that Kafka does not allow replaced by an underscore.
// The prefix alone, with empty database and table, is the schema-change topic.
func TopicName(prefix, database, table string) string {
	var name strings.Builder
	name.WriteString(prefix)
	for _, part := range []string{database, table} {
		if part != "" {
			name.WriteString("." + part)
		}
	}
	return SanitizeTopic(name.String())
}

// Naming is how topics are named: Debezium's settings topic.*, whose defaults
// are the empty ones here, and transforms behind it.
type Naming struct {
	Delimiter       string // topic.delimiter, a dot
	Transaction     string // topic.transaction
	HeartbeatPrefix string // topic.heartbeat.prefix
	HeartbeatName   string // topic.heartbeat.name; in place of prefix and topic.prefix
	// NoDatabase leaves a table's database out, as topic.naming.strategy=SchemaTopicNamingStrategy
	// does: it has the schema's name instead, and MySQL's tables have no schema.
	NoDatabase bool
	Routes     []*Route // each of what the one before makes
}

func (n Naming) delimiter() string { return cmp.Or(n.Delimiter, ".") }

// Table returns the topic of a table's events.
func (n Naming) Table(prefix string, id TableID) string { return n.Routed(n.Records(prefix, id)) }

// Records returns what the schemas of a table's records are named after: its topic
// before it is routed.
func (n Naming) Records(prefix string, id TableID) string {
	if n.NoDatabase {
		return SanitizeTopic(prefix + n.delimiter() + id.Table)
	}
	return SanitizeTopic(prefix + n.delimiter() + id.Database + n.delimiter() + id.Table)
}

// SchemaChanges returns the topic of schema changes.
func (n Naming) SchemaChanges(prefix string) string { return n.Routed(SanitizeTopic(prefix)) }

// Transactions returns the topic of transactions' beginnings and ends.
func (n Naming) Transactions(prefix string) string {
	return n.Routed(prefix + n.delimiter() + cmp.Or(n.Transaction, "transaction"))
}

// Heartbeats returns the topic of heartbeats.
func (n Naming) Heartbeats(prefix string) string {
	return n.Routed(cmp.Or(n.HeartbeatName, cmp.Or(n.HeartbeatPrefix, "__debezium-heartbeat")+n.delimiter()+prefix))
}

// Routed returns the topic that a record of another ends in.
func (n Naming) Routed(topic string) string {
	for _, r := range n.Routes {
		topic = r.Topic(topic)
	}
	return topic
}

// SanitizeTopic replaces every character that is not allowed in a topic name
// with an underscore.
func SanitizeTopic(name string) string {
	switch name {
	case ".":
		return "_"
	case "..":
		return "__"
	}
	b := make([]byte, 0, len(name))
	for _, r := range name {
		switch {
		case isASCIILetter(r) || isASCIIDigit(r) || r == '.' || r == '_' || r == '-':
			b = append(b, byte(r))
		case r > 0xFFFF:
			b = append(b, '_', '_') // Java counts a surrogate pair as two characters
		default:
			b = append(b, '_')
		}
	}
	if len(b) > maxTopicLength {
		b = b[:maxTopicLength]
	}
	return string(b)
}

// NameAdjustment is how names are made legal for Avro: Debezium's
// schema.name.adjustment.mode and field.name.adjustment.mode.
type NameAdjustment uint8

// The adjustments of names.
const (
	NamesAsTheyAre   NameAdjustment = iota // none
	NamesAvro                              // avro: an illegal character becomes an underscore
	NamesAvroUnicode                       // avro_unicode: an illegal character becomes _uXXXX
)

var nameAdjustments = []string{"none", "avro", "avro_unicode"}

// String returns Debezium's name of the mode.
func (a NameAdjustment) String() string { return modeName(nameAdjustments, uint8(a)) }

// ParseNameAdjustment reads Debezium's name of the mode.
func ParseNameAdjustment(s string) (NameAdjustment, error) {
	i, err := parseMode("name adjustment mode", nameAdjustments, s)
	return NameAdjustment(i), err
}

// SchemaName returns a schema's full name, dots included, made legal.
func (a NameAdjustment) SchemaName(name string) string { return a.adjust(name, true) }

// FieldName returns a field's name, made legal.
func (a NameAdjustment) FieldName(name string) string { return a.adjust(name, false) }

func (a NameAdjustment) adjust(name string, dots bool) string {
	if a == NamesAsTheyAre {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		first := i == 0
		switch {
		case r == '_' && a == NamesAvroUnicode:
			b.WriteString("_u005f")
		case isASCIILetter(r) || r == '_' || dots && r == '.' && !first || isASCIIDigit(r) && !first:
			b.WriteRune(r)
		case a == NamesAvroUnicode:
			writeUnicodeEscape(&b, r)
		case isASCIIDigit(r):
			b.WriteByte('_')
			b.WriteRune(r)
		case r > 0xFFFF:
			b.WriteString("__")
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

func writeUnicodeEscape(b *strings.Builder, r rune) {
	if r > 0xFFFF && r <= utf8.MaxRune {
		r -= 0x10000
		fmt.Fprintf(b, "_u%04x_u%04x", 0xD800+r>>10, 0xDC00+r&0x3FF)
		return
	}
	fmt.Fprintf(b, "_u%04x", r)
}

func isASCIILetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func isASCIIDigit(r rune) bool { return '0' <= r && r <= '9' }
