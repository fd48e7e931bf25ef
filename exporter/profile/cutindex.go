package profile

import (
	"math"
	"math/bits"
	"sort"
)

// cutIndex finds the first of sorted points that is not below a value, in a time that hardly depends on how many there
// are: a table over equal steps, of the values or of their bit patterns, says where to begin, and a short scan
// finishes. Both maps from value to table entry are monotone, which is all that correctness needs.
type cutIndex struct {
	// keys are the points as integers of the same order, with two of the largest behind them.
	keys  []uint64
	start []uint32
	// byBits takes steps of the order-preserving bit pattern, which suits values over many magnitudes.
	byBits bool
	low    float64
	scale  float64
	base   uint64
	shift  uint
	// cost is the length of the scans for the points themselves, which are where values are.
	cost int
}

const (
	// entriesPerPoint is how many table entries there are for a point: at 4 the scan is about one comparison long.
	entriesPerPoint = 4
	// maxScan is after how many comparisons a binary search takes over: points that crowd into few table entries.
	maxScan = 8
)

// newCutIndex returns an index over sorted distinct finite points, of which there is at least one.
func newCutIndex(points []float64) *cutIndex {
	byValue, byBits := layOut(points, false), layOut(points, true)
	if byBits.cost < byValue.cost {
		return byBits
	}
	return byValue
}

func layOut(points []float64, byBits bool) *cutIndex {
	n := len(points)
	ix := &cutIndex{byBits: byBits, low: points[0]}
	for _, p := range points {
		ix.keys = append(ix.keys, orderedBits(p))
	}
	ix.keys = append(ix.keys, math.MaxUint64, math.MaxUint64)
	entries := entriesPerPoint * n
	if byBits {
		ix.base = ix.keys[0]
		for span := ix.keys[n-1] - ix.base; span>>ix.shift >= uint64(entries); {
			ix.shift++
		}
	} else if span := points[n-1] - points[0]; span > 0 && !math.IsInf(span, 0) {
		ix.scale = float64(entries) / span
	}
	if math.IsInf(ix.scale, 0) {
		ix.scale = 0
	}
	// start[e] counts the points whose entry lies below e: all of them are below any value of entry e.
	ix.start = make([]uint32, entries+2)
	for _, p := range points {
		if e := ix.entry(p, orderedBits(p)); e+1 < len(ix.start) {
			ix.start[e+1]++
		}
	}
	for e := 1; e < len(ix.start); e++ {
		ix.start[e] += ix.start[e-1]
	}
	for i, p := range points {
		ix.cost += i - int(ix.start[ix.entry(p, ix.keys[i])])
	}
	return ix
}

// orderedBits maps floats to integers of the same order; -0 and 0 to the same one.
func orderedBits(x float64) uint64 {
	u := math.Float64bits(x + 0)
	return u ^ (uint64(int64(u)>>63) | 1<<63)
}

// entry is monotone in x, whose ordered bits are key.
func (ix *cutIndex) entry(x float64, key uint64) int {
	last := len(ix.start) - 1
	if ix.byBits {
		if key < ix.base {
			return 0
		}
		return int(min((key-ix.base)>>ix.shift, uint64(last)))
	}
	return valueEntry(x, ix.low, ix.scale, last)
}

// valueEntry is the entry of x in a table of steps of the values.
func valueEntry(x, low, scale float64, last int) int {
	t := (x - low) * scale
	if !(t > 0) {
		return 0
	}
	if t >= float64(last) {
		return last
	}
	return int(t)
}

// cell is cells of one value.
func (ix *cutIndex) cell(x float64) int {
	var cells [1]uint32
	ix.cells([]float64{x}, cells[:])
	return int(cells[0])
}

// cells finds for each of some finite values twice the index of the first point that is not below it, and one more if
// that equals it. Loops of their own for the table and for the points keep what they need in registers.
func (ix *cutIndex) cells(values []float64, cells []uint32) {
	cells = cells[:len(values)]
	start := ix.start
	if ix.byBits {
		for i, x := range values {
			cells[i] = start[ix.entry(x, orderedBits(x))]
		}
	} else {
		low, scale, last := ix.low, ix.scale, len(start)-1
		for i, x := range values {
			cells[i] = start[valueEntry(x, low, scale, last)]
		}
	}
	// The first two comparisons and the last one are made without branches, which the processor could not predict.
	keys := ix.keys
	for i, x := range values {
		key := orderedBits(x)
		at := uint64(cells[i])
		_, below := bits.Sub64(keys[at], key, 0)
		at += below
		_, below = bits.Sub64(keys[at], key, 0)
		at += below
		if keys[at] < key {
			at = ix.search(at+1, key)
		}
		_, above := bits.Sub64(key, keys[at], 0)
		cells[i] = uint32(2*at + 1 - above)
	}
}

// search returns the index of the first point from i on whose key is not below another one.
func (ix *cutIndex) search(i uint64, key uint64) uint64 {
	for range maxScan {
		if ix.keys[i] >= key {
			return i
		}
		i++
	}
	rest := ix.keys[i:]
	return i + uint64(sort.Search(len(rest), func(k int) bool { return rest[k] >= key }))
}
