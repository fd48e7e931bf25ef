package stat

import "math"

// KolmogorovSmirnov returns sup |F_p − F_q| in [0, 1] over cells in the order of their values. F is compared at the
// ends of cells, so the result is exact if every value lies on a cut point, and else too small by at most
// KolmogorovSmirnovErrorBound.
func KolmogorovSmirnov(p, q []uint64) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0, false
	}
	var belowP, belowQ uint64
	var largest float64
	for i := range p {
		belowP += p[i]
		belowQ += q[i]
		largest = max(largest, math.Abs(float64(belowP)/m-float64(belowQ)/n))
	}
	return largest, true
}

// KolmogorovSmirnovErrorBound returns by how much KolmogorovSmirnov may fall short of the distance of the values
// themselves, in [0, 1]: the largest min(p_i, q_i) of shares over the open cells. It is 0 without values on both
// sides.
//
// Let D = F_p − F_q be a at the lower end of an open cell that holds the shares α of p and β of q, so that it is a
// + α − β at the upper end. Inside, F_p rises by a part s of α and F_q by a part t of β, so D is a + s − t. That is
// at most a + α, and so exceeds the larger end a + max(0, α − β) by at most min(α, β); likewise it is at least a −
// β, below the smaller end a + min(0, α − β) by at most min(α, β). Hence |D| exceeds the larger |D| of the two ends
// by at most that.
func KolmogorovSmirnovErrorBound(p, q []uint64) float64 {
	m, n, ok := sizes(p, q)
	if !ok {
		return 0
	}
	var bound float64
	for i := 0; i < len(p); i += 2 {
		bound = max(bound, min(float64(p[i])/m, float64(q[i])/n))
	}
	return bound
}

// KolmogorovSmirnovP returns the probability, in [0, 1], of a distance of at least d between m and n values of one
// continuous distribution: Kolmogorov's limit with Stephens' correction, P(K > (√e + 0.12 + 0.11/√e) d), e = mn/(m
// + n). It is 1 for d = 0 and where a side has no values. Ties make it too large, never too small.
func KolmogorovSmirnovP(d float64, m, n uint64) float64 {
	if m == 0 || n == 0 {
		return 1
	}
	root := math.Sqrt(1 / (1/float64(m) + 1/float64(n)))
	return kolmogorovSurvival((root + 0.12 + 0.11/root) * d)
}

// kolmogorovSurvival returns P(K > x) of Kolmogorov's law. Of its two series, the one in exp(−2k²x²) converges fast
// for large x and the one in exp(−(2k−1)²π²/(8x²)) for small x; at 1 either needs four terms for all digits.
func kolmogorovSurvival(x float64) float64 {
	switch {
	case x <= 0:
		return 1
	case x < 1:
		var below float64
		for k := 1.0; k <= 7; k += 2 {
			below += math.Exp(-k * k * math.Pi * math.Pi / (8 * x * x))
		}
		return min(1, max(0, 1-math.Sqrt(2*math.Pi)/x*below))
	default:
		var above float64
		sign := 2.0
		for k := 1.0; k <= 5; k++ {
			above += sign * math.Exp(-2*k*k*x*x)
			sign = -sign
		}
		return min(1, max(0, above))
	}
}
