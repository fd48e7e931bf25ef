package stat

import "math"

// normal975 is the 0.975 quantile of the standard normal law: 95% of it lie between −normal975 and normal975.
const normal975 = 1.959963984540054

// Wilson returns Wilson's 95% score interval, within [0, 1], of a rate of which x of n trials were seen. It contains
// x/n, and never has the width 0 that the plain normal interval has at x = 0 and x = n. It needs one trial.
func Wilson(x, n uint64) (lo, hi float64, ok bool) {
	if n == 0 || x > n {
		return 0, 0, false
	}
	const zz = normal975 * normal975
	trials, rate := float64(n), float64(x)/float64(n)
	center := (rate + zz/(2*trials)) / (1 + zz/trials)
	half := normal975 / (1 + zz/trials) * math.Sqrt(rate*(1-rate)/trials+zz/(4*trials*trials))
	// At the ends the bounds are 0 and 1 by algebra, which rounding would miss.
	lo, hi = max(0, center-half), min(1, center+half)
	if x == 0 {
		lo = 0
	}
	if x == n {
		hi = 1
	}
	return lo, hi, true
}
