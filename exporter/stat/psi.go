package stat

import "math"

// smallestShare replaces smaller shares in PSI, whose logarithm has no value for an empty bin.
const smallestShare = 1e-4

// PSI returns the population stability index Σ (q_i − p_i) ln(q_i / p_i) of shares, each raised to at least 1e-4 and
// not renormalised. It is at least 0; a bin that is empty on one side and holds everything on the other adds 9.2.
func PSI(p, q []uint64) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0, false
	}
	var psi float64
	for i := range p {
		a := max(float64(p[i])/m, smallestShare)
		b := max(float64(q[i])/n, smallestShare)
		d := math.Abs(b - a)
		// ln(larger/smaller), without the rounding of a quotient near 1.
		psi += d * math.Log1p(d/min(a, b))
	}
	return psi, true
}
