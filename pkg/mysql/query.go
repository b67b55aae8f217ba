package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Rows is the result of a query, read row by row straight from the connection,
// which is busy until the last row has been read or Close was called.
type Rows struct {
	conn    *Conn
	ctx     func() error
	stop    func() bool
	columns []string
	fields  [][]byte
	done    bool
}

// Exec runs a statement and discards its result. Each ? of the statement
// stands for the argument of its turn, written as a literal.
func (c *Conn) Exec(ctx context.Context, query string, args ...any) error {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return rows.Close()
}

// Strings returns all rows of a small result. NULL is the empty string.
func (c *Conn) Strings(ctx context.Context, query string, args ...any) ([][]string, error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var all [][]string
	for {
		fields, err := rows.Next()
		if err != nil {
			return nil, err
		}
		if fields == nil {
			return all, nil
		}
		row := make([]string, len(fields))
		for i, f := range fields {
			row[i] = string(f)
		}
		all = append(all, row)
	}
}

// Stream calls fn with every row of a result in MySQL's text form, nil for
// NULL. The fields are valid until fn returns. No row costs an allocation. An
// error of fn ends the query and, unless little is left of it, the connection.
func (c *Conn) Stream(ctx context.Context, query string, fn func(fields [][]byte) error) error {
	rows, err := c.Query(ctx, query)
	if err != nil {
		return err
	}
	for {
		fields, err := rows.Next()
		if err != nil || fields == nil {
			return err
		}
		if err := fn(fields); err != nil {
			return errors.Join(err, rows.Discard(readBuffer))
		}
	}
}

// Query runs a query. Its rows must be read to the end, or closed.
func (c *Conn) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	if c.busy {
		return nil, errors.New("query: the rows before it are not read")
	}
	if c.broken {
		return nil, ErrClosed
	}
	if len(args) > 0 {
		var err error
		if query, err = expand(query, args); err != nil {
			return nil, err
		}
	}
	if len(query) >= maxPayload {
		return nil, fmt.Errorf("query: %d bytes are too long", len(query))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &Rows{conn: c, ctx: ctx.Err}
	r.stop = context.AfterFunc(ctx, c.kill)
	c.busy = true
	if err := c.send(commandQuery, query); err != nil {
		return nil, r.fail(err)
	}
	if err := r.header(); err != nil {
		return nil, r.fail(err)
	}
	return r, nil
}

// header reads the answer up to the first row.
func (r *Rows) header() error {
	p, err := r.conn.in.next()
	if err != nil {
		return err
	}
	if len(p) == 0 {
		return errMalformed
	}
	switch p[0] {
	case okPacket:
		return r.end(p, 1)
	case errPacket:
		return parseError(p)
	case localInfile:
		return errors.New("query: the server asked for a local file")
	}
	n, _, err := lenEnc(p)
	if err != nil || n > math.MaxUint16 {
		return errMalformed
	}
	r.columns = make([]string, n)
	r.fields = make([][]byte, n)
	for i := range r.columns {
		if p, err = r.conn.in.next(); err != nil {
			return err
		}
		var name []byte
		for range 5 { // catalog, schema, table, original table, name
			if name, p, err = lenEncBytes(p); err != nil {
				return err
			}
		}
		r.columns[i] = string(name)
	}
	if p, err = r.conn.in.next(); err != nil {
		return err
	}
	if len(p) == 0 || p[0] != eofPacket {
		return errMalformed
	}
	return nil
}

// Columns returns the names of the result's columns.
func (r *Rows) Columns() []string { return r.columns }

// Next returns the fields of the next row in MySQL's text form, nil for NULL;
// they are valid until the call after it. After the last row it returns nil.
func (r *Rows) Next() ([][]byte, error) {
	if r.done {
		return nil, nil
	}
	p, err := r.conn.in.next()
	if err != nil {
		return nil, r.fail(err)
	}
	if len(p) == 0 {
		return nil, r.fail(errMalformed)
	}
	switch {
	case p[0] == errPacket:
		return nil, r.fail(parseError(p))
	case p[0] == eofPacket && len(p) < maxEOFPacket:
		if err := r.end(p, 3); err != nil {
			return nil, r.fail(err)
		}
		return nil, nil
	}
	if err := splitRow(p, r.fields); err != nil {
		return nil, r.fail(err)
	}
	return r.fields, nil
}

// Close reads what is left of the result, so that the connection can be used again.
func (r *Rows) Close() error { return r.Discard(math.MaxInt64) }

// Discard gives up the rest of the result. If that is more than limit bytes the
// connection is closed, which ends the query; see [Conn.Broken].
func (r *Rows) Discard(limit int64) error {
	end := r.conn.in.read + min(limit, math.MaxInt64-r.conn.in.read)
	for !r.done {
		if _, err := r.Next(); err != nil {
			return err
		}
		if !r.done && r.conn.in.read > end {
			r.release()
			r.conn.kill()
			r.conn.broken = true
		}
	}
	return nil
}

// end reads the status in an OK or EOF packet and frees the connection.
func (r *Rows) end(p []byte, status int) error {
	if p[0] == okPacket {
		_, rest, err := lenEnc(p[1:]) // affected rows
		if err == nil {
			_, rest, err = lenEnc(rest) // last insert id
		}
		if err != nil {
			return err
		}
		p, status = rest, 0
	}
	if len(p) < status+2 {
		return errMalformed
	}
	if binary.LittleEndian.Uint16(p[status:])&moreResults != 0 {
		return errors.New("query: more than one result")
	}
	r.release()
	return nil
}

func (r *Rows) release() {
	if !r.stop() {
		r.conn.broken = true // the context ended meanwhile and closed the socket
	}
	r.done = true
	r.conn.busy = false
}

// fail frees the connection after an error. Anything but an answer of the server
// breaks it, and the answer that the session has ended.
func (r *Rows) fail(err error) error {
	r.release()
	if answer, ok := errors.AsType[*ServerError](err); ok && !Heals(answer.Code) {
		return err
	}
	r.conn.kill()
	r.conn.broken = true
	if cause := r.ctx(); cause != nil {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}
