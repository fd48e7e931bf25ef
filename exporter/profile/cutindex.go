package profile

import (
	"math"
	"slices"
	"sort"
)

// cutIndex finds the first of sorted points that is not below a value, in a time that hardly depends on how many there
// are: a table over equal steps, of the values or of their bit patterns, says where to begin, and a short scan finishes.
// Both maps from value to table entry are monotone, which is all that correctness needs.
type cutIndex struct {
	points []float64 // with +Inf behind the last
	start  []uint32
	// byBits takes steps of the order-preserving bit pattern, which suits values over many magnitudes.
	byBits bool
	low    float64
	scale  float64
	base   uint64
	shift  uint
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
	if byBits.cost() < byValue.cost() {
		return byBits
	}
	return byValue
}

func layOut(points []float64, byBits bool) *cutIndex {
	n := len(points)
	ix := &cutIndex{points: append(slices.Clone(points), math.Inf(1)), byBits: byBits, low: points[0]}
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
	ix.start = make([]uint32, entries+2)
	for _, p := range points {
		if e := ix.entry(p); e+1 < len(ix.start) {
			ix.start[e+1]++
		}
	}
	for e := 1; e < len(ix.start); e++ {
		ix.start[e] += ix.start[e-1]
	}
	return ix
}

// orderedBits maps floats to integers of the same order.
func orderedBits(x float64) uint64 {
	u := math.Float64bits(x)
	return u ^ (uint64(int64(u)>>63) | 1<<63)
}

// entry is monotone in x.
func (ix *cutIndex) entry(x float64) int {
	last := len(ix.start) - 1
	if ix.byBits {
		bits := orderedBits(x)
		if bits < ix.base {
			return 0
		}
		return int(min((bits-ix.base)>>ix.shift, uint64(last)))
	}
	t := (x - ix.low) * ix.scale
	if !(t > 0) {
		return 0
	}
	if t >= float64(last) {
		return last
	}
	return int(t)
}

// cost is the length of the scans for the points themselves, which are where values are.
func (ix *cutIndex) cost() int {
	sum := 0
	for i, p := range ix.points[:len(ix.points)-1] {
		sum += i - int(ix.start[ix.entry(p)])
	}
	return sum
}

// find returns the index of the first point that is not below x, which must be finite.
func (ix *cutIndex) find(x float64) int {
	j := int(ix.start[ix.entry(x)])
	for range maxScan {
		if !(ix.points[j] < x) {
			return j
		}
		j++
	}
	return j + sort.SearchFloat64s(ix.points[j:], x)
}
