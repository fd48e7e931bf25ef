package profile

import (
	"math/rand/v2"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// An index of names must say what a map of strings says, of names of all lengths and wherever in a batch they stand.
func TestNameIndexIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var index nameIndex
	want := make(map[string]int32)
	for range 50_000 {
		name := make([]byte, r.IntN(record.MaxShort+4))
		for i := range name {
			name[i] = "01.\x00"[r.IntN(4)]
		}
		b := record.Batch{Bytes: append([]byte("x"), name...)}
		if r.IntN(2) == 0 {
			b.Bytes = append(b.Bytes, "followed by others"...)
		}
		span := record.Span{Offset: 1, Length: uint32(len(name))}
		got, ok := index.find(&b, span)
		number, known := want[string(name)]
		if ok != known || ok && got != number {
			t.Fatalf("%q has number %d (%t), want %d (%t)", name, got, ok, number, known)
		}
		if !known && r.IntN(2) == 0 {
			number = int32(len(want))
			want[string(name)] = number
			index.put(string(name), number)
		}
	}
	all := 0
	index.each(func(name string, number int32) {
		all++
		if was, ok := want[name]; !ok || was != number {
			t.Errorf("%q has number %d, want %d (%t)", name, number, was, ok)
		}
	})
	if all != len(want) {
		t.Errorf("there are %d names, want %d", all, len(want))
	}
}
