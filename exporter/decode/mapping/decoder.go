package mapping

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Decoder reads the records of a mapped log. It belongs to one goroutine.
type Decoder struct {
	spec    *Spec
	schema  *record.Schema
	seed    uint64
	now     func() time.Time
	files   []filesTemplate
	reader  decode.ValueReader
	lines   bool
	missing map[string]bool
	where   []Condition
	rowID   template
	// idFields are the fields that the names of rowID stand for, none for the request's id and the number of the row.
	idFields []int
	parts    []*part

	fields                   []field
	prediction, score, label int // of fields, none where the schema lacks them
	threshold                float64

	// file is the path that fileTree has the values of.
	file       string
	fileValues decode.Value
	fileTree   *decode.Tree

	batch *record.Batch
	tree  *decode.Tree
	own   []byte // data that came without padding
	roots roots
	// cells are the values of the row at hand, by field; ranks are those of the names that they had.
	cells []decode.Value
	ranks []int
	// loose are the values of a response, or a truth, that have no name, strange those whose name says nothing.
	loose, strange []decode.Value
	// first and second are the rows of the two halves of the record at hand.
	first, second rows
	head          head
	scratch       []byte
	number        []byte
	gzip          *gzip.Reader // nil before the first use
	trace         *trace       // nil but for Explain
	// lastRequest is the id of the record before, and turn the number of the row of it that is next.
	lastRequest []byte
	turn        int
}

// part is a part of the mapping, compiled for the schema.
type part struct {
	spec *Part
	// useful says that the schema wants something of it.
	useful bool
	names  *names
	// positions are what the values of a row without names are; named says that they were given names.
	positions []*target
	named     bool
}

// head is what the rows of a record share.
type head struct {
	request []byte // its id
	hash    uint64 // of that; 0 if there is none
	time    int64
	version record.Span
	row     int // of the first row
}

// fault is why a record has no rows.
type fault struct {
	reason record.Reason
	detail string
}

func faulty(reason record.Reason, format string, args ...any) *fault {
	return &fault{reason, fmt.Sprintf(format, args...)}
}

// SetFile implements decode.FileDecoder.
func (d *Decoder) SetFile(path string) {
	if path == d.file {
		return
	}
	d.file = path
	d.fileTree.Reset()
	d.fileValues = pathValues(d.fileTree, d.files, path)
}

// Decode implements decode.Decoder.
func (d *Decoder) Decode(header, data []byte, b *record.Batch) {
	b.Reset(d.schema)
	d.batch = b
	if cap(data)-len(data) < decode.Padding {
		d.own = append(append(d.own[:0], data...), make([]byte, decode.Padding)...)
		data = d.own[:len(data)]
	}
	d.lastRequest, d.turn = d.lastRequest[:0], 0
	for at := 0; at < len(data); {
		d.tree.Reset()
		d.roots = roots{path: d.fileValues}
		v, next, f := d.read(header, data, at)
		switch k := v.Kind(); {
		case f != nil:
			d.reject(f)
		case k >= decode.List:
			d.roots.record = v
			d.take()
		case k != decode.None:
			d.reject(&fault{record.WrongType, "the record is neither an object nor a list"})
		}
		b.Lines += bytes.Count(data[at:next], []byte{'\n'})
		at = next
	}
	for _, p := range d.parts {
		if p.spec.Role == Request || p.spec.Role == Row {
			p.names.takeUnknown(b, "")
		}
	}
}

// read returns the record that begins at a place of data, or no value where there is none.
func (d *Decoder) read(header, data []byte, at int) (v decode.Value, next int, f *fault) {
	if !d.lines {
		v, next, err := d.reader.Read(header, data, at, d.tree)
		if err != nil {
			f = &fault{record.Malformed, err.Error()}
		}
		return v, next, f
	}
	line := data[at:]
	next = len(data)
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line, next = line[:n], at+n+1
	}
	if d.isOther(line) {
		d.skip("not an object")
		return v, next, nil
	}
	v, _, err := d.reader.Read(header, line, 0, d.tree)
	if err != nil {
		f = &fault{record.Malformed, err.Error()}
	}
	return v, next, f
}

// isOther reports whether a line is none of those that the mapping keeps, because it is not an object: what a program
// says beside its structured log is no error.
func (d *Decoder) isOther(line []byte) bool {
	if len(d.spec.Keep) == 0 {
		return false
	}
	line = bytes.TrimLeft(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), " \t\r")
	return len(line) > 0 && line[0] != '{'
}

func (d *Decoder) reject(f *fault) {
	d.batch.Rejects = append(d.batch.Rejects, record.Reject{Line: d.batch.Lines, Reason: f.reason, Detail: f.detail})
}

// skip passes a record over.
func (d *Decoder) skip(why string) {
	d.batch.Skipped++
	if d.trace != nil {
		d.trace.skip(d, why)
	}
}

// take makes rows of a record.
func (d *Decoder) take() {
	for i := range d.where {
		if !d.where[i].holds(d.tree, d.roots) {
			d.skip("where")
			return
		}
	}
	for i := range d.spec.Keep {
		if c := &d.spec.Keep[i]; !c.holds(d.tree, d.roots) {
			d.skip("keep: " + c.Path.String())
			return
		}
	}
	for i := range d.spec.Skip {
		if c := &d.spec.Skip[i]; c.holds(d.tree, d.roots) {
			d.skip("skip: " + c.Path.String())
			return
		}
	}
	if f := d.takeParts(); f != nil {
		d.reject(f)
	}
}

// takeParts reads the parts of a record.
func (d *Decoder) takeParts() *fault {
	var found [2]*part
	var bodies [2]decode.Value
	applies := false
	for _, p := range d.parts {
		if !p.useful || p.spec.When != nil && !p.spec.When.holds(d.tree, d.roots) {
			continue
		}
		applies = true
		at := 0
		if p.spec.Role == Response {
			at = 1
		}
		if found[at] != nil {
			continue // the first one that is there counts
		}
		if v := p.spec.Value.in(d.tree, d.roots); v.Kind() > decode.Null {
			found[at], bodies[at] = p, v
		}
	}
	switch {
	case !applies:
		d.skip("no part is for it")
		return nil
	case found[0] == nil && found[1] == nil:
		return d.nobody()
	}
	if f := d.readHead(); f != nil {
		return f
	}
	all := [2]*rows{&d.first, &d.second}
	for i, p := range found {
		*all[i] = rows{columns: all[i].columns[:0]}
		if p == nil {
			continue
		}
		body, f := d.body(p, bodies[i])
		if f == nil {
			f = d.layOut(p, body, all[i])
		}
		if f != nil {
			return f
		}
		all[i].part = p
	}
	return d.emit()
}

// nobody tells where bodies were looked for.
func (d *Decoder) nobody() *fault {
	var at []byte
	for _, p := range d.parts {
		if p.useful {
			if len(at) > 0 {
				at = append(at, " or "...)
			}
			at = append(at, p.spec.Value.String()...)
		}
	}
	return faulty(record.NoBody, "there is nothing at %s", at)
}

// readHead reads what the rows of the record share.
func (d *Decoder) readHead() *fault {
	h := head{version: record.Absent}
	id, _ := d.spec.RequestID.in(d.tree, d.roots).Text()
	if h.request = id; len(id) > 0 {
		h.hash = decode.HashID(d.seed, id)
	} else if d.spec.Join != nil {
		return faulty(record.NoID, "there is no id at %s, so the other half cannot be found", d.spec.RequestID)
	}
	if len(d.schema.Time) > 0 {
		ns, ok := d.time()
		if !ok {
			return d.timeless()
		}
		h.time = ns
	}
	if text, ok := d.spec.Version.in(d.tree, d.roots).Text(); ok && len(text) > 0 {
		h.version = d.keep(text)
	}
	if row, ok := d.spec.Row.in(d.tree, d.roots).Text(); ok {
		n, err := strconv.ParseUint(string(row), 10, 31)
		if err != nil {
			return faulty(record.WrongType, "%s is no number of a row: %q", d.spec.Row, clip(row))
		}
		h.row = int(n)
	} else if d.spec.RowsInTurn {
		if len(id) == 0 || !bytes.Equal(id, d.lastRequest) {
			d.lastRequest, d.turn = append(d.lastRequest[:0], id...), 0
		}
		h.row = d.turn
		d.turn++
	}
	d.head = h
	return nil
}

// time reads the event time; _read.time is filled in only if the path gets that far.
func (d *Decoder) time() (ns int64, ok bool) {
	if d.spec.Time == nil {
		return 0, false
	}
	for i := range d.spec.Time.alternatives {
		a := &d.spec.Time.alternatives[i]
		if a.root == rootRead && len(a.steps) == 1 && a.steps[0].key == "time" {
			return d.now().UnixNano(), true
		}
		one := Path{alternatives: d.spec.Time.alternatives[i : i+1]}
		if v := one.in(d.tree, d.roots); isSomething(v) {
			return v.Time()
		}
	}
	return 0, false
}

func (d *Decoder) timeless() *fault {
	text, ok := d.spec.Time.in(d.tree, d.roots).Text()
	if !ok {
		return faulty(record.NoTime, "there is no time at %s", d.spec.Time)
	}
	return faulty(record.NoTime, "%s is no time: %q; use RFC 3339 or an epoch number", d.spec.Time, clip(text))
}

// keep copies a text into the batch.
func (d *Decoder) keep(text []byte) record.Span {
	b := d.batch
	span := record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(text))}
	b.Bytes = append(b.Bytes, text...)
	return span
}

// clip shortens a text for a message.
func clip(text []byte) []byte {
	const most = 64
	if len(text) > most {
		return append(text[:most:most], "…"...)
	}
	return text
}
