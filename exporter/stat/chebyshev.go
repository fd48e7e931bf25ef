package stat

import "math"

// Chebyshev returns max |p_i − q_i| of shares, in [0, 1]: the largest change of a single bin.
func Chebyshev(p, q []uint64) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0, false
	}
	var largest float64
	for i := range p {
		largest = max(largest, math.Abs(float64(p[i])/m-float64(q[i])/n))
	}
	return largest, true
}
