package record_test

import (
	"math/rand/v2"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Two texts have equal Shorts only where they are equal, wherever in a batch they stand and whatever is behind them.
func TestShortsAreEqualWhereTextsAre(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	known := make(map[record.Short]string)
	for range 20_000 {
		text := make([]byte, r.IntN(record.MaxShort+3))
		for i := range text {
			text[i] = "\x00ab\xff"[r.IntN(4)]
		}
		var b record.Batch
		b.Bytes = append(append(append(b.Bytes, "before"...), text...), "\xffbehind it for some way"[:r.IntN(22)]...)
		span := record.Span{Offset: 6, Length: uint32(len(text))}
		want, got := record.ShortOf(text), b.Short(span)
		if (want == record.NoShort) != (len(text) > record.MaxShort) || want == (record.Short{}) {
			t.Fatalf("%q gives %x", text, want)
		}
		if len(b.Bytes) < 6+record.MaxShort+1 && got != record.NoShort || got != record.NoShort && got != want {
			t.Fatalf("%q in %q: got %x, want %x", text, b.Bytes, got, want)
		}
		if got == record.NoShort {
			continue
		}
		if other, seen := known[want]; seen && other != string(text) {
			t.Fatalf("%q and %q have the same Short", text, other)
		}
		known[want] = string(text)
		if back := want.Append([]byte("x")); string(back) != "x"+string(text) {
			t.Fatalf("%q comes back as %q", text, back)
		}
	}
	for _, span := range []record.Span{record.Absent, record.Wrong} {
		b := record.Batch{Bytes: make([]byte, 100)}
		if got := b.Short(span); got != record.NoShort {
			t.Errorf("%v has the Short %x", span, got)
		}
	}
}
