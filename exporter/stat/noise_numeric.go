package stat

import (
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

// kolmogorov999 is the 0.999 quantile of Kolmogorov's law.
const kolmogorov999 = 1.9495

// numericNoise holds what the floors of the scores of a numeric column's values are computed from.
type numericNoise struct {
	m float64
	// spread reports whether the reference has a standard deviation other than 0; without one, the only floor is
	// that of the Kolmogorov–Smirnov distance.
	spread bool
	// skewness (absolute) and kurtosis are the third and fourth standardised cumulants of the reference, 0 for the
	// normal law, raised by what a sample of its size is likely to understate.
	skewness, kurtosis float64
	points             []float64
	cells              []uint64
	sd                 float64 // the standard deviation

	// mu guards constant, the 0.999 quantile of ∫ |B(F_p(x))| dx over the standard deviation, with B a Brownian bridge.
	// It is 0 until it is needed.
	mu       sync.Mutex
	constant float64
}

func newNumericNoise(points []float64, cells []uint64, sd float64) *numericNoise {
	c := &numericNoise{m: float64(sum(cells)), points: points, cells: cells, sd: sd}
	width := points[len(points)-1] - points[0]
	if sd <= 0 || !isFinite(sd) || width <= 0 || !isFinite(width) {
		return c
	}
	skewness, kurtosis := cellShape(points, cells)
	// Samples of skewed laws lack part of the tail, the more so if most values are one and the same, such as 0, and
	// only the others tell of it. The factor was set by simulation with lognormal and zero-inflated values.
	others := 1 + c.m - float64(slices.Max(cells))
	understated := 1 + max(10/math.Sqrt(c.m), 5/math.Sqrt(others))
	c.skewness, c.kurtosis = skewness*understated, kurtosis*understated
	c.spread = true
	return c
}

// wasserstein returns the constant.
func (c *numericNoise) wasserstein() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.constant == 0 {
		c.constant = bridges().quantile(c.points, c.cells) / c.sd
	}
	return c.constant
}

// floors fills in the floors of the scores of values at n live values.
//
// For normal values and large n, mean_shift/√v is normal, with the bound 3.29. Skewed values need more. To first
// order in their skewness γ, the difference of means over the reference's standard deviation, which is low just when
// the mean is, has a bias of γ/(2m) and the skewness γ(1/n + 2/m)/√v. Its excess kurtosis is about κ(1/n³ +
// 1/m³)/v² for one of κ in the values. The Wasserstein distance is at least the difference of means, which
// dominates it in a long tail, so the same factor over 3.29 serves there.
func (c *numericNoise) floors(n uint64, values *FloorValues) {
	live := float64(n)
	v := 1/live + 1/c.m
	root := math.Sqrt(v)
	values.KolmogorovSmirnov = Bound{min(1, kolmogorov999*root), true}
	if !c.spread {
		return
	}
	constant := c.wasserstein()
	if !isFinite(constant) {
		return
	}
	skewness := c.skewness * (1/live + 2/c.m) / root
	kurtosis := c.kurtosis * (1/(live*live*live) + 1/(c.m*c.m*c.m)) / (v * v)
	z := quantileOfMean(skewness, kurtosis) + c.skewness/(2*c.m)/root
	values.MeanShift = Bound{z * root, true}
	values.Wasserstein = Bound{constant * root * z / quantileOfMean(0, 0), true}
}

// quantileOfMean returns the value that a standardised mean exceeds in size with a probability of at most 0.001: the
// 0.9995 quantile of the gamma law of the given skewness, which is the normal law for 0, plus the first term of
// Cornish and Fisher for the kurtosis that is not owed to the skewness. It is at least the normal law's, below
// which the gamma law falls where it is all but constant.
func quantileOfMean(skewness, kurtosis float64) float64 {
	const oneSided = (1 + noiseProbability) / 2
	z := distuv.UnitNormal.Quantile(oneSided)
	heavy := max(0, kurtosis-1.5*skewness*skewness) * (z*z*z - 3*z) / 24
	// Beyond these limits nothing is gained, and the gamma quantile is hard to compute.
	if skewness < 0.01 || skewness > 100 {
		return z + heavy
	}
	shape := 4 / (skewness * skewness)
	gamma := distuv.Gamma{Alpha: shape, Beta: 1}
	return max(z, (gamma.Quantile(oneSided)-shape)/math.Sqrt(shape)) + heavy
}

// cellShape returns the absolute skewness and the excess kurtosis of binned values. It takes the middle of an inner
// open cell, and the outermost points, for the values in open cells.
func cellShape(points []float64, cells []uint64) (skewness, kurtosis float64) {
	first, width := points[0], points[len(points)-1]-points[0]
	var n, mean float64
	each := func(visit func(x, count float64)) {
		for i, count := range cells {
			if count == 0 {
				continue
			}
			lower, upper := points[max(0, (i-1)/2)], points[min(len(points)-1, i/2)]
			visit(((lower-first)/width+(upper-first)/width)/2, float64(count))
		}
	}
	each(func(x, count float64) { n += count; mean += x * count })
	mean /= n
	var second, third, fourth float64
	each(func(x, count float64) {
		d := x - mean
		second += d * d * count / n
		third += d * d * d * count / n
		fourth += d * d * d * d * count / n
	})
	if second == 0 {
		return 0, 0
	}
	return math.Abs(third) / (second * math.Sqrt(second)), fourth/(second*second) - 3
}
