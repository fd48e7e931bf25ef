package slice

import (
	"math"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// counts counts what falls into cells, in the panes of several windows. All windows end with the newest pane seen. A
// window's panes lie in a ring, so that time moves on without allocating.
type counts struct {
	cells  int
	newest int64 // time
	rings  []ring
}

// ring is the panes of one window: pane k is at k modulo their number.
type ring struct {
	length int64 // of a pane, in nanoseconds
	panes  []pane
}

type pane struct {
	number int64
	// counts has one number a cell; it is nil until the pane is first used.
	counts []uint64
}

// newCounts returns counts of nothing in windows whose panes have these lengths and numbers.
func newCounts(cells int, lengths []time.Duration, panes []int64) *counts {
	c := &counts{cells: cells, newest: math.MinInt64, rings: make([]ring, len(lengths))}
	for i := range c.rings {
		c.rings[i] = ring{length: int64(lengths[i]), panes: make([]pane, panes[i])}
	}
	return c
}

// advance says that time has reached now, in nanoseconds.
func (c *counts) advance(now int64) { c.newest = max(c.newest, now) }

// at returns the counts of the i-th window's pane of a time; nil if that is older than the window.
func (c *counts) at(i int, time int64) []uint64 {
	r := &c.rings[i]
	number := floorDivide(time, r.length)
	if number <= r.before(c.newest) || time > c.newest {
		return nil
	}
	p := r.slot(number)
	if p.counts == nil {
		p.counts = make([]uint64, c.cells)
	} else if p.number != number {
		clear(p.counts)
	}
	p.number = number
	return p.counts
}

// before returns the pane just before the window that ends at a time.
func (r *ring) before(newest int64) int64 { return floorDivide(newest, r.length) - int64(len(r.panes)) }

func (r *ring) slot(number int64) *pane {
	n := int64(len(r.panes))
	return &r.panes[(number%n+n)%n]
}

// sum adds up the panes of the i-th window.
func (c *counts) sum(i int) []uint64 {
	total := make([]uint64, c.cells)
	r := &c.rings[i]
	for k := range r.panes {
		if !r.current(&r.panes[k], c.newest) {
			continue
		}
		for cell, n := range r.panes[k].counts {
			total[cell] += n
		}
	}
	return total
}

// current reports whether a pane is in the window that ends at a time.
func (r *ring) current(p *pane, newest int64) bool {
	return p.counts != nil && p.number > r.before(newest)
}

// save writes what the windows hold: of each pane only the cells that are not empty.
func (c *counts) save(e *state.Encoder) {
	e.Int(c.newest)
	for i := range c.rings {
		r := &c.rings[i]
		used := 0
		for k := range r.panes {
			if r.current(&r.panes[k], c.newest) {
				used++
			}
		}
		e.Uint(uint64(used))
		for k := range r.panes {
			if p := &r.panes[k]; r.current(p, c.newest) {
				e.Int(p.number)
				p.save(e)
			}
		}
	}
}

func (p *pane) save(e *state.Encoder) {
	used := 0
	for _, n := range p.counts {
		if n > 0 {
			used++
		}
	}
	e.Uint(uint64(used))
	last := 0
	for cell, n := range p.counts {
		if n > 0 {
			e.Uint(uint64(cell - last))
			e.Uint(n)
			last = cell
		}
	}
}

// load reads what save wrote into counts of nothing of the same cells and windows.
func (c *counts) load(d *state.Decoder) {
	c.newest = d.Int()
	for i := range c.rings {
		r := &c.rings[i]
		for range d.Count(2) {
			number := d.Int()
			if number <= r.before(c.newest) || number > floorDivide(c.newest, r.length) {
				d.Fail("a pane of slices is not in its window")
			}
			p := r.slot(number)
			if p.counts != nil {
				d.Fail("two panes of slices are the same")
			}
			if d.Err() != nil {
				return
			}
			p.number, p.counts = number, make([]uint64, c.cells)
			p.load(d)
		}
	}
}

func (p *pane) load(d *state.Decoder) {
	cell := uint64(0)
	for i := range d.Count(2) {
		gap, n := d.Uint(), d.Uint()
		if gap >= uint64(len(p.counts)) || i > 0 && gap == 0 {
			d.Fail("the cells of slices are not in order")
			return
		}
		if cell += gap; cell >= uint64(len(p.counts)) {
			d.Fail("there are more cells of slices than expected")
			return
		}
		p.counts[cell] = n
	}
}

// floorDivide returns a/b rounded down, also for times before 1970. b must be positive.
func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
