package decode

import (
	"math"
	"math/bits"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// The quick way through a record without quotes reads each field once, from left to right, as what it is wanted for.
// Without it a whole run takes a quarter more. It leaves every record to the other way in which something is not as it
// should be, and both give the same result, which a fuzz test holds them to.

// csvUse is what a field of the header is wanted for.
type csvUse struct {
	role   role
	stop   byte // what stands behind the field: a comma or, behind the last one, a line end
	index  int  // of a column
	column *record.Column
	// text is the index of a second column, of csvBoth.
	text int
}

// csvDoubtful is the role of a field with numbers of which some stand for no value.
const csvDoubtful role = 255

// csvBoth is the role of a field that one column wants as a number and the next one as a text.
const csvBoth role = 254

// setUses makes uses from the plan: nil if records cannot be read from left to right.
func (d *CSV) setUses() {
	d.uses, d.lacking = nil, d.lacking[:0]
	if len(d.plan.idParts)+len(d.plan.where) > 0 || len(d.schema.Time) > 0 && d.plan.time == csvNone {
		return
	}
	uses := make([]csvUse, len(d.names))
	for k := range uses {
		uses[k] = csvUse{role: roleUnknown, stop: ','}
	}
	uses[len(uses)-1].stop = '\n'
	number := roleNumber
	if m := d.missing; slices.Contains(m.doubtful['0':'9'+1], true) || m.doubtful['-'] {
		number = csvDoubtful
	}
	single := true
	use := func(field int, r role, column int) {
		if field == csvNone {
			return
		}
		single = single && uses[field].role == roleUnknown
		uses[field].role, uses[field].index = r, column
	}
	use(d.plan.id, roleID, 0)
	use(d.plan.time, roleTime, 0)
	use(d.plan.version, roleVersion, 0)
	for k, field := range d.plan.columns {
		switch {
		case field == csvNone:
			d.lacking = append(d.lacking, k)
		case d.isAlsoText(k):
			uses[field].role, uses[field].text = csvBoth, k
		case d.schema.Columns[k].Kind == record.Numeric:
			use(field, number, k)
		default:
			use(field, roleText, k)
		}
	}
	if single {
		d.uses = uses
	}
}

// isAlsoText reports whether a column wants as a text what the one before it wants as a number.
func (d *CSV) isAlsoText(k int) bool {
	return k > 0 && d.plan.columns[k-1] == d.plan.columns[k] &&
		d.schema.Columns[k-1].Kind == record.Numeric && d.schema.Columns[k].Kind != record.Numeric
}

// quick reads the record at wide[i:] into the batch and returns the index behind its line end; 0 where the other way
// has to read it. Behind the end of the data is a zero byte.
func (d *CSV) quick(b *record.Batch, wide []byte, i, line int) int {
	d.source = wide
	if wide[i] == '\n' || wide[i] == '\r' {
		return 0
	}
	uses := d.uses
	for k := range uses {
		u := &uses[k]
		end := 0
		switch u.role {
		case roleNumber:
			x, n := numUsual((*[numUsualBytes]byte)(wide[i : i+numUsualBytes]))
			if n > 0 && wide[i+n] == u.stop {
				u.column.Numbers = append(u.column.Numbers, x)
				i += n + 1
				continue
			}
			end = d.quickNumber(u.column, b.Rows, i)
		case csvDoubtful:
			end = d.quickNumber(u.column, b.Rows, i)
		case roleText:
			var span record.Span
			span, end = d.quickText(b, i)
			u.column.Spans = append(u.column.Spans, span)
		case roleVersion:
			var span record.Span
			span, end = d.quickText(b, i)
			b.Versions = append(b.Versions, span)
		case roleID:
			id := uint64(0)
			if end = csvFieldEnd(wide, i); end > 0 && !d.isMissing(i, end) {
				id = hashID(d.seed, wide[i:end])
			}
			b.IDs = append(b.IDs, id)
		case roleTime:
			var t int64
			if t, end = d.clock.follow(wide, i); end == 0 || wide[end] != u.stop {
				t, end = d.quickTime(i)
			}
			b.Times = append(b.Times, t)
		case csvBoth:
			end = d.quickBoth(u, b, i)
		default:
			end = csvFieldEnd(wide, i)
		}
		switch {
		case end > 0 && wide[end] == u.stop:
			i = end + 1
		case end > 0 && u.stop == '\n' && wide[end] == '\r' && wide[end+1] == '\n':
			i = end + 2
		default:
			d.takeBack(b)
			return 0
		}
	}
	d.keep(b, line)
	return i
}

// keep completes a record that has been read.
func (d *CSV) keep(b *record.Batch, line int) {
	b.RowLines = append(b.RowLines, uint32(line))
	b.Rows++
	if d.plan.time == csvNone {
		b.Times = append(b.Times, 0)
	}
	if d.plan.id == csvNone {
		b.IDs = append(b.IDs, 0)
	}
	if d.plan.version == csvNone {
		b.Versions = append(b.Versions, record.Absent)
	}
	for _, k := range d.lacking {
		if c := &b.Columns[k]; d.schema.Columns[k].Kind == record.Numeric {
			c.Numbers = append(c.Numbers, math.NaN())
		} else {
			c.Spans = append(c.Spans, record.Absent)
		}
	}
}

// takeBack takes what has been read of a record out of the batch.
func (d *CSV) takeBack(b *record.Batch) {
	n := b.Rows
	for k := range b.Columns {
		c := &b.Columns[k]
		c.Numbers, c.Spans = c.Numbers[:min(n, len(c.Numbers))], c.Spans[:min(n, len(c.Spans))]
		if last := len(c.Wrong) - 1; last >= 0 && c.Wrong[last] == uint32(n) {
			c.Wrong = c.Wrong[:last]
		}
	}
	b.Times, b.IDs = b.Times[:min(n, len(b.Times))], b.IDs[:min(n, len(b.IDs))]
	b.Versions = b.Versions[:min(n, len(b.Versions))]
}

// quickNumber reads the field at i, which may be any, into a row of a numeric column and returns the index behind it; 0
// if that is not clear.
func (d *CSV) quickNumber(c *record.Column, row, i int) int {
	end := csvFieldEnd(d.source, i)
	if end == 0 {
		return 0
	}
	x, wrong := d.number(i, end)
	if wrong {
		c.Wrong = append(c.Wrong, uint32(row))
	}
	c.Numbers = append(c.Numbers, x)
	return end
}

// quickBoth reads the field at i, which may be any, as a number and as a text.
func (d *CSV) quickBoth(u *csvUse, b *record.Batch, i int) int {
	numbers, texts := &b.Columns[u.index], &b.Columns[u.text]
	x, end, ok := parseNumber(d.source, i)
	if ok && x-x == 0 && (d.source[end] == ',' || d.source[end] == '\n') && !d.missing.doubtful[d.source[i]] {
		numbers.Numbers = append(numbers.Numbers, x)
		texts.Spans = append(texts.Spans, d.text(b, i, end))
		return end
	}
	span, _ := d.quickText(b, i)
	texts.Spans = append(texts.Spans, span)
	return d.quickNumber(numbers, b.Rows, i)
}

// quickText reads the text at i and returns the index behind the field; 0 if that is not clear.
func (d *CSV) quickText(b *record.Batch, i int) (span record.Span, end int) {
	end = csvFieldEnd(d.source, i)
	if end == 0 || d.isMissing(i, end) {
		return record.Absent, end
	}
	return d.text(b, i, end), end
}

// quickTime reads the time at i and returns the index behind the field; 0 if it is none.
func (d *CSV) quickTime(i int) (t int64, end int) {
	end = csvFieldEnd(d.source, i)
	if end == 0 || d.isMissing(i, end) {
		return 0, 0
	}
	first, stop := numTrim(d.source, i, end)
	t, ok := d.clock.parse(d.source, first, stop)
	if !ok {
		return 0, 0
	}
	return t, end
}

// isMissing reports whether the field source[i:j] stands for no value.
func (d *CSV) isMissing(i, j int) bool {
	return (i == j || d.missing.doubtful[d.source[i]]) && d.isMissingText(i, j)
}

// isMissingText is isMissing for those few fields that may be, so that the others take no call.
func (d *CSV) isMissingText(i, j int) bool {
	i, j = numTrim(d.source, i, j)
	return d.missing.has(d.source[i:j])
}

// csvFieldEnd returns the index behind the field at b[i:], of a record without quotes; 0 if there is a quote, or no
// end. Bytes are looked at eight at a time, as stringEnd does.
func csvFieldEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		v := load8(b, i)
		// Of the quote and the control characters, as in stringStop, and the comma.
		stop := (((v ^ 0x0202020202020202) - 0x2121212121212121) | ((v ^ 0x2c2c2c2c2c2c2c2c) - ones)) &^ v & highs
		if stop == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(stop) >> 3
		switch c := b[i]; {
		case c == ',' || c == '\n' || c == '\r' && b[i+1] == '\n':
			return i
		case c == '"':
			return 0
		}
		i++ // another control character
	}
	return 0
}
