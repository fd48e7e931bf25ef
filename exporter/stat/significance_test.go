package stat

import (
	"math"
	"testing"
)

func TestChiSquaredOfCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		p, q []uint64
		want Test
	}{
		{"a single bin cannot differ", []uint64{7}, []uint64{3}, Test{P: 1}},
		{"a single bin that is not empty cannot differ", []uint64{0, 7, 0}, []uint64{0, 3, 0}, Test{P: 1}},
		{"equal shares", []uint64{1, 2}, []uint64{3, 6}, Test{DegreesOfFreedom: 1, P: 1}},
		{"huge equal shares", []uint64{1 << 60, 1 << 61}, []uint64{1 << 59, 1 << 60}, Test{DegreesOfFreedom: 1, P: 1}},
		// Expected counts are 15 and 15 in each row: 4·25/15; the tail of one degree of freedom is erfc(√(x/2)).
		{"two bins", []uint64{20, 10}, []uint64{10, 20}, Test{20.0 / 3, 1, math.Erfc(math.Sqrt(10.0 / 3))}},
		{
			"empty columns are left out",
			[]uint64{20, 0, 10},
			[]uint64{10, 0, 20},
			Test{20.0 / 3, 1, math.Erfc(math.Sqrt(10.0 / 3))},
		},
		// Two degrees of freedom have the tail exp(−x/2); disjoint sides have the statistic m + n.
		{"three disjoint bins", []uint64{2, 2, 0}, []uint64{0, 0, 4}, Test{8, 2, math.Exp(-4)}},
		{"beyond the smallest P", []uint64{1e9, 0}, []uint64{0, 1e9}, Test{2e9, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ChiSquared(c.p, c.q)
			if !ok {
				t.Fatal("absent")
			}
			near(t, "statistic", got.Statistic, c.want.Statistic, 1e-14)
			near(t, "degrees of freedom", got.DegreesOfFreedom, c.want.DegreesOfFreedom, 0)
			near(t, "P", got.P, c.want.P, 1e-12)
		})
	}
}

func TestProportionZ(t *testing.T) {
	for _, c := range []struct {
		name           string
		x1, n1, x2, n2 uint64
		z, p           float64
	}{
		// From the data sets that the oracle (statsmodels) was run on.
		{"fewer", 3410, 8064, 4726, 17472, -24.291969070387836, 2.383468464558959e-130},
		{"more", 1621, 8064, 4029, 16633, 7.2305851911493715, 4.809171940574871e-13},
		{"rare", 319, 6000, 139, 2842, -0.8436336147751708, 0.39887417420196813},
		{"near", 1004, 6000, 418, 2434, 0.48907773049411435, 0.6247866669482648},
		{"far", 45, 3200, 899, 3852, 26.9291385203837, 1.0014055295566273e-159},
		{"none on either side", 0, 10, 0, 20, 0, 1},
		{"all on both sides", 10, 10, 20, 20, 0, 1},
		{"equal rates", 1, 3, 7, 21, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ProportionZ(c.x1, c.n1, c.x2, c.n2)
			if !ok {
				t.Fatal("absent")
			}
			near(t, "z", got.Statistic, c.z, 1e-12)
			near(t, "P", got.P, c.p, 1e-9)
			back, _ := ProportionZ(c.x2, c.n2, c.x1, c.n1)
			near(t, "z with sides exchanged", back.Statistic, -c.z, 1e-12)
		})
	}
	for _, c := range [][4]uint64{{0, 0, 1, 2}, {1, 2, 0, 0}, {3, 2, 1, 2}, {1, 2, 3, 2}} {
		test, ok := ProportionZ(c[0], c[1], c[2], c[3])
		absent(t, "z", test, ok)
	}
}

func TestWelchZ(t *testing.T) {
	constant := func(n uint64, x float64) Moments { return Moments{N: n, Mean: x} }
	for _, c := range []struct {
		name string
		p, q Moments
		want Test
		ok   bool
	}{
		{"no values", Moments{}, Moments{}, Test{}, false},
		{"no reference", Moments{}, Moments{9, 1, 8}, Test{}, false},
		{"no live values", Moments{9, 1, 8}, Moments{}, Test{}, false},
		{"one live value has no variance", Moments{9, 1, 8}, constant(1, 1), Test{}, false},
		{"the same constant", constant(5, 0.1), constant(3, 0.1), Test{P: 1}, true},
		{"one value equal to a constant", constant(5, 0.1), constant(1, 0.1), Test{P: 1}, true},
		{"two constants", constant(5, 0.1), constant(3, 0.3), Test{}, false},
		// Variances 1 and 4 with 4 values each: the standard error is √(1/4 + 4/4).
		{"live is larger", Moments{4, 0, 3}, Moments{4, math.Sqrt(5), 12}, normalTest(2), true},
		{"live is smaller", Moments{4, 0, 3}, Moments{4, -math.Sqrt(5), 12}, normalTest(-2), true},
		{"a spread on one side only", constant(4, 0), Moments{4, 2, 12}, normalTest(2), true},
		{"overflowed squares", Moments{4, 0, math.Inf(1)}, Moments{4, 1, 12}, Test{}, false},
		{"overflowed mean", Moments{4, 0, 3}, Moments{4, math.Inf(1), math.NaN()}, Test{}, false},
		{"difference of means overflows", Moments{4, -1.7e308, 3}, Moments{4, 1.7e308, 12}, Test{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := WelchZ(c.p, c.q)
			if ok != c.ok {
				t.Fatalf("got %+v, %t", got, ok)
			}
			near(t, "z", got.Statistic, c.want.Statistic, 1e-14)
			near(t, "P", got.P, c.want.P, 1e-13)
		})
	}
}

func TestKolmogorovSmirnovPFollowsKolmogorovsLaw(t *testing.T) {
	// From the first series of the law, summed to 400 terms in 60-digit decimals.
	for x, want := range map[float64]float64{
		0.2: 0.999999999999495, 0.28: 0.9999986881499902, 0.4: 0.9971923267772983, 0.5: 0.9639452436648751,
		0.75: 0.6271670417762616, 0.99: 0.2808738392255489, 1: 0.2699996716773545, 1.25: 0.08786641394169106,
		1.5: 0.02221796261652513, 2: 0.0006709252557796953, 2.5: 7.453306344157342e-06, 5: 3.8574996959278356e-22,
	} {
		near(t, "survival", kolmogorovSurvival(x), want, 1e-14)
	}
	// Both series hold everywhere, so they must meet where one takes over from the other.
	near(t, "survival below 1", kolmogorovSurvival(math.Nextafter(1, 0)), kolmogorovSurvival(1), 1e-14)

	last := 1.0
	for d := 0.0; d <= 1; d += 1.0 / 1024 {
		p := KolmogorovSmirnovP(d, 50, 70)
		if !(p >= 0 && p <= last) {
			t.Fatalf("P at %g is %g, after %g", d, p, last)
		}
		last = p
	}
	for _, c := range []struct {
		name string
		d    float64
		m, n uint64
		want float64
	}{
		{"no distance", 0, 10, 10, 1},
		{"a speck", 1e-300, 10, 10, 1},
		{"no reference", 0.5, 0, 10, 1},
		{"no live values", 0.5, 10, 0, 1},
		{"far beyond the smallest number", 1, 1 << 40, 1 << 40, 0},
	} {
		if got := KolmogorovSmirnovP(c.d, c.m, c.n); got != c.want {
			t.Errorf("%s: P = %g, want %g", c.name, got, c.want)
		}
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		name   string
		x, n   uint64
		lo, hi float64
	}{
		// Worked by hand from the roots of (p − x/n)² = z² p(1 − p)/n: at x = 0 they are 0 and z²/(n + z²).
		{"none of ten", 0, 10, 0, 0.2775327998628892},
		{"all of ten", 10, 10, 1 - 0.2775327998628892, 1},
		{"half of ten", 5, 10, 0.236593090512564, 0.7634069094874361},
		{"one of one", 1, 1, 0.20654931437723745, 1},
	} {
		lo, hi, ok := Wilson(c.x, c.n)
		if !ok {
			t.Fatalf("%s: absent", c.name)
		}
		near(t, c.name+": lower end", lo, c.lo, 1e-12)
		near(t, c.name+": upper end", hi, c.hi, 1e-12)
	}
	for n := uint64(1); n < 200; n++ {
		for x := uint64(0); x <= n; x++ {
			lo, hi, ok := Wilson(x, n)
			rate := float64(x) / float64(n)
			if !ok || !(0 <= lo && lo <= rate && rate <= hi && hi <= 1 && lo < hi) {
				t.Fatalf("Wilson(%d, %d) = %g, %g, %t", x, n, lo, hi, ok)
			}
			for _, end := range []float64{lo, hi} {
				// The ends solve the equation that defines the interval.
				gap := (end-rate)*(end-rate) - normal975*normal975*end*(1-end)/float64(n)
				if math.Abs(gap) > 1e-14 {
					t.Fatalf("Wilson(%d, %d): %g is off by %g", x, n, end, gap)
				}
			}
		}
	}
	for _, c := range [][2]uint64{{0, 0}, {3, 2}} {
		lo, _, ok := Wilson(c[0], c[1])
		absent(t, "interval", lo, ok)
	}
}
