package profile

import (
	"unicode"
	"unicode/utf8"
)

// The parameters of 64-bit FNV-1a.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

// nextToken finds the first token of a text from a byte on: a maximal run of characters whose lower case is in one of
// the Unicode categories L* (letters) and N* (numbers). Everything else separates tokens: blanks, punctuation, symbols,
// combining marks, and bytes that are no UTF-8. Lower case is Unicode's simple mapping with two exceptions: the sigma
// at the end of a word is any sigma, and İ is an i with a combining dot, which separates.
//
// hash is the FNV-1a hash of the token in lower case, the token stands in text[begin:end], and ok is false if there is
// none. Tokens are known by their hashes everywhere: a vocabulary takes 8 bytes a token however long that is, and a
// profile of confidential texts shows no word of them, though who guesses a word can look it up.
func nextToken(text []byte, from int) (hash uint64, begin, end int, ok bool) {
	hash = fnvOffset
	i := from
	for i < len(text) {
		size, ends := 1, false
		if c := text[i]; c < utf8.RuneSelf {
			lower := c | 0x20 // digits have this bit anyway
			if lower-'a' > 'z'-'a' && c-'0' > '9'-'0' {
				if ok {
					break
				}
				i++
				continue
			}
			hash = (hash ^ uint64(lower)) * fnvPrime
		} else {
			var r rune
			r, size = utf8.DecodeRune(text[i:])
			r = unicode.ToLower(r)
			if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
				if ok {
					break
				}
				i += size
				continue
			}
			if r == 'ς' {
				r = 'σ'
			}
			hash = hashRune(hash, r)
			ends = r == 'i' // the only letter beyond ASCII with this lower case is İ
		}
		if !ok {
			begin, ok = i, true
		}
		if i += size; ends {
			break
		}
	}
	return hash, begin, i, ok
}

// hashRune adds the UTF-8 bytes of a character to a hash.
func hashRune(hash uint64, r rune) uint64 {
	var encoded [utf8.UTFMax]byte
	for _, c := range encoded[:utf8.EncodeRune(encoded[:], r)] {
		hash = (hash ^ uint64(c)) * fnvPrime
	}
	return hash
}

// tokenTable finds the cells of tokens by their hashes. It is an open-addressing table with twice as many slots as
// tokens, at least.
type tokenTable struct {
	slots []tokenSlot
	shift uint
}

// tokenSlot is free if its cell is 0; cells are stored from 1 on.
type tokenSlot struct {
	hash uint64
	cell uint32
}

func newTokenTable(tokens int) *tokenTable {
	bits := uint(1)
	for 1<<bits < 2*tokens {
		bits++
	}
	return &tokenTable{make([]tokenSlot, 1<<bits), 64 - bits}
}

// start is the first slot that a hash may be in. The multiplication brings all bits of the hash into the upper ones.
func (t *tokenTable) start(hash uint64) uint64 { return hash * 0x9e3779b97f4a7c15 >> t.shift }

func (t *tokenTable) put(hash uint64, cell int) {
	i := t.start(hash)
	for t.slots[i].cell != 0 && t.slots[i].hash != hash {
		i = (i + 1) % uint64(len(t.slots))
	}
	t.slots[i] = tokenSlot{hash, uint32(cell) + 1}
}

// find returns the cell of a token, or the given one if the table lacks it.
func (t *tokenTable) find(hash uint64, otherwise int) int {
	for i := t.start(hash); ; i = (i + 1) % uint64(len(t.slots)) {
		switch s := &t.slots[i]; {
		case s.cell == 0:
			return otherwise
		case s.hash == hash:
			return int(s.cell) - 1
		}
	}
}
