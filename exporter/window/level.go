package window

import (
	"bytes"
	"slices"
	"sort"
)

// level is one window: the panes that it covers. Records reach it from the level below when that closes a pane, so each
// record is handled once at every level and not at each pane of the finest one.
type level struct {
	ratio int64  // finest panes in one pane of this level
	panes int64  // that the window covers
	above *level // gets the panes that are closed here; nil at the top
	// lifetime counts per cell what left the top; nil elsewhere.
	lifetime []uint64

	newest int64
	// sealed are the closed panes, ascending; those from first on are the window's, and records is their sum.
	sealed  []pane
	first   int
	records uint64
	// total is the sum of those of the window's panes that are summed, previous that of the summed ones before first,
	// which make up the window before; nil if that is not kept.
	total, previous []uint64
	// building is the newest pane, which still grows.
	building part
	buf      []byte // for encode
}

// pane is a stretch of event time that is closed.
type pane struct {
	index   int64
	records uint64
	cells   []byte // see encode
	sums    []sums
	// summed says that the sum of its window has the cells. A pane that comes and goes between two looks at the window,
	// as while a log is caught up with, never gets there.
	summed bool
}

// part is some of what a pane holds.
type part struct {
	pane    int64 // finest, or the first of them
	records uint64
	counts  []uint32
	sums    []sums
}

func newLevel(ratio, panes int64, cells, columns int, moving bool) *level {
	l := &level{
		ratio: ratio, panes: panes, newest: -1 << 62, total: make([]uint64, cells),
		building: part{pane: -1 << 62, counts: make([]uint32, cells), sums: make([]sums, columns)},
	}
	if moving {
		l.previous = make([]uint64, cells)
	}
	return l
}

// add takes in a part. complete says that its pane gets nothing more, unless it comes late.
func (l *level) add(p *part, complete bool) {
	index := floorDiv(p.pane, l.ratio)
	if index > l.building.pane {
		l.seal()
		l.building.pane = index
	}
	if index < l.building.pane || complete && l.building.records == 0 {
		l.close(index, p)
		return
	}
	b := &l.building
	b.records += p.records
	addCounts(b.counts, p.counts)
	for i := range p.sums {
		b.sums[i].merge(&p.sums[i])
	}
	if complete {
		l.seal()
	}
}

// seal closes the building pane.
func (l *level) seal() {
	b := &l.building
	if b.records == 0 {
		return
	}
	l.close(b.pane, &part{pane: b.pane * l.ratio, records: b.records, counts: b.counts, sums: b.sums})
	b.records = 0
	clear(b.counts)
	clear(b.sums)
}

// close puts a part into a closed pane and passes it on.
func (l *level) close(index int64, p *part) {
	if current := index > l.newest-l.panes; current || index > l.newest-l.kept() {
		closed := l.closed(index, len(p.sums))
		closed.records += p.records
		l.buf = encode(l.buf, p.counts)
		if closed.cells == nil {
			closed.cells = bytes.Clone(l.buf)
		} else {
			closed.cells = merge(closed.cells, l.buf)
		}
		for i := range p.sums {
			closed.sums[i].merge(&p.sums[i])
		}
		if current {
			l.records += p.records
		}
		if closed.summed {
			addCounts(l.sumOf(current), p.counts)
		}
	}
	if l.above != nil {
		l.above.add(p, false)
		return
	}
	addCounts(l.lifetime, p.counts)
}

// sumOf returns the sum that has the cells of panes of the window, or else of those before.
func (l *level) sumOf(current bool) []uint64 {
	if current {
		return l.total
	}
	return l.previous
}

// settle brings total and previous up to date.
func (l *level) settle() {
	for i := range l.sealed {
		p := &l.sealed[i]
		if sum := l.sumOf(i >= l.first); sum != nil && !p.summed {
			add(sum, p.cells)
			p.summed = true
		}
	}
}

// kept is how many panes back closed panes are kept.
func (l *level) kept() int64 {
	if l.previous != nil {
		return 2 * l.panes
	}
	return l.panes
}

// closed returns the closed pane of that index.
func (l *level) closed(index int64, columns int) *pane {
	i := sort.Search(len(l.sealed), func(i int) bool { return l.sealed[i].index >= index })
	if i == len(l.sealed) || l.sealed[i].index != index {
		l.sealed = slices.Insert(l.sealed, i, pane{index: index, sums: make([]sums, columns)})
		if index <= l.newest-l.panes {
			l.first++
		}
	}
	return &l.sealed[i]
}

// advance moves the window on to where the finest pane is the newest.
func (l *level) advance(finest int64) {
	l.newest = max(l.newest, floorDiv(finest, l.ratio))
	for ; l.first < len(l.sealed) && l.sealed[l.first].index <= l.newest-l.panes; l.first++ {
		p := &l.sealed[l.first]
		l.records -= p.records
		if !p.summed {
			continue
		}
		subtract(l.total, p.cells)
		if l.previous != nil {
			add(l.previous, p.cells)
		}
	}
	// Only now, for what is closed has to find first where it belongs.
	if l.newest > l.building.pane {
		l.seal()
		l.building.pane = l.newest
	}
	gone := 0
	for ; gone < l.first && l.sealed[gone].index <= l.newest-l.kept(); gone++ {
		if p := &l.sealed[gone]; p.summed && l.previous != nil {
			subtract(l.previous, p.cells)
		}
	}
	l.sealed = slices.Delete(l.sealed, 0, gone)
	l.first -= gone
}
