package stat

import "math"

// TotalVariation returns ½ Σ |p_i − q_i| of shares, in [0, 1]: the share of values that would have to change their
// bin.
func TotalVariation(p, q []uint64) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0, false
	}
	var total float64
	for i := range p {
		total += math.Abs(float64(p[i])/m - float64(q[i])/n)
	}
	return min(1, total/2), true
}
