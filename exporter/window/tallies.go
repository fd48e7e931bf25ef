package window

import (
	"maps"
	"slices"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// Tally is what Tallies can add up.
type Tally[T any] interface {
	// Merge adds what another one holds.
	Merge(other T)
	// Save writes what it holds, and Load reads that into an empty one.
	Save(e *state.Encoder)
	Load(d *state.Decoder)
}

// Tallies keeps a tally for each pane of several windows, in the panes that a Set of the same lengths has. It belongs
// to one goroutine.
type Tallies[T Tally[T]] struct {
	finest int64
	levels []talliesLevel[T]
	empty  func() T
	found  []T
}

type talliesLevel[T any] struct {
	ratio, panes, newest int64
	tallies              map[int64]T
}

// NewTallies returns no tallies. lengths are the windows', ascending; empty makes a tally.
func NewTallies[T Tally[T]](lengths []time.Duration, empty func() T) *Tallies[T] {
	finest, ratios, panes := layOut(lengths)
	a := &Tallies[T]{finest: finest, empty: empty}
	for i := range lengths {
		a.levels = append(a.levels, talliesLevel[T]{ratios[i], panes[i], -1 << 62, make(map[int64]T)})
	}
	return a
}

// At returns the tallies for a time in nanoseconds, to all of which whatever belongs to it is to be added: one for each
// window that is not over by then. They are the caller's until the next call. It allocates only for a new pane.
func (a *Tallies[T]) At(t int64) []T {
	a.found = a.found[:0]
	finest := floorDiv(t, a.finest)
	for i := range a.levels {
		l := &a.levels[i]
		pane := floorDiv(finest, l.ratio)
		if pane <= l.newest-l.panes {
			continue
		}
		tally, ok := l.tallies[pane]
		if !ok {
			tally = a.empty()
			l.tallies[pane] = tally
		}
		a.found = append(a.found, tally)
	}
	return a.found
}

// Advance says that time has reached now.
func (a *Tallies[T]) Advance(now int64) {
	finest := floorDiv(now, a.finest)
	for i := range a.levels {
		l := &a.levels[i]
		newest := floorDiv(finest, l.ratio)
		if newest <= l.newest {
			continue
		}
		l.newest = newest
		maps.DeleteFunc(l.tallies, func(pane int64, _ T) bool { return pane <= newest-l.panes })
	}
}

// Total returns what the i-th window holds, added up from the oldest pane on. It is the caller's own.
func (a *Tallies[T]) Total(i int) T {
	total, tallies := a.empty(), a.levels[i].tallies
	for _, pane := range slices.Sorted(maps.Keys(tallies)) {
		total.Merge(tallies[pane])
	}
	return total
}

// Save writes all tallies.
func (a *Tallies[T]) Save(e *state.Encoder) {
	for i := range a.levels {
		l := &a.levels[i]
		e.Int(l.newest)
		e.Uint(uint64(len(l.tallies)))
		for _, pane := range slices.Sorted(maps.Keys(l.tallies)) {
			e.Int(pane)
			l.tallies[pane].Save(e)
		}
	}
}

// Load reads what Save wrote of the same windows into one that has none.
func (a *Tallies[T]) Load(d *state.Decoder) {
	for i := range a.levels {
		l := &a.levels[i]
		l.newest = d.Int()
		n := d.Count(1)
		if int64(n) > l.panes || l.newest < -1<<62 || l.newest > 1<<62 {
			d.Fail("a window has %d panes up to %d", n, l.newest)
		}
		for k := 0; k < n && d.Err() == nil; k++ {
			pane, tally := d.Int(), a.empty()
			if _, twice := l.tallies[pane]; twice || pane > l.newest || pane <= l.newest-l.panes {
				d.Fail("a window has the pane %d twice, or it lies outside", pane)
			}
			tally.Load(d)
			l.tallies[pane] = tally
		}
	}
}
