package decode

import (
	"bytes"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// JSON reads files whose records are JSON objects that may spread over lines: one array of objects, one object, or
// objects one behind the other. It writes each record on a line of its own and leaves the rest to JSONL, so both read
// the same values.
//
// It keeps no state between blocks. What stands between records, brackets and commas, is passed over without a look at
// whether it makes up an array.
type JSON struct {
	lines *JSONL
	// starts are the lines of the data on which the records begin.
	starts []uint32
}

// NewJSON returns a decoder for the schema. Ids are hashed with the seed.
func NewJSON(s *record.Schema, seed uint64) *JSON { return &JSON{lines: NewJSONL(s, seed)} }

// Decode implements Decoder. data need not end with a newline.
func (d *JSON) Decode(_, data []byte, b *record.Batch) {
	// The batch's memory is the place for the lines: it stays as it is until the batch has been used.
	text := b.Bytes[:0]
	d.starts = d.starts[:0]
	EachJSON(data, func(line int, element []byte) {
		d.starts = append(d.starts, uint32(line))
		text = appendLine(text, element)
	})
	n := len(text)
	text = append(text, make([]byte, Padding)...)
	d.lines.Decode(nil, text[:n], b)
	if len(b.Bytes) == n {
		b.Bytes = text[:n] // with the room behind it, for the next time
	}
	relocate(b, d.starts)
	b.Lines = bytes.Count(data, []byte{'\n'})
}

// EachJSON visits the records of data, which may also be something else than objects. line is the number of line ends
// before one. A record without an end reaches to the end of the data.
func EachJSON(data []byte, visit func(line int, element []byte)) {
	line, at := 0, 0
	for {
		from, to, _ := nextElement(data, at)
		if from == len(data) {
			return
		}
		line += bytes.Count(data[at:from], []byte{'\n'})
		visit(line, data[from:to])
		line += bytes.Count(data[from:to], []byte{'\n'})
		at = to
	}
}

// SplitJSON returns the length of the longest prefix of data that is whole records, data being between two of them. It
// is the Format.Split of JSON.
func SplitJSON(data []byte) int {
	at := 0
	for {
		from, to, whole := nextElement(data, at)
		if !whole {
			return from
		}
		at = to
	}
}

// nextElement finds the first record in data from i on: data[from:to]. If there is none, both are the length of data;
// if it has no end in data, whole is false and to is the length of data.
func nextElement(data []byte, i int) (from, to int, whole bool) {
	if i == 0 && bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		i = 3
	}
	for i < len(data) && isBetween(data[i]) {
		i++
	}
	if i == len(data) {
		return i, i, false
	}
	if data[i] == '{' || data[i] == '"' {
		to, whole = elementEnd(data, i)
		return i, to, whole
	}
	for to = i + 1; to < len(data); to++ {
		if c := data[to]; isBetween(c) || c == '{' || c == '"' {
			return i, to, true
		}
	}
	return i, to, false
}

// isBetween reports whether a byte stands between records.
func isBetween(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', '[', ']':
		return true
	default:
		return false
	}
}

// elementEnd is the index behind the object or string that begins at data[i].
func elementEnd(data []byte, i int) (end int, whole bool) {
	for depth := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			if end, _ := stringEnd(data, i+1); end > 0 {
				i = end
				break
			}
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			continue
		}
		if depth <= 0 && i < len(data) {
			return i + 1, true
		}
	}
	return len(data), false
}

// appendLine appends a record without its line ends, and a line end. One inside of a string, where JSON has none,
// becomes a byte that JSON has there neither.
func appendLine(dst, element []byte) []byte {
	from := len(dst)
	dst = append(append(dst, element...), '\n')
	line := dst[from : len(dst)-1]
	if bytes.IndexByte(line, '\n') < 0 {
		return dst
	}
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			if i++; i < len(line) && line[i] == '\n' {
				line[i] = 1
			}
		case c == '\n' && quoted:
			line[i] = 1
		case c == '\n':
			line[i] = ' '
		}
	}
	return dst
}
