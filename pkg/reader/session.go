package reader

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/firn-cdc/firn/pkg/binlog"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/schemahistory"
)

// session is one uninterrupted run: it ends with the first error, and the next
// one begins at what this one saved. One goroutine owns it.
type session struct {
	*Reader
	server   *mysql.Server
	producer *kafka.Producer
	plain    *kafka.Producer // outside transactions; nil: nothing goes there
	stream   *binlog.Stream
	history  *schemahistory.History
	chunks   *chunks

	progress checkpoint.Checkpoint // where the next span would end
	saved    checkpoint.Checkpoint // where the last one did
	lastSave time.Time
	span     span
	waiting  waiting
	position debezium.Position // the last commit that the stream has passed

	transaction string        // the one being read
	beginning   uint64        // where its BEGIN stands
	metadata    *transactions // nil: not provided
	// stated says that a statement was published whose end the position has not passed: a span that
	// ended here would publish it again after a restart.
	stated bool
	// resumed counts the events of the first transaction that were delivered before the session.
	resumed int
	end     debezium.Position // of --stop-at-end

	connect  connectOffset
	takeover *takeover // nil: nothing behind the saved place is in Kafka
	avro     *codec.AvroDecoder

	included
	tables map[debezium.TableID]*table
	maps   map[*binlog.TableMap]*table
	topics map[string]int32 // partitions of the topics that exist

	lastRow       int32          // of the stream, within its event: Debezium repeats it in the schema changes that follow
	event         debezium.Event // reused for every row, as what follows
	before, after mysql.Row
	fields        [][]byte
	key, value    []byte
	identities    *codec.JSON // of rows in chunks
	headers       []kafka.Header

	unwrap unwrapping

	lastBeat   time.Time
	action     chan struct{} // asks for the heartbeats' query; nil: there is none
	joinAction func()

	unsaid bool // a table's snapshot has ended, in the span that is open

	begun map[debezium.TableID]bool // tables of which a row was published by a snapshot
	loose map[debezium.TableID]bool // tables of which it was said that rows may come twice

	standing map[debezium.TableID]string // tables that are shown to wait, and why

	life       context.Context // of everything that the session starts
	stop       context.CancelFunc
	patience   context.Context // with Kafka, where its buffer is full
	impatient  context.CancelFunc
	joinChunks func() error
	tls        *tls.Config
}

func newSession(ctx context.Context, r *Reader) *session {
	s := &session{
		Reader: r, identities: codec.NewJSON(codec.JSONOptions{}), tables: make(map[debezium.TableID]*table), maps: make(map[*binlog.TableMap]*table), topics: make(map[string]int32),
		begun: make(map[debezium.TableID]bool), loose: make(map[debezium.TableID]bool), standing: make(map[debezium.TableID]string),
		included: included{unknown: make(map[debezium.TableID]debezium.Position), ahead: make(map[debezium.TableID]*debezium.Table)},
	}
	s.life, s.stop = context.WithCancel(ctx)
	s.patience, s.impatient = outlast(ctx)
	return s
}

// errDone ends a session whose work is finished: --stop-at-end, or initial_only.
var errDone = errors.New("done")

// loop moves changes from MySQL to Kafka until an error, errDone or the end of
// ctx. What is torn then may not be saved: some of what belongs together is sent.
// A span ends when nothing more is waiting, at its size, or at its age.
func (s *session) loop(ctx context.Context) (torn bool, err error) {
	for {
		if s.takeover != nil {
			s.takeover.nowhere()
		}
		if err := s.due(ctx); err != nil {
			return true, err
		}
		if !s.stated && (s.full() || s.span.open && !s.stream.Buffered() && !s.chunks.waiting()) {
			if err := s.endWholeSpan(ctx); err != nil {
				return false, err
			}
		}
		if err := s.save(ctx); err != nil {
			return false, err
		}
		if err := s.giveBack(ctx, false); err != nil {
			return false, err
		}
		if s.finished() {
			return false, errDone
		}
		event, err := s.next(ctx)
		if err != nil {
			return false, err
		}
		if event == nil { // a chunk came
			continue
		}
		if err := s.handle(event); err != nil {
			return true, err
		}
	}
}

// due publishes what is due between two events.
func (s *session) due(ctx context.Context) error {
	if err := s.moved(ctx); err != nil {
		return err
	}
	if err := s.heartbeat(); err != nil {
		return err
	}
	return s.advanceChunks(ctx)
}

// next waits for an event of the stream, or returns nil when a chunk has come
// meanwhile, when the open span is old, or it is time for a heartbeat or to save the
// position. What the stream has buffered need not be an event: it may wait all the same.
func (s *session) next(ctx context.Context) (binlog.Event, error) {
	if w := &s.waiting; w.ctx == nil || w.ctx.Err() != nil || w.span != s.span.open {
		s.wait(ctx)
	}
	if s.chunks.opening() {
		<-s.waiting.ctx.Done()
		return nil, ctx.Err()
	}
	event, err := s.stream.Next(s.waiting.ctx)
	if err != nil && ctx.Err() == nil && errors.Is(err, s.waiting.ctx.Err()) {
		return nil, nil
	}
	return event, err
}

// waiting bounds how long the session waits for the stream, for several events.
type waiting struct {
	ctx  context.Context
	stop func()
	span bool // a span is open
}

func (s *session) wait(ctx context.Context) {
	s.noteWaits(time.Now())
	if s.waiting.stop != nil {
		s.waiting.stop()
	}
	long := s.cfg.SaveInterval
	if s.span.open {
		long = s.cfg.SpanTime
	}
	wait, cancel := context.WithTimeout(ctx, s.untilHeartbeat(long))
	awake := s.chunks.wake(cancel)
	s.waiting = waiting{ctx: wait, span: s.span.open, stop: func() { awake(); cancel() }}
}

// finished reports whether all that was there at start is durable.
func (s *session) finished() bool {
	if s.span.open || s.stated || !s.snapshotsDone() {
		return false
	}
	return s.cfg.Snapshot == SnapshotInitialOnly || s.cfg.StopAtEnd && s.position.AtOrAfter(s.end)
}

func (s *session) handle(event binlog.Event) error {
	switch e := event.(type) {
	case *binlog.Rows:
		if err := s.rows(e); err != nil {
			return err
		}
		if !s.undone[s.transaction] && (s.takeover == nil || s.takeover.behind(e)) {
			s.progress.Within(e.GTID, e.Event+1, e.Ordinal, e.TsNs, e.ServerID)
		}
		return nil
	case *binlog.Begin:
		s.transaction, s.beginning = transactionName(e), e.At
		if s.takeover != nil {
			s.takeover.begins(e)
		}
		return s.begins(e)
	case *binlog.Query:
		if !e.InTransaction {
			return s.statement(e)
		}
		return s.statementWithin(e)
	case *binlog.Commit:
		if err := s.ends(e.TsNs); err != nil {
			return err
		}
		if s.takeover != nil {
			s.takeover.commits(e.GTID)
		}
		s.position, s.stated, s.resumed = e.Position, false, 0
		s.progress.At(e.Position, e.Prepared, e.TsNs, e.ServerID)
		s.committed(e)
		return nil
	case *binlog.Rollback:
		if s.undone[s.transaction] {
			return nil
		}
		return s.rolledBack()
	case *binlog.Heartbeat:
		s.position = e.Position
		if p := &s.progress; p.Event == 0 && p.Ordinal == 0 { // else the rest of a transaction is to come
			p.At(e.Position, e.Prepared, 0, 0)
		}
		s.idle()
		return nil
	case *binlog.Rotate:
		return nil
	default:
		return fmt.Errorf("unexpected binlog event %T", e)
	}
}

// errRestart ends a session that must begin again at the last saved position.
var errRestart = errors.New("begin again at the last saved position")

// rolledBack gives up what was published of a transaction that the server then
// ended without committing, as one does that died while writing it. The next
// session begins before it and passes over it.
func (s *session) rolledBack() error {
	within := s.saved.GTID != "" || s.saved.Ordinal > 0 || s.saved.Event > 0
	if within && s.saved.Position.AtOrAfter(s.position) { // else within an earlier transaction
		return fmt.Errorf("the server rolled back transaction %s, of which rows are published: take a new snapshot of the tables it changed", s.transaction)
	}
	s.undone[s.transaction] = true
	s.metrics.RolledBack.Add(1)
	return fmt.Errorf("%w: the server rolled back transaction %s", errRestart, s.transaction)
}

// transactionName tells transactions apart. A server gives the GTID of one that it
// did not write to its end to the next.
func transactionName(b *binlog.Begin) string {
	return fmt.Sprintf("%s at %s:%d", b.GTID, b.File, b.Pos)
}

// close ends what the session started, in reverse.
func (s *session) close() error {
	var errs []error
	if s.waiting.stop != nil {
		s.waiting.stop()
	}
	if s.stream != nil {
		errs = append(errs, s.stream.Close())
	}
	s.stop()
	if s.joinChunks != nil {
		errs = append(errs, s.joinChunks())
	}
	if s.joinAction != nil {
		s.joinAction()
	}
	if s.producer != nil {
		s.metrics.SetQueue(s.cfg.BufferBytes, nil)
		errs = append(errs, s.producer.Close())
	}
	if s.plain != nil {
		errs = append(errs, s.plain.Close())
	}
	s.impatient()
	return errors.Join(errs...)
}

func (s *session) format() checkpoint.Format {
	return checkpoint.Format{Name: s.cfg.ConnectorName, Prefix: s.cfg.Prefix}
}
