package stat

import (
	"math"
	"slices"
	"sync"
)

// wellFilled is the smallest expected count of a bin, on either side, at which the limiting laws of all scores hold
// well enough. Those of most do from 20; the largest of many differences, chebyshev, still exceeds its limit four
// times too often with bins of 50.
const wellFilled = 200

// sumFilled is the smallest expected count of a bin, on either side, at which total_variation, a sum over all bins,
// is taken from its limit, whose constant is computed once and more precisely than can be done for every n. With ten
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
		shares := make([]float64, len(b.reference))
		for i, count := range b.reference {
			shares[i] = float64(count) / b.m
		}
		b.limits = newBinLimits(shares)
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

// fromSimulation draws true shares from what the reference leaves possible, live shares of n values from these, and
// scores them against the reference, which stays as it is: its empty bins are known to be empty. Of several laws of the
// true shares the one with the larger floor counts.
func (b *binNoise) fromSimulation(n uint64) FloorValues {
	var values FloorValues
	trials := min(3000, max(1000, 40_000/len(b.reference))) / len(b.laws)
	scores := newShareScores(b.reference)
	live := make([]float64, len(b.reference))
	drawn := make([][]float64, len(values.ofBins()))
	for i := range drawn {
		drawn[i] = make([]float64, trials)
	}
	for _, law := range b.laws {
		w := newWindows(n, law)
		for t := range trials {
			w.draw(live)
			for i, x := range scores.of(live) {
				drawn[i][t] = x
			}
		}
		for i, bound := range values.ofBins() {
			*bound = Bound{max(bound.Value, tailQuantile(drawn[i])), true}
		}
	}
	return values
}
