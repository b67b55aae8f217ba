package codec

import "github.com/firn-cdc/firn/pkg/debezium"

func (d *AvroDecoder) decodeValue(value []byte, e *debezium.Event) error {
	block, err := d.open(value, &d.values)
	if err != nil {
		return err
	}
	if block.flat != nil {
		if d.after, err = d.s.structure(block.root, d.after); err != nil {
			return err
		}
		if err := block.flat.event(d.after, e); err != nil {
			return err
		}
		return d.finish()
	}
	if block.row == nil {
		return &FormatError{Reason: ErrEnvelope.Error(), Err: ErrEnvelope}
	}
	e.Row = block.row
	var t times
	for i := range block.members {
		m := &block.members[i]
		switch m.index {
		case memberBefore:
			d.before, e.Before, err = d.row(m, d.before)
		case memberAfter:
			d.after, e.After, err = d.row(m, d.after)
		case memberSource:
			err = d.source(m, block.source, &e.Source)
		default:
			if err = d.s.value(m.avroReader, &d.scratch); err == nil {
				err = d.member(m, e, &t)
			}
		}
		if err != nil {
			return err
		}
	}
	if e.TsNs, err = t.ns(d.s.i); err != nil {
		return err
	}
	if lacksRow(e) {
		return d.s.fail("the row that the operation needs is null")
	}
	return d.finish()
}

// row reads before or after into buf. It returns the buffer, and the row or nil for null.
func (d *AvroDecoder) row(m *avroMember, buf []debezium.Value) (grown, row []debezium.Value, err error) {
	if isNull, err := d.s.isNull(m.avroReader); isNull || err != nil {
		return buf, nil, err
	}
	buf, err = d.s.structure(m.avroReader, buf)
	return buf, buf, err
}

// member takes over what has been read of the envelope into d.scratch.
func (d *AvroDecoder) member(m *avroMember, e *debezium.Event, t *times) error {
	v := &d.scratch
	switch m.index {
	case memberOp:
		op, ok := opOf(v.B)
		if !ok {
			return d.s.fail("an unknown operation")
		}
		e.Op = op
	case memberMillis, memberMicros, memberNanos:
		t.set(m.index-memberMillis, v)
	case memberTransaction:
		if v.Type != debezium.Struct || len(v.Elems) < 3 {
			return nil
		}
		d.texts.text(v.Elems[0].B, &d.transaction.ID)
		d.transaction.TotalOrder, d.transaction.DataCollectionOrder = v.Elems[1].I, v.Elems[2].I
		e.Transaction = &d.transaction
	}
	return nil
}

func (t *times) set(unit int, v *debezium.Value) {
	if v.Type == debezium.Int64 {
		t.value[unit], t.given[unit] = v.I, true
	}
}

func (d *AvroDecoder) source(m *avroMember, members []avroMember, src *debezium.Source) error {
	if isNull, err := d.s.isNull(m.avroReader); isNull || err != nil {
		return err
	}
	var t times
	for i := range members {
		v := &d.scratch
		if err := d.s.value(members[i].avroReader, v); err != nil {
			return err
		}
		switch index := members[i].index; index {
		case sourceMillis:
			t.set(0, v)
		case sourceMicros, sourceNanos:
			t.set(index-sourceMicros+1, v)
		case sourceServerID:
			src.ServerID = v.I
		case sourcePos:
			src.Pos = v.I
		case sourceRow:
			src.Row = int32(v.I)
		case sourceThread:
			src.Thread = v.I
		default:
			if v.Type == debezium.String {
				d.texts.set(src, index, v.B)
			}
		}
	}
	var err error
	src.TsNs, err = t.ns(d.s.i)
	return err
}
