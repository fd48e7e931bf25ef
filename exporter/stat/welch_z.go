package stat

import "math"

// WelchZ tests whether the means are equal: z = (mean_q − mean_p) / √(s_p²/m + s_q²/n), with P from the normal law,
// two sided. It needs two values on each side, and a spread on at least one; two columns that hold nothing but one
// and the same value have statistic 0 and P 1.
func WelchZ(p, q Moments) (Test, bool) {
	if sameConstant(p, q) {
		return noDifference, true
	}
	vp, okP := p.Variance()
	vq, okQ := q.Variance()
	if !okP || !okQ {
		return Test{}, false
	}
	z := (q.Mean - p.Mean) / math.Sqrt(vp/float64(p.N)+vq/float64(q.N))
	if !isFinite(z) {
		return Test{}, false
	}
	return normalTest(z), true
}
