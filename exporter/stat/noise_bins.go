package stat

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// wellFilled is the smallest expected count of a bin, on either side, at which the limiting laws of the scores hold well enough.
const wellFilled = 50

// binNoise holds what the floors of the coarse scores are computed from.
type binNoise struct {
	// reference are the counts and m is their sum; smallest is the smallest of them.
	reference   []uint64
	m, smallest float64
	// weights are the parameters of the Dirichlet law of the true shares, given the counts.
	weights []float64
	// limits are the constants of the limiting laws. They are simulated when first needed.
	limits *binLimits
}

// binLimits are 0.999 quantiles of the scores' limiting laws.
type binLimits struct {
	// chiSquared is that of the chi-squared law, totalVariation and chebyshev those of ½ Σ |G_i| and max |G_i|, where G is
	// normal with the covariance of one draw from the reference's shares.
	chiSquared, totalVariation, chebyshev float64
}

func newBinNoise(bins []uint64) *binNoise {
	b := &binNoise{
		reference: append([]uint64(nil), bins...),
		m:         float64(sum(bins)),
		smallest:  math.Inf(1),
		weights:   make([]float64, len(bins)),
	}
	empty, singletons := 0.0, 0.0
	for i, count := range bins {
		b.weights[i] = float64(count)
		b.smallest = min(b.smallest, float64(count))
		switch count {
		case 0:
			empty++
		case 1:
			singletons++
		}
	}
	// By Good and Turing, values that the reference lacks have about the share of those that it has once. One is added because
	// no reference can exclude a value that is rarer than 1/m.
	for i, count := range bins {
		if count == 0 {
			b.weights[i] = (singletons + 1) / empty
		}
	}
	return b
}

// floors fills in the floors of the coarse scores at n live values.
func (b *binNoise) floors(n uint64, values *FloorValues) {
	if b.smallest >= wellFilled && b.smallest/b.m*float64(n) >= wellFilled {
		b.fromLimits(n, values)
		return
	}
	b.fromSimulation(n, values)
}

// fromLimits uses that in the limit Σ (q_i − p_i)²/p_i is v times a chi-squared variable with one degree of freedom less than there
// are bins. psi tends to that sum, the Jensen–Shannon divergence to 1/(8 ln 2) and the squared Hellinger distance to ⅛ of it.
func (b *binNoise) fromLimits(n uint64, values *FloorValues) {
	if b.limits == nil {
		b.limits = b.simulateLimits()
	}
	v := 1/float64(n) + 1/b.m
	c := b.limits.chiSquared * v
	values.PSI = Bound{c, true}
	values.JensenShannon = Bound{math.Sqrt(c / (8 * math.Ln2)), true}
	values.Hellinger = Bound{math.Sqrt(c / 8), true}
	values.TotalVariation = Bound{b.limits.totalVariation * math.Sqrt(v), true}
	values.Chebyshev = Bound{b.limits.chebyshev * math.Sqrt(v), true}
}

func (b *binNoise) simulateLimits() *binLimits {
	if len(b.reference) == 1 {
		return &binLimits{}
	}
	const trials = 4000
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

// fromSimulation draws the true shares from what the reference leaves possible, and live counts from these, and scores
// the counts against the reference. The reference itself stays as it is: its empty bins are known to be empty.
func (b *binNoise) fromSimulation(n uint64, values *FloorValues) {
	trials := min(5000, max(1000, 60_000/len(b.reference)))
	scores := []struct {
		compute func(p, q []uint64) (float64, bool)
		bound   *Bound
		drawn   []float64
	}{
		{PSI, &values.PSI, nil},
		{JensenShannon, &values.JensenShannon, nil},
		{Hellinger, &values.Hellinger, nil},
		{TotalVariation, &values.TotalVariation, nil},
		{Chebyshev, &values.Chebyshev, nil},
	}
	r := newRandom(2, n)
	shares := make([]float64, len(b.weights))
	live := make([]uint64, len(b.weights))
	for range trials {
		dirichlet(r, b.weights, shares)
		multinomial(r, n, shares, live)
		for i := range scores {
			x, _ := scores[i].compute(b.reference, live)
			scores[i].drawn = append(scores[i].drawn, x)
		}
	}
	for _, s := range scores {
		*s.bound = Bound{tailQuantile(s.drawn), true}
	}
}

// dirichlet draws shares from the Dirichlet law with the given weights, up to a common factor.
func dirichlet(r rand.Source, weights, shares []float64) {
	for i, weight := range weights {
		shares[i] = distuv.Gamma{Alpha: weight, Beta: 1, Src: r}.Rand()
	}
}

// multinomial divides n draws among bins in proportion to shares: each bin takes a binomial part of what the bins before it
// have left.
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
