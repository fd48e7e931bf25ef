package mapping

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// emit puts the rows of a record into the batch.
func (d *Decoder) emit() *fault {
	first, second := &d.first, &d.second
	half := record.Half{Request: d.head.hash, Part: record.Whole}
	var f *fault
	switch {
	case first.part == nil:
		half.Part, half.Flat = record.Response, second.flat
	case second.part == nil:
		if first.part.spec.Role == Request {
			half.Part = record.Request
		}
	case first.n == 1 && second.n > 1 && second.flat:
		second.setOne(second.layout, second.whole) // The list is one row's.
	case first.n != second.n:
		f = faulty(record.RowsMismatch, "the request has %d rows, the response %d; the request is counted alone",
			first.n, second.n)
		half.Part, second.part = record.Request, nil
	}
	n := first.n
	if first.part == nil {
		n = second.n
	}
	half.Rows = uint32(n)
	for row := range n {
		half.Row = uint32(d.head.row + row)
		d.nextRow()
		d.emitRow(half)
	}
	if d.trace != nil {
		d.trace.rows(d, n)
	}
	return f
}

// nextRow reads the next row of the record into the cells.
func (d *Decoder) nextRow() {
	clear(d.cells)
	d.loose, d.strange = d.loose[:0], d.strange[:0]
	if p := d.first.part; p != nil {
		d.next(&d.first)
		if p.spec.Role == Truth {
			d.truth()
		}
		d.loose, d.strange = d.loose[:0], d.strange[:0]
	}
	if d.second.part != nil {
		d.next(&d.second)
		d.answer()
	}
}

// emitRow puts the row at hand into the batch.
func (d *Decoder) emitRow(half record.Half) {
	b := d.batch
	for i := range d.fields {
		f := &d.fields[i]
		v := d.cells[i]
		// What the record has no part for is not lacking.
		lacking := v.Kind() == decode.None && (half.Part == record.Whole ||
			(half.Part == record.Request) == (f.Role == record.Feature))
		for _, c := range f.columns {
			column := &b.Columns[c]
			if d.schema.Columns[c].Kind == record.Numeric {
				d.emitNumber(column, v)
			} else {
				d.emitText(column, v)
			}
			if lacking {
				column.Lacking++
			}
		}
	}
	b.Times = append(b.Times, d.head.time)
	b.Versions = append(b.Versions, d.head.version)
	id := d.id(half.Row)
	if d.trace != nil {
		d.trace.ids = append(d.trace.ids, string(id))
	}
	if len(id) > 0 && (len(d.schema.ID) > 0 || len(d.schema.IDParts) > 0) {
		b.IDs = append(b.IDs, decode.HashID(d.seed, id))
	} else {
		b.IDs = append(b.IDs, 0)
	}
	b.Halves = append(b.Halves, half)
	b.RowLines = append(b.RowLines, uint32(b.Lines))
	b.Rows++
}

// id returns the id of the row at hand, empty if it has none.
func (d *Decoder) id(row uint32) []byte {
	id := d.scratch[:0]
	for i, before := range d.rowID.texts {
		id = append(id, before...)
		if i == len(d.idFields) {
			break
		}
		var text []byte
		switch {
		case d.idFields[i] != none:
			text, _ = d.cells[d.idFields[i]].Text()
		case d.rowID.names[i] == "row":
			d.number = strconv.AppendUint(d.number[:0], uint64(row), 10)
			text = d.number
		default:
			text = d.head.request
		}
		if len(text) == 0 {
			return nil
		}
		id = append(id, text...)
	}
	d.scratch = id
	return id
}

func (d *Decoder) emitNumber(c *record.Column, v decode.Value) {
	row := uint32(d.batch.Rows)
	x := math.NaN()
	switch v.Kind() {
	case decode.None, decode.Null:
	case decode.Number, decode.Float:
		if y, ok := v.Number(); ok {
			x = y
		}
	case decode.Bare:
		y, ok := v.Number()
		text, _ := v.Text()
		switch {
		case ok:
			x = y
		case !d.missing[string(text)] && !decode.IsNotFinite(text):
			c.Wrong = append(c.Wrong, row)
		}
	case decode.String:
		text, _ := v.Text()
		if decode.IsNotFinite(text) {
			break
		}
		c.Wrong = append(c.Wrong, row)
		if _, ok := v.Number(); ok {
			c.Quoted = append(c.Quoted, row)
		}
	default:
		c.Wrong = append(c.Wrong, row)
	}
	c.Numbers = append(c.Numbers, x)
}

func (d *Decoder) emitText(c *record.Column, v decode.Value) {
	span := record.Wrong
	switch v.Kind() {
	case decode.None, decode.Null:
		span = record.Absent
	case decode.Float:
		x, ok := v.Number()
		if !ok {
			span = record.Absent
			break
		}
		from := len(d.batch.Bytes)
		d.batch.Bytes = strconv.AppendFloat(d.batch.Bytes, x, 'g', -1, 64)
		span = record.Span{Offset: uint32(from), Length: uint32(len(d.batch.Bytes) - from)}
		c.Bare = append(c.Bare, uint32(d.batch.Rows))
	case decode.List, decode.Object:
	default:
		text, _ := v.Text()
		if v.Kind() == decode.Bare && d.missing[string(text)] {
			span = record.Absent
			break
		}
		if v.Kind() == decode.Number {
			c.Bare = append(c.Bare, uint32(d.batch.Rows))
		}
		if v.Kind() == decode.Bare && !utf8.Valid(text) {
			text = []byte(string([]rune(string(text))))
		}
		span = d.keep(text)
	}
	c.Spans = append(c.Spans, span)
}
