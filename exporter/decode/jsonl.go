package decode

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// JSONL reads JSON Lines: one object a line. It has two ways through a line. The fast one remembers the bytes that
// stood between the values of earlier records and compares them with this one; it accepts, or leaves the line
// alone. The careful one (careful.go) uses encoding/json and decides about every line that the fast one left. Both
// give the same result, which a differential fuzz test holds them to.
type JSONL struct {
	schema *record.Schema
	slots  []slot
	seed   uint64
	root   *object
	ways   ways

	batch   *record.Batch
	data    []byte        // with its padding
	own     []byte        // a copy, for data that comes without padding
	row     uint64        // stamps what was read of the record at hand, where that is not known by its way
	visited []*place      // the unknown keys of the record
	dropped bool          // the record does not meet Schema.Where
	idParts []record.Span // of the record: the fields of Schema.IDParts
	clock   clock
}

// NewJSONL returns a decoder for the schema.
func NewJSONL(s *record.Schema, seed uint64) *JSONL {
	all := slots(s)
	d := &JSONL{
		schema: s, slots: all, seed: seed, idParts: make([]record.Span, len(s.IDParts)),
		root: build(all),
	}
	return d
}

// Decode implements Decoder.
func (d *JSONL) Decode(_, data []byte, b *record.Batch) {
	b.Reset(d.schema)
	n := len(data)
	if cap(data)-n < Padding || n > 0 && data[n-1] != '\n' && data[:n+1][n] != 0 {
		// Nothing may seem to go on with a last record that has no end.
		d.own = append(append(d.own[:0], data...), make([]byte, Padding)...)
		data = d.own[:n]
	}
	d.batch, d.data = b, data[:n+Padding]
	b.Bytes = slices.Clip(data)
	for i := range d.slots {
		if s := &d.slots[i]; s.role == roleNumber || s.role == roleText {
			s.column = &b.Columns[s.index]
		}
	}
	since := d.row + 1
	for i := 0; i < len(data); b.Lines++ {
		if next := d.fast(i); next > 0 && next <= len(data) {
			i = next
			continue
		}
		line := data[i:]
		if n := bytes.IndexByte(line, '\n'); n >= 0 {
			line = line[:n]
		}
		i += len(line) + 1
		d.takeBack()
		d.slow(line)
	}
	d.complete()
	d.countWays()
	d.root.takeUnknown(b, "", since)
}

// complete gives every row an entry in the slices that the schema does not ask for.
func (d *JSONL) complete() {
	b := d.batch
	if len(d.schema.Time) == 0 {
		b.Times = append(b.Times, make([]int64, b.Rows)...)
	}
	if len(d.schema.ID)+len(d.schema.IDParts) == 0 {
		b.IDs = append(b.IDs, make([]uint64, b.Rows)...)
	}
	for len(d.schema.Version) == 0 && len(b.Versions) < b.Rows {
		b.Versions = append(b.Versions, record.Absent)
	}
}

// fast reads the record that begins at i and returns the index behind its newline, or -1 if the line needs care. The
// usual case is inline, without a call for step and value; that is worth a quarter of the time of decoding.
func (d *JSONL) fast(i int) int {
	d.startRow()
	b := d.data
	from := &d.ways.root
	for {
		s := from.next
		if s == nil {
			return d.explore(from, i)
		}
		if l := &s.literal; !l.begins(b, i) || l.length > 16 && (!l.goesOn(b, i) || !l.ends(b, i)) {
			if s = s.instead(b, i); s == nil {
				return d.explore(from, i)
			}
		}
		i += s.literal.length
		from = s
		if s.role == roleNumber { // as most are
			if x, n := numUsual((*[numUsualBytes]byte)(b[i : i+numUsualBytes])); n > 0 {
				c := s.slot.column
				c.Numbers = append(c.Numbers, x)
				i += n
				continue
			}
		}
		end := 0
		switch s.role {
		case roleText:
			if span, after := plainString(b, i); after > 0 {
				c := s.slot.column
				c.Spans = append(c.Spans, span)
				end = after
			} else if n := plainInteger(b, i); n > 0 {
				c := s.slot.column
				c.Spans = append(c.Spans, record.Span{Offset: uint32(i), Length: uint32(n)})
				c.Bare = append(c.Bare, uint32(d.batch.Rows))
				end = i + n
			}
		case roleTime:
			if t, after := d.clock.follow(b, i+1); b[i] == '"' && after > 0 && b[after] == '"' {
				d.batch.Times = append(d.batch.Times, t)
				end = after + 1
			}
		case roleVersion:
			if span, after := plainString(b, i); after > 0 {
				d.batch.Versions = append(d.batch.Versions, span)
				end = after
			}
		case roleID:
			if span, after := plainString(b, i); after > 0 {
				d.batch.IDs = append(d.batch.IDs, hashID(d.seed, b[i+1:i+1+int(span.Length)]))
				end = after
			}
		case roleUnknown:
			_, end = plainString(b, i)
		case roleEnd:
			if d.finishRow(s.lacks) {
				s.records++
			}
			return i
		}
		if end == 0 {
			if end = d.readAll(s.place, i); end <= 0 {
				return -1
			}
		}
		i = end
	}
}

// plainString returns the span of the string of ASCII characters without escapes at b[i], without its quotes, and the
// index behind it; 0 if there is none.
func plainString(b []byte, i int) (record.Span, int) {
	if b[i] != '"' {
		return record.Span{}, 0
	}
	end := plainEnd(b, i+1)
	if end == 0 {
		return record.Span{}, 0
	}
	return record.Span{Offset: uint32(i + 1), Length: uint32(end - i - 1)}, end + 1
}

// plainInteger returns the length of the integer of up to seven digits at b[i]; 0 if there is none.
func plainInteger(b []byte, i int) int {
	_, n := numCount(b, i)
	if after := b[i+int(n)]; n == 8 || n > 1 && b[i] == '0' || after == '.' || after|0x20 == 'e' {
		return 0
	}
	return int(n)
}

// readAll reads the value at i into every slot of a place, and passes over it at an unknown key. It returns the index
// behind it; 0 or less where the line needs care.
func (d *JSONL) readAll(p *place, i int) int {
	if p.slots == nil {
		return skip(d.data, i, 0)
	}
	next := -1
	for _, s := range p.slots {
		if next = d.read(s, i); next <= 0 {
			return -1
		}
	}
	return next
}

// read reads the value at i into a slot and returns the index behind it; 0 or less where the line needs care.
func (d *JSONL) read(slot, i int) int {
	s := &d.slots[slot]
	switch s.role {
	case roleNumber:
		return d.readNumber(&d.batch.Columns[s.index], i)
	case roleText:
		span, next := d.readText(i)
		if next > 0 {
			c := &d.batch.Columns[s.index]
			c.Spans = append(c.Spans, span)
			if digit := d.data[i]; digit == '-' || digit-'0' <= 9 {
				c.Bare = append(c.Bare, uint32(d.batch.Rows))
			}
		}
		return next
	case roleTime:
		return d.readTime(i)
	case roleVersion:
		span, next := d.readText(i)
		if span == record.Wrong {
			return -1
		}
		d.batch.Versions = append(d.batch.Versions, span)
		return next
	case roleIDPart:
		span, next := d.readText(i)
		d.idParts[s.index] = span
		return next
	case roleID:
		span, next := d.readText(i)
		if next <= 0 || span == record.Wrong {
			return -1
		}
		var id uint64
		if span.IsString() {
			id = hashID(d.seed, d.batch.Text(span))
		}
		d.batch.IDs = append(d.batch.IDs, id)
		return next
	default:
		span, next := d.readText(i)
		if next > 0 && (!span.IsString() || string(d.batch.Text(span)) != d.schema.Where[s.index].Value) {
			d.dropped = true
		}
		return next
	}
}

func (d *JSONL) readNumber(c *record.Column, i int) int {
	b := d.data
	x, next, ok := parseNumber(b, i)
	switch {
	case ok:
		if math.IsInf(x, 0) {
			x = math.NaN()
		}
	case isWord(b, i, "null"):
		x, next = math.NaN(), i+4
	case notFinite(b, i) > 0:
		x, next = math.NaN(), i+notFinite(b, i)
	default:
		x = math.NaN()
		if next = skip(b, i, 0); next <= 0 {
			return -1
		}
		if b[i] != '"' || !IsNotFinite(b[i+1:next-1]) {
			c.Wrong = append(c.Wrong, uint32(d.batch.Rows))
			if b[i] == '"' && isQuotedNumber(b[i+1:next-1]) {
				c.Quoted = append(c.Quoted, uint32(d.batch.Rows))
			}
		}
	}
	c.Numbers = append(c.Numbers, x)
	return next
}

// readText returns the span of a scalar as text: of a string without its quotes, of a number or boolean as it stands.
func (d *JSONL) readText(i int) (record.Span, int) {
	b := d.data
	if b[i] == '"' {
		end, wide := stringEnd(b, i+1)
		if end < 0 || !validText(b[i+1:end], wide) {
			return record.Absent, -1
		}
		return record.Span{Offset: uint32(i + 1), Length: uint32(end - i - 1)}, end + 1
	}
	if n := notFinite(b, i); n > 0 {
		return record.Absent, i + n
	}
	next := skip(b, i, 0)
	switch {
	case next <= 0:
		return record.Absent, -1
	case b[i] == 'n':
		return record.Absent, next
	case b[i] == '{' || b[i] == '[':
		return record.Wrong, next
	default:
		return record.Span{Offset: uint32(i), Length: uint32(next - i)}, next
	}
}

func (d *JSONL) readTime(i int) int {
	span, next := d.readText(i)
	if next <= 0 || !span.IsString() {
		return -1
	}
	var t int64
	var ok bool
	if d.data[i] == '"' {
		t, ok = d.clock.parse(d.data, i+1, next-1)
	} else {
		t, ok = epochText(d.batch.Text(span))
	}
	if !ok {
		return -1
	}
	d.batch.Times = append(d.batch.Times, t)
	return next
}

func (d *JSONL) startRow() {
	d.row++
	d.dropped, d.visited = false, d.visited[:0]
	for i := range d.idParts {
		d.idParts[i] = record.Absent
	}
}

// finishRow completes a record whose values have been read, but for the slots that it lacks, and reports whether it
// counts.
func (d *JSONL) finishRow(lacks []int) bool {
	if len(lacks) > 0 && !d.fill(lacks) {
		return false
	}
	if d.dropped {
		d.takeBack()
		d.batch.Skipped++
		return false
	}
	d.keepRow()
	return true
}

// keepRow counts the current record in.
func (d *JSONL) keepRow() {
	for _, p := range d.visited {
		p.records++
	}
	if len(d.idParts) > 0 {
		d.batch.IDs = append(d.batch.IDs, d.hashParts())
	}
	d.batch.RowLines = append(d.batch.RowLines, uint32(d.batch.Lines))
	d.batch.Rows++
}

// fill puts missing values where the record had none. It reports whether the record can be kept.
func (d *JSONL) fill(lacks []int) bool {
	timeless := false
	for _, i := range lacks {
		d.dropped = d.dropped || d.slots[i].role == roleWhere
		timeless = timeless || d.slots[i].role == roleTime
	}
	if d.dropped {
		return true
	}
	if timeless {
		d.takeBack()
		d.reject(record.NoTime, "field "+fieldName(d.schema.Time)+" is missing")
		return false
	}
	b := d.batch
	for _, i := range lacks {
		s := &d.slots[i]
		switch s.role {
		case roleNumber:
			c := &b.Columns[s.index]
			c.Numbers = append(c.Numbers, math.NaN())
			c.Lacking++
		case roleText:
			c := &b.Columns[s.index]
			c.Spans = append(c.Spans, record.Absent)
			c.Lacking++
		case roleVersion:
			b.Versions = append(b.Versions, record.Absent)
		case roleID:
			b.IDs = append(b.IDs, 0)
		}
	}
	return true
}

// hashParts returns the hash of the current record's id where that is made of parts.
func (d *JSONL) hashParts() uint64 {
	return hashParts(d.seed, d.schema.IDParts, func(k int) ([]byte, bool) {
		if !d.idParts[k].IsString() {
			return nil, false
		}
		return d.batch.Text(d.idParts[k]), true
	})
}

func (d *JSONL) reject(reason record.Reason, detail string) {
	d.batch.Rejects = append(d.batch.Rejects, record.Reject{Line: d.batch.Lines, Reason: reason, Detail: detail})
}

// visit notes an unknown key of the current record.
func (d *JSONL) visit(p *place) {
	if p.row != d.row {
		p.row = d.row
		d.visited = append(d.visited, p)
	}
}

// takeBack removes what has been read of the current record.
func (d *JSONL) takeBack() {
	b, n := d.batch, d.batch.Rows
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Numbers, c.Spans = c.Numbers[:min(n, len(c.Numbers))], c.Spans[:min(n, len(c.Spans))]
		for _, rows := range []*[]uint32{&c.Wrong, &c.Quoted, &c.Bare} {
			if last := len(*rows) - 1; last >= 0 && (*rows)[last] >= uint32(n) {
				*rows = (*rows)[:last]
			}
		}
	}
	b.Times, b.IDs = b.Times[:min(n, len(b.Times))], b.IDs[:min(n, len(b.IDs))]
	b.Versions = b.Versions[:min(n, len(b.Versions))]
}

func fieldName(path []string) string { return strings.Join(path, ".") }
