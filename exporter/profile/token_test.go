package profile

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// tokensOf returns the tokens of a text as they stand in it, and their hashes.
func tokensOf(text string) (tokens []string, hashes []uint64) {
	for at := 0; ; {
		hash, begin, end, ok := nextToken([]byte(text), at)
		if !ok {
			return tokens, hashes
		}
		tokens = append(tokens, text[begin:end])
		hashes = append(hashes, hash)
		at = end
	}
}

func hashOf(token string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(token))
	return h.Sum64()
}

func TestTokens(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // in lower case
	}{
		{"an empty text has none", "", nil},
		{"blanks and punctuation have none", " \t\n.,;!?…—", nil},
		{"words are in lower case", "Go until JURONG point", []string{"go", "until", "jurong", "point"}},
		{"a lone character is one", "x", []string{"x"}},
		{"digits are characters of words", "win £100k 4u 08452810075over18", []string{"win", "100k", "4u", "08452810075over18"}},
		{"an apostrophe divides", "don't T&C's", []string{"don", "t", "t", "c", "s"}},
		{"an underscore and a hyphen divide", "snake_case semi-colon", []string{"snake", "case", "semi", "colon"}},
		{"neighbours of letters and digits in ASCII divide", "a@b[c`d{e/f:g", []string{"a", "b", "c", "d", "e", "f", "g"}},
		{"an emoji divides and is none", "nice👍day 👩‍💻", []string{"nice", "day"}},
		{"letters beyond ASCII are in lower case", "ÉCOLE Straße ПРИВЕТ", []string{"école", "straße", "привет"}},
		{"a combining mark divides", "e\u0301cole", []string{"e", "cole"}},
		{"signs for numbers are characters of words", "x² Ⅷ ½ ٣", []string{"x²", "ⅷ", "½", "٣"}},
		{"text without blanks is one", "東京都に行く、明日", []string{"東京都に行く", "明日"}},
		{"a capital I with a dot ends", "aİb İ", []string{"ai", "b", "i"}},
		{"a final sigma is a sigma", "ΟΔΟΣ οδος", []string{"οδοσ", "οδοσ"}},
		{"the sign for kelvin is a k", "5\u212a", []string{"5k"}},
		{"bytes that are no UTF-8 divide", "ab\xffcd\xc3", []string{"ab", "cd"}},
		{"a character that replaces such bytes divides", "ab\ufffdcd", []string{"ab", "cd"}},
		{"a byte order mark divides", "\ufeffab\ufeff cd", []string{"ab", "cd"}},
		{"a zero byte divides", "ab\x00cd", []string{"ab", "cd"}},
		{"a circled letter is a symbol", "Ⓐb", []string{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := tokensOf(c.text)
			var want []uint64
			for _, token := range c.want {
				want = append(want, hashOf(token))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q has %d tokens with the hashes %x, want %q: %x", c.text, len(got), got, c.want, want)
			}
		})
	}
}

func FuzzTokens(f *testing.F) {
	for _, text := range []string{"", "Don't PANIC 42", "ΟΔΟΣ", "aİb", "\xff\xc3x", "\ufeff東京 e\u0301"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// The rule once more, with the means of the standard library.
		lower := strings.ReplaceAll(text, "İ", "i\u0307")
		lower = strings.ReplaceAll(strings.ToLower(lower), "ς", "σ")
		want := strings.FieldsFunc(lower, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) })
		tokens, hashes := tokensOf(text)
		if len(tokens) != len(want) {
			t.Fatalf("%q has the tokens %q, want %q", text, tokens, want)
		}
		for i, token := range want {
			if hashes[i] != hashOf(token) {
				t.Errorf("token %d of %q is %q, want %q", i, text, tokens[i], token)
			}
		}
	})
}

func TestTokenTableFindsWhatWasPut(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 1000} {
		table := newTokenTable(n)
		for i := range n {
			table.put(hashOf(fmt.Sprint("token", i)), i)
		}
		for i := range 2 * n {
			want := i
			if i >= n {
				want = -1
			}
			if got := table.find(hashOf(fmt.Sprint("token", i)), -1); got != want {
				t.Fatalf("token %d of %d is in cell %d, want %d", i, n, got, want)
			}
		}
	}
	table := newTokenTable(1)
	if got := table.find(0, 7); got != 7 {
		t.Errorf("a hash of 0 is in cell %d of an empty table", got)
	}
	table.put(0, 3)
	if got := table.find(0, 7); got != 3 {
		t.Errorf("a hash of 0 is in cell %d, want 3", got)
	}
}

func BenchmarkCountTokens(b *testing.B) {
	v := newVocabulary(1024)
	text := []byte("Free entry in 2 a wkly comp to win FA Cup final tkts 21st May 2005. Text FA to 87121 to receive entry " +
		"question(std txt rate)T&C's apply 08452810075over18's")
	v.add(text)
	c := newText("text", v, 8192)
	counts := make([]uint32, len(c.Cells))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.CountTokens(text, counts)
	}
}
