package stat

import (
	"math"
	"slices"
)

// Quantile returns the quantile prob, in [0, 1], of sorted values by linear interpolation between order statistics
// (type 7 of Hyndman and Fan), equal to the last bit to numpy.quantile. There must be at least one value, and all
// must be finite.
func Quantile(sorted []float64, prob float64) float64 {
	if len(sorted) == 0 {
		panic("bug: quantile of no values")
	}
	position := float64(float64(len(sorted)-1) * min(1, max(0, prob)))
	i := int(position)
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return interpolate(sorted[i], sorted[i+1], position-math.Floor(position))
}

// interpolate returns a + t(b − a), counted from the nearer end so that t = 1 gives b and the result never falls as t
// rises. The conversions keep products from being fused with sums, which would change the last bit on some machines.
func interpolate(a, b, t float64) float64 {
	d := b - a
	switch {
	case math.IsInf(d, 0):
		return float64(a*(1-t)) + float64(b*t)
	case t >= 0.5:
		return b - float64(d*(1-t))
	default:
		return a + float64(d*t)
	}
}

// DecileEdges returns the distinct quantiles 0.1, 0.2, … 0.9 of sorted values in rising order: the upper edges of all
// coarse bins but the last. It returns none for no values.
func DecileEdges(sorted []float64) []float64 {
	if len(sorted) == 0 {
		return nil
	}
	edges := make([]float64, 0, 9)
	for i := 1; i <= 9; i++ {
		edges = append(edges, Quantile(sorted, float64(i)/10))
	}
	return slices.Compact(edges)
}

// CellQuantile returns the smallest value below or at which the share prob, in [0, 1], of counted values lies, to
// the resolution of the cells: a cut point where the value lies on it, the place by linear interpolation inside an
// open cell between two points, and the outermost point outside of all. It cannot be computed without values or
// points.
func CellQuantile(points []float64, cells []uint64, prob float64) (float64, bool) {
	n := sum(cells)
	if n == 0 || len(points) == 0 {
		return 0, false
	}
	checkCells(points, cells)
	wanted := float64(prob * float64(n))
	var below uint64
	i := 0
	for ; i < len(cells)-1; i++ {
		if cells[i] > 0 && float64(below+cells[i]) >= wanted {
			break
		}
		below += cells[i]
	}
	switch {
	case i == 0:
		return points[0], true
	case i == len(cells)-1:
		return points[len(points)-1], true
	case i%2 == 1:
		return points[i/2], true
	default:
		t := max(0, (wanted-float64(below))/float64(cells[i]))
		return interpolate(points[i/2-1], points[i/2], t), true
	}
}
