package stat

import "math"

// sizes returns the number of reference and of live values, and whether there is at least one of each.
func sizes(p, q []uint64) (m, n float64, ok bool) {
	if len(p) != len(q) {
		panic("bug: reference and live counts differ in length")
	}
	m, n = float64(sum(p)), float64(sum(q))
	return m, n, m > 0 && n > 0
}

func sum(counts []uint64) uint64 {
	var total uint64
	for _, c := range counts {
		total += c
	}
	return total
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
