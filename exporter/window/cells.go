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

// appendEntries appends the cells that are not empty. In a pane some are and some are not, at random, so that a
// branch on it would be predicted wrongly half the time: an entry is always written, and kept by moving on only if
// it counts.
func appendEntries(entries []entry, counts []uint32) []entry {
	from := len(entries)
	entries = slices.Grow(entries, len(counts))
	free := entries[from : from+len(counts)]
	n := 0
	for i, count := range counts {
		free[n] = entry{uint32(i), count}
		n += int((count | -count) >> 31) // 1 unless count is 0
	}
	return entries[:from+n]
}

// encode makes entries compact: pairs of varints, the distance to the cell before and the count.
func encode(entries []entry) []byte {
	buf := make([]byte, 0, 3*len(entries))
	before := uint32(0)
	for _, e := range entries {
		if gap := e.cell - before; gap|e.count < 0x80 {
			buf = append(buf, byte(gap), byte(e.count))
		} else {
			buf = binary.AppendUvarint(buf, uint64(gap))
			buf = binary.AppendUvarint(buf, uint64(e.count))
		}
		before = e.cell
	}
	return bytes.Clone(buf)
}

// next reads one entry from encoded cells, relative to the cell before, and returns the rest.
func next(cells []byte, cell uint32) (entry, []byte) {
	if len(cells) >= 2 && (cells[0]|cells[1]) < 0x80 {
		return entry{cell + uint32(cells[0]), uint32(cells[1])}, cells[2:]
	}
	gap, n := binary.Uvarint(cells)
	count, m := binary.Uvarint(cells[n:])
	return entry{cell + uint32(gap), uint32(count)}, cells[n+m:]
}

func decode(cells []byte) []entry {
	entries := make([]entry, 0, len(cells)/2)
	var e entry
	for len(cells) > 0 {
		e, cells = next(cells, e.cell)
		entries = append(entries, e)
	}
	return entries
}

// add adds encoded cells to a total.
func add(total []uint64, cells []byte) {
	var e entry
	for len(cells) > 0 {
		e, cells = next(cells, e.cell)
		total[e.cell] += uint64(e.count)
	}
}

// subtract takes encoded cells from a total.
func subtract(total []uint64, cells []byte) {
	var e entry
	for len(cells) > 0 {
		e, cells = next(cells, e.cell)
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
