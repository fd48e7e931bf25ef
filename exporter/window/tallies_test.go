package window

import (
	"slices"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// number is the simplest tally.
type number struct{ n uint64 }

func (s *number) Merge(o *number)       { s.n += o.n }
func (s *number) Save(e *state.Encoder) { e.Uint(s.n) }
func (s *number) Load(d *state.Decoder) { s.n = d.Uint() }

var talliesLengths = []time.Duration{time.Minute, time.Hour, 24 * time.Hour}

func newNumber() *number { return new(number) }

// TestTalliesAreThoseOfACounter adds the same events to both, some of them late, and restarts on the way.
func TestTalliesAreThoseOfACounter(t *testing.T) {
	c, p := NewCounter(talliesLengths), NewTallies(talliesLengths, newNumber)
	now := time.Date(1969, 12, 31, 20, 0, 0, 0, time.UTC)
	for i := range 3000 {
		now = now.Add(time.Duration(i%7) * 17 * time.Second)
		at := now.Add(-time.Duration(i*i%5000) * time.Second).UnixNano()
		c.Add(at, int64(i))
		for _, s := range p.At(at) {
			s.n += uint64(i)
		}
		c.Advance(now.UnixNano())
		p.Advance(now.UnixNano())
		for k := range talliesLengths {
			if i%7 != 0 {
				break // The counter collects events until somebody asks.
			}
			if got, want := p.Total(k).n, uint64(c.Total(k)); got != want {
				t.Fatalf("event %d: window %d holds %d, want %d", i, k, got, want)
			}
		}
		if i%100 == 50 {
			var e state.Encoder
			p.Save(&e)
			p = NewTallies(talliesLengths, newNumber)
			d := state.NewDecoder(slices.Concat(e.Parts()...))
			if p.Load(d); d.End() != nil {
				t.Fatal(d.End())
			}
		}
	}
}

// FuzzTalliesLoad loads any bytes: that fails, or gives what is saved as it was loaded.
func FuzzTalliesLoad(f *testing.F) {
	p := NewTallies(talliesLengths, newNumber)
	for i := range int64(10) {
		for _, s := range p.At(i * 30e9) {
			s.n++
		}
		p.Advance(i * 30e9)
	}
	var e state.Encoder
	p.Save(&e)
	f.Add(slices.Concat(e.Parts()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, d := NewTallies(talliesLengths, newNumber), state.NewDecoder(data)
		if p.Load(d); d.End() != nil {
			return
		}
		var e state.Encoder
		p.Save(&e)
		again := NewTallies(talliesLengths, newNumber)
		d = state.NewDecoder(slices.Concat(e.Parts()...))
		if again.Load(d); d.End() != nil {
			t.Fatalf("what was saved is not loaded: %v", d.Err())
		}
		for i := range talliesLengths {
			if *again.Total(i) != *p.Total(i) {
				t.Errorf("window %d holds %v, was %v", i, again.Total(i), p.Total(i))
			}
		}
	})
}
