package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// slow reads a line with encoding/json: the line holds an escape, a duplicate key, odd nesting, a value of the wrong
// type, or is no record at all. Among keys given twice the last one counts.
func (d *JSONL) slow(line []byte) {
	line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
	if len(line) == 0 {
		return
	}
	value, err := ParseJSON(line)
	if err != nil {
		d.reject(record.Malformed, "not JSON: "+err.Error())
		return
	}
	top, ok := value.(map[string]any)
	if !ok {
		d.reject(record.WrongType, "not a JSON object")
		return
	}
	for i := range d.slots {
		if s := &d.slots[i]; s.role == roleWhere {
			value, _ := find(top, s.paths)
			text, ok := textOf(value)
			if !ok || text != d.schema.Where[s.index].Value {
				d.batch.Skipped++
				return
			}
		}
	}
	if name := misplaced(top, d.slots); name != "" {
		d.reject(record.WrongType, fmt.Sprintf("field %s is not an object", name))
		return
	}
	d.startRow()
	for i := range d.slots {
		value, there := find(top, d.slots[i].paths)
		if !d.take(&d.slots[i], value, there) {
			d.takeBack()
			return
		}
	}
	d.visitUnknown(top, d.root)
	d.keepRow()
}

// visitUnknown notes the unknown keys of an object.
func (d *JSONL) visitUnknown(values map[string]any, o *object) {
	for key, value := range values {
		p := o.at([]byte(key))
		below, ok := value.(map[string]any)
		switch {
		case ok && p.child != nil:
			p.child.row = d.row
			d.visitUnknown(below, p.child)
		case p.slots == nil:
			d.visit(p)
		}
	}
}

// take stores a value from encoding/json, which there says the record has, and reports whether the record can be kept.
func (d *JSONL) take(s *slot, value any, there bool) bool {
	b := d.batch
	switch s.role {
	case roleTime:
		t, ok := timeOf(value)
		if !ok {
			text, _ := json.Marshal(value)
			d.reject(record.NoTime, fmt.Sprintf("field %s is no time: %s; use RFC 3339 or an epoch number",
				fieldName(d.schema.Time), clip(text)))
			return false
		}
		b.Times = append(b.Times, t)
	case roleID:
		var id uint64
		if text, ok := textOf(value); ok {
			id = hashID(d.seed, []byte(text))
		}
		b.IDs = append(b.IDs, id)
	case roleIDPart:
		d.idParts[s.index] = d.span(value)
	case roleVersion:
		span := d.span(value)
		if !span.IsString() {
			span = record.Absent
		}
		b.Versions = append(b.Versions, span)
	case roleNumber:
		c := &b.Columns[s.index]
		x, wrong := numberOf(value)
		if wrong {
			c.Wrong = append(c.Wrong, uint32(b.Rows))
		}
		if text, ok := value.(string); wrong && ok && isQuotedNumber([]byte(text)) {
			c.Quoted = append(c.Quoted, uint32(b.Rows))
		}
		c.Numbers = append(c.Numbers, x)
		if !there {
			c.Lacking++
		}
	case roleText:
		c := &b.Columns[s.index]
		c.Spans = append(c.Spans, d.span(value))
		if _, ok := value.(json.Number); ok {
			c.Bare = append(c.Bare, uint32(b.Rows))
		}
		if !there {
			c.Lacking++
		}
	}
	return true
}

// span keeps a value as text in the batch's own memory.
func (d *JSONL) span(value any) record.Span {
	if value == nil {
		return record.Absent
	}
	text, ok := textOf(value)
	if !ok {
		return record.Wrong
	}
	b := d.batch
	span := record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(text))}
	b.Bytes = append(b.Bytes, text...)
	return span
}

// ParseJSON parses one JSON value, in which NaN and infinities may stand as numbers; they become null.
func ParseJSON(line []byte) (any, error) {
	value, err := parseStrict(line)
	if err != nil {
		if finite := withoutNotFinite(line); finite != nil {
			value, err = parseStrict(finite)
		}
	}
	return value, err
}

func parseStrict(line []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the line is cut after %d bytes", len(line))
		}
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more behind the record")
	}
	return value, nil
}

// withoutNotFinite returns the line with null for every NaN and infinity outside strings, or nil if there is none.
func withoutNotFinite(line []byte) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(line); i++ {
		if line[i] == '"' {
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
			}
			continue
		}
		if n := notFinite(line, i); n > 0 {
			out = append(append(out, line[from:i]...), "null"...)
			i += n - 1
			from = i + 1
		}
	}
	if from == 0 {
		return nil
	}
	return append(out, line[from:]...)
}

// find returns the value at the first of the paths that leads to one. A null counts as a value.
func find(top map[string]any, paths [][]string) (value any, there bool) {
	for _, path := range paths {
		if value, ok := lookup(top, path); ok {
			return value, true
		}
	}
	return nil, false
}

// isQuotedNumber reports whether a string is a finite decimal number.
func isQuotedNumber(s []byte) bool {
	_, kind := numText(s)
	return kind == numFinite
}

func lookup(o map[string]any, path []string) (any, bool) {
	for _, key := range path[:len(path)-1] {
		below, ok := o[key].(map[string]any)
		if !ok {
			return nil, false
		}
		o = below
	}
	value, ok := o[path[len(path)-1]]
	return value, ok
}

// misplaced returns the name of a field under which columns should stand but that is no object, "" if there is none.
// A missing or null field is no fault: its columns are missing.
func misplaced(top map[string]any, all []slot) string {
	for i := range all {
		path := all[i].paths[0]
		o := top
		for depth, key := range path[:len(path)-1] {
			value, ok := o[key]
			if !ok || value == nil {
				break
			}
			if o, ok = value.(map[string]any); !ok {
				return fieldName(path[:depth+1])
			}
		}
	}
	return ""
}

// textOf returns a scalar as text; numbers as they were written.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}

// numberOf returns a number; NaN where there is none, and whether that is because of the value's type.
func numberOf(value any) (x float64, wrong bool) {
	switch v := value.(type) {
	case nil:
		return math.NaN(), false
	case json.Number:
		x, err := strconv.ParseFloat(v.String(), 64)
		if err != nil { // out of range
			return math.NaN(), false
		}
		return x, false
	case string:
		return math.NaN(), !IsNotFinite(v)
	default:
		return math.NaN(), true
	}
}

// IsNotFinite reports whether a text is a name of NaN or an infinity.
func IsNotFinite[T string | []byte](s T) bool {
	if len(s) == 0 || len(s) > len("-infinity") {
		return false
	}
	if last := s[len(s)-1] | 0x20; last != 'n' && last != 'f' && last != 'y' {
		return false
	}
	word := strings.ToLower(strings.TrimLeft(string(s), "+-"))
	return word == "nan" || word == "inf" || word == "infinity"
}

func timeOf(value any) (int64, bool) {
	switch v := value.(type) {
	case string:
		return parseTime([]byte(v))
	case json.Number:
		return epochText([]byte(v.String()))
	default:
		return 0, false
	}
}

// clip shortens a value for a message.
func clip(text []byte) []byte {
	const most = 64
	if len(text) > most {
		return append(text[:most:most], "…"...)
	}
	return text
}
