package stat

import "math"

// MeanShift returns |mean_q − mean_p| in standard deviations (n − 1) of the reference; at least 0. It cannot be
// computed where that deviation is 0 or unknown, except that two columns that hold nothing but one and the same
// value differ by 0.
func MeanShift(p, q Moments) (float64, bool) {
	if sameConstant(p, q) {
		return 0, true
	}
	sd, ok := p.StandardDeviation()
	if !ok || sd == 0 || q.N == 0 {
		return 0, false
	}
	shift := math.Abs(q.Mean-p.Mean) / sd
	if !isFinite(shift) {
		return 0, false
	}
	return shift, true
}
