package stat

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func TestBinomialDrawsFollowTheirLaw(t *testing.T) {
	const draws = 200_000
	for _, c := range []struct {
		name string
		n    uint64
		p    float64
	}{
		{"few trials", 7, 0.3},
		{"a rare success", 100_000, 2e-5},
		{"just below the change of method", 99, 0.1},
		{"just above the change of method", 101, 0.1},
		{"even odds", 60, 0.5},
		{"a likely success", 50, 0.7},
		{"an almost certain success", 1000, 0.999},
		{"many trials", 100_000, 0.01},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(13, 14))
			law := distuv.Binomial{N: float64(c.n), P: c.p}
			// Equal parts of the law as far as its steps allow; the chi-squared statistic of the counts must not be
			// extreme.
			const parts = 20
			counts, masses := map[int]float64{}, map[int]float64{}
			part := make([]int, c.n+1)
			below := 0.0
			for k := range part {
				mass := law.Prob(float64(k))
				part[k] = int(math.Min(parts-1, (below+mass/2)*parts))
				masses[part[k]] += mass
				below += mass
			}
			for range draws {
				counts[part[binomial(r, c.n, c.p)]]++
			}
			var statistic float64
			for i, mass := range masses {
				statistic += (counts[i] - draws*mass) * (counts[i] - draws*mass) / (draws * mass)
			}
			if p := (distuv.ChiSquared{K: float64(len(masses) - 1)}).Survival(statistic); p < 1e-4 {
				t.Errorf("chi-squared %g over %d parts has P %g", statistic, len(masses), p)
			}
		})
	}
}

func TestBinomialEdges(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, c := range []struct {
		n    uint64
		p    float64
		want uint64
	}{{0, 0.5, 0}, {9, 0, 0}, {9, 1, 9}, {9, -0.1, 0}, {9, 1.1, 9}, {1 << 40, 1e-300, 0}} {
		if got := binomial(r, c.n, c.p); got != c.want {
			t.Errorf("binomial(%d, %g) = %d, want %d", c.n, c.p, got, c.want)
		}
	}
	for range 10_000 {
		if got := binomial(r, 25, 0.45); got > 25 {
			t.Fatalf("%d successes in 25 trials", got)
		}
	}
}

func BenchmarkBinomial(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		binomial(r, 10_000, 0.1)
	}
}
