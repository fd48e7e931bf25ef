package decode

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// maxTreeDepth bounds the nesting of lists and objects, so that no record exhausts the stack.
const maxTreeDepth = 128

// errCut says that a value has no end.
var errCut = errors.New("it ends in the midst of a value")

// JSON adds the JSON value that stands in the tree's text from a place on, and returns it with the place behind it. The
// text is overwritten where strings have escapes. NaN and infinities, which Python writes as bare words, are Null.
// Bytes that are no UTF-8 become U+FFFD. A byte order mark is passed over. After an error nothing was added.
func (t *Tree) JSON(from, to int) (v Value, end int, err error) {
	p := treeParser{t: t, to: to}
	before := len(t.nodes)
	if bytes.HasPrefix(t.text[from:to], []byte("\xef\xbb\xbf")) {
		from += 3
	}
	end, err = p.value(t.SkipBlanks(from, to), 0)
	if err != nil {
		t.nodes = t.nodes[:before]
		return Value{}, 0, err
	}
	return Value{t, int32(before)}, end, nil
}

// OneJSON is JSON of a text that holds one value and nothing else.
func (t *Tree) OneJSON(from, to int) (Value, error) {
	before := len(t.nodes)
	v, end, err := t.JSON(from, to)
	if err != nil {
		return Value{}, err
	}
	if end = t.SkipBlanks(end, to); end < to {
		t.nodes = t.nodes[:before]
		return Value{}, fmt.Errorf("there is more behind the value, from byte %d on", end-from+1)
	}
	return v, nil
}

// SkipBlanks returns the first place of the text that is no white space.
func (t *Tree) SkipBlanks(from, to int) int {
	for from < to && isBlank(t.text[from]) {
		from++
	}
	return from
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

type treeParser struct {
	t  *Tree
	to int
}

// value adds the value at i, which is no blank, and returns the place behind it.
func (p *treeParser) value(i, depth int) (int, error) {
	if i >= p.to {
		return 0, errCut
	}
	t := p.t
	switch c := t.text[i]; {
	case c == '"':
		from, to, end, err := p.text(i + 1)
		if err == nil {
			t.AddText(String, from, to)
		}
		return end, err
	case c == '{' || c == '[':
		if depth >= maxTreeDepth {
			return 0, fmt.Errorf("it is nested more than %d deep", maxTreeDepth)
		}
		return p.parts(i, depth, c)
	case c == '-' && t.text[i+1] != 'I' || c-'0' <= 9:
		end := skipNumber(t.text[:cap(t.text)], i)
		if end < 0 || end > p.to {
			return 0, fmt.Errorf("byte %q begins no number", c)
		}
		t.AddText(Number, i, end)
		return end, nil
	default:
		return p.word(i)
	}
}

// word adds null, a truth value, or a bare NaN or infinity.
func (p *treeParser) word(i int) (int, error) {
	text := p.t.text[:p.to]
	kind, length := Null, notFinite(text, i)
	switch {
	case length > 0:
	case isWord(text, i, "null"):
		length = 4
	case isWord(text, i, "true"):
		kind, length = True, 4
	case isWord(text, i, "false"):
		kind, length = False, 5
	default:
		return 0, fmt.Errorf("byte %q begins no value", text[i])
	}
	p.t.Add(kind)
	return i + length, nil
}

// parts adds the list or object that opens at i.
func (p *treeParser) parts(i, depth int, opening byte) (int, error) {
	t := p.t
	kind, closing := List, byte(']')
	if opening == '{' {
		kind, closing = Object, '}'
	}
	v := t.Open(kind)
	n := 0
	if i = p.blanks(i + 1); i < p.to && t.text[i] == closing {
		t.Close(v, 0)
		return i + 1, nil
	}
	for {
		if kind == Object {
			next, err := p.key(i)
			if err != nil {
				return 0, err
			}
			i = next
		}
		next, err := p.value(i, depth+1)
		if err != nil {
			return 0, err
		}
		n++
		if i = p.blanks(next); i >= p.to {
			return 0, errCut
		}
		switch t.text[i] {
		case closing:
			t.Close(v, n)
			return i + 1, nil
		case ',':
			i = p.blanks(i + 1)
		default:
			return 0, fmt.Errorf("byte %q stands where a comma should", t.text[i])
		}
	}
}

// key adds the key at i and returns the place of its value.
func (p *treeParser) key(i int) (int, error) {
	t := p.t
	if i >= p.to {
		return 0, errCut
	}
	if t.text[i] != '"' {
		return 0, fmt.Errorf("byte %q stands where a key should", t.text[i])
	}
	from, to, end, err := p.text(i + 1)
	if err != nil {
		return 0, err
	}
	t.AddText(String, from, to)
	if i = p.blanks(end); i >= p.to {
		return 0, errCut
	}
	if t.text[i] != ':' {
		return 0, fmt.Errorf("byte %q stands where a colon should", t.text[i])
	}
	return p.blanks(i + 1), nil
}

func (p *treeParser) blanks(i int) int {
	for i < p.to && isBlank(p.t.text[i]) {
		i++
	}
	return i
}

// text reads the string whose first byte is at i. It returns where its text is, without escapes, and the place behind
// the closing quote.
func (p *treeParser) text(i int) (from, to, end int, err error) {
	t := p.t
	b := t.text[:cap(t.text)]
	from, to = i, i
	wide := false
	for {
		stop, high := textStop(b, i)
		wide = wide || high
		if stop >= p.to {
			return 0, 0, 0, errCut
		}
		if to != i {
			copy(b[to:], b[i:stop])
		}
		to += stop - i
		switch b[stop] {
		case '"':
			if to < stop {
				b[to] = 0
			}
			if wide && !utf8.Valid(b[from:to]) {
				from, to = t.Load([]byte(string([]rune(string(b[from:to])))))
			}
			return from, to, stop + 1, nil
		case '\\':
			var n int
			if i, n = unescape(b[to:], b[stop+1:p.to]); i == 0 {
				return 0, 0, 0, errors.New("a backslash begins no escape")
			}
			wide = wide || n > 1
			to += n
			i += stop + 1
		default:
			return 0, 0, 0, fmt.Errorf("byte %q stands in a string without an escape", b[stop])
		}
	}
}

// textStop returns the place of the first quote, backslash or control character from i on, of which there must be one,
// and whether there are bytes beyond ASCII before it.
func textStop(b []byte, i int) (stop int, wide bool) {
	var high uint64
	for i+8 <= len(b) {
		v := load8(b, i)
		quote := v ^ 0x2222222222222222
		slash := v ^ 0x5c5c5c5c5c5c5c5c
		// As in stringEnd, only the lowest bit that is set is certain.
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (v-0x2020202020202020)&^v) & highs
		if found == 0 {
			high |= v & highs
			i += 8
			continue
		}
		n := bits.TrailingZeros64(found) >> 3
		return i + n, (high | v&highs&(1<<(8*n)-1)) != 0
	}
	return len(b), high != 0
}

// unescape writes what an escape stands for to the beginning of out, which may overlap it from before. s is what
// follows the backslash. It returns how many bytes of s are the escape's, 0 if it is none, and how many were written.
func unescape(out, s []byte) (used, written int) {
	if len(s) == 0 {
		return 0, 0
	}
	const short, plain = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if k := bytes.IndexByte([]byte(short), s[0]); k >= 0 {
		out[0] = plain[k]
		return 1, 1
	}
	r := hexRune(s)
	if r < 0 {
		return 0, 0
	}
	used = 5
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if len(s) > 6 && s[5] == '\\' {
			low = hexRune(s[6:])
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			used = 11
		}
	}
	return used, utf8.EncodeRune(out, r)
}

// hexRune reads a u and four hexadecimal digits; it is -1 if that is not what s begins with.
func hexRune(s []byte) rune {
	if len(s) < 5 || s[0] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[1:5] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
