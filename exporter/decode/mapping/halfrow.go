package mapping

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// What a value of a half row is, before the value itself.
const (
	halfMissing = iota // no value follows
	halfWrong
	halfQuoted // wrong, but a number as a text
	halfValue  // a number of eight bytes, or a text with its length
	halfBare   // a text that the log has as a number
)

// halves packs the rows of half predictions into bytes and unpacks them: id, time, version, and the values of the
// columns that the half has. It knows which these are.
type halves struct {
	schema  *record.Schema
	columns [3][]int // by record.Part
}

func newHalves(s *record.Schema) halves {
	h := halves{schema: s}
	for i := range s.Columns {
		part := record.Request
		if r := s.Columns[i].Role; r == record.Prediction || r == record.Score {
			part = record.Response
		}
		h.columns[part] = append(h.columns[part], i)
	}
	return h
}

// pack appends a row of a batch.
func (h *halves) pack(to []byte, b *record.Batch, row int, part record.Part) []byte {
	to = binary.LittleEndian.AppendUint64(to, b.IDs[row])
	to = binary.LittleEndian.AppendUint64(to, uint64(b.Times[row]))
	to = packText(to, b, b.Versions[row], halfValue)
	for _, i := range h.columns[part] {
		c := &b.Columns[i]
		if h.schema.Columns[i].Kind != record.Numeric {
			kind := byte(halfValue)
			if has(c.Bare, row) {
				kind = halfBare
			}
			to = packText(to, b, c.Spans[row], kind)
			continue
		}
		switch x := c.Numbers[row]; {
		case x == x:
			to = binary.LittleEndian.AppendUint64(append(to, halfValue), math.Float64bits(x))
		case has(c.Quoted, row):
			to = append(to, halfQuoted)
		case has(c.Wrong, row):
			to = append(to, halfWrong)
		default:
			to = append(to, halfMissing)
		}
	}
	return to
}

func packText(to []byte, b *record.Batch, s record.Span, kind byte) []byte {
	switch {
	case s == record.Wrong:
		return append(to, halfWrong)
	case !s.IsString():
		return append(to, halfMissing)
	}
	to = binary.AppendUvarint(append(to, kind), uint64(s.Length))
	return append(to, b.Text(s)...)
}

// has reports whether a row is in a list in order.
func has(rows []uint32, row int) bool {
	_, found := slices.BinarySearch(rows, uint32(row))
	return found
}

// packed is what is left of packed rows. It was checked, or packed by us: it is never cut.
type packed struct{ b []byte }

func (p *packed) fixed() uint64 {
	x := binary.LittleEndian.Uint64(p.b)
	p.b = p.b[8:]
	return x
}

func (p *packed) kind() byte {
	k := p.b[0]
	p.b = p.b[1:]
	return k
}

func (p *packed) text() []byte {
	n, size := binary.Uvarint(p.b)
	text := p.b[size : size+int(n)]
	p.b = p.b[size+int(n):]
	return text
}

// head reads what a row begins with.
func (p *packed) head() (id uint64, time int64, version []byte) {
	id, time = p.fixed(), int64(p.fixed())
	if k := p.kind(); k >= halfValue {
		version = p.text()
	}
	return id, time, version
}

// unpack appends the values of a row to the columns of a batch.
func (h *halves) unpack(p *packed, b *record.Batch, part record.Part) {
	row := uint32(b.Rows)
	for _, i := range h.columns[part] {
		c := &b.Columns[i]
		k := p.kind()
		if h.schema.Columns[i].Kind != record.Numeric {
			span := record.Absent
			switch k {
			case halfWrong:
				span = record.Wrong
			case halfBare, halfValue:
				span = addText(b, p.text())
				if k == halfBare {
					c.Bare = append(c.Bare, row)
				}
			}
			c.Spans = append(c.Spans, span)
			continue
		}
		x := math.NaN()
		switch k {
		case halfValue:
			x = math.Float64frombits(p.fixed())
		case halfQuoted:
			c.Quoted = append(c.Quoted, row)
			c.Wrong = append(c.Wrong, row)
		case halfWrong:
			c.Wrong = append(c.Wrong, row)
		}
		c.Numbers = append(c.Numbers, x)
	}
}

// leaveOut appends missing values to the columns of a half that a row does not have.
func (h *halves) leaveOut(b *record.Batch, part record.Part) {
	for _, i := range h.columns[part] {
		c := &b.Columns[i]
		if h.schema.Columns[i].Kind == record.Numeric {
			c.Numbers = append(c.Numbers, math.NaN())
		} else {
			c.Spans = append(c.Spans, record.Absent)
		}
	}
}

func addText(b *record.Batch, text []byte) record.Span {
	span := record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(text))}
	b.Bytes = append(b.Bytes, text...)
	return span
}

// check reports whether bytes are n packed rows of a half and nothing else.
func (h *halves) check(b []byte, n uint32, part record.Part) bool {
	for range n {
		if len(b) < 17 {
			return false
		}
		b = b[16:]
		var ok bool
		if b, ok = checkValue(b, false); !ok {
			return false
		}
		for _, i := range h.columns[part] {
			if b, ok = checkValue(b, h.schema.Columns[i].Kind == record.Numeric); !ok {
				return false
			}
		}
	}
	return len(b) == 0
}

// checkValue returns what is behind a packed value.
func checkValue(b []byte, numeric bool) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	kind, b := b[0], b[1:]
	switch {
	case kind == halfMissing, kind == halfWrong, kind == halfQuoted && numeric:
		return b, true
	case kind == halfValue && numeric:
		if len(b) < 8 {
			return nil, false
		}
		return b[8:], true
	case !numeric && (kind == halfValue || kind == halfBare):
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, false
		}
		return b[size+int(n):], true
	default:
		return nil, false
	}
}
