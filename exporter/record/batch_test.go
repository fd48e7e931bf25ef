package record_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// What a batch holds is the same once it is packed, wherever its texts stood, and again when its memory is used anew.
func TestPackKeepsTheTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	schema := &record.Schema{Columns: make([]record.Field, 3)}
	var b record.Batch
	for round := range 300 {
		b.Reset(schema)
		own := bytes.Repeat([]byte("0123456789"), 1+r.IntN(40))
		if round%2 == 0 {
			b.Borrow(own)
		} else {
			b.Bytes = append(b.Bytes, own...)
		}
		spans := func() (list []record.Span) {
			for range r.IntN(60) {
				length := r.IntN(min(len(own), 5<<r.IntN(7)) + 1)
				span := record.Span{Offset: uint32(r.IntN(len(own) - length + 1)), Length: uint32(length)}
				list = append(list, []record.Span{span, span, span, record.Absent, record.Wrong}[r.IntN(5)])
			}
			return list
		}
		b.Versions = append(b.Versions, spans()...)
		for i := range b.Columns {
			b.Columns[i].Spans = append(b.Columns[i].Spans, spans()...)
		}
		want := texts(&b)
		b.Pack()
		if got := texts(&b); !slices.Equal(got, want) {
			t.Fatalf("round %d: got %q, want %q", round, got, want)
		}
		if round%2 == 0 {
			clear(own) // nothing may still point there
			if got := texts(&b); !slices.Equal(got, want) {
				t.Fatalf("round %d: without what was borrowed: got %q, want %q", round, got, want)
			}
		}
	}
}

// texts lists the strings of a batch, and what is none.
func texts(b *record.Batch) (list []string) {
	all := slices.Clone(b.Versions)
	for i := range b.Columns {
		all = append(all, b.Columns[i].Spans...)
	}
	for _, span := range all {
		switch span {
		case record.Absent, record.Wrong:
			list = append(list, map[record.Span]string{record.Absent: "absent", record.Wrong: "wrong"}[span])
		default:
			list = append(list, "="+b.String(span))
		}
	}
	return list
}
