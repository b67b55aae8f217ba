package codec

import (
	"encoding/binary"
	"fmt"

	"github.com/firn-cdc/firn/pkg/debezium"
)

func (p *avroEnvelope) append(dst []byte, e *debezium.Event) ([]byte, error) {
	dst, err := p.appendRow(append(dst, p.head...), e.Before)
	if err != nil {
		return dst, fmt.Errorf("before: %w", err)
	}
	if dst, err = p.appendRow(dst, e.After); err != nil {
		return dst, fmt.Errorf("after: %w", err)
	}
	dst = p.appendSource(dst, &e.Source)
	if t := e.Transaction; t == nil {
		dst = append(dst, firstBranch...)
	} else {
		dst = appendText(append(dst, secondBranch...), t.ID)
		dst = binary.AppendVarint(dst, t.TotalOrder)
		dst = binary.AppendVarint(dst, t.DataCollectionOrder)
	}
	dst = append(dst, 2, byte(e.Op)) // a string of one byte
	dst = appendOptionalLong(dst, floorDiv(e.TsNs, 1e6))
	dst = appendOptionalLong(dst, floorDiv(e.TsNs, 1e3))
	return appendOptionalLong(dst, e.TsNs), nil
}

func (p *avroEnvelope) appendRow(dst []byte, row []debezium.Value) ([]byte, error) {
	if row == nil {
		return append(dst, firstBranch...), nil
	}
	return p.rows.appendStruct(append(dst, secondBranch...), row)
}

func (p *avroEnvelope) appendSource(dst []byte, s *debezium.Source) []byte {
	dst = appendText(dst, s.Version)
	dst = appendText(dst, s.Connector)
	dst = appendText(dst, s.Name)
	dst = binary.AppendVarint(dst, floorDiv(s.TsNs, 1e6))
	if s.Snapshot == "" {
		dst = append(dst, p.streaming...)
	} else {
		dst = appendText(append(dst, firstBranch...), s.Snapshot)
	}
	dst = appendText(dst, s.DB)
	dst = append(dst, firstBranch...) // sequence
	dst = appendOptionalLong(dst, floorDiv(s.TsNs, 1e3))
	dst = appendOptionalLong(dst, s.TsNs)
	dst = appendOptionalText(dst, s.Table)
	dst = binary.AppendVarint(dst, s.ServerID)
	dst = appendOptionalText(dst, s.GTID)
	dst = appendText(dst, s.File)
	dst = binary.AppendVarint(dst, s.Pos)
	dst = binary.AppendVarint(dst, int64(s.Row))
	if s.Thread == 0 {
		dst = append(dst, firstBranch...)
	} else {
		dst = appendOptionalLong(dst, s.Thread)
	}
	if s.Query == nil {
		return append(dst, firstBranch...)
	}
	return appendAvroText(append(dst, secondBranch...), s.Query)
}

func appendOptionalLong(dst []byte, n int64) []byte {
	return binary.AppendVarint(append(dst, secondBranch...), n)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendVarint(dst, int64(len(s))), s...)
}

func appendOptionalText(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, firstBranch...)
	}
	return appendText(append(dst, secondBranch...), s)
}
