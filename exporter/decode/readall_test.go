package decode

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// TestChunksAreTheFileWithZerosBehind reads lines of many lengths, of which some are longer than a buffer at first.
func TestChunksAreTheFileWithZerosBehind(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	var text strings.Builder
	text.WriteString("header\n")
	for n := range 3000 {
		length := r.IntN(500)
		if n%1000 == 500 {
			length = 600 << 10
		}
		text.WriteString(strings.Repeat(string(rune('a'+n%26)), length))
		text.WriteByte('\n')
	}
	format, err := Lookup(FormatCSV, Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := strings.NewReader(text.String() + "end")
	var got []byte
	chunks := 0
	if err := ReadChunks(iotest.HalfReader(in), format, "r.csv", func(c *Chunk) error {
		if string(c.Header) != "header\n" || c.First != (chunks == 0) || c.Line != 1+bytes.Count(got, []byte{'\n'}) {
			t.Errorf("chunk %d begins on line %d under %q", chunks, c.Line, c.Header)
		}
		if behind := c.Data[len(c.Data):][:Padding]; !bytes.Equal(behind, make([]byte, Padding)) {
			t.Errorf("behind chunk %d is %q", chunks, behind)
		}
		got = append(got, c.Whole...)
		chunks++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if string(got) != text.String()+"end\n" || chunks < 4 {
		t.Errorf("%d chunks of %d bytes, want %d bytes", chunks, len(got), text.Len()+len("end\n"))
	}
}
