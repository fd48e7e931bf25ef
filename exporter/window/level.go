package window

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// level is one window: the panes that it covers, and their sum.
type level struct {
	ratio int64 // finest panes in one pane of this level
	panes int64 // that the window covers

	newest  int64
	total   []uint64 // per cell, over all panes
	records uint64
	// building is the newest pane, which still grows. What was added first is in its cells, the rest in dense: while a log
	// is caught up with, a finest pane gets everything at once and never needs dense.
	building pane
	dense    []uint32
	spread   bool // dense is in use
	// sealed are the older ones, ascending.
	sealed []pane
}

// pane is a stretch of event time.
type pane struct {
	index   int64
	records uint64
	// cells holds the cells that are not empty, as pairs of varints: the distance to the cell before, and the count.
	cells []byte
	sums  []sums
}

func newLevel(ratio, panes int64, cells, columns int) level {
	return level{
		ratio: ratio, panes: panes, newest: -1 << 62,
		total:    make([]uint64, cells),
		building: pane{index: -1 << 62, sums: make([]sums, columns)}, dense: make([]uint32, cells),
	}
}

// add takes over the cells and sums of an open pane.
func (l *level) add(d *delta, entries []entry) {
	index := floorDiv(d.pane, l.ratio)
	if index <= l.newest-l.panes {
		return // too old for this window
	}
	for _, e := range entries {
		l.total[e.cell] += uint64(e.count)
	}
	l.records += d.records
	if index > l.building.index {
		l.seal()
		l.building.index = index
	}
	p := &l.building
	switch {
	case index < l.building.index:
		p = l.older(index, len(d.sums))
		p.cells = encode(mergeEntries(decode(p.cells), entries))
	case p.records == 0:
		p.cells = encode(entries)
	default:
		l.spread = true
		for _, e := range entries {
			l.dense[e.cell] += e.count
		}
	}
	p.records += d.records
	for i := range d.sums {
		p.sums[i].merge(&d.sums[i])
	}
}

// older returns the sealed pane of that index.
func (l *level) older(index int64, columns int) *pane {
	i := sort.Search(len(l.sealed), func(i int) bool { return l.sealed[i].index >= index })
	if i == len(l.sealed) || l.sealed[i].index != index {
		l.sealed = append(l.sealed, pane{})
		copy(l.sealed[i+1:], l.sealed[i:])
		l.sealed[i] = pane{index: index, sums: make([]sums, columns)}
	}
	return &l.sealed[i]
}

// seal makes the building pane compact and begins an empty one.
func (l *level) seal() {
	if l.building.records == 0 {
		return
	}
	p := l.building
	if l.spread {
		var entries []entry
		for cell, n := range l.dense {
			if n != 0 {
				entries = append(entries, entry{uint32(cell), n})
				l.dense[cell] = 0
			}
		}
		p.cells = encode(mergeEntries(decode(p.cells), entries))
		l.spread = false
	}
	l.sealed = append(l.sealed, p)
	l.building = pane{index: p.index, sums: make([]sums, len(p.sums))}
}

// advance forgets the panes that the window leaves behind when the finest pane is the newest.
func (l *level) advance(finest int64) {
	l.newest = max(l.newest, floorDiv(finest, l.ratio))
	if l.newest > l.building.index {
		l.seal()
		l.building.index = l.newest
	}
	gone := 0
	for ; gone < len(l.sealed) && l.sealed[gone].index <= l.newest-l.panes; gone++ {
		p := &l.sealed[gone]
		for _, e := range decode(p.cells) {
			l.total[e.cell] -= uint64(e.count)
		}
		l.records -= p.records
	}
	if gone > 0 {
		rest := copy(l.sealed, l.sealed[gone:])
		clear(l.sealed[rest:])
		l.sealed = l.sealed[:rest]
	}
}

// sum merges a column's sums over the panes, the oldest first.
func (l *level) sum(column int) sums {
	var sum sums
	for i := range l.sealed {
		sum.merge(&l.sealed[i].sums[column])
	}
	sum.merge(&l.building.sums[column])
	return sum
}

func encode(entries []entry) []byte {
	buf := make([]byte, 0, 3*len(entries))
	before := uint32(0)
	for _, e := range entries {
		buf = binary.AppendUvarint(buf, uint64(e.cell-before))
		buf = binary.AppendUvarint(buf, uint64(e.count))
		before = e.cell
	}
	return bytes.Clone(buf)
}

func decode(cells []byte) []entry {
	var entries []entry
	cell := uint32(0)
	for len(cells) > 0 {
		gap, n := binary.Uvarint(cells)
		count, m := binary.Uvarint(cells[n:])
		cell += uint32(gap)
		entries = append(entries, entry{cell, uint32(count)})
		cells = cells[n+m:]
	}
	return entries
}

// mergeEntries adds two ascending lists of cells.
func mergeEntries(a, b []entry) []entry {
	merged := make([]entry, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].cell < b[0].cell:
			merged, a = append(merged, a[0]), a[1:]
		case a[0].cell > b[0].cell:
			merged, b = append(merged, b[0]), b[1:]
		default:
			merged = append(merged, entry{a[0].cell, a[0].count + b[0].count})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(merged, a...), b...)
}
