package stat

import "math"

// Tail holds how far values lie outside the cut points, in the unit of the values.
type Tail struct {
	// Below is the sum of c_0 − x over the values x below the first cut point c_0.
	Below float64
	// Above is the sum of x − c_{k-1} over the values x above the last cut point c_{k-1}.
	Above float64
}

// Wasserstein returns the first-order Wasserstein distance ∫ |F_p − F_q| dx in the unit of the values, from cell
// counts p and q over points and the sums of what lies outside them. It cannot be computed without points or on
// overflow.
//
// It is exact where all values between the outer points lie on points and at most one side has values below the
// first point, and at most one above the last. Inside the open cells between points both F are taken as straight
// lines, which errs by at most WassersteinErrorBound. In a tail ∫ |F_p − F_q| is the difference of the two mean
// excesses if one side is empty there; with values of both sides in one tail that is a lower bound, short by at most
// twice the smaller mean excess.
func Wasserstein(points []float64, p, q []uint64, pTail, qTail Tail) (float64, bool) {
	m, n, ok := sizes(p, q)
	if !ok || len(points) == 0 {
		return 0, false
	}
	checkCells(points, p)
	distance := math.Abs(pTail.Below/m-qTail.Below/n) + math.Abs(pTail.Above/m-qTail.Above/n)
	belowP, belowQ := p[0], q[0]
	for i := 1; i < len(points); i++ {
		belowP += p[2*i-1]
		belowQ += q[2*i-1]
		left := float64(belowP)/m - float64(belowQ)/n
		belowP += p[2*i]
		belowQ += q[2*i]
		right := float64(belowP)/m - float64(belowQ)/n
		distance += (points[i] - points[i-1]) * meanAbsolute(left, right)
	}
	return finite(distance)
}

// WassersteinErrorBound returns by how much Wasserstein may err because the places of values inside open cells
// between points are not known, in the unit of the values: Σ ½ w_i (p_i + q_i) over these cells, with w the width
// and p, q the shares of a cell. It is capped at the largest float64, and 0 without values on both sides.
//
// In a cell of width w, F_p rises by its share α, and so does the line that stands for it. ∫ |F_p − line| is convex
// in F_p, so over all rising F_p it is largest at one with a single jump, where it is αw(s² + (1−s)²)/2 for a jump
// at the part s of the cell: at most ½αw, and that with all values at one end. The same holds for F_q, and by the
// triangle inequality ∫ |F_p − F_q| differs by no more than the sum of both.
func WassersteinErrorBound(points []float64, p, q []uint64) float64 {
	m, n, ok := sizes(p, q)
	if !ok || len(points) == 0 {
		return 0
	}
	checkCells(points, p)
	var bound float64
	for i := 1; i < len(points); i++ {
		if share := float64(p[2*i])/m + float64(q[2*i])/n; share > 0 {
			bound += (points[i] - points[i-1]) * share / 2
		}
	}
	return min(bound, math.MaxFloat64)
}

// meanAbsolute returns the mean of |x| along the straight line from a to b.
func meanAbsolute(a, b float64) float64 {
	size := math.Abs(a) + math.Abs(b)
	if a*b >= 0 {
		return size / 2
	}
	return (a*a + b*b) / (2 * size)
}

// finite returns x, or "cannot be computed".
func finite(x float64) (float64, bool) {
	if !isFinite(x) {
		return 0, false
	}
	return x, true
}

func checkCells(points []float64, cells []uint64) {
	if len(cells) != 2*len(points)+1 {
		panic("bug: cells do not fit the cut points")
	}
}
