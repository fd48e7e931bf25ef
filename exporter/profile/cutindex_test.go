package profile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// pointSets are cut points of many shapes.
func pointSets(r *rand.Rand) map[string][]float64 {
	sets := map[string][]float64{
		"one":              {3},
		"two":              {-1, 1},
		"zero":             {0},
		"both extremes":    {-math.MaxFloat64, math.MaxFloat64},
		"subnormal":        {-5e-324, 0, 5e-324},
		"crowded":          {0, 1, 1e300},
		"huge":             {1e308, 1.1e308, 1.7e308},
		"all magnitudes":   nil,
		"integers":         nil,
		"normal":           nil,
		"lognormal":        nil,
		"crowded with one": {1e300},
		"very many":        nil,
	}
	for e := -300; e <= 300; e++ {
		sets["all magnitudes"] = append(sets["all magnitudes"], -math.Pow(10, float64(e)), math.Pow(10, float64(e)))
	}
	for i := range 1<<16 + 1000 {
		sets["very many"] = append(sets["very many"], math.Sqrt(float64(i)))
	}
	for i := range 1024 {
		sets["integers"] = append(sets["integers"], float64(i-100))
		sets["normal"] = append(sets["normal"], r.NormFloat64())
		sets["lognormal"] = append(sets["lognormal"], math.Exp(5*r.NormFloat64()))
		sets["crowded with one"] = append(sets["crowded with one"], r.Float64())
	}
	for name, set := range sets {
		slices.Sort(set)
		sets[name] = slices.Compact(set)
	}
	return sets
}

func TestCutIndexFindsWhatABinarySearchFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, points := range pointSets(r) {
		t.Run(name, func(t *testing.T) {
			for _, ix := range []*cutIndex{newCutIndex(points), layOut(points, false), layOut(points, true)} {
				check := func(x float64) {
					if math.IsInf(x, 0) || math.IsNaN(x) {
						return
					}
					want := sort.SearchFloat64s(points, x)
					want *= 2
					if at := want / 2; at < len(points) && points[at] == x {
						want++
					}
					if got := ix.cell(x); got != want {
						t.Fatalf("%g is in cell %d, want %d, by bits: %t", x, got, want, ix.byBits)
					}
				}
				for _, p := range points {
					check(p)
					check(math.Nextafter(p, math.Inf(1)))
					check(math.Nextafter(p, math.Inf(-1)))
					check(-p)
				}
				check(math.Copysign(0, -1))
				for range 20_000 {
					check(math.Float64frombits(r.Uint64()))
					check(r.NormFloat64())
					check(math.Exp(20 * r.NormFloat64()))
				}
			}
		})
	}
}

func BenchmarkCell(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, k := range []int{20, 1024} {
		values := make([]float64, 100_000)
		for i := range values {
			values[i] = math.Exp(r.NormFloat64())
		}
		slices.Sort(values)
		c := newNumeric(values, nil, k)
		r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
		b.Run(fmt.Sprintf("K=%d", k), func(b *testing.B) {
			b.ReportAllocs()
			sum, i := 0, 0
			for b.Loop() {
				sum += c.Cell(values[i%len(values)])
				i++
			}
			if sum == 0 {
				b.Error("all values are in the first cell")
			}
		})
	}
}
