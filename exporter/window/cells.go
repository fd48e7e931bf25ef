package window

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

// entry is one cell of a pane that is not empty.
type entry struct {
	cell, count uint32
}

// stretch is how many cells appendEntries makes room for at a time.
const stretch = 1024

// appendEntries returns the cells that are not empty, in the memory of entries. In a pane some are and some are
// not, at random, so that a branch on it would be predicted wrongly half the time: an entry is always written, and
// kept by moving on only if it counts.
func appendEntries(entries []entry, counts []uint32) []entry {
	for from := 0; from < len(counts); from += stretch {
		some := counts[from:min(from+stretch, len(counts))]
		entries = slices.Grow(entries, len(some)+1)
		room, n := entries[len(entries):cap(entries)], 0
		for i, count := range some {
			room[n] = entry{uint32(from + i), count}
			n += int((count | -count) >> 31) // 1 unless count is 0
		}
		entries = entries[:len(entries)+n]
	}
	return entries
}

// encode makes entries compact. An entry is its count, shifted by a bit, as a varint. The bit says that the
// distance from the cell before is another one than last time, and follows as a varint: in a pane of continuous
// values, which hardly ever hit a cut point, every second cell is in use and a cell takes one or two bytes.
func encode(entries []entry) []byte {
	const longest = 2 * binary.MaxVarintLen64 // of an entry
	var few [4096]byte
	buf, n := few[:], 0
	cell, gap := uint32(0), uint32(0)
	for _, e := range entries {
		if len(buf)-n < longest {
			buf = append(buf, make([]byte, len(buf))...)
		}
		count, distance := uint64(e.count)<<1, e.cell-cell
		cell = e.cell
		if distance == gap {
			n = putUvarint(buf, n, count)
			continue
		}
		gap = distance
		n = putUvarint(buf, n, count|1)
		n = putUvarint(buf, n, uint64(gap))
	}
	return bytes.Clone(buf[:n])
}

// putUvarint writes a varint, which mostly is one byte, to buf[n:] and returns the index behind it.
func putUvarint(buf []byte, n int, v uint64) int {
	if v < 0x80 {
		buf[n] = byte(v)
		return n + 1
	}
	return n + binary.PutUvarint(buf[n:], v)
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
func add(total []uint64, cells []byte) { addTimes(total, cells, 1) }

// subtract takes encoded cells from a total.
func subtract(total []uint64, cells []byte) { addTimes(total, cells, math.MaxUint64) }

// addTimes adds encoded cells times a factor, which may be -1. It does what a reader does, in a loop without calls.
func addTimes(total []uint64, cells []byte, factor uint64) {
	cell, gap := uint64(0), uint64(0)
	for i := 0; i < len(cells); {
		count, n := uint64(cells[i]), 1
		if count >= 0x80 {
			count, n = binary.Uvarint(cells[i:])
		}
		i += n
		if count&1 != 0 {
			gap, n = binary.Uvarint(cells[i:])
			i += n
		}
		cell += gap
		total[cell] += count >> 1 * factor
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
