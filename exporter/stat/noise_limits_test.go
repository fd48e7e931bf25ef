package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// simulatedLimits are the 0.999 quantiles of ½ Σ |G_i| and max |G_i| by as many draws of all G.
func simulatedLimits(shares []float64, draws int) (sum, largest float64) {
	r := rand.New(rand.NewPCG(33, 34))
	sums, maxima, g := make([]float64, draws), make([]float64, draws), make([]float64, len(shares))
	for t := range draws {
		var all float64
		for i, p := range shares {
			g[i] = r.NormFloat64() * math.Sqrt(p)
			all += g[i]
		}
		for i, p := range shares {
			d := math.Abs(g[i] - all*p)
			sums[t] += d / 2
			maxima[t] = max(maxima[t], d)
		}
	}
	return tailQuantile(sums), tailQuantile(maxima)
}

func TestLimitsAreThoseOfSimulations(t *testing.T) {
	for _, c := range []struct {
		name  string
		bins  int
		share func(i int) float64
	}{
		{"two even bins", 2, func(int) float64 { return 1 }},
		{"two bins", 2, func(i int) float64 { return float64(i) + 0.1 }},
		{"three even bins", 3, func(int) float64 { return 1 }},
		{"two large bins and a small one", 3, func(i int) float64 { return 1 / (1 + 20*float64(i/2)) }},
		{"two large bins and eight tiny ones", 10, func(i int) float64 { return 1 / (1 + 500*float64(i/2)) }},
		{"one large bin", 6, func(i int) float64 { return 1 / (1 + 50*float64(i)) }},
		{"ten even bins", 10, func(int) float64 { return 1 }},
		{"twenty bins", 20, func(i int) float64 { return 1 / float64(i+1) }},
		{"two hundred even bins", 200, func(int) float64 { return 1 }},
		{"two hundred bins", 200, func(i int) float64 { return 1 / float64(i+1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shares := make([]float64, c.bins)
			var all float64
			for i := range shares {
				shares[i] = c.share(i)
				all += shares[i]
			}
			for i := range shares {
				shares[i] /= all
			}
			limits := newBinLimits(shares)
			sum, largest := simulatedLimits(shares, 100_000)
			// So many draws leave the quantiles uncertain by half a percent.
			near(t, "total_variation", limits.totalVariation, sum, 0.02)
			near(t, "chebyshev", limits.chebyshev, largest, 0.02)
		})
	}
}

func TestLimitOfOneShare(t *testing.T) {
	// |G| of two bins is the size of a normal variable with the deviation √(p(1 − p)); 3.2905 is its 0.999 quantile.
	for _, p := range []float64{1e-9, 0.001, 0.3, 0.5} {
		limits := newBinLimits([]float64{1 - p, p})
		want := 3.290526731 * math.Sqrt(p*(1-p))
		near(t, "total_variation", limits.totalVariation, want, 1e-4)
		near(t, "chebyshev", limits.chebyshev, want, 1e-4)
	}
	if got := *newBinLimits([]float64{1}); got != (binLimits{}) {
		t.Errorf("of a single bin: %+v", got)
	}
}
