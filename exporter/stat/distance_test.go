package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDistancesOfCounts(t *testing.T) {
	const huge = 1 << 62
	for _, c := range []struct {
		name string
		p, q []uint64
		// want holds psi, jensen_shannon, hellinger, total, chebyshev, ks, by hand.
		want [6]float64
	}{
		{"a single bin cannot differ", []uint64{7}, []uint64{3}, [6]float64{}},
		{"equal shares at different sizes", []uint64{1, 2, 0}, []uint64{3, 6, 0}, [6]float64{}},
		{"shares of thirds are equal to the last bit", []uint64{1, 1, 1}, []uint64{49, 49, 49}, [6]float64{}},
		{"counts beyond the precision of float64", []uint64{huge, huge}, []uint64{1, 1}, [6]float64{}},
		{"bins that are empty on both sides add nothing", []uint64{0, 5, 0}, []uint64{0, 2, 0}, [6]float64{}},
		{
			"disjoint",
			[]uint64{5, 0},
			[]uint64{0, 9},
			[6]float64{2 * (1 - 1e-4) * math.Log(1e4), 1, 1, 1, 1, 1},
		},
		{
			"half of one bin moves",
			[]uint64{4, 0},
			[]uint64{1, 1},
			[6]float64{
				-0.5*math.Log(0.5) + (0.5-1e-4)*math.Log(5e3),
				math.Sqrt(0.5*math.Log2(1/0.75) + 0.25*math.Log2(0.5/0.75) + 0.25),
				math.Sqrt(1 - math.Sqrt(0.5)), 0.5, 0.5, 0.5,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, name := range []string{"psi", "jensen_shannon", "hellinger", "total", "chebyshev", "ks"} {
				got, ok := distances[name](c.p, c.q)
				if !ok {
					t.Errorf("%s is absent, want %g", name, c.want[i])
				}
				near(t, name, got, c.want[i], 1e-14)
			}
		})
	}
}

func TestDistancesWithoutValuesAreAbsent(t *testing.T) {
	for _, c := range []struct {
		name string
		p, q []uint64
	}{
		{"no reference", []uint64{0, 0}, []uint64{1, 2}},
		{"no live values", []uint64{1, 2}, []uint64{0, 0}},
		{"nothing at all", []uint64{0, 0}, []uint64{0, 0}},
		{"no bins", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, distance := range distances {
				got, ok := distance(c.p, c.q)
				absent(t, name, got, ok)
			}
			test, ok := ChiSquared(c.p, c.q)
			absent(t, "chi_squared", test, ok)
			if bound := KolmogorovSmirnovErrorBound(c.p, c.q); bound != 0 {
				t.Errorf("error bound = %g, want 0", bound)
			}
		})
	}
}

func TestCountsOfDifferentLengthAreABug(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	PSI([]uint64{1, 2}, []uint64{1})
}

func TestDistancesKeepTheirProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		p := randomCounts(r, 1+r.IntN(40))
		q := randomCounts(r, len(p))
		p[r.IntN(len(p))]++
		q[r.IntN(len(q))]++
		for name, distance := range distances {
			d, ok := distance(p, q)
			if !ok || d < 0 || (name != "psi" && d > 1) {
				t.Fatalf("%s of %v and %v = %g, %t", name, p, q, d, ok)
			}
			if back, _ := distance(q, p); back != d {
				t.Fatalf("%s of %v and %v is not symmetric: %.17g and %.17g", name, p, q, d, back)
			}
			if self, _ := distance(p, p); self != 0 {
				t.Fatalf("%s of %v from itself = %g", name, p, self)
			}
			if name == "ks" {
				continue
			}
			slices.Reverse(p)
			slices.Reverse(q)
			reversed, _ := distance(p, q)
			near(t, name+" of reordered bins", reversed, d, 1e-12)
		}
	}
}

func TestJensenShannonKeepsSmallDifferences(t *testing.T) {
	// With shares ½ ± ε the divergence is 2ε²/(4 ln 2)·… = ε²/(2 ln 2) to first order: m = ½ ± ε/2 and d = ±ε.
	const n = 2_000_000_000
	for _, moved := range []uint64{10, 1000, 100_000} {
		epsilon := float64(moved) / n
		got, _ := JensenShannon([]uint64{n / 2, n / 2}, []uint64{n/2 + moved, n/2 - moved})
		near(t, "distance", got, epsilon/math.Sqrt(2*math.Ln2), 1e-6)
	}
}

// randomCounts returns counts of very different sizes, many of them 0.
func randomCounts(r *rand.Rand, bins int) []uint64 {
	counts := make([]uint64, bins)
	for i := range counts {
		if r.IntN(3) > 0 {
			counts[i] = r.Uint64N(1 << r.IntN(40))
		}
	}
	return counts
}

func BenchmarkScores(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	points := make([]float64, 1024)
	for i := range points {
		points[i] = float64(i)
	}
	for _, size := range []struct {
		name string
		bins int
	}{{"10 bins", 10}, {"2049 cells", 2049}} {
		p, q := randomCounts(r, size.bins), randomCounts(r, size.bins)
		for name, distance := range distances {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					distance(p, q)
				}
			})
		}
		b.Run("chi_squared/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ChiSquared(p, q)
			}
		})
		if size.bins == 2049 {
			b.Run("wasserstein/"+size.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Wasserstein(points, p, q, Tail{}, Tail{})
				}
			})
		}
	}
}

func TestScoresDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p, q := randomCounts(r, 2049), randomCounts(r, 2049)
	points := make([]float64, 1024)
	for i := range points {
		points[i] = float64(i)
	}
	allocations := testing.AllocsPerRun(10, func() {
		for _, distance := range distances {
			distance(p, q)
		}
		ChiSquared(p, q)
		Wasserstein(points, p, q, Tail{}, Tail{})
	})
	if allocations != 0 {
		t.Errorf("%g allocations, want 0", allocations)
	}
}
