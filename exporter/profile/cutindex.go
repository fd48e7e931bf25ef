package profile

import (
	"math"
	"slices"
	"sort"
)

// cutIndex finds the first of sorted points that is not below a value, in a time that hardly depends on how many there
// are: a table over equal steps, of the values or of their bit patterns, says where to begin, and a short scan
// finishes. Both maps from value to table entry are monotone, which is all that correctness needs.
type cutIndex struct {
	// points have infinities behind them.
	points []float64
	// start is short to fit the processor's cache; where it would not suffice it is too low, which search makes up for.
	start []uint16
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
	ix.points = append(slices.Clone(points), math.Inf(1), math.Inf(1))
	entries := entriesPerPoint * n
	if byBits {
		ix.base = orderedBits(points[0])
		for span := orderedBits(points[n-1]) - ix.base; span>>ix.shift >= uint64(entries); {
			ix.shift++
		}
	} else if span := points[n-1] - points[0]; span > 0 && !math.IsInf(span, 0) {
		ix.scale = float64(entries) / span
	}
	if math.IsInf(ix.scale, 0) {
		ix.scale = 0
	}
	// start[e] counts the points whose entry lies below e: all of them are below any value of entry e.
	ix.start = make([]uint16, entries+2)
	below := 0
	for e := range ix.start {
		for below < n && ix.entry(points[below]) < e {
			below++
		}
		ix.start[e] = uint16(min(below, math.MaxUint16))
	}
	for i, p := range points {
		ix.cost += i - int(ix.start[ix.entry(p)])
	}
	return ix
}

// orderedBits maps floats to integers of the same order; -0 and 0 to the same one.
func orderedBits(x float64) uint64 {
	u := math.Float64bits(x + 0)
	return u ^ (uint64(int64(u)>>63) | 1<<63)
}

// entry is monotone in x.
func (ix *cutIndex) entry(x float64) int {
	if ix.byBits {
		return bitsEntry(x, ix.base, ix.shift, uint64(len(ix.start)-1))
	}
	return int(valueEntry(x, ix.low, ix.scale, uint(len(ix.start)-1)))
}

// bitsEntry is the entry of x in a table of steps of the ordered bits.
func bitsEntry(x float64, base uint64, shift uint, last uint64) int {
	key := orderedBits(x)
	return int(min((max(key, base)-base)>>(shift&63), last))
}

// valueEntry is the entry of x in a table of steps of the values.
func valueEntry(x, low, scale float64, last uint) uint {
	t := (x - low) * scale
	// Whatever int makes of a number that is too large for it, it is beyond the table.
	if e := uint(int(t)); e <= last {
		return e
	}
	if t > 0 {
		return last
	}
	return 0
}

// cell returns twice the index of the first point that is not below a finite value, and one more if that equals it.
func (ix *cutIndex) cell(x float64) int {
	var at [1]uint32
	ix.find([]float64{x}, at[:], 0, 1<<31)
	return int(at[0]<<1 | at[0]>>31)
}

// find writes for each of some finite values the index of the first point that is not below it, counted from open, or
// from points if that point equals it. Loops of their own for the table and for the points keep what they need in
// registers.
func (ix *cutIndex) find(values []float64, found []uint32, open, points uint32) {
	found = found[:len(values)]
	start := ix.start
	if ix.byBits {
		base, shift, last := ix.base, ix.shift, uint64(len(start)-1)
		for i, x := range values {
			found[i] = uint32(start[bitsEntry(x, base, shift, last)])
		}
	} else {
		low, scale, last := ix.low, ix.scale, uint(len(start)-1)
		for i, x := range values {
			found[i] = uint32(start[valueEntry(x, low, scale, last)])
		}
	}
	// Neither the first comparison nor the last one is a branch, which the processor could not predict.
	all, equal := ix.points, points-open
	for i, x := range values {
		at := uint64(found[i])
		second := all[at+1]
		at += uint64(one(all[at] < x))
		if second < x {
			at = ix.search(at+1, x)
		}
		found[i] = open + uint32(at) + equal&(one(x < all[at])-1)
	}
}

// one returns 1 if b is true, without a branch.
func one(b bool) uint32 {
	var n uint32
	if b {
		n = 1
	}
	return n
}

// search returns the index of the first point from i on that is not below x.
func (ix *cutIndex) search(i uint64, x float64) uint64 {
	for range maxScan {
		if ix.points[i] >= x {
			return i
		}
		i++
	}
	return i + uint64(sort.SearchFloat64s(ix.points[i:], x))
}
