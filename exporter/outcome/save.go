package outcome

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// Save writes the names in the order of their codes.
func (c *Classes) Save(e *state.Encoder) {
	e.Uint(uint64(len(c.names)))
	for _, name := range c.names {
		e.String(name)
	}
}

// Load reads what Save wrote into a dictionary that has the same first names, or fewer.
func (c *Classes) Load(d *state.Decoder) {
	n := d.Count(1)
	if n > c.limit || n < len(c.names) {
		d.Fail("there are %d classes, want %d to %d", n, len(c.names), c.limit)
		return
	}
	for i := range n {
		name := d.String()
		if code := c.Code([]byte(name)); code != uint32(i) && d.Err() == nil {
			d.Fail("class %d is %q, which is also class %d", i, name, code)
		}
	}
}

// Save writes what the windows hold. What a pane holds is encoded again only if it has changed since the last time.
func (w *Windows) Save(e *state.Encoder) {
	w.collect()
	e.Int(w.newest)
	for i := range w.list {
		panes := w.list[i].panes
		e.Uint(uint64(len(panes)))
		for _, number := range slices.Sorted(maps.Keys(panes)) {
			p := panes[number]
			if p.saved == nil {
				var own state.Encoder
				p.tally.save(&own)
				p.delays.save(&own)
				p.saved = slices.Concat(own.Parts()...)
			}
			e.Int(number)
			e.Shared(p.saved)
		}
	}
}

// Load reads what Save wrote into new windows of the same lengths and rules.
func (w *Windows) Load(d *state.Decoder) {
	w.newest = d.Int()
	for i := range w.list {
		each := &w.list[i]
		n := d.Count(2)
		if int64(n) > each.count {
			d.Fail("a window of labels has %d panes, more than it may", n)
			return
		}
		for range n {
			number := d.Int()
			own := state.NewDecoder(d.Bytes())
			p := &pane{tally: NewTally(w.rules)}
			p.tally.load(own)
			p.delays.load(own)
			if err := own.End(); err != nil {
				d.Fail("a pane of labels: %w", err)
				return
			}
			each.panes[number] = p
		}
	}
}

func (t *Tally) save(e *state.Encoder) {
	e.Int(t.n)
	e.Int(t.wrong)
	e.Int(t.leftOut)
	if t.rules.Task == Regression {
		t.residuals.save(e)
		if t.rules.Cells != nil {
			t.labels.save(e)
		}
		return
	}
	e.Uint(uint64(len(t.confusion)))
	for _, at := range slices.SortedFunc(maps.Keys(t.confusion), compareCells) {
		e.Uint(uint64(at.prediction))
		e.Uint(uint64(at.label))
		e.Int(t.confusion[at])
	}
	t.scores.save(e)
}

func compareCells(a, b cell) int {
	return cmp.Or(cmp.Compare(a.prediction, b.prediction), cmp.Compare(a.label, b.label))
}

func (t *Tally) load(d *state.Decoder) {
	t.n, t.wrong, t.leftOut = d.Int(), d.Int(), d.Int()
	if t.rules.Task == Regression {
		t.residuals.load(d)
		if t.rules.Cells != nil {
			t.labels.load(d, t.rules.Cells)
		}
		return
	}
	for range d.Count(3) {
		at := cell{prediction: uint32(d.Uint()), label: uint32(d.Uint())}
		t.confusion.add(at, d.Int())
	}
	t.scores.load(d)
}

func (s *scores) save(e *state.Encoder) {
	e.Int(s.n)
	s.loss.save(e)
	s.squared.save(e)
	for i := range s.bins {
		e.Int(s.bins[i].n)
		e.Int(s.bins[i].positives)
		s.bins[i].scores.save(e)
	}
	e.Uint(uint64(s.ranks.level))
	e.Uint(uint64(s.ranks.taken))
	for _, b := range s.ranks.sorted() {
		e.Int(int64(b.key))
		e.Int(b.positive)
		e.Int(b.negative)
	}
}

func (s *scores) load(d *state.Decoder) {
	s.n = d.Int()
	s.loss.load(d)
	s.squared.load(d)
	for i := range s.bins {
		s.bins[i].n, s.bins[i].positives = d.Int(), d.Int()
		s.bins[i].scores.load(d)
	}
	level := d.Uint()
	if level > coarsestLevel {
		d.Fail("a histogram of scores has the width %d", level)
		return
	}
	s.ranks.level = uint(level)
	for range d.Count(3) {
		key := int32(d.Int())
		s.ranks.count(key, sides{positive: d.Int(), negative: d.Int()})
	}
}

func (r *residuals) sums() []*sum {
	return []*sum{&r.absolute, &r.signed, &r.squared, &r.percentage, &r.labels, &r.squaredLabels}
}

func (r *residuals) save(e *state.Encoder) {
	e.Int(r.divisors)
	for _, s := range r.sums() {
		s.save(e)
	}
}

func (r *residuals) load(d *state.Decoder) {
	r.divisors = d.Int()
	for _, s := range r.sums() {
		s.load(d)
	}
}

// save writes the cells that are not empty, each with the distance from the one before.
func (l *labelCells) save(e *state.Encoder) {
	used, before := 0, 0
	l.each(func(int, int64) { used++ })
	e.Uint(uint64(used))
	l.each(func(cell int, n int64) {
		e.Uint(uint64(cell - before))
		e.Int(n)
		before = cell
	})
	l.below.save(e)
	l.above.save(e)
	e.Bool(l.crowded)
	e.Uint(uint64(len(l.apart)))
	for _, x := range slices.Sorted(maps.Keys(l.apart)) {
		e.Float(x)
		e.Int(l.apart[x])
	}
}

// each calls f for the cells that are not empty, ascending.
func (l *labelCells) each(f func(cell int, n int64)) {
	for i, page := range l.pages {
		if page == nil {
			continue
		}
		for k, n := range page {
			if n != 0 {
				f(i*pageCells+k, n)
			}
		}
	}
}

func (l *labelCells) load(d *state.Decoder, c *Cells) {
	cell, cells := uint64(0), 2*len(c.Points)+1
	for range d.Count(2) {
		cell += d.Uint()
		n := d.Int()
		if cell >= uint64(cells) {
			d.Fail("a label lies in cell %d of %d", cell, cells)
			return
		}
		l.count(int(cell), cells, n)
	}
	l.below.load(d)
	l.above.load(d)
	l.crowded = d.Bool()
	for range d.Count(9) {
		x := d.Float()
		if math.IsNaN(x) {
			d.Fail("a label is no number")
			return
		}
		l.tell(x, d.Int(), c.Apart)
	}
}

// maxDigits is the most digits that a sum can have: float64 numbers span 2100 bits, and their sums some more.
const maxDigits = 2200/digitBits + 2

func (s *sum) save(e *state.Encoder) {
	s.carry()
	e.Int(int64(s.first))
	e.Uint(uint64(len(s.digits)))
	for _, digit := range s.digits {
		e.Int(digit)
	}
}

func (s *sum) load(d *state.Decoder) {
	first, n := d.Int(), d.Count(1)
	if n > maxDigits || first < -maxDigits || first > maxDigits {
		d.Fail("a sum has %d digits from %d on", n, first)
		return
	}
	s.first, s.digits = int(first), make([]int64, n)
	for i := range s.digits {
		if s.digits[i] = d.Int(); s.digits[i]>>digitBits > 1 || s.digits[i]>>digitBits < -1 {
			d.Fail("a digit of a sum is %d", s.digits[i])
			return
		}
	}
}

func (d *Delays) save(e *state.Encoder) {
	used := 0
	for _, count := range d.counts {
		if count != 0 {
			used++
		}
	}
	e.Uint(uint64(used))
	for bucket, count := range d.counts {
		if count != 0 {
			e.Int(int64(bucket))
			e.Int(count)
		}
	}
}

func (d *Delays) load(from *state.Decoder) {
	for range from.Count(2) {
		bucket := from.Int()
		if bucket < 0 || bucket > lastDelayBucket {
			from.Fail("a delay of a label is in bucket %d", bucket)
			return
		}
		d.count(int(bucket), from.Int())
	}
}
