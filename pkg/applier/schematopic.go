package applier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
)

// errSchemaTopicAnew asks for a new session, which finds out what another
// schema-change topic is to the table.
var errSchemaTopicAnew = errors.New("the schema-change topic was deleted and created again")

// sameSchemaTopic makes sure that what the table has followed are schema changes
// of the topic that there is. Those of another one begin anew, at offset 0, and
// what the old one had last may be lost: only a table that is emptied since then
// can go on by it.
func (w *work) sameSchemaTopic(ctx context.Context) error {
	s := &w.schemas
	_, end, id := w.feed.table(w.topic.Name)
	altered, of := int64(-1), ""
	if w.table != nil {
		altered, of = w.table.Altered()
	}
	if s.done <= 0 && altered <= 0 {
		s.topic = id
		return nil
	}
	same := func(next int64, topic string) bool {
		return next <= 0 || next <= end && (topic == id || topic == "" || id == "") // earlier versions recorded no id
	}
	if same(s.done, s.topic) && same(altered, of) {
		s.topic = id
		return nil
	}
	anew, err := w.beginAnew(ctx, id)
	if err != nil || anew {
		return err
	}
	return &StopError{
		Reason: fmt.Sprintf("schema-change topic %s was deleted and created again, or has lost records, since table %s followed it up to offset %d: "+
			"what altered the table last may be in neither", w.feed.prefix, w.name, max(s.done, altered)),
		Remedy: w.remedyAltered(),
	}
}

// checkFollowed refuses a table that has followed a schema-change topic that is no
// more, before anything is changed: it is asked again until the topic is there.
func (w *work) checkFollowed() error {
	altered, _ := w.table.Altered()
	offset := w.table.Properties()[propSchemaOffset+w.shard.name]
	if w.feed.gone() && (altered > 0 || offset != "" && offset != "0") {
		return w.schemaTopicGone()
	}
	return nil
}

// schemaTopicGone says that there is no topic of schema changes any more.
func (w *work) schemaTopicGone() error {
	return fmt.Errorf("schema-change topic %s, which table %s has followed, does not exist: restore it; or %s", w.feed.prefix, w.name, w.remedyAltered())
}

// remedyAltered is for a table that may have missed schema changes.
func (w *work) remedyAltered() string {
	startOver := fmt.Sprintf("start over: stop both programs, drop the Iceberg table, delete the topics %s and __firn-offsets.%s, and start them", w.topic.Name, w.feed.prefix)
	if w.beginsAnew() {
		startOver = fmt.Sprintf("have firn-reader take a new snapshot: stop it, delete the topic __firn-offsets.%s, start it, and start this program again: "+
			"the table begins anew with the TRUNCATE that comes before the snapshot; or, where another program writes the topics, %s", w.feed.prefix, startOver)
	}
	return startOver + fmt.Sprintf("; or, if no statement has altered the source's table since the topic was deleted, remove the Iceberg table's properties %s%s and %s",
		propSchemaOffset, w.shard.name, lake.PropAltered)
}

// beginsAnew reports whether a TRUNCATE would empty the table, and all of it.
func (w *work) beginsAnew() bool {
	properties := w.table.Properties()
	return w.id.of == 1 && properties[propMode] == modeUpsert && properties[propKey] != "" && !w.cfg.IgnoreTruncate
}

// beginAnew empties the table by the TRUNCATE that comes before a new snapshot, if
// its topic has one: no row of before is left then, and all that has altered the
// table since is in the schema-change topic that begins with its definition.
func (w *work) beginAnew(ctx context.Context, id string) (bool, error) {
	defined := w.definition()
	if defined == nil || !w.beginsAnew() {
		return false, nil
	}
	ends := make(map[int32]int64) // after the TRUNCATE
	var last debezium.Source
	for i, p := range w.partitions {
		offset, source, err := w.findTruncate(ctx, p, defined)
		if err != nil || offset < 0 || i > 0 && (source.File != last.File || source.Pos != last.Pos || source.TsNs != last.TsNs) {
			return false, err
		}
		ends[p], last = offset+1, source
	}
	for i, p := range w.partitions {
		if i < len(w.partitions)-1 {
			w.batch.Skip(p, ends[p])
		} else if err := w.batch.Add(&debezium.Event{Op: debezium.Truncate}, p, ends[p]-1); err != nil {
			return false, err
		}
	}
	w.truncated = last
	w.schemas.done, w.schemas.topic, w.schemas.anew = 0, id, true
	if err := w.flush(ctx); err != nil {
		return false, err
	}
	w.schemas.anew = false
	maps.Copy(w.next, ends)
	w.log.Info("the schema-change topic was created anew: the table begins again with a TRUNCATE since then", "table", w.name.String(), "offsets", offsetsText(ends))
	return true, nil
}

// begunAnew has a commit record that nothing of the schema-change topic was followed.
func (w *work) begunAnew(c *change) {
	if !w.schemas.anew {
		return
	}
	if c.request.Properties == nil {
		c.request.Properties = make(map[string]string)
	}
	maps.Copy(c.request.Properties, lake.AlteredProperties(0, w.schemas.topic))
}

// definition returns where the schema-change topic has the table's first definition.
func (w *work) definition() *debezium.Source {
	versions, _, _ := w.feed.table(w.topic.Name)
	for i := range versions {
		if versions[i].Table != nil {
			return &versions[i].Source
		}
	}
	return nil
}

var errFound = errors.New("found")

// findTruncate returns the first TRUNCATE of a partition that is not applied and
// not older than a definition of the table, offset -1 if there is none.
func (w *work) findTruncate(ctx context.Context, partition int32, defined *debezium.Source) (offset int64, source debezium.Source, err error) {
	offset = -1
	err = w.cfg.Kafka.ReadAll(ctx, w.topic.Name, partition, w.next[partition], func(r *kafka.Record) error {
		if r.Key != nil || r.Value == nil {
			return nil
		}
		e := &w.event
		if err := w.decoder.decode(ctx, r, e); err != nil {
			return w.bad(r, err)
		}
		if e.Op != debezium.Truncate || !atOrAfter(&e.Source, defined) {
			return nil
		}
		offset, source = r.Offset, e.Source
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	if err != nil {
		err = readError(w.topic.Name, err)
	}
	return offset, source, err
}

// atOrAfter reports whether what came from one place in the source is not older
// than what came from another one, as far as that can be said: another server may
// have logs of the same names.
func atOrAfter(s, other *debezium.Source) bool {
	if s.File == "" || s.File != other.File {
		return s.TsNs/int64(time.Millisecond) > other.TsNs/int64(time.Millisecond)
	}
	return s.Pos >= other.Pos && s.TsNs/int64(time.Millisecond) >= other.TsNs/int64(time.Millisecond)
}
