package stat

import "gonum.org/v1/gonum/stat/distuv"

// ChiSquared tests whether p and q come from one distribution: Pearson's statistic Σ (O − E)²/E of the 2 × C table
// of counts, without continuity correction. Columns that are empty on both sides are left out, and C − 1 of the
// others are the degrees of freedom. With a single column left nothing can differ: statistic 0, P 1.
//
// P is the upper tail of the chi-squared law, which is a limit: it is rough where expected counts are below 5.
func ChiSquared(p, q []uint64) (Test, bool) {
	m, n, ok := sizes(p, q)
	if !ok {
		return Test{}, false
	}
	var statistic, columns float64
	for i := range p {
		a, b := float64(p[i]), float64(q[i])
		if a+b == 0 {
			continue
		}
		columns++
		// Both cells of a column miss their expectation by the same amount, (a·n − b·m)/(m + n), so that their two
		// terms come to the square of a·n − b·m over m·n·(a + b). Conversion keeps the products from being fused,
		// which would leave a speck where they are equal.
		d := float64(a*n) - float64(b*m)
		statistic += d / m * d / n / (a + b)
	}
	if columns == 1 {
		return noDifference, true
	}
	law := distuv.ChiSquared{K: columns - 1}
	return Test{Statistic: statistic, DegreesOfFreedom: law.K, P: law.Survival(statistic)}, true
}
