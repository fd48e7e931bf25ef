package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// limitDirections is how many directions the limit of total_variation is taken over: it is uncertain by some 0.3%, and
// by 1.3% where one bin holds nearly everything.
const limitDirections = 500

// limitSeed is one of a few seeds: these directions give limits within 1% of those by a thousand times as many.
const limitSeed = 3

// binLimits are 0.999 quantiles of the scores' limiting laws.
type binLimits struct {
	// chiSquared is that of the chi-squared law, totalVariation and chebyshev those of ½ Σ |G_i| and max |G_i|,
	// where G is normal with the covariance of one draw from the reference's shares.
	chiSquared, totalVariation, chebyshev float64
}

// newBinLimits returns the limits for the shares of bins, none of which may be 0.
func newBinLimits(shares []float64) *binLimits {
	if len(shares) == 1 {
		// A single bin holds everything on both sides.
		return &binLimits{}
	}
	chiSquared := distuv.ChiSquared{K: float64(len(shares) - 1)}.Quantile(noiseProbability)
	return &binLimits{chiSquared, limitOfSum(shares, chiSquared), limitOfLargest(shares)}
}

// limitOfSum returns the 0.999 quantile of ½ Σ |G_i|. With normal g_i, G_i = √p_i (g_i − √p_i Σ √p_j g_j); the length
// R of the vector in brackets, a chi variable, does not depend on its direction u. So ½ Σ |G_i| is R h with h = ½ Σ
// √p_i |u_i|, and only directions have to be drawn: for each, the probability that R h is above a limit is known. It
// would take a hundred times as many draws of G itself to be as precise.
func limitOfSum(shares []float64, chiSquared float64) float64 {
	r := newRandom(1, limitSeed)
	h := make([]float64, limitDirections)
	g := make([]float64, len(shares))
	var mean float64
	for t := range h {
		var along, squares, total float64
		for i, p := range shares {
			g[i] = r.NormFloat64()
			along += math.Sqrt(p) * g[i]
		}
		for i, p := range shares {
			d := g[i] - math.Sqrt(p)*along
			squares += d * d
			total += math.Sqrt(p) * math.Abs(d)
		}
		h[t] = total / 2 / math.Sqrt(squares)
		mean += h[t] / limitDirections
	}
	shape := float64(len(shares)-1) / 2
	// excess is the logarithm of the probability of more than x over the one that is wanted. It falls nearly like a
	// line, so that the secants' method is there in a few steps.
	excess := func(x float64) float64 {
		var above float64
		for _, size := range h {
			above += mathext.GammaIncRegComp(shape, x*x/(2*size*size)) / limitDirections
		}
		return math.Log(above / (1 - noiseProbability))
	}
	x := mean * math.Sqrt(chiSquared)
	last, step := excess(x), 0.02*x
	for range 10 {
		if math.Abs(step) < 1e-4*x {
			break
		}
		x += step
		now := excess(x)
		if now == last {
			break
		}
		step *= now / (last - now)
		last = now
	}
	return x
}

// limitOfLargest returns the 0.999 quantile of max |G_i|: where the probabilities of |G_i| above it add up to 0.001.
// Where one of them is above it, another one hardly is, but for the two with the largest shares if these are nearly
// all: what one has more the other has less. Their probability to be above it together is taken off.
func limitOfLargest(shares []float64) float64 {
	p := slices.Clone(shares)
	slices.Sort(p)
	slices.Reverse(p)
	sd := make([]float64, len(p))
	for i, share := range p {
		sd[i] = math.Sqrt(share * (1 - share))
	}
	above := func(x float64) float64 {
		total := -bothAbove(x/sd[0], x/sd[1], -math.Sqrt(p[0]*p[1]/((1-p[0])*(1-p[1]))))
		for _, s := range sd {
			total += math.Erfc(x / (s * math.Sqrt2))
		}
		return total
	}
	most := slices.Max(sd)
	low := most * distuv.UnitNormal.Quantile((1+noiseProbability)/2)
	high := most * distuv.UnitNormal.Quantile(1-(1-noiseProbability)/2/float64(len(sd)))
	for range 20 {
		if middle := (low + high) / 2; above(middle) > 1-noiseProbability {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// bothAbove returns the probability that two standard normal variables of a correlation are above x and y in size.
func bothAbove(x, y, correlation float64) float64 {
	spread := math.Sqrt(max(1e-18, 1-correlation*correlation))
	density := func(t float64) float64 {
		near, far := (x-correlation*t)/spread, (x+correlation*t)/spread
		return distuv.UnitNormal.Prob(t) * (math.Erfc(near/math.Sqrt2) + math.Erfc(far/math.Sqrt2))
	}
	return quad.Fixed(density, y, y+4, 24, nil, 0)
}
