package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

// wellFilled is the smallest expected count of a bin, on either side, at which the limiting laws of all scores hold
// well enough. Those of most do from 20; the largest of many differences, chebyshev, still exceeds its limit four
// times too often with bins of 50.
const wellFilled = 200

// sumFilled is the smallest expected count of a bin, on either side, at which total_variation, a sum over all bins,
// is taken from its limit, whose constant is simulated once and with more trials than there are for every n. With ten
// bins of 20 it is exceeded in 0.06% to 0.1% of windows without drift.
const sumFilled = 15

// binNoise holds what the floors of the coarse scores are computed from.
type binNoise struct {
	// reference are the counts and m is their sum; smallest is the smallest of them.
	reference   []uint64
	m, smallest float64
	// laws are what the true shares may follow, given the counts.
	laws []shareLaw

	// mu guards what follows, which is computed when first needed.
	mu sync.Mutex
	// limits are the constants of the limiting laws.
	limits *binLimits
	// simulated are floors by number of live values.
	simulated map[uint64]FloorValues
}

// binLimits are 0.999 quantiles of the scores' limiting laws.
type binLimits struct {
	// chiSquared is that of the chi-squared law, totalVariation and chebyshev those of ½ Σ |G_i| and max |G_i|,
	// where G is normal with the covariance of one draw from the reference's shares.
	chiSquared, totalVariation, chebyshev float64
}

func newBinNoise(bins []uint64) *binNoise {
	return &binNoise{
		reference: slices.Clone(bins),
		m:         float64(sum(bins)),
		smallest:  float64(slices.Min(bins)),
		laws:      shareLaws(bins),
		simulated: map[uint64]FloorValues{},
	}
}

// floors returns the floors of the coarse scores at n live values.
func (b *binNoise) floors(n uint64) FloorValues {
	b.mu.Lock()
	defer b.mu.Unlock()
	filled := min(b.smallest, b.smallest/b.m*float64(n))
	if filled >= wellFilled {
		return b.fromLimits(n)
	}
	step := roundDown(n)
	values, ok := b.simulated[step]
	if !ok {
		values = b.fromSimulation(step)
		b.simulated[step] = values
	}
	if filled >= sumFilled {
		values.TotalVariation = b.fromLimits(n).TotalVariation
	}
	return values
}

// fromLimits uses that Σ (q_i − p_i)²/p_i is, in the limit, v times a chi-squared variable with one degree of
// freedom less than there are bins. psi tends to that sum, the Jensen–Shannon divergence to 1/(8 ln 2) of it and the
// squared Hellinger distance to ⅛ of it.
func (b *binNoise) fromLimits(n uint64) FloorValues {
	if b.limits == nil {
		b.limits = b.simulateLimits()
	}
	v := 1/float64(n) + 1/b.m
	c := b.limits.chiSquared * v
	return FloorValues{
		PSI:            Bound{c, true},
		JensenShannon:  Bound{math.Sqrt(c / (8 * math.Ln2)), true},
		Hellinger:      Bound{math.Sqrt(c / 8), true},
		TotalVariation: Bound{b.limits.totalVariation * math.Sqrt(v), true},
		Chebyshev:      Bound{b.limits.chebyshev * math.Sqrt(v), true},
	}
}

func (b *binNoise) simulateLimits() *binLimits {
	if len(b.reference) == 1 {
		// A single bin holds everything on both sides.
		return &binLimits{}
	}
	trials := min(20_000, max(2000, 400_000/len(b.reference)))
	r := newRandom(1, 0)
	total, largest := make([]float64, trials), make([]float64, trials)
	g := make([]float64, len(b.reference))
	for t := range trials {
		var all float64
		for i, count := range b.reference {
			g[i] = r.NormFloat64() * math.Sqrt(float64(count)/b.m)
			all += g[i]
		}
		for i, count := range b.reference {
			d := math.Abs(g[i] - all*float64(count)/b.m)
			total[t] += d / 2
			largest[t] = max(largest[t], d)
		}
	}
	law := distuv.ChiSquared{K: float64(len(b.reference) - 1)}
	return &binLimits{law.Quantile(noiseProbability), tailQuantile(total), tailQuantile(largest)}
}

// fromSimulation draws true shares from what the reference leaves possible, live counts from these, and scores the
// counts against the reference, which stays as it is: its empty bins are known to be empty. Of several laws of the
// true shares the one with the larger floor counts.
func (b *binNoise) fromSimulation(n uint64) FloorValues {
	var values FloorValues
	trials := min(3000, max(1000, 40_000/len(b.reference))) / len(b.laws)
	scores := []struct {
		compute func(p, q []uint64) (float64, bool)
		bound   *Bound
	}{
		{PSI, &values.PSI},
		{JensenShannon, &values.JensenShannon},
		{Hellinger, &values.Hellinger},
		{TotalVariation, &values.TotalVariation},
		{Chebyshev, &values.Chebyshev},
	}
	// The same shares for every n keep the floors from jumping up and down as a window grows.
	forShares, forCounts := newRandom(2, 0), newRandom(3, n)
	shares := make([]float64, len(b.reference))
	live := make([]uint64, len(b.reference))
	for _, law := range b.laws {
		drawn := make([][]float64, len(scores))
		for range trials {
			law.draw(forShares, shares)
			multinomial(forCounts, n, shares, live)
			for i, s := range scores {
				x, _ := s.compute(b.reference, live)
				drawn[i] = append(drawn[i], x)
			}
		}
		for i, s := range scores {
			*s.bound = Bound{max(s.bound.Value, tailQuantile(drawn[i])), true}
		}
	}
	return values
}

// multinomial divides n draws among bins in proportion to shares: each bin takes a binomial part of what the bins
// before it have left.
func multinomial(r *rand.Rand, n uint64, shares []float64, counts []uint64) {
	var rest float64
	for _, share := range shares {
		rest += share
	}
	for i, share := range shares {
		if i == len(shares)-1 {
			counts[i] = n
			return
		}
		counts[i] = binomial(r, n, share/rest)
		n -= counts[i]
		rest -= share
	}
}
