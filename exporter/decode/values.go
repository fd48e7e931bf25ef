package decode

import (
	"bytes"
	"fmt"

	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// ValueReader reads the records of one format as values, for a mapping to make rows of. It belongs to one goroutine.
type ValueReader interface {
	// Read adds the record that begins at data[at] to the tree, and returns it with the index behind the record, which
	// is beyond at. A value of the kind None, with no error, is a blank line or the like. An error says what is wrong
	// with the record; reading goes on behind it. header is the first line of the file for formats that have one. Data
	// has Padding bytes of capacity behind its end.
	Read(header, data []byte, at int, t *Tree) (v Value, next int, err error)
}

// ValueFormat is what has to be known of a format whose records are read as values.
type ValueFormat struct {
	// Header and Split are as in Format.
	Header bool
	Split  func(data []byte) int
	New    func() ValueReader
	// Lines says that every record is a line, so that lines can be taken out of what a log shipper put around them.
	Lines bool
}

// FormatCloudEvents is JSON Lines of events in the structured form of CloudEvents. Only its values can be read.
const FormatCloudEvents = "cloudevents"

// ValueFormats lists the formats that LookupValues knows.
func ValueFormats() []string { return []string{FormatJSONL, FormatJSON, FormatCSV, FormatCloudEvents} }

// LookupValues returns the format of that name.
func LookupValues(name string) (ValueFormat, error) {
	switch name {
	case FormatJSONL, FormatCloudEvents:
		return ValueFormat{
			Split: source.SplitLines, New: func() ValueReader { return jsonLines{} }, Lines: true,
		}, nil
	case FormatJSON:
		return ValueFormat{Split: SplitJSON, New: func() ValueReader { return jsonElements{} }}, nil
	case FormatCSV:
		return ValueFormat{Header: true, Split: CSVSplit, New: func() ValueReader { return &csvObjects{} }}, nil
	default:
		return ValueFormat{}, fmt.Errorf("unknown format %q of records", name)
	}
}

// jsonLines reads one JSON value a line.
type jsonLines struct{}

// Read implements ValueReader.
func (jsonLines) Read(_, data []byte, at int, t *Tree) (Value, int, error) {
	line := data[at:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	next := min(at+len(line)+1, len(data))
	from, to := t.Load(line)
	if t.SkipBlanks(from, to) == to {
		return Value{}, next, nil
	}
	v, err := t.OneJSON(from, to)
	if err != nil {
		return Value{}, next, fmt.Errorf("not JSON: %w", err)
	}
	return v, next, nil
}

// jsonElements reads records as JSON has them: the elements of an array, of which a block may hold any part, or objects
// one behind the other.
type jsonElements struct{}

// Read implements ValueReader.
func (jsonElements) Read(_, data []byte, at int, t *Tree) (Value, int, error) {
	from, to, _ := nextElement(data, at)
	if from == len(data) {
		return Value{}, from, nil
	}
	v, err := t.OneJSON(t.Load(data[from:to]))
	if err != nil {
		return Value{}, to, fmt.Errorf("not JSON: %w", err)
	}
	return v, to, nil
}

// csvObjects reads the records of a CSV file as objects, by the names in its header. An empty field is null.
type csvObjects struct {
	header []byte
	names  []string
}

// Read implements ValueReader.
func (r *csvObjects) Read(header, data []byte, at int, t *Tree) (Value, int, error) {
	if !bytes.Equal(header, r.header) || r.names == nil {
		r.setHeader(header, t)
	}
	end := csvRecordEnd(data, at)
	from, to := t.Load(data[at:end])
	row, _, err := t.CSVRow(from, to)
	switch {
	case err != nil:
		return Value{}, end, fmt.Errorf("not CSV: %w", err)
	case row.Kind() == None:
		return Value{}, end, nil
	case row.Len() != len(r.names):
		return Value{}, end, fmt.Errorf("the record has %d fields, the header %d", row.Len(), len(r.names))
	}
	object := t.Open(Object)
	cells := row.Parts()
	for _, name := range r.names {
		cell, _ := cells.Next()
		t.AddString(name)
		if text, _ := cell.Text(); len(text) == 0 {
			t.Add(Null)
		} else {
			t.AddCopy(cell)
		}
	}
	t.Close(object, len(r.names))
	return object, end, nil
}

func (r *csvObjects) setHeader(header []byte, t *Tree) {
	r.header, r.names = bytes.Clone(header), []string{}
	from, to := t.Load(bytes.TrimPrefix(header, []byte("\xef\xbb\xbf")))
	row, _, err := t.CSVRow(from, to)
	if err != nil {
		return
	}
	cells := row.Parts()
	for cell, ok := cells.Next(); ok; cell, ok = cells.Next() {
		text, _ := cell.Text()
		r.names = append(r.names, string(text))
	}
}

// csvRecordEnd returns the index behind the record at data[at]: behind the first line end that no quotes enclose.
func csvRecordEnd(data []byte, at int) int {
	quoted := false
	for i := at; i < len(data); i++ {
		switch data[i] {
		case '"':
			quoted = !quoted
		case '\n':
			if !quoted {
				return i + 1
			}
		}
	}
	// A quote that is never closed costs its line.
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(data)
}
