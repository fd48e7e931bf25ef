package window

import (
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// Save writes what the set holds. The cells of closed panes are shared with the encoder: they never change.
func (s *Set) Save(e *state.Encoder) {
	for _, d := range s.open {
		s.flush(d, false)
	}
	e.Int(s.newest)
	for i := range s.columns {
		s.columns[i].saveLocated(e)
	}
	for _, l := range s.levels {
		l.save(e)
	}
}

// Load reads what Save wrote into a new set of the same columns and windows.
func (s *Set) Load(d *state.Decoder) {
	s.changes++
	s.newest = d.Int()
	for i := range s.columns {
		s.columns[i].loadLocated(d)
	}
	for _, l := range s.levels {
		l.load(d, s.cells)
	}
}

// saveLocated writes which live values have cells of their own.
func (c *column) saveLocated(e *state.Encoder) {
	if c.located == nil {
		return
	}
	known := c.located.cells
	e.Bool(known != nil)
	if known == nil {
		return
	}
	values := make([]float64, len(known))
	for x, i := range known {
		values[i] = x
	}
	e.Uint(uint64(len(values)))
	for _, x := range values {
		e.Float(x)
	}
}

func (c *column) loadLocated(d *state.Decoder) {
	if c.located == nil {
		return
	}
	if !d.Bool() {
		c.located.cells = nil
		return
	}
	n := d.Count(8)
	if n > c.located.limit {
		d.Fail("column %q has %d located values, more than its limit", c.Name, n)
		return
	}
	for i := range n {
		x := d.Float()
		if _, twice := c.located.cells[x]; twice || math.IsNaN(x) {
			d.Fail("column %q has the located value %g twice", c.Name, x)
			return
		}
		c.located.cells[x] = uint32(i)
	}
}

func (l *level) save(e *state.Encoder) {
	e.Int(l.newest)
	e.Uint(uint64(len(l.sealed)))
	for i := range l.sealed {
		p := &l.sealed[i]
		e.Int(p.index)
		e.Uint(p.records)
		e.Shared(p.cells)
		saveSums(e, p.sums)
	}
	e.Int(l.building.pane)
	e.Uint(l.building.records)
	e.Bytes(encode(nil, l.building.counts))
	saveSums(e, l.building.sums)
	for _, n := range l.lifetime {
		e.Uint(n)
	}
}

// load reads a level. The sums over its panes are not saved: settle adds them up again.
func (l *level) load(d *state.Decoder, cells int) {
	l.newest = d.Int()
	n := d.Count(4)
	if int64(n) > l.kept() {
		d.Fail("a window has %d panes, more than it may", n)
		return
	}
	for range n {
		p := pane{index: d.Int(), records: d.Uint()}
		p.cells = loadCells(d, cells)
		p.sums = loadSums(d, len(l.building.sums))
		if last := len(l.sealed) - 1; last >= 0 && p.index <= l.sealed[last].index || p.index > l.newest {
			d.Fail("the panes of a window are not in order")
		}
		if d.Err() != nil {
			return
		}
		l.sealed = append(l.sealed, p)
		if p.index > l.newest-l.panes {
			l.records += p.records
		} else {
			l.first++
		}
	}
	l.building.pane, l.building.records = d.Int(), d.Uint()
	dense := loadCells(d, cells)
	l.building.sums = loadSums(d, len(l.building.sums))
	for i := range l.lifetime {
		l.lifetime[i] = d.Uint()
	}
	if d.Err() != nil {
		return
	}
	add(l.building.counts, dense)
}

// loadCells reads encoded cells and checks that they are those of a pane of so many cells.
func loadCells(d *state.Decoder, cells int) []byte {
	encoded := slices.Clone(d.Bytes())
	if problem := wrong(encoded, cells); problem != "" {
		d.Fail("%s", problem)
		return nil
	}
	return encoded
}

func saveSums(e *state.Encoder, all []sums) {
	for i := range all {
		s := &all[i]
		e.Uint(s.missing)
		e.Uint(s.invalid)
		e.Uint(s.moments.N)
		if s.moments.N > 0 {
			e.Float(s.moments.Mean)
			e.Float(s.moments.M2)
			e.Float(s.tail.Below)
			e.Float(s.tail.Above)
		}
	}
}

func loadSums(d *state.Decoder, columns int) []sums {
	all := make([]sums, columns)
	for i := range all {
		s := &all[i]
		s.missing, s.invalid, s.moments.N = d.Uint(), d.Uint(), d.Uint()
		if s.moments.N > 0 {
			s.moments = stat.Moments{N: s.moments.N, Mean: d.Float(), M2: d.Float()}
			s.tail = stat.Tail{Below: d.Float(), Above: d.Float()}
		}
	}
	return all
}

// Save writes what the counter holds.
func (c *Counter) Save(e *state.Encoder) {
	c.collect()
	for i := range c.levels {
		l := &c.levels[i]
		e.Int(l.newest)
		e.Uint(uint64(len(l.counts)))
		for pane, n := range l.counts {
			e.Int(pane)
			e.Int(n)
		}
	}
}

// Load reads what Save wrote into a new counter of the same windows.
func (c *Counter) Load(d *state.Decoder) {
	for i := range c.levels {
		l := &c.levels[i]
		l.newest = d.Int()
		n := d.Count(2)
		if int64(n) > l.panes {
			d.Fail("a counter has %d panes, more than it may", n)
			return
		}
		for range n {
			pane := d.Int()
			l.counts[pane] = d.Int()
		}
	}
}
