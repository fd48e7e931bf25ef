package stat

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// ownBridges returns the 0.999 quantile of ∫ |B(F(x))| dx by bridges that are drawn for the distribution of the cells, at
// each point and at the end of each cell.
func ownBridges(r *rand.Rand, points []float64, cells []uint64, trials int) float64 {
	n := float64(sum(cells))
	var shares []float64
	var below float64
	for i, count := range cells[:len(cells)-1] {
		below += float64(count)
		if i > 0 {
			shares = append(shares, below/n)
		}
	}
	integrals, path := make([]float64, trials), make([]float64, len(shares))
	for t := range integrals {
		var w, last float64
		for i, u := range shares {
			w += math.Sqrt(u-last) * r.NormFloat64()
			path[i], last = w, u
		}
		end := w + math.Sqrt(1-last)*r.NormFloat64()
		for i := 1; i < len(points); i++ {
			left, right := path[2*i-2]-end*shares[2*i-2], path[2*i-1]-end*shares[2*i-1]
			integrals[t] += (points[i] - points[i-1]) * meanAbsolute(left, right)
		}
	}
	return tailQuantile(integrals)
}

func TestBridgesServeAllDistributions(t *testing.T) {
	exponential := func(u float64) float64 { return -math.Log1p(-u) }
	lognormal := func(sigma float64) func(u float64) float64 {
		return func(u float64) float64 { return math.Exp(sigma * distuv.UnitNormal.Quantile(u)) }
	}
	for _, law := range []struct {
		name        string
		values, cut int
		quantile    func(u float64) float64
	}{
		{"even", 2000, 256, func(u float64) float64 { return u }},
		{"normal", 2000, 256, distuv.UnitNormal.Quantile},
		{"normal in few cells", 2000, 20, distuv.UnitNormal.Quantile},
		{"normal with all values as points", 300, 300, distuv.UnitNormal.Quantile},
		{"skewed", 5000, 256, exponential},
		{"heavily skewed", 20_000, 256, lognormal(1)},
		{"nearly all in the tail", 20_000, 256, lognormal(3)},
		{"long tails on both sides", 20_000, 256, func(u float64) float64 { return math.Tan(math.Pi * (u - 0.5)) }},
		{"tied", 5000, 256, func(u float64) float64 { return math.Floor(3 * exponential(u)) }},
		{"mostly zero", 5000, 256, func(u float64) float64 { return max(0, exponential(u)-2) }},
	} {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			values := make([]float64, law.values)
			for i := range values {
				values[i] = law.quantile((float64(i) + 0.5) / float64(len(values)))
			}
			var points []float64
			for i := range law.cut {
				points = append(points, values[i*(len(values)-1)/(law.cut-1)])
			}
			points = distinct(points)
			cells, _ := cellCounts(points, values)
			want := ownBridges(rand.New(rand.NewPCG(31, 32)), points, cells, 20_000)
			near(t, "quantile", bridges().quantile(points, cells), want, 0.12)
		})
	}
}

func TestBridgesOfTwoValues(t *testing.T) {
	// B(p) is normal with the deviation √(p(1 − p)), and 3.2905 is its 0.999 quantile by size.
	for _, ones := range []uint64{1, 30, 1000, 50_000, 99_990} {
		p := float64(ones) / 100_000
		got := bridges().quantile([]float64{-1, 3}, []uint64{0, 100_000 - ones, 0, ones, 0})
		near(t, "quantile", got, 4*3.2905*math.Sqrt(p*(1-p)), 0.08)
	}
}

func TestBridgesOfFewCells(t *testing.T) {
	if got := bridges().quantile([]float64{1, 2, 3}, []uint64{0, 0, 0, 9, 0, 0, 0}); got != 0 {
		t.Errorf("of a single value: %g", got)
	}
	if got := bridges().quantile([]float64{-5e307, 5e307}, []uint64{0, 5, 0, 5, 0}); !isFinite(got) || got < 1.6e308 {
		t.Errorf("of the largest numbers: %g", got)
	}
}
