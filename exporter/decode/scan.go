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

// literal is a run of bytes that is compared eight at a time. The data it is compared with must be readable for
// Padding bytes behind its end.
type literal struct {
	// words are the first 32 bytes, of which the masks cover those that belong to the literal.
	words, masks [4]uint64
	rest         string // what is behind them
	length       int
}

func newLiteral(b []byte) literal {
	l := literal{length: len(b)}
	for k := range l.words {
		var word, mask [8]byte
		for j := range copy(word[:], b) {
			mask[j] = 0xff
		}
		l.words[k], l.masks[k] = load8(word[:], 0), load8(mask[:], 0)
		b = b[min(len(b), len(word)):]
	}
	l.rest = string(b)
	return l
}

// at reports whether the literal stands at b[i:].
func (l *literal) at(b []byte, i int) bool {
	return l.begins(b, i) && (l.length <= 16 || l.goesOn(b, i) && l.ends(b, i))
}

// begins, goesOn and ends are the parts of at, for the first sixteen bytes, the next sixteen, and the rest. Apart they
// are inlined.
func (l *literal) begins(b []byte, i int) bool {
	d := (*[16]byte)(b[i : i+16])
	first, second := binary.LittleEndian.Uint64(d[:8]), binary.LittleEndian.Uint64(d[8:])
	return (first^l.words[0])&l.masks[0]|(second^l.words[1])&l.masks[1] == 0
}

func (l *literal) goesOn(b []byte, i int) bool {
	return (load8(b, i+16)^l.words[2])&l.masks[2]|(load8(b, i+24)^l.words[3])&l.masks[3] == 0
}

func (l *literal) ends(b []byte, i int) bool { return l.length <= 32 || isWord(b, i+32, l.rest) }

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
		stop := stringStop(v) &^ v
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

// plainEnd returns the index of the quote that ends the string of ASCII characters without escapes which begins at
// b[i]; 0 if it is none.
func plainEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		v := load8(b, i)
		stop := stringStop(v) | v&highs
		if stop == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(stop) >> 3
		if b[i] != '"' {
			return 0
		}
		return i
	}
	return 0
}

// stringStop returns a word in which the highest bit of the first of the ASCII bytes of v is set that is a quote, a
// backslash or a control character. Bits of bytes behind that one, and of those beyond ASCII, may be wrong.
func stringStop(v uint64) uint64 {
	// Taking one from a byte that has become 0 sets its highest bit. The quote becomes 0x20 when its second bit is
	// changed, and control characters remain below that. Borrows only run upwards.
	return (((v ^ 0x0202020202020202) - 0x2121212121212121) | ((v ^ 0x5c5c5c5c5c5c5c5c) - ones)) & highs
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
