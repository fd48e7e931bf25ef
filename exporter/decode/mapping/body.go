package mapping

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"unicode/utf8"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// maxBody bounds what gzip may make of a body, in bytes. The platforms' own limits are around 6 MiB.
const maxBody = 8 << 20

// text is a part of the text of the decoder's tree.
type text struct{ from, to int }

// body decodes the value of a part: a text may be base64, gzip, JSON or CSV, one inside of the other.
func (d *Decoder) body(p *part, v decode.Value) (decode.Value, *fault) {
	contentType, _ := p.spec.ContentType.in(d.tree, d.roots).Text()
	encoding, _ := p.spec.Encoding.in(d.tree, d.roots).Text()
	var f *fault
	if v, f = d.steps(p.spec.Decode, v); f != nil {
		return v, f
	}
	if bytes.EqualFold(encoding, []byte("BASE64")) {
		if v, f = d.step("base64", v); f != nil {
			return v, f
		}
	}
	if k := v.Kind(); k == decode.String || k == decode.Bare {
		from, to := v.Span()
		if v, f = d.sniff(text{from, to}, contentType, encoding); f != nil {
			return v, f
		}
	}
	if p.spec.Select != nil {
		selected := p.spec.Select.in(d.tree, roots{record: v, path: d.roots.path})
		if selected.Kind() <= decode.Null {
			return v, faulty(record.Layout, "there is nothing at %s in the body", p.spec.Select)
		}
		v = selected
	}
	return v, nil
}

func (d *Decoder) steps(steps []string, v decode.Value) (decode.Value, *fault) {
	var f *fault
	for _, s := range steps {
		if v, f = d.step(s, v); f != nil {
			return v, f
		}
	}
	return v, nil
}

// step decodes a text once. Values that are no texts have been decoded by the format already and stay as they are.
func (d *Decoder) step(name string, v decode.Value) (decode.Value, *fault) {
	if name == "each-json" {
		return d.eachJSON(v), nil
	}
	if k := v.Kind(); k != decode.String && k != decode.Bare {
		return v, nil
	}
	from, to := v.Span()
	switch name {
	case "base64":
		to, err := d.base64(from, to)
		if err != nil {
			return v, faulty(record.Malformed, "the body is not base64: %v", err)
		}
		return d.tree.AddText(decode.String, from, to), nil
	case "gzip":
		t, f := d.gunzip(text{from, to})
		return d.tree.AddText(decode.String, t.from, t.to), f
	case "csv":
		return d.csv(text{from, to})
	default:
		return d.documents(text{from, to}, false)
	}
}

// base64 decodes a text in its place, with or without padding, in the standard or the URL's alphabet.
func (d *Decoder) base64(from, to int) (end int, err error) {
	b := d.tree.Slice(from, to)
	for i, c := range b {
		switch c {
		case '-':
			b[i] = '+'
		case '_':
			b[i] = '/'
		}
	}
	b = bytes.TrimRight(b, "=\r\n ")
	n, err := base64.RawStdEncoding.Decode(b, b)
	if err != nil {
		return 0, err
	}
	if n < to-from {
		d.tree.Cut(from + n)
	}
	return from + n, nil
}

func isGzip(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }

// gunzip unpacks a text.
func (d *Decoder) gunzip(t text) (text, *fault) {
	if d.gzip == nil {
		d.gzip = &gzip.Reader{}
	}
	if err := d.gzip.Reset(bytes.NewReader(d.tree.Slice(t.from, t.to))); err != nil {
		return t, faulty(record.Malformed, "the body is not gzip: %v", err)
	}
	out, err := io.ReadAll(io.LimitReader(d.gzip, maxBody+1))
	switch {
	case len(out) > maxBody:
		return t, faulty(record.TooLong, "the body has more than %d bytes when it is unpacked", maxBody)
	case err != nil:
		return t, faulty(record.Malformed, "the body is not gzip: %v", err)
	}
	from, to := d.tree.Load(out)
	return text{from, to}, nil
}

// sniff decodes a text by what its record says of it, as far as that can be, and else by how it begins.
func (d *Decoder) sniff(t text, contentType, encoding []byte) (decode.Value, *fault) {
	if isGzip(d.tree.Slice(t.from, t.to)) {
		var f *fault
		if t, f = d.gunzip(t); f != nil {
			return decode.Value{}, f
		}
	}
	b := d.tree.Slice(t.from, t.to)
	if isBinary(b) {
		return decode.Value{}, faulty(record.BinaryBody, "the body is no text; it begins with %q", clip(b[:min(len(b), 8)]))
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	isJSON := bytes.Contains(contentType, []byte("json")) || bytes.EqualFold(encoding, []byte("JSON"))
	lines := bytes.Contains(contentType, []byte("jsonl")) || bytes.Contains(contentType, []byte("ndjson"))
	switch {
	case len(b) == 0:
		return decode.Value{}, faulty(record.NoBody, "the body is empty")
	case b[0] == '{' || b[0] == '[' || lines:
		return d.documents(t, lines)
	case isJSON || b[0] == '"' && !bytes.Contains(contentType, []byte("csv")):
		if v, f := d.documents(t, lines); f == nil {
			return v, nil
		}
	}
	return d.csv(t)
}

// isBinary reports whether bytes are no text, by the first of them.
func isBinary(b []byte) bool {
	if bytes.HasPrefix(b, []byte("\x93NUMPY")) || bytes.HasPrefix(b, []byte("\x89PNG")) {
		return true
	}
	b = b[:min(len(b), 512)]
	if bytes.IndexByte(b, 0) >= 0 {
		return true
	}
	for len(b) > utf8.UTFMax {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return true
		}
		b = b[n:]
	}
	return false
}

// documents reads a text of JSON: one value, or several one after the other, which are the parts of a list. A list of
// one is made of one value if the text is JSON Lines.
func (d *Decoder) documents(t text, lines bool) (decode.Value, *fault) {
	list := d.tree.Open(decode.List)
	n := 0
	var last decode.Value
	for at := t.from; ; n++ {
		if at = d.tree.SkipBlanks(at, t.to); at == t.to && n > 0 {
			break
		}
		v, end, err := d.tree.JSON(at, t.to)
		if err != nil {
			return v, faulty(record.Malformed, "the body is not JSON: %v", err)
		}
		last, at = v, end
	}
	d.tree.Close(list, n)
	if n == 1 && !lines {
		return last, nil
	}
	return list, nil
}

// eachJSON reads the JSON texts in a list. One that is no JSON stays a text.
func (d *Decoder) eachJSON(v decode.Value) decode.Value {
	if v.Kind() != decode.List {
		return v
	}
	list := d.tree.Open(decode.List)
	parts := v.Parts()
	for part, ok := parts.Next(); ok; part, ok = parts.Next() {
		if part.Kind() == decode.String {
			from, to := part.Span()
			if _, err := d.tree.OneJSON(from, to); err == nil {
				continue
			}
		}
		d.tree.AddCopy(part)
	}
	d.tree.Close(list, v.Len())
	return list
}

// csv reads a text of comma-separated values: a list of rows.
func (d *Decoder) csv(t text) (decode.Value, *fault) {
	if bytes.HasPrefix(d.tree.Slice(t.from, t.to), []byte("\xef\xbb\xbf")) {
		t.from += 3
	}
	list := d.tree.Open(decode.List)
	n := 0
	for at := t.from; at < t.to; {
		row, end, err := d.tree.CSVRow(at, t.to)
		if err != nil {
			return list, faulty(record.Malformed, "the body is not CSV: %v", err)
		}
		if row.Kind() != decode.None {
			n++
		}
		at = end
	}
	d.tree.Close(list, n)
	return list, nil
}
