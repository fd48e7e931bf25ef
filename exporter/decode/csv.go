package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// CSV decodes comma-separated records (RFC 4180) whose names stand in a header line. One worker has one; it is not safe
// for concurrent use.
//
// A path of the schema names the column of the header that is its elements joined with dots, or, where there is none,
// the column that is its last element. Of columns with the same name the first counts. A column that the header lacks
// is missing in every record.
type CSV struct {
	schema  *record.Schema
	seed    uint64
	missing *missingTexts

	// header is the line that names and plan were made from.
	header  []byte
	names   []string
	unknown []string // names that the schema does not want
	plan    csvPlan
	uses    []csvUse // of the fields, for the quick way; nil if it cannot be taken
	lacking []int    // columns that the header lacks
	clock   clock

	// bounds are the fields of the record at hand: field k is source[bounds[k] : bounds[k+1]-1], for as many fields as
	// the header has. source is the data or unquoted; it is padded as parseNumber wants it.
	bounds []int
	source []byte
	// unquoted holds the fields of a record with quotes, as they are without them, and a zero byte behind each.
	unquoted []byte
	// padded is the copy of data that comes without padding.
	padded []byte
}

// csvPlan holds the number of the field of everything that the schema asks for, or csvNone.
type csvPlan struct {
	id, time, version       int
	idParts, columns, where []int
}

// csvNone is the number of a field that the header does not have.
const csvNone = -1

// NewCSV returns a decoder for the schema. seed is that of the hashes of ids.
func NewCSV(s *record.Schema, seed uint64) *CSV {
	return &CSV{schema: s, seed: seed, missing: newMissingTexts(s.Missing)}
}

// Decode reads all records of data into b, which it resets to the schema first. header is the header line of the log,
// with or without its line end and byte order mark. data are whole records, as CSVSplit tells; the last one may lack
// its line end. Lines end with LF or CRLF, and blank ones are passed over.
//
// In a numeric column a number is a value, with or without spaces around it; a text of Schema.Missing, an infinity and
// NaN are missing; any other text is wrong. In the other columns, and for ids and versions, every text is a value but
// those of Schema.Missing, with or without spaces around them. A record whose time is missing or not understood is
// rejected with record.NoTime. A record with more or fewer fields than the header, or with a quote where RFC 4180 has
// none, is rejected with record.Malformed. A quote that is opened and never closed costs the line that it is on.
//
// Decode is fastest if data has 64 bytes of capacity behind it that are 0; otherwise it copies data.
// Nothing may write to these bytes meanwhile.
func (d *CSV) Decode(header, data []byte, b *record.Batch) {
	b.Reset(d.schema)
	if d.names == nil || !bytes.Equal(header, d.header) {
		d.setHeader(header)
	}
	b.Lines = bytes.Count(data, []byte{'\n'})
	wide, copied := d.pad(data)
	data = wide[:len(data)]
	// quote is the first quote from i on, or an earlier one. Once a quote is never closed, nothing behind it that spans
	// lines is closed either, for both would be open at the first line end; to look no further than the line keeps the
	// time linear.
	quote, spanning := -1, true
	if !copied {
		b.Borrow(data)
	}
	for k := range d.uses {
		switch u := &d.uses[k]; u.role {
		case roleNumber, csvDoubtful, roleText:
			u.column = &b.Columns[u.index]
		}
	}
	for i, line := 0, 0; i < len(data); {
		if d.uses != nil {
			if end := d.quick(b, wide, i, line); end > 0 && end <= len(data) {
				i, line = end, line+1
				continue
			}
		}
		end := min(csvFind(data, i, '\n')+1, len(data))
		if quote < i {
			quote = csvFind(data, i, '"')
		}
		lines, fields, problem := 1, 0, ""
		if quote < end {
			if b.Borrowed() {
				b.Own(i)
			}
			limit := len(data)
			if !spanning {
				limit = end
			}
			var after int
			if after, fields, problem = d.unquote(data[i:limit]); problem == csvUnclosed {
				spanning = false
			} else {
				end = i + after
				lines = bytes.Count(data[i:end], []byte{'\n'})
			}
		} else {
			stop := csvTextEnd(data, i, end)
			if stop == i { // A blank line.
				i, line = end, line+1
				continue
			}
			fields = d.split(wide, i, stop)
		}
		d.take(b, line, fields, problem)
		i, line = end, line+lines
	}
	for k, field := range d.plan.columns {
		if field == csvNone {
			b.Columns[k].Lacking = b.Rows
		}
	}
	for _, name := range d.unknown {
		if b.Rows > 0 {
			b.Unknown = append(b.Unknown, record.Unknown{Name: name, Count: b.Rows})
		}
	}
}

// CSVSplit returns the length of the longest prefix of data that is whole records, data being at the start of one. A
// line end inside of a quoted field ends no record. It is 0 as long as the first record has no end: who reads the log
// must limit how long that may last, because a stray quote at the start of a field may never be closed.
func CSVSplit(data []byte) int {
	whole := 0
	for i := 0; ; {
		quote := csvFind(data, i, '"')
		if n := bytes.LastIndexByte(data[i:quote], '\n'); n >= 0 {
			whole = i + n + 1
		}
		if quote == len(data) {
			return whole
		}
		i = quote + 1
		if quote > 0 && data[quote-1] != ',' && data[quote-1] != '\n' {
			continue // Not at the start of a field: it opens nothing.
		}
		for {
			i = csvFind(data, i, '"') + 1
			if i > len(data) {
				return whole
			}
			if i == len(data) || data[i] != '"' {
				break
			}
			i++ // Two quotes are one in the text.
		}
	}
}

// csvFind is the index of the first c in data from i on, or len(data).
func csvFind(data []byte, i int, c byte) int {
	if n := bytes.IndexByte(data[i:], c); n >= 0 {
		return i + n
	}
	return len(data)
}

// csvTextEnd is the end of a line's text: end without LF or CRLF, and without a CR at the end of the data.
func csvTextEnd(data []byte, i, end int) int {
	if end > i && data[end-1] == '\n' {
		end--
	}
	if end > i && data[end-1] == '\r' {
		end--
	}
	return end
}

// pad returns data with numPadding bytes more, all of them 0, and whether it had to copy data for that.
func (d *CSV) pad(data []byte) (wide []byte, copied bool) {
	n := len(data)
	if cap(data)-n >= numPadding && [numPadding]byte(data[n:n+numPadding]) == [numPadding]byte{} {
		return data[:n+numPadding], false
	}
	d.padded = append(append(d.padded[:0], data...), make([]byte, numPadding)...)
	return d.padded, true
}

// setHeader makes names and plan from the header line.
func (d *CSV) setHeader(header []byte) {
	d.header = append(d.header[:0], header...)
	line := bytes.TrimPrefix(header, []byte("\xef\xbb\xbf"))
	d.bounds = make([]int, bytes.Count(line, []byte{','})+2)
	_, fields, _ := d.unquote(line)
	d.names = make([]string, fields)
	for k := range d.names {
		d.names[k] = strings.TrimSpace(string(d.field(k)))
	}
	d.bounds = d.bounds[:fields+1]
	s := d.schema
	d.plan = csvPlan{id: d.find(s.ID), time: d.find(s.Time), version: d.find(s.Version)}
	for _, part := range s.IDParts {
		d.plan.idParts = append(d.plan.idParts, d.find(part.Path))
	}
	for _, c := range s.Columns {
		d.plan.columns = append(d.plan.columns, d.find(c.Path))
	}
	for _, w := range s.Where {
		d.plan.where = append(d.plan.where, d.find(w.Path))
	}
	wanted := slices.Concat([]int{d.plan.id, d.plan.time, d.plan.version}, d.plan.idParts, d.plan.columns, d.plan.where)
	d.setUses()
	d.unknown = d.unknown[:0]
	for k, name := range d.names {
		if !slices.Contains(wanted, k) && len(d.unknown) < maxUnknown {
			d.unknown = append(d.unknown, name)
		}
	}
}

// find is the number of the field that path names, or csvNone.
func (d *CSV) find(path []string) int {
	if len(path) == 0 {
		return csvNone
	}
	if k := slices.Index(d.names, strings.Join(path, ".")); k >= 0 {
		return k
	}
	return slices.Index(d.names, path[len(path)-1])
}

// split finds the fields of the record wide[i:stop], which has no quotes, and returns their number. Commas are looked
// for in 8 bytes at a time.
func (d *CSV) split(wide []byte, i, stop int) (fields int) {
	const low, commas = 0x7f7f7f7f7f7f7f7f, 0x2c2c2c2c2c2c2c2c
	d.source = wide
	bounds := d.bounds
	bounds[0] = i
	n := 1
	for ; i < stop; i += 8 {
		x := binary.LittleEndian.Uint64(wide[i:]) ^ commas
		found := ^(x&low + low | x | low) // The highest bit of every byte that was a comma.
		if rest := stop - i; rest < 8 {
			found &= 1<<(8*uint(rest)) - 1
		}
		for ; found != 0; found &= found - 1 {
			if n < len(bounds) {
				bounds[n] = i + bits.TrailingZeros64(found)/8 + 1
			}
			n++
		}
	}
	if n < len(bounds) {
		bounds[n] = stop + 1
	}
	return n
}

// What can be wrong with the quotes of a record.
const (
	csvBare     = "quote inside of a field without quotes"
	csvTrailing = "text between a closing quote and the next comma"
	csvUnclosed = "quote that is never closed"
)

// unquote finds the fields of the record that data starts with, quotes and all, and copies them into d.unquoted. It
// returns the index behind the record and the number of its fields, and what is wrong with it, or "". It goes on behind
// what is wrong as CSVSplit does, so that both agree on where the record ends.
func (d *CSV) unquote(data []byte) (end, fields int, problem string) {
	text := d.unquoted[:0]
	d.bounds[0] = 0
	i := 0
	for more := true; more; fields++ {
		quoted := i < len(data) && data[i] == '"'
		if quoted {
			var closed bool
			if text, i, closed = csvQuoted(text, data, i+1); !closed {
				problem = csvUnclosed
			}
		}
		first := i
		for ; i < len(data) && data[i] != ',' && data[i] != '\n'; i++ {
			if data[i] == '"' && problem == "" {
				problem = csvBare
			}
		}
		stop := i
		more = i < len(data) && data[i] == ','
		if i < len(data) {
			i++
		}
		if !more {
			stop = csvTextEnd(data, first, i)
		}
		if quoted && first < stop && problem == "" {
			problem = csvTrailing
		}
		text = append(append(text, data[first:stop]...), 0)
		if fields+1 < len(d.bounds) {
			d.bounds[fields+1] = len(text)
		}
	}
	d.unquoted = append(text, make([]byte, numPadding)...)
	d.source = d.unquoted
	return i, fields, problem
}

// csvQuoted appends to text what stands in data between the opening quote before i and its closing quote, and returns
// the index behind that.
func csvQuoted(text, data []byte, i int) (longer []byte, end int, closed bool) {
	for {
		quote := csvFind(data, i, '"')
		text = append(text, data[i:quote]...)
		if quote == len(data) {
			return text, quote, false
		}
		i = quote + 1
		if i == len(data) || data[i] != '"' {
			return text, i, true
		}
		text = append(text, '"')
		i++
	}
}

// field is the text of a field of the record at hand.
func (d *CSV) field(k int) []byte { return d.source[d.bounds[k] : d.bounds[k+1]-1] }

// value is the text of a field of the record at hand; ok is false if the header lacks it or it is missing.
func (d *CSV) value(k int) (text []byte, ok bool) {
	if k == csvNone {
		return nil, false
	}
	return d.field(k), !d.isMissing(d.bounds[k], d.bounds[k+1]-1)
}

// take appends the record at hand to the batch, or says there why not. line is the line that it starts on, fields the
// number of its fields, and problem what is wrong with it, or "".
func (d *CSV) take(b *record.Batch, line, fields int, problem string) {
	if problem == "" && fields != len(d.names) {
		problem = fmt.Sprintf("record of %d fields under a header of %d", fields, len(d.names))
	}
	if problem != "" {
		b.Rejects = append(b.Rejects, record.Reject{Line: line, Reason: record.Malformed, Detail: problem})
		return
	}
	for k, field := range d.plan.where {
		if field == csvNone || string(d.field(field)) != d.schema.Where[k].Value {
			b.Skipped++
			return
		}
	}
	ns, problem := d.time()
	if problem != "" {
		b.Rejects = append(b.Rejects, record.Reject{Line: line, Reason: record.NoTime, Detail: problem})
		return
	}
	var id uint64
	if len(d.plan.idParts) > 0 {
		id = hashParts(d.seed, d.schema.IDParts, func(k int) ([]byte, bool) { return d.value(d.plan.idParts[k]) })
	} else if text, ok := d.value(d.plan.id); ok {
		id = hashID(d.seed, text)
	}
	b.RowLines = append(b.RowLines, uint32(line))
	b.Times = append(b.Times, ns)
	b.IDs = append(b.IDs, id)
	b.Versions = append(b.Versions, d.span(b, d.plan.version))
	for k, field := range d.plan.columns {
		c := &b.Columns[k]
		if d.schema.Columns[k].Kind != record.Numeric {
			c.Spans = append(c.Spans, d.span(b, field))
			continue
		}
		value, wrong := math.NaN(), false
		if field != csvNone {
			value, wrong = d.number(d.bounds[field], d.bounds[field+1]-1)
		}
		if wrong {
			c.Wrong = append(c.Wrong, uint32(b.Rows))
		}
		c.Numbers = append(c.Numbers, value)
	}
	b.Rows++
}

// csvShown is how many bytes of a value a message shows.
const csvShown = 64

// time is the time of the record at hand, or what is wrong with it. It is 0 if the schema asks for none.
func (d *CSV) time() (ns int64, problem string) {
	if len(d.schema.Time) == 0 {
		return 0, ""
	}
	if d.plan.time == csvNone {
		return 0, fmt.Sprintf("field %q is not in the header", strings.Join(d.schema.Time, "."))
	}
	text, ok := d.value(d.plan.time)
	if ok {
		i, j := numTrim(text, 0, len(text))
		if ns, ok = parseTime(text[i:j]); ok {
			return ns, ""
		}
	}
	name := strings.Join(d.schema.Time, ".")
	return 0, fmt.Sprintf("field %q is no time: %q", name, text[:min(len(text), csvShown)])
}

// span is the text of a field of the record at hand, in the batch.
func (d *CSV) span(b *record.Batch, k int) record.Span {
	if _, ok := d.value(k); !ok {
		return record.Absent
	}
	return d.text(b, d.bounds[k], d.bounds[k+1]-1)
}

// text brings source[i:j] into the batch, if it is not there.
func (d *CSV) text(b *record.Batch, i, j int) record.Span {
	if b.Borrowed() {
		return record.Span{Offset: uint32(i), Length: uint32(j - i)}
	}
	offset := len(b.Bytes)
	b.Bytes = append(b.Bytes, d.source[i:j]...)
	return record.Span{Offset: uint32(offset), Length: uint32(j - i)}
}

// number is the value of the field source[i:j] of a numeric column: NaN where it is missing or wrong.
func (d *CSV) number(i, j int) (value float64, wrong bool) {
	i, j = numTrim(d.source, i, j)
	if d.missing.has(d.source[i:j]) {
		return math.NaN(), false
	}
	value, kind := numSpan(d.source, i, j)
	return value, kind == numNotNumber
}
