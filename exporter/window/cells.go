package window

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// entry is one cell of a pane that is not empty.
type entry struct {
	cell, count uint32
}

// appendEntries returns the cells that are not empty, in the memory of entries. In a pane some are and some are
// not, at random, so that a branch on it would be predicted wrongly half the time: an entry is always written, and
// kept by moving on only if it counts.
func appendEntries(entries []entry, counts []uint32) []entry {
	n := 0
	for i, count := range counts {
		if n == cap(entries) {
			entries = slices.Grow(entries[:n], 1)
		}
		entries[:n+1][n] = entry{uint32(i), count}
		n += int((count | -count) >> 31) // 1 unless count is 0
	}
	return entries[:n]
}

// encode makes entries compact. An entry is its count, shifted by a bit, as a varint. The bit says that the
// distance from the cell before is another one than last time, and follows as a varint: in a pane of continuous
// values, which hardly ever hit a cut point, every second cell is in use and a cell takes one or two bytes.
func encode(entries []entry) []byte {
	var few [4096]byte
	buf := few[:0]
	cell, gap := uint32(0), uint32(0)
	for _, e := range entries {
		if distance := e.cell - cell; distance != gap {
			gap = distance
			buf = binary.AppendUvarint(buf, uint64(e.count)<<1|1)
			buf = binary.AppendUvarint(buf, uint64(gap))
		} else {
			buf = binary.AppendUvarint(buf, uint64(e.count)<<1)
		}
		cell = e.cell
	}
	return bytes.Clone(buf)
}

// reader goes through encoded cells.
type reader struct {
	cells     []byte
	cell, gap uint32
}

// next returns the next entry; there is one as long as cells are left.
func (r *reader) next() entry {
	count, n := uint64(r.cells[0]), 1
	if count >= 0x80 {
		count, n = binary.Uvarint(r.cells)
	}
	if count&1 != 0 {
		gap, m := binary.Uvarint(r.cells[n:])
		r.gap = uint32(gap)
		n += m
	}
	r.cells = r.cells[n:]
	r.cell += r.gap
	return entry{r.cell, uint32(count >> 1)}
}

func decode(cells []byte) []entry {
	entries := make([]entry, 0, len(cells))
	for r := (reader{cells: cells}); len(r.cells) > 0; {
		entries = append(entries, r.next())
	}
	return entries
}

// add adds encoded cells to a total.
func add(total []uint64, cells []byte) {
	for r := (reader{cells: cells}); len(r.cells) > 0; {
		e := r.next()
		total[e.cell] += uint64(e.count)
	}
}

// subtract takes encoded cells from a total.
func subtract(total []uint64, cells []byte) {
	for r := (reader{cells: cells}); len(r.cells) > 0; {
		e := r.next()
		total[e.cell] -= uint64(e.count)
	}
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
