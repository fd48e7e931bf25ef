package stat

import "math"

// JensenShannon returns the Jensen–Shannon distance, in [0, 1]: the square root of the divergence to the base 2, ½
// Σ p_i log2(p_i / c_i) + ½ Σ q_i log2(q_i / c_i) with c = (p + q)/2. Shares are not floored; empty bins add what
// their limit adds.
//
// With d = (q_i − p_i)/(q_i + p_i) a bin's part is ½ c_i ((1+d) log2(1+d) + (1−d) log2(1−d)). Written so, every bin
// adds at least 0 up to one rounding, so that the sum does not lose the small differences of large windows.
func JensenShannon(p, q []uint64) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0, false
	}
	var nats float64
	for i := range p {
		a, b := float64(p[i])/m, float64(q[i])/n
		if a == b {
			continue
		}
		center, d := (a+b)/2, (b-a)/(a+b)
		nats += max(0, center*(xLog1p(d)+xLog1p(-d))/2)
	}
	return math.Sqrt(min(1, nats/math.Ln2)), true
}

// xLog1p returns (1+d) ln(1+d) for d in [-1, 1], which is 0 at -1.
func xLog1p(d float64) float64 {
	if d == -1 {
		return 0
	}
	return (1 + d) * math.Log1p(d)
}
