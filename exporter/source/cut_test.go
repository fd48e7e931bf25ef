package source

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestSplitLines(t *testing.T) {
	tests := []struct {
		name, data string
		want       int
	}{
		{"nothing", "", 0},
		{"no newline", "abc", 0},
		{"a newline at the end", "abc\n", 4},
		{"a record and a half", "abc\r\nde", 5},
		{"newlines only", "\n\n", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := SplitLines([]byte(test.data)); got != test.want {
				t.Errorf("SplitLines(%q) = %d, want %d", test.data, got, test.want)
			}
		})
	}
}

// However a file grows and however large blocks are, the records are those of its text.
func FuzzCut(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), uint8(3), uint8(7), []byte{1, 5, 2}, false)
	f.Add([]byte("header\nlonger than the limit\n1\n2\n"), uint8(8), uint8(16), []byte{255}, true)
	f.Add([]byte("\xef\xbb\xbfa\r\n\x00\r\n\xc3\xa9"), uint8(1), uint8(1), []byte{}, false)
	f.Add([]byte(strings.Repeat("x", 300)+"\n\n"+strings.Repeat("y", 300)), uint8(10), uint8(200), []byte{100, 100}, true)
	f.Fuzz(func(t *testing.T, text []byte, block, limit uint8, pieces []byte, header bool) {
		if len(text) > 1<<10 || len(pieces) > 16 {
			return // long inputs only make for fewer of them
		}
		if mayBePacked(text) {
			return // up to three bytes, which are not read before more come, and here none do
		}
		o := Options{Follow: true, Header: header, BlockSize: 1 + int(block), MaxRecord: 1 + int(limit)}
		r := newRig(t, o)
		rest := string(text)
		for _, size := range pieces {
			size := min(int(size), len(rest))
			r.write("x.log", rest[:size])
			rest = rest[size:]
			r.poll()
		}
		r.write("x.log", rest)
		r.poll()
		r.remove("x.log")
		r.linger()
		if stats := r.source.Stats(); stats.Bytes != uint64(len(text)) {
			t.Errorf("read %d bytes, want %d", stats.Bytes, len(text))
		}
		r.want(wantRecords(text, 1+int(limit), header)...)
		for _, b := range r.blocks {
			if !bytes.HasPrefix(ended(text)[b.Offset:], b.Data) {
				t.Errorf("data %q is not at offset %d", b.Data, b.Offset)
			}
		}
	})
}

// ended returns text with a newline at its end.
func ended(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text
	}
	return append(slices.Clone(text), '\n')
}

// wantRecords cuts a whole text into its records.
func wantRecords(text []byte, limit int, header bool) []string {
	var records []string
	for line := range bytes.Lines(ended(text)) {
		isHeader := header
		header = false
		switch {
		case len(line) > limit:
			records = append(records, "x.log: too long")
		case !isHeader:
			records = append(records, "x.log: "+string(line[:len(line)-1]))
		}
	}
	return records
}
