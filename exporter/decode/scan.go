package decode

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load8 returns the eight bytes at b[i:]. With both bounds, slicing takes half the instructions that b[i:] does.
func load8(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8]) }

// literal is a run of bytes that is compared sixteen at a time. The data it is compared with must be readable for
// Padding bytes behind its end.
type literal struct {
	// first and second are the first sixteen bytes, of which the masks cover those that belong to the literal.
	first, second, firstMask, secondMask uint64
	rest                                 string // what is behind the first sixteen bytes
	length                               int
}

func newLiteral(b []byte) literal {
	var head, mask [16]byte
	for i := range copy(head[:], b) {
		mask[i] = 0xff
	}
	return literal{
		first: load8(head[:], 0), second: load8(head[:], 8), firstMask: load8(mask[:], 0), secondMask: load8(mask[:], 8),
		rest: string(b[min(len(b), len(head)):]), length: len(b),
	}
}

// at reports whether the literal stands at b[i:].
func (l *literal) at(b []byte, i int) bool {
	if (load8(b, i)^l.first)&l.firstMask|(load8(b, i+8)^l.second)&l.secondMask != 0 {
		return false
	}
	return l.rest == "" || isWord(b, i+16, l.rest)
}

// blanks skips white space within a line.
func blanks(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// stringEnd returns the index of the quote that ends the string which begins at b[i], and whether the string holds
// bytes beyond ASCII. It returns -1 for a string that needs care: with an escape, a control character, or no end.
func stringEnd(b []byte, i int) (end int, wide bool) {
	var high uint64
	for i+8 <= len(b) {
		v := load8(b, i)
		// Taking one from a byte that has become 0 sets its high bit, as taking a blank from a control character does.
		// None of the three has its own high bit set. The lowest bit that is set marks the first of them; bits above it
		// may be wrong, for a borrow runs upwards.
		quote, slash := v^0x2222222222222222, v^0x5c5c5c5c5c5c5c5c
		stop := ((quote - ones) | (slash - ones) | (v - 0x2020202020202020)) &^ v & highs
		if stop == 0 {
			high |= v
			i += 8
			continue
		}
		n := bits.TrailingZeros64(stop) >> 3
		high |= v & (1<<(8*n) - 1)
		if b[i+n] != '"' {
			return -1, false
		}
		return i + n, high&highs != 0
	}
	return -1, false
}

// maxDepth bounds the nesting of values that are passed over here.
const maxDepth = 32

// skip returns the index behind the JSON value at b[i], or -1 if it is not one or needs care.
func skip(b []byte, i, depth int) int {
	switch c := b[i]; {
	case c == '"':
		end, _ := stringEnd(b, i+1)
		return end + 1 // 0 if there is no end
	case c == '-' || '0' <= c && c <= '9':
		return skipNumber(b, i)
	case c == '{' && depth < maxDepth:
		return skipMembers(b, i, depth, '}')
	case c == '[' && depth < maxDepth:
		return skipMembers(b, i, depth, ']')
	default:
		return skipWord(b, i)
	}
}

// skipMembers passes over an object or an array.
func skipMembers(b []byte, i, depth int, closing byte) int {
	i = blanks(b, i+1)
	if b[i] == closing {
		return i + 1
	}
	for {
		if closing == '}' {
			if b[i] != '"' {
				return -1
			}
			end, _ := stringEnd(b, i+1)
			if end < 0 {
				return -1
			}
			if i = blanks(b, end+1); b[i] != ':' {
				return -1
			}
			i = blanks(b, i+1)
		}
		if i = skip(b, i, depth+1); i <= 0 {
			return -1
		}
		i = blanks(b, i)
		switch b[i] {
		case closing:
			return i + 1
		case ',':
			i = blanks(b, i+1)
		default:
			return -1
		}
	}
}

// skipNumber passes over a number in JSON's grammar.
func skipNumber(b []byte, i int) int {
	digits := func() bool {
		from := i
		for b[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	if b[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if b[i] == '.' {
		i++
		if !digits() {
			return -1
		}
	}
	if b[i]|0x20 == 'e' {
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

// skipWord passes over null, true and false.
func skipWord(b []byte, i int) int {
	switch {
	case isWord(b, i, "null"), isWord(b, i, "true"):
		return i + 4
	case isWord(b, i, "false"):
		return i + 5
	default:
		return -1
	}
}

func isWord(b []byte, i int, word string) bool {
	return i+len(word) <= len(b) && string(b[i:i+len(word)]) == word
}

// notFinite returns the length of a word at b[i] that stands for no finite number in logs written by Python and others,
// though JSON has no such words; 0 if there is none.
func notFinite(b []byte, i int) int {
	if c := b[i]; c != 'N' && c != 'I' && c != '-' {
		return 0
	}
	for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
		if isWord(b, i, word) {
			return len(word)
		}
	}
	return 0
}

// validText reports whether a string without escapes can be taken as it stands.
func validText(b []byte, wide bool) bool { return !wide || utf8.Valid(b) }
