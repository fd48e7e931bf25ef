package stat

import "math"

// ProportionZ tests whether two rates are equal, x1 of n1 in the reference and x2 of n2 live: the pooled
// two-proportion z = (x2/n2 − x1/n1) / √(r(1 − r)(1/n1 + 1/n2)), r = (x1 + x2)/(n1 + n2), with P from the normal
// law, two-sided. Where all trials on both sides came out alike, statistic 0 and P 1.
func ProportionZ(x1, n1, x2, n2 uint64) (Test, bool) {
	if n1 == 0 || n2 == 0 || x1 > n1 || x2 > n2 {
		return Test{}, false
	}
	if x1+x2 == 0 || x1+x2 == n1+n2 {
		return noDifference, true
	}
	m, n := float64(n1), float64(n2)
	rate := float64(x1+x2) / (m + n)
	z := (float64(x2)/n - float64(x1)/m) / math.Sqrt(rate*(1-rate)*(1/m+1/n))
	return normalTest(z), true
}
