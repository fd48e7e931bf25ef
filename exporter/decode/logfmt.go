package decode

import (
	"bytes"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Logfmt reads lines of pairs, as in age=41 plan="gold plus": what slog's text handler and many loggers write. It
// belongs to one goroutine.
//
// A key is all up to an equals sign. A value is all up to a blank; one that begins with a quote goes on up to the next
// quote, and a backslash in it escapes as in Go and in JSON. A key without an equals sign has no value. Quotes make no
// difference between numbers and strings. A path of the schema is a key with dots; texts of Schema.Missing are missing.
type Logfmt struct {
	keyed *keyed
	// order has the keys of the last records by their place in the line. Most logs write them in the same order.
	order  []expected
	padded []byte
}

// expected is a key that is likely to come next.
type expected struct {
	literal literal // the key and the equals sign
	key     *key
}

// maxOrder bounds the places in a line of which the key is remembered.
const maxOrder = 256

// NewLogfmt returns a decoder for the schema. Ids are hashed with the seed.
func NewLogfmt(s *record.Schema, seed uint64) *Logfmt { return &Logfmt{keyed: newKeyed(s, seed)} }

// Decode implements Decoder.
func (d *Logfmt) Decode(_, data []byte, b *record.Batch) {
	k := d.keyed
	k.begin(b)
	n := len(data)
	if cap(data)-n < Padding || data[:n+1][n] != 0 && n > 0 && data[n-1] != '\n' {
		// A number must not seem to go on behind the data.
		d.padded = append(append(d.padded[:0], data...), make([]byte, Padding)...)
		data = d.padded
	}
	wide := data[:n+Padding]
	for i := 0; i < n; b.Lines++ {
		end := i + bytes.IndexByte(wide[i:n], '\n')
		if end < i {
			end = n
		}
		d.line(wide, i, end)
		i = end + 1
	}
	k.end()
}

// line reads the line b[i:end].
func (d *Logfmt) line(b []byte, i, end int) {
	k := d.keyed
	k.start()
	pairs, keys := 0, 0
	for {
		if i = skipBlanks(b, i, end); i == end {
			break
		}
		var at *key
		if pairs < len(d.order) && i+d.order[pairs].literal.length <= end && d.order[pairs].literal.at(b, i) {
			at = d.order[pairs].key
			i += d.order[pairs].literal.length
		} else {
			equals := keyEnd(b, i, end)
			if equals == i || equals < end && b[equals] == '"' {
				k.reject(k.batch.Lines, record.Malformed, "no key=value where "+strconv.Quote(string(clip(b[i:end])))+" stands")
				return
			}
			if equals == end || b[equals] != '=' {
				keys++
				k.set(k.keys[string(b[i:equals])], &value{form: formNull})
				i = equals
				continue
			}
			at = k.at(b[i:equals])
			d.expect(pairs, b[i:equals+1], at)
			i = equals + 1
		}
		pairs++
		var v value
		if i = d.value(b, i, end, &v); i < 0 {
			k.reject(k.batch.Lines, record.Malformed, "a quoted value is cut, has a bad escape, or goes on behind its quote")
			return
		}
		k.set(at, &v)
	}
	switch {
	case pairs > 0:
		k.finish(k.batch.Lines)
	case keys > 0:
		k.reject(k.batch.Lines, record.Malformed, "a line without any key=value")
	}
}

// expect remembers a key and its place.
func (d *Logfmt) expect(place int, text []byte, at *key) {
	if place >= maxOrder || len(text) > maxLiteral || at == nil {
		return
	}
	e := expected{newLiteral(text), at}
	if place < len(d.order) {
		d.order[place] = e
	} else if place == len(d.order) {
		d.order = append(d.order, e)
	}
}

// value reads the value at b[i], and returns the index behind it; -1 if it is malformed.
func (d *Logfmt) value(b []byte, i, end int, v *value) int {
	if i == end || b[i] != '"' {
		to := min(blankFrom(b, i), end)
		v.form, v.text = formRaw, b[i:to]
		return to
	}
	to, _ := stringEnd(b, i+1)
	if to > 0 && to < end {
		v.form, v.text = formRaw, b[i+1:to]
	} else {
		k := d.keyed
		from := len(k.text)
		k.text, to = unquoteText(k.text, b[:end], i+1)
		if to < 0 {
			return -1
		}
		v.form, v.text = formText, k.text[from:]
	}
	if to+1 < end && b[to+1] > ' ' {
		return -1
	}
	return to + 1
}

// skipBlanks is the index of the first byte from i on that is no blank or control character.
func skipBlanks(b []byte, i, end int) int {
	for i < end && b[i] <= ' ' {
		i++
	}
	return i
}

// keyEnd is the index of the first equals sign, quote or blank from i on.
func keyEnd(b []byte, i, end int) int {
	for i < end && b[i] > ' ' && b[i] != '=' && b[i] != '"' {
		i++
	}
	return i
}

// blankFrom is the index of the first blank or control character from i on. One is in the padding of b, if not before.
func blankFrom(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		v := load8(b, i)
		// The lowest high bit that is set marks the first such byte, as in stringEnd.
		if stop := (v - 0x2121212121212121) &^ v & highs; stop != 0 {
			return i + bits.TrailingZeros64(stop)>>3
		}
	}
	return len(b)
}

// unquoteText appends the quoted text that begins at b[i], and returns the index of its closing quote; -1 if there is
// none or an escape is wrong.
func unquoteText(dst, b []byte, i int) (text []byte, end int) {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return dst, i
		case c != '\\':
			dst = append(dst, c)
			i++
		case i+1 == len(b):
			return dst, -1
		case b[i+1] == 'x':
			if dst, i = unquoteCode(dst, b, i+2, 2); i < 0 {
				return dst, -1
			}
		case b[i+1] == 'u':
			if dst, i = unquoteCode(dst, b, i+2, 4); i < 0 {
				return dst, -1
			}
		case b[i+1] == 'U':
			if dst, i = unquoteCode(dst, b, i+2, 8); i < 0 {
				return dst, -1
			}
		default:
			at := strings.IndexByte(`"\/'abfnrtv`, b[i+1])
			if at < 0 {
				return dst, -1
			}
			dst = append(dst, "\"\\/'\a\b\f\n\r\t\v"[at])
			i += 2
		}
	}
	return dst, -1
}

// unquoteCode appends what the hexadecimal digits at b[i] stand for, two a byte and more a character, and returns the
// index behind them, or -1.
func unquoteCode(dst, b []byte, i, digits int) (text []byte, next int) {
	code, ok := hexCode(b, i, digits)
	next = i + digits
	if !ok {
		return dst, -1
	}
	if digits == 2 {
		return append(dst, byte(code)), next
	}
	if utf16.IsSurrogate(code) && next+6 <= len(b) && b[next] == '\\' && b[next+1] == 'u' {
		if low, ok := hexCode(b, next+2, 4); ok {
			if pair := utf16.DecodeRune(code, low); pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), next + 6
			}
		}
	}
	return utf8.AppendRune(dst, code), next
}

func hexCode(b []byte, i, digits int) (rune, bool) {
	if i+digits > len(b) {
		return 0, false
	}
	code, err := strconv.ParseUint(string(b[i:i+digits]), 16, 32)
	if err != nil {
		return 0, false
	}
	return rune(min(code, utf8.MaxRune+1)), true
}

// LogfmtFields calls note for the key of every pair in data, as far as its lines are not malformed.
func LogfmtFields(data []byte, note func(key []byte)) {
	d := NewLogfmt(&record.Schema{}, 0)
	wide := append(slices.Clip(data), make([]byte, Padding)...)
	for i := 0; i < len(data); {
		end := i + bytes.IndexByte(wide[i:len(data)], '\n')
		if end < i {
			end = len(data)
		}
		d.fields(wide, i, end, note)
		i = end + 1
	}
}

// fields calls note for the keys of a line.
func (d *Logfmt) fields(b []byte, i, end int, note func(key []byte)) {
	for i = skipBlanks(b, i, end); i < end; i = skipBlanks(b, i, end) {
		equals := keyEnd(b, i, end)
		if equals == i || equals < end && b[equals] == '"' {
			return
		}
		if equals == end || b[equals] != '=' {
			i = equals
			continue
		}
		note(b[i:equals])
		if i = d.value(b, equals+1, end, new(value)); i < 0 {
			return
		}
	}
}
