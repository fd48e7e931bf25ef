package decode

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// The ways in which container runtimes wrap the lines of a log.
const (
	// UnwrapDocker is that of Docker's json-file driver: {"log":"…\n","stream":"stdout","time":"…"}.
	UnwrapDocker = "docker"
	// UnwrapCRI is that of Kubernetes: 2026-03-14T09:26:53.123Z stdout F ….
	UnwrapCRI = "cri"
)

// unwrapped takes the lines of a log out of what a container runtime has wrapped around them, and leaves them to
// another decoder. A long line, which the runtime has cut, is joined again from its parts, those of standard output and
// of standard error apart. Its Split ends no block within one, so that nothing has to be known of the block before.
type unwrapped struct {
	parse   wrapping
	inner   Decoder
	inPlace bool
	// text is the memory of the lines if the inner decoder keeps no spans of them.
	text   []byte
	starts []uint32
	open   [2]partial // by stream
	bad    []record.Reject
}

// partial is what has been read of a line that was cut.
type partial struct {
	text   []byte
	line   int
	isOpen bool
}

// wrapping takes apart a line of a wrapped log.
type wrapping func(line []byte) (p part, ok bool)

// part is a line of a log, or a part of one.
type part struct {
	text []byte
	// escaped says that the text has escapes as JSON has them.
	escaped bool
	// more says that the line goes on in the next part of the same stream.
	more   bool
	stream int // 0 is standard output, 1 standard error
}

// wrappingOf returns the wrapping of a name, nil if there is none.
func wrappingOf(name string) wrapping {
	switch name {
	case UnwrapDocker:
		return dockerPart
	case UnwrapCRI:
		return criPart
	default:
		return nil
	}
}

// unwrap makes a format of wrapped lines of one whose records are lines.
func unwrap(f Format, parse wrapping) Format {
	inner := f.New
	f.Split, f.EachLine = func(data []byte) int { return splitParts(data, parse) }, false
	f.New = func(s *record.Schema, seed uint64) Decoder {
		return &unwrapped{parse: parse, inner: inner(s, seed), inPlace: f.InPlace}
	}
	return f
}

// Unwrapped makes a format of lines that a container runtime has wrapped of one whose records are lines.
func Unwrapped(f Format, name string) (Format, error) {
	parse := wrappingOf(name)
	if parse == nil {
		return f, fmt.Errorf("lines cannot be unwrapped by %q", name)
	}
	return unwrap(f, parse), nil
}

// SetFile implements FileDecoder.
func (d *unwrapped) SetFile(path string) {
	if inner, ok := d.inner.(FileDecoder); ok {
		inner.SetFile(path)
	}
}

// splitParts returns the length of the longest prefix of data that is whole lines none of which goes on behind it.
func splitParts(data []byte, parse wrapping) int {
	whole, at := 0, 0
	var open [2]bool
	for {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			return whole
		}
		if p, ok := parse(data[at : at+n]); ok {
			open[p.stream] = p.more
		}
		if at += n + 1; !open[0] && !open[1] {
			whole = at
		}
	}
}

// Decode implements Decoder.
func (d *unwrapped) Decode(_, data []byte, b *record.Batch) {
	text := d.text[:0]
	if d.inPlace {
		// The memory of the batch stays as it is until the batch has been used.
		text = b.Bytes[:0]
	}
	d.starts, d.bad = d.starts[:0], d.bad[:0]
	lines := 0
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		text = d.take(text, line, lines)
		lines++
	}
	for i := range d.open {
		if o := &d.open[i]; o.isOpen {
			d.reject(o.line, "the line is cut: its last part is missing")
			*o = partial{text: o.text[:0]}
		}
	}
	n := len(text)
	text = append(text, make([]byte, Padding)...)
	d.inner.Decode(nil, text[:n], b)
	if !d.inPlace {
		d.text = text
	} else if len(b.Bytes) == n {
		b.Bytes = text[:n] // with the room behind it, for the next time
	}
	relocate(b, d.starts)
	if len(d.bad) > 0 {
		b.Rejects = append(b.Rejects, d.bad...)
		slices.SortStableFunc(b.Rejects, func(x, y record.Reject) int { return cmp.Compare(x.Line, y.Line) })
	}
	b.Lines = lines
}

// take unwraps a line and appends it to text, if it is whole.
func (d *unwrapped) take(text, line []byte, at int) []byte {
	if len(bytes.TrimSpace(line)) == 0 {
		return text
	}
	p, ok := d.parse(line)
	if !ok {
		d.reject(at, "the line is not as the container runtime writes it")
		return text
	}
	o := &d.open[p.stream]
	if !o.isOpen && !p.more {
		from := len(text)
		text = p.append(text)
		return d.end(text, from, at)
	}
	if !o.isOpen {
		o.isOpen, o.line = true, at
	}
	if o.text = p.append(o.text); p.more {
		return text
	}
	from := len(text)
	text = d.end(append(text, o.text...), from, o.line)
	*o = partial{text: o.text[:0]}
	return text
}

// append appends the text of a part, which is as it was if an escape is wrong: the inner decoder sees that.
func (p *part) append(dst []byte) []byte {
	if !p.escaped {
		return append(dst, p.text...)
	}
	from := len(dst)
	dst, end := unquoteText(dst, p.text, 0)
	if end < 0 {
		dst = append(dst[:from], p.text...)
	}
	return dst
}

// end makes a line of text from a byte on, and notes where it began.
func (d *unwrapped) end(text []byte, from, line int) []byte {
	if len(text) == from || text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	for range bytes.Count(text[from:], []byte{'\n'}) {
		d.starts = append(d.starts, uint32(line))
	}
	return text
}

func (d *unwrapped) reject(line int, detail string) {
	d.bad = append(d.bad, record.Reject{Line: line, Reason: record.Malformed, Detail: detail})
}

// relocate makes line numbers of data of those of the lines that were taken out of them.
func relocate(b *record.Batch, starts []uint32) {
	for i, line := range b.RowLines {
		b.RowLines[i] = starts[line]
	}
	for i := range b.Rejects {
		b.Rejects[i].Line = int(starts[b.Rejects[i].Line])
	}
}

// criPart takes apart a line of the form "time stream tags text", of whose tags the first is P for a part of a line and
// F for its end.
func criPart(line []byte) (p part, ok bool) {
	when, rest, _ := bytes.Cut(line, []byte{' '})
	stream, rest, _ := bytes.Cut(rest, []byte{' '})
	tags, text, _ := bytes.Cut(rest, []byte{' '})
	tag, _, _ := bytes.Cut(tags, []byte{':'})
	if len(when) == 0 || len(tag) != 1 || tag[0] != 'P' && tag[0] != 'F' {
		return p, false
	}
	p.text, p.more = text, tag[0] == 'P'
	switch string(stream) {
	case "stdout":
	case "stderr":
		p.stream = 1
	default:
		return p, false
	}
	return p, true
}

// dockerPart takes apart a line of Docker's json-file driver. The text of a part that is not the last one of its line
// has no line end.
func dockerPart(line []byte) (p part, ok bool) {
	const begin = `{"log":"`
	if !bytes.HasPrefix(line, []byte(begin)) {
		return slowDockerPart(line)
	}
	end := len(begin)
	for ; end < len(line) && line[end] != '"'; end++ {
		if line[end] == '\\' {
			end++
		}
	}
	line = bytes.TrimRight(line, "\r ")
	if end >= len(line) || line[len(line)-1] != '}' {
		return p, false
	}
	// The closing quote ends the text for unquoteText.
	p.text, p.escaped = line[len(begin):end+1], true
	text := line[len(begin):end]
	slashes := 0
	for i := len(text) - 2; i >= 0 && text[i] == '\\'; i-- {
		slashes++
	}
	p.more = len(text) == 0 || text[len(text)-1] != 'n' || slashes%2 == 0
	if bytes.Contains(line[end:], []byte(`"stream":"stderr"`)) {
		p.stream = 1
	}
	return p, true
}

// slowDockerPart is dockerPart for lines with blanks, or with the fields in another order.
func slowDockerPart(line []byte) (p part, ok bool) {
	var fields struct {
		Log    *string `json:"log"`
		Stream string  `json:"stream"`
	}
	if err := json.Unmarshal(line, &fields); err != nil || fields.Log == nil {
		return p, false
	}
	p.text = []byte(*fields.Log)
	p.more = !bytes.HasSuffix(p.text, []byte{'\n'})
	if fields.Stream == "stderr" {
		p.stream = 1
	}
	return p, true
}
