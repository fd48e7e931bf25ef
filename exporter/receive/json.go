package receive

import (
	"bytes"
	"errors"
	"fmt"
)

// maxDepth is how deep lists and objects may lie inside each other.
const maxDepth = 512

// errCut says that JSON ends before it is complete.
var errCut = errors.New("the JSON is cut: it ends before its last bracket")

// skipSpace returns the place of the next byte from i on that is no white space of JSON.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// nesting remembers which of the open brackets are those of objects.
type nesting struct {
	objects [maxDepth / 64]uint64
	depth   int
}

func (n *nesting) push(object bool) bool {
	if n.depth == maxDepth {
		return false
	}
	word, bit := &n.objects[n.depth/64], uint64(1)<<(n.depth%64)
	if object {
		*word |= bit
	} else {
		*word &^= bit
	}
	n.depth++
	return true
}

func (n *nesting) inObject() bool { return n.objects[(n.depth-1)/64]>>((n.depth-1)%64)&1 == 1 }

// scan returns where the JSON value ends that begins at i, behind white space. It is as strict as RFC 8259, except that
// NaN, Infinity and -Infinity may stand for numbers, as libraries for numeric data write them and the decoders read
// them.
func scan(b []byte, i int) (end int, err error) {
	var open nesting
	for {
		i = skipSpace(b, i)
		if i == len(b) {
			return i, errCut
		}
		switch c := b[i]; c {
		case '{', '[':
			if !open.push(c == '{') {
				return i, fmt.Errorf("the JSON has more than %d brackets inside each other", maxDepth)
			}
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == c+2 { // '}' and ']' are two behind '{' and '['
				open.depth--
				i++
				break
			}
			if c == '{' {
				if i, err = scanKey(b, i); err != nil {
					return i, err
				}
			}
			continue
		case '"':
			i, err = scanString(b, i)
		default:
			i, err = scanWord(b, i)
		}
		if err != nil {
			return i, err
		}
		i, err = scanBehind(b, i, &open)
		if err != nil || open.depth == 0 {
			return i, err
		}
	}
}

// scanBehind goes from behind a value to the next one, or behind the outermost one.
func scanBehind(b []byte, i int, open *nesting) (end int, err error) {
	for open.depth > 0 {
		i = skipSpace(b, i)
		switch {
		case i == len(b):
			return i, errCut
		case b[i] == ',' && open.inObject():
			return scanKey(b, skipSpace(b, i+1))
		case b[i] == ',':
			return i + 1, nil
		case b[i] == '}' && open.inObject(), b[i] == ']' && !open.inObject():
			open.depth--
			i++
		default:
			return i, unexpected(b, i)
		}
	}
	return i, nil
}

// scanKey goes behind the key of an object and its colon.
func scanKey(b []byte, i int) (end int, err error) {
	if i < len(b) && b[i] != '"' {
		return i, unexpected(b, i)
	}
	if i, err = scanString(b, i); err != nil {
		return i, err
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] != ':' {
		return i, unexpected(b, i)
	}
	if i == len(b) {
		return i, errCut
	}
	return i + 1, nil
}

func unexpected(b []byte, i int) error {
	return fmt.Errorf("this is no JSON: %q at byte %d is out of place", b[i], i+1)
}

// scanString goes behind the string whose opening quote is at i.
func scanString(b []byte, i int) (end int, err error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			if i, err = scanEscape(b, i+1); err != nil {
				return i, err
			}
		case c < ' ':
			return i, unexpected(b, i)
		}
	}
	return len(b), errCut
}

// scanEscape returns the place of the last byte of an escape whose first byte behind the backslash is at i.
func scanEscape(b []byte, i int) (last int, err error) {
	switch {
	case i >= len(b):
		return i, errCut
	case bytes.IndexByte([]byte(`"\/bfnrt`), b[i]) >= 0:
		return i, nil
	case b[i] != 'u':
		return i, unexpected(b, i)
	}
	for range 4 {
		i++
		if i >= len(b) {
			return i, errCut
		}
		if c := b[i] | 0x20; !isDigit(b[i]) && (c < 'a' || c > 'f') {
			return i, unexpected(b, i)
		}
	}
	return i, nil
}

// words are the values that are written as words.
var words = [...]string{"true", "false", "null", "NaN", "Infinity", "-Infinity"}

// scanWord goes behind the word or number at i.
func scanWord(b []byte, i int) (end int, err error) {
	for _, w := range words {
		if len(b)-i >= len(w) && string(b[i:i+len(w)]) == w {
			return i + len(w), nil
		}
	}
	from := i
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && isDigit(b[i]):
		i = skipDigits(b, i)
	default:
		return from, unexpected(b, from)
	}
	if i < len(b) && b[i] == '.' {
		digits := i + 1
		if i = skipDigits(b, digits); i == digits {
			return from, unexpected(b, from)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		digits := i
		if i = skipDigits(b, digits); i == digits {
			return from, unexpected(b, from)
		}
	}
	return i, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func skipDigits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// isJSON reports whether b is one JSON value and nothing else.
func isJSON(b []byte) bool {
	end, err := scan(b, 0)
	return err == nil && skipSpace(b, end) == len(b)
}

// appendFlat appends a JSON value as one line without its newline. Inside of a value a newline is white space.
func appendFlat(dst, value []byte) []byte {
	from := len(dst)
	dst = append(dst, value...)
	for at := from; ; {
		n := bytes.IndexByte(dst[at:], '\n')
		if n < 0 {
			return dst
		}
		at += n
		dst[at] = ' '
	}
}
