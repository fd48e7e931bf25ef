package stat

import "math"

// Hellinger returns the Hellinger distance √(½ Σ (√p_i − √q_i)²) of shares, in [0, 1].
func Hellinger(p, q []uint64) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0, false
	}
	var squares float64
	for i := range p {
		d := math.Sqrt(float64(p[i])/m) - math.Sqrt(float64(q[i])/n)
		squares += d * d
	}
	return math.Sqrt(min(1, squares/2)), true
}
