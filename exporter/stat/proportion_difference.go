package stat

import "math"

// Difference is a difference of two rates with the ends of its 95% interval, all in [-1, 1].
type Difference struct {
	Value, Lower, Upper float64
}

// ProportionDifference returns x2/n2 − x1/n1 with Newcombe's hybrid score interval ("Interval estimation for the
// difference between independent proportions", 1998, method 10, without continuity correction): from the Wilson
// intervals l to u of both rates r, the lower end is √((r2 − l2)² + (u1 − r1)²) below the difference and the upper end
// √((u2 − r2)² + (r1 − l1)²) above it. It keeps within [-1, 1] and has a width even where both rates are 0 or 1.
// It needs one trial on each side.
func ProportionDifference(x1, n1, x2, n2 uint64) (Difference, bool) {
	l1, u1, ok1 := Wilson(x1, n1)
	l2, u2, ok2 := Wilson(x2, n2)
	if !ok1 || !ok2 {
		return Difference{}, false
	}
	r1, r2 := float64(x1)/float64(n1), float64(x2)/float64(n2)
	d := r2 - r1
	return Difference{
		Value: d,
		// By algebra the ends are in [-1, 1], which rounding would miss.
		Lower: max(-1, d-math.Hypot(r2-l2, u1-r1)),
		Upper: min(1, d+math.Hypot(u2-r2, r1-l1)),
	}, true
}
