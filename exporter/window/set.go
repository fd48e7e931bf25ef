// Package window counts live values in the cells of a profile, in panes of event time, and sums the panes up to
// windows.
package window

import (
	"slices"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// panesPerWindow is about how many panes a window is made of: its length is right to one pane.
const panesPerWindow = 60

// maxOpen is how many panes can take records at the same time without being flushed in between: the newest one, and
// some for records that arrive late.
const maxOpen = 4

// Set counts the records of one model version for several windows. Only the finest pane takes a record; every window
// adds up the panes. It belongs to one goroutine.
type Set struct {
	columns []column
	read    int // how many of the columns are in batches; the others are lengths of texts
	lengths record.Column
	cells   int // slots of all columns together, and some more up to a whole block
	pane    int64
	levels  []*level
	open    []*delta
	newest  int64 // the newest pane that Advance was told of
	changes uint64
	numbers []float64 // values of a column
	found   []uint32  // and their slots
	spans   []record.Span
	// shown are the cells that a view shows, shownBefore those of the windows before.
	shown, shownBefore []uint64
}

// column is where a profile column's cells lie in a pane's counts, and what adding to it needs.
type column struct {
	*profile.Column
	field int // of a batch
	// open is the slot of its first open cell, or of its first cell if it is not numeric; points that of its first cut
	// point.
	open, points int
	located      *locator
	cache        *categoryCache
	length       int // of the column of a text column's lengths
	shown        int // where it begins in what a view shows
}

// sums are what a pane keeps of a column beside its cells.
type sums struct {
	moments          stat.Moments
	tail             stat.Tail
	missing, invalid uint64
}

func (s *sums) merge(o *sums) {
	s.moments.Merge(o.moments)
	s.tail.Below += o.tail.Below
	s.tail.Above += o.tail.Above
	s.missing += o.missing
	s.invalid += o.invalid
}

// delta is an open pane: what came since it was last flushed.
type delta struct {
	pane    int64
	records uint64
	counts  []uint32
	sums    []sums
}

// New returns an empty set, which has the columns that profile.Watched makes of these. fields are the columns of
// batches in which their values will be; lengths are the windows', ascending; located is how many live values of
// each column are told apart although they are no cut points.
//
// moving also keeps the window of the same length before each window.
func New(columns []*profile.Column, fields []int, lengths []time.Duration, located int, moving bool) *Set {
	s := &Set{newest: -1 << 62, read: len(columns)}
	length := len(columns)
	for i, c := range profile.Watched(columns) {
		col := column{Column: c}
		if i < len(fields) {
			col.field = fields[i]
		}
		if c.Kind == record.Numeric && c.Exact {
			col.located = newLocator(located)
		}
		if c.Kind == record.Categorical {
			col.cache = &categoryCache{}
		}
		if c.Kind == record.Text {
			col.length = length
			length++
		}
		s.columns = append(s.columns, col)
	}
	s.cells = arrange(s.columns)
	s.shown = make([]uint64, s.cells)
	if moving {
		s.shownBefore = make([]uint64, s.cells)
	}
	finest, ratios, panes := layOut(lengths)
	s.pane = finest
	for i := range lengths {
		s.levels = append(s.levels, newLevel(ratios[i], panes[i], s.cells, len(s.columns), moving))
		if i > 0 {
			s.levels[i-1].above = s.levels[i]
		}
	}
	s.levels[len(s.levels)-1].lifetime = make([]uint64, s.cells)
	return s
}

// layOut divides windows into panes. It returns the length of the finest pane in nanoseconds, and for each window how
// many of those make up one of its own panes and how many of its own panes it covers. A pane of a longer window is a
// whole number of panes of the shorter one.
func layOut(lengths []time.Duration) (finest int64, ratios, panes []int64) {
	pane := max(lengths[0]/panesPerWindow/time.Second, 1) * time.Second
	finest = int64(pane)
	for _, length := range lengths {
		pane *= max(length/panesPerWindow/pane, 1)
		ratios = append(ratios, int64(pane)/finest)
		panes = append(panes, int64((length+pane-1)/pane))
	}
	return finest, ratios, panes
}

// Panes returns, for each window of these lengths, ascending, how long its panes are and how many of them it covers.
func Panes(lengths []time.Duration) (panes []time.Duration, numbers []int64) {
	finest, ratios, numbers := layOut(lengths)
	for _, ratio := range ratios {
		panes = append(panes, time.Duration(finest*ratio))
	}
	return panes, numbers
}

// Pane returns the pane of an event time in nanoseconds.
func (s *Set) Pane(t int64) int64 { return floorDiv(t, s.pane) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// delta returns the open pane, and makes room for it by flushing the oldest.
func (s *Set) delta(pane int64) *delta {
	for _, d := range s.open {
		if d.pane == pane {
			return d
		}
	}
	var d *delta
	for _, other := range s.open {
		if other.records == 0 {
			d = other
		}
	}
	switch {
	case d != nil:
	case len(s.open) < maxOpen:
		d = &delta{counts: make([]uint32, s.cells), sums: make([]sums, len(s.columns))}
		s.open = append(s.open, d)
	default:
		d = s.open[0]
		for _, other := range s.open[1:] {
			if other.pane < d.pane {
				d = other
			}
		}
		s.flush(d, true) // as newer ones have come, and what still comes is late
	}
	d.pane = pane
	return d
}

// flush moves what an open pane holds to the windows. complete says that the pane gets nothing more.
func (s *Set) flush(d *delta, complete bool) {
	if d.records == 0 {
		return
	}
	s.levels[0].add(&part{pane: d.pane, records: d.records, counts: d.counts, sums: d.sums}, complete)
	clear(d.counts)
	clear(d.sums)
	d.records = 0
}

// Advance says that event time has reached now, in nanoseconds. Panes that no window covers any more are forgotten.
func (s *Set) Advance(now int64) {
	pane := s.Pane(now)
	if pane <= s.newest {
		return
	}
	s.newest = pane
	s.changes++
	for _, d := range s.open {
		if d.pane < pane {
			s.flush(d, true)
		}
	}
	for i := range s.levels {
		s.levels[i].advance(pane)
	}
}

// Changes grows whenever what a window holds may have changed.
func (s *Set) Changes() uint64 { return s.changes }

// View is what one window holds. It is valid until the set changes.
type View struct {
	Records uint64
	Columns []ColumnView
}

// ColumnView is what a window holds of one column.
type ColumnView struct {
	*profile.Column
	// Cells counts values in the cells of the profile's column.
	Cells []uint64
	// Located are the values in open cells whose place is known exactly, ascending; only if the column is Exact.
	Located []Located
	// Tail sums the distances of values beyond the outermost cut points.
	Tail             stat.Tail
	Moments          stat.Moments
	Missing, Invalid uint64
}

// Counted returns how many the cells count: values, or the tokens of texts.
func (v *ColumnView) Counted() uint64 {
	var n uint64
	for _, count := range v.Cells {
		n += count
	}
	return n
}

// Located is a value between the cut points, and how often it occurred.
type Located struct {
	Value float64
	Count uint64
}

// View returns what the i-th window holds now.
func (s *Set) View(i int) View {
	for _, d := range s.open {
		s.flush(d, false)
	}
	l := s.levels[i]
	l.settle()
	v := View{Records: l.records, Columns: make([]ColumnView, len(s.columns))}
	for _, below := range s.levels[:i+1] {
		v.Records += below.building.records
	}
	for k := range s.columns {
		c := &s.columns[k]
		cells := s.shown[c.shown : c.shown+c.size()]
		clear(cells)
		addTo(cells, c, l.total)
		for _, below := range s.levels[:i+1] {
			if below.building.records > 0 {
				addTo(cells, c, below.building.counts)
			}
		}
		v.Columns[k] = c.view(cells, s.sum(i, k))
	}
	return v
}

// Previous returns what the window of the same length before the i-th holds now, if the set keeps that.
func (s *Set) Previous(i int) View {
	l := s.levels[i]
	if l.previous == nil {
		return View{}
	}
	l.settle()
	v := View{Columns: make([]ColumnView, len(s.columns))}
	for _, p := range l.sealed[:l.first] {
		v.Records += p.records
	}
	for k := range s.columns {
		c := &s.columns[k]
		var sum sums
		for i := range l.sealed[:l.first] {
			sum.merge(&l.sealed[i].sums[k])
		}
		cells := s.shownBefore[c.shown : c.shown+c.size()]
		clear(cells)
		addTo(cells, c, l.previous)
		v.Columns[k] = c.view(cells, sum)
	}
	return v
}

// view is what a column's cells and located values, as addTo writes them, and its own sums say of it.
func (c *column) view(cells []uint64, sum sums) ColumnView {
	v := ColumnView{
		Column: c.Column, Cells: cells[:len(c.Cells)],
		Moments: sum.moments, Tail: sum.tail, Missing: sum.missing, Invalid: sum.invalid,
	}
	if c.located != nil {
		v.Located = c.located.counts(cells[len(c.Cells):])
	}
	return v
}

// sum merges a column's sums over the panes of the i-th window, the oldest first.
func (s *Set) sum(i, column int) sums {
	var sum sums
	l := s.levels[i]
	for k := l.first; k < len(l.sealed); k++ {
		sum.merge(&l.sealed[k].sums[column])
	}
	for k := i; k >= 0; k-- {
		sum.merge(&s.levels[k].building.sums[column])
	}
	return sum
}

// Lifetime returns how many values each cell of a column got since the set was made.
func (s *Set) Lifetime(k int, dst []uint64) []uint64 {
	for _, d := range s.open {
		s.flush(d, false)
	}
	c := &s.columns[k]
	dst = slices.Grow(dst[:0], len(c.Cells))[:len(c.Cells)]
	clear(dst)
	addTo(dst, c, s.levels[len(s.levels)-1].lifetime)
	for _, l := range s.levels {
		addTo(dst, c, l.building.counts)
	}
	return dst
}
