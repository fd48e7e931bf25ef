package window

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The cells of a pane are kept as bytes, in blocks of 64 cells; blocks that are empty are left out. A block is
//
//	header   a varint: 8 times the distance from the block before, in blocks, plus 4 if the bitmap is that of the block
//	         before, plus 0, 1 or 2 for counts of 1, 2 or 4 bytes
//	bitmap   of the cells that are not empty, the first one lowest: 8 bytes, unless it is that of the block before
//	counts   of these cells, ascending
//
// with all numbers little-endian. A block in which most cells are in use is written whole, as if all were, which is
// faster and hardly longer: in a pane of continuous values a cell takes one or two bytes.
const block = 64

// mostCells is how many cells of a block are in use if it is to be written whole.
const mostCells = 48

// whole is the bitmap of such a block.
const whole = ^uint64(0)

// Flags of a block's header, and the bits of it that they take.
const (
	widthFlags = 3
	sameFlag   = 4
	flagBits   = 3
)

// longestBlock is how many bytes a block takes at most.
const longestBlock = binary.MaxVarintLen64 + 8 + 4*block

// padded returns the number of cells rounded up to whole blocks.
func padded(cells int) int { return (cells + block - 1) / block * block }

// encode makes counts, which are whole blocks, compact, in the memory of buf.
func encode(buf []byte, counts []uint32) []byte {
	w := writer{cells: buf[:0], last: -1}
	for i := 0; i < len(counts); i += block {
		w.add(i/block, (*[block]uint32)(counts[i:]))
	}
	return w.cells
}

// merge adds encoded cells to others.
func merge(a, b []byte) []byte {
	w := writer{last: -1}
	x, y := reader{cells: a, at: -1}, reader{cells: b, at: -1}
	moreX, moreY := x.next(), y.next()
	for moreX || moreY {
		var sum [block]uint32
		takeX := moreX && (!moreY || x.at <= y.at)
		takeY := moreY && (!moreX || y.at <= x.at)
		var at int
		if takeX {
			at = x.at
			addBlock(&sum, &x, 1)
			moreX = x.next()
		}
		if takeY {
			at = y.at
			addBlock(&sum, &y, 1)
			moreY = y.next()
		}
		w.add(at, &sum)
	}
	return w.cells
}

// add adds encoded cells to a total of whole blocks.
func add[T uint32 | uint64](total []T, cells []byte) { addTimes(total, cells, 1) }

// addCounts adds counts to a total, both of whole blocks.
func addCounts[T uint32 | uint64](total []T, counts []uint32) {
	for i := 0; i < len(counts); i += block {
		to, from := (*[block]T)(total[i:]), (*[block]uint32)(counts[i:])
		for k := 0; k < block; k += 8 { // Eight at a time takes half as long as one.
			t, f := (*[8]T)(to[k:]), (*[8]uint32)(from[k:])
			t[0] += T(f[0])
			t[1] += T(f[1])
			t[2] += T(f[2])
			t[3] += T(f[3])
			t[4] += T(f[4])
			t[5] += T(f[5])
			t[6] += T(f[6])
			t[7] += T(f[7])
		}
	}
}

// subtract takes encoded cells from a total of whole blocks.
func subtract[T uint32 | uint64](total []T, cells []byte) { addTimes(total, cells, ^T(0)) }

// addTimes adds encoded cells times a factor, which may be -1.
func addTimes[T uint32 | uint64](total []T, cells []byte, factor T) {
	for r := (reader{cells: cells, at: -1}); r.next(); {
		addBlock((*[block]T)(total[r.at*block:]), &r, factor)
	}
}

// addBlock adds the block at which a reader is.
func addBlock[T uint32 | uint64](total *[block]T, r *reader, factor T) {
	left, counts := r.bitmap, r.counts
	if left == whole && r.width == 0 {
		for i, count := range (*[block]byte)(counts) {
			total[i] += T(count) * factor
		}
		return
	}
	switch r.width {
	case 0:
		for _, count := range counts {
			total[bits.TrailingZeros64(left)&(block-1)] += T(count) * factor
			left &= left - 1
		}
	case 1:
		for ; len(counts) >= 2; counts = counts[2:] {
			total[bits.TrailingZeros64(left)&(block-1)] += T(binary.LittleEndian.Uint16(counts)) * factor
			left &= left - 1
		}
	default:
		for ; len(counts) >= 4; counts = counts[4:] {
			total[bits.TrailingZeros64(left)&(block-1)] += T(binary.LittleEndian.Uint32(counts)) * factor
			left &= left - 1
		}
	}
}

// writer encodes blocks.
type writer struct {
	cells  []byte
	last   int // block that was written
	bitmap uint64
}

// add writes a block, unless it is empty.
func (w *writer) add(at int, counts *[block]uint32) {
	var both uint64
	for i := 0; i < block; i += 8 {
		eight := (*[8]uint32)(counts[i:])
		both |= two(eight, 0) | two(eight, 2) | two(eight, 4) | two(eight, 6)
	}
	switch all := uint32(both | both>>32); {
	case all == 0:
	case all <= 0xff:
		w.addNarrow(at, counts)
	case all <= 0xffff:
		w.addWide(at, counts, 1)
	default:
		w.addWide(at, counts, 2)
	}
}

// addNarrow writes a block of counts of one byte. In a pane some are 0 and some are not, at random, so that a branch on
// it would be predicted wrongly half the time: here is none, and eight counts are looked at together.
func (w *writer) addNarrow(at int, counts *[block]uint32) {
	var narrow [block]byte
	var bitmap uint64
	for i := 0; i < block; i += 8 {
		eight := (*[8]uint32)(counts[i:])
		packed := pack(two(eight, 0)) | pack(two(eight, 2))<<16 | pack(two(eight, 4))<<32 | pack(two(eight, 6))<<48
		bitmap = bitmap>>8 | used(packed)<<56
		binary.LittleEndian.PutUint64(narrow[i:], packed)
	}
	if bits.OnesCount64(bitmap) >= mostCells {
		w.cells = append(w.begin(at, whole, 0), narrow[:]...)
		return
	}
	to := w.begin(at, bitmap, 0)
	found, n := (*[block]byte)(to[len(to):len(to)+block]), uint(0)
	for left := bitmap; left != 0; left &= left - 1 {
		found[n%block] = narrow[bits.TrailingZeros64(left)%block]
		n++
	}
	w.cells = to[:len(to)+int(n)]
}

// addWide writes a block of counts of two or four bytes.
func (w *writer) addWide(at int, counts *[block]uint32, width uint64) {
	var bitmap uint64
	for i, n := range counts {
		if n != 0 {
			bitmap |= 1 << i
		}
	}
	if bits.OnesCount64(bitmap) >= mostCells {
		bitmap = whole
	}
	to := w.begin(at, bitmap, width)
	for left := bitmap; left != 0; left &= left - 1 {
		count := counts[bits.TrailingZeros64(left)%block]
		if width == 1 {
			to = binary.LittleEndian.AppendUint16(to, uint16(count))
		} else {
			to = binary.LittleEndian.AppendUint32(to, count)
		}
	}
	w.cells = to
}

// begin appends a block's header, and its bitmap unless that is the one before, and returns all cells with room for the
// block's.
func (w *writer) begin(at int, bitmap, width uint64) []byte {
	header := uint64(at-w.last)<<flagBits | width
	if bitmap == w.bitmap {
		header |= sameFlag
	}
	to := binary.AppendUvarint(slices.Grow(w.cells, longestBlock), header)
	if bitmap != w.bitmap {
		to = binary.LittleEndian.AppendUint64(to, bitmap)
	}
	w.last, w.bitmap = at, bitmap
	return to
}

// two returns two counts, the first one in the lower half.
func two(counts *[8]uint32, i int) uint64 { return uint64(counts[i]) | uint64(counts[i+1])<<32 }

// pack makes two bytes of two counts of one byte.
func pack(two uint64) uint64 { return (two | two>>24) & 0xffff }

// used returns a bitmap of which of eight bytes are not 0.
func used(eight uint64) uint64 {
	const low, high = 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	flags := (eight&low + low | eight) & high
	return flags >> 7 * 0x0102040810204080 >> 56 // moves the flag of byte i to bit 56+i
}

// reader goes through encoded blocks. It begins with at = -1.
type reader struct {
	cells  []byte // that are left
	at     int    // the block's number
	bitmap uint64
	width  uint8 // 0, 1 or 2 for 1, 2 or 4 bytes
	counts []byte
}

// next goes to the next block, if there is one. The cells must be what a writer has made, or have been checked.
func (r *reader) next() bool {
	if len(r.cells) == 0 {
		return false
	}
	header, n := uint64(r.cells[0]), 1
	if header >= 0x80 {
		header, n = binary.Uvarint(r.cells)
	}
	rest := r.cells[n:]
	r.at += int(header >> flagBits)
	r.width = uint8(header & widthFlags)
	if header&sameFlag == 0 {
		r.bitmap = binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
	}
	size := bits.OnesCount64(r.bitmap) << r.width
	r.counts, r.cells = rest[:size], rest[size:]
	return true
}

// wrong says what is wrong with encoded cells that are to be those of a pane of so many cells; "" is nothing.
func wrong(encoded []byte, cells int) string {
	last, bitmap := -1, uint64(0)
	for rest := encoded; len(rest) > 0; {
		header, n := binary.Uvarint(rest)
		if n <= 0 || header&widthFlags > 2 || header>>flagBits == 0 {
			return "the cells of a pane are broken"
		}
		if header>>flagBits > uint64(cells/block-1-last) {
			return "a pane has more cells than its columns"
		}
		last += int(header >> flagBits)
		rest = rest[n:]
		if header&sameFlag == 0 {
			if len(rest) < 8 {
				return "the cells of a pane end too early"
			}
			bitmap = binary.LittleEndian.Uint64(rest)
			rest = rest[8:]
		}
		size := bits.OnesCount64(bitmap) << (header & widthFlags)
		if size > len(rest) {
			return "the cells of a pane end too early"
		}
		rest = rest[size:]
	}
	return ""
}
