package stat

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

// The files below testdata hold small samples and their statistics, computed with NumPy, SciPy and scikit-learn. null
// stands for what is undefined.
type oracle struct {
	Numeric     []numericPair     `json:"numeric"`
	Categorical []categoricalPair `json:"categorical"`
}

type numericPair struct {
	Name      string     `json:"name"`
	Ref       []*float64 `json:"ref"`
	Live      []*float64 `json:"live"`
	Reference struct {
		numericSummary
		BinEdges  []float64 `json:"bin_edges"`
		BinCounts []uint64  `json:"bin_counts"`
	} `json:"reference"`
	Expected struct {
		Live numericSummary `json:"live"`
		KS   struct {
			Statistic float64 `json:"statistic"`
			Stephens  float64 `json:"p_stephens"`
		} `json:"ks"`
		Wasserstein        float64  `json:"wasserstein"`
		WassersteinOverStd *float64 `json:"wasserstein_over_ref_std"`
		Welch              *struct {
			Z float64 `json:"z"`
			P float64 `json:"p_normal"`
		} `json:"welch"`
		Bins struct {
			LiveCounts []uint64 `json:"live_counts"`
			oracleDistances
		} `json:"bins"`
	} `json:"expected"`
}

type numericSummary struct {
	N    uint64   `json:"n"`
	Mean float64  `json:"mean"`
	Std  *float64 `json:"std"`
	P50  float64  `json:"p50"`
	P90  float64  `json:"p90"`
	P99  float64  `json:"p99"`
}

type categoricalPair struct {
	Name     string    `json:"name"`
	Ref      []*string `json:"ref"`
	Live     []*string `json:"live"`
	Expected struct {
		NullTest struct {
			RefX  uint64   `json:"ref_x"`
			RefN  uint64   `json:"ref_n"`
			LiveX uint64   `json:"live_x"`
			LiveN uint64   `json:"live_n"`
			Z     *float64 `json:"z"`
			P     *float64 `json:"p"`
		} `json:"null_test"`
		Each   oracleDistances `json:"each"`
		Lumped oracleDistances `json:"unseen_lumped"`
	} `json:"expected"`
}

type oracleDistances struct {
	PSI  float64 `json:"psi_floor"`
	JS   float64 `json:"js_distance"`
	H    float64 `json:"hellinger"`
	TV   float64 `json:"tvd"`
	LInf float64 `json:"linf"`
	Chi2 struct {
		Statistic *float64 `json:"statistic"`
		DoF       float64  `json:"dof"`
		P         *float64 `json:"p"`
	} `json:"chi2"`
}

func readOracle(t *testing.T) oracle {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Numeric) != 18 || len(o.Categorical) != 9 {
		t.Fatalf("read %d numeric and %d categorical pairs, want 18 and 9", len(o.Numeric), len(o.Categorical))
	}
	return o
}

// present returns the values that are not null.
func present[T any](values []*T) []T {
	var kept []T
	for _, v := range values {
		if v != nil {
			kept = append(kept, *v)
		}
	}
	return kept
}

func checkDistances(t *testing.T, p, q []uint64, want oracleDistances) {
	t.Helper()
	for _, d := range []struct {
		name    string
		compute func(p, q []uint64) (float64, bool)
		want    float64
	}{
		{"psi", PSI, want.PSI},
		{"jensen_shannon", JensenShannon, want.JS},
		{"hellinger", Hellinger, want.H},
		{"total_variation", TotalVariation, want.TV},
		{"chebyshev", Chebyshev, want.LInf},
	} {
		got, ok := d.compute(p, q)
		if !ok {
			t.Errorf("%s is absent, want %g", d.name, d.want)
		}
		near(t, d.name, got, d.want, 1e-11)
	}
	test, ok := ChiSquared(p, q)
	if !ok {
		t.Fatal("chi_squared is absent")
	}
	if want.Chi2.Statistic == nil {
		// SciPy has no answer where a single column is left; we say that nothing can differ.
		if test != (Test{P: 1}) {
			t.Errorf("chi_squared = %+v, want statistic 0 and P 1", test)
		}
		return
	}
	near(t, "chi_squared", test.Statistic, *want.Chi2.Statistic, 1e-11)
	near(t, "degrees of freedom", test.DegreesOfFreedom, want.Chi2.DoF, 0)
	nearP(t, "P of chi_squared", test.P, *want.Chi2.P)
	near(t, "P of chi_squared", test.P, *want.Chi2.P, 1e-9)
}

func TestNumericStatisticsEqualTheOracle(t *testing.T) {
	for _, pair := range readOracle(t).Numeric {
		t.Run(pair.Name, func(t *testing.T) {
			ref, live := present(pair.Ref), present(pair.Live)
			edges := DecileEdges(sorted(ref))
			if !slices.Equal(edges, pair.Reference.BinEdges) {
				t.Errorf("edges %v, want %v", edges, pair.Reference.BinEdges)
			}
			p, q := binCounts(edges, ref), binCounts(edges, live)
			if !slices.Equal(p, pair.Reference.BinCounts) || !slices.Equal(q, pair.Expected.Bins.LiveCounts) {
				t.Errorf("bins %v and %v, want %v and %v",
					p, q, pair.Reference.BinCounts, pair.Expected.Bins.LiveCounts)
			}
			checkDistances(t, p, q, pair.Expected.Bins.oracleDistances)
			checkSummary(t, ref, pair.Reference.numericSummary)
			checkSummary(t, live, pair.Expected.Live)
			checkCellStatistics(t, ref, live, pair)
			checkWelch(t, moments(ref), moments(live), pair)
		})
	}
}

func checkSummary(t *testing.T, values []float64, want numericSummary) {
	t.Helper()
	m := moments(values)
	if m.N != want.N {
		t.Errorf("n = %d, want %d", m.N, want.N)
	}
	near(t, "mean", m.Mean, want.Mean, 1e-12)
	sd, ok := m.StandardDeviation()
	if want.Std == nil {
		absent(t, "standard deviation", sd, ok)
	} else {
		near(t, "standard deviation", sd, *want.Std, 1e-12)
	}
	s := sorted(values)
	for prob, quantile := range map[float64]float64{0.5: want.P50, 0.9: want.P90, 0.99: want.P99} {
		near(t, "quantile", Quantile(s, prob), quantile, 0)
	}
}

func checkCellStatistics(t *testing.T, ref, live []float64, pair numericPair) {
	t.Helper()
	want := pair.Expected
	points := distinct(ref, live)
	p, pTail := cellCounts(points, ref)
	q, qTail := cellCounts(points, live)
	ks, ok := KolmogorovSmirnov(p, q)
	if !ok {
		t.Error("ks is absent")
	}
	near(t, "ks", ks, want.KS.Statistic, 1e-14)
	near(t, "P of ks", KolmogorovSmirnovP(ks, uint64(len(ref)), uint64(len(live))), want.KS.Stephens, 1e-9)
	if bound := KolmogorovSmirnovErrorBound(p, q); bound != 0 {
		t.Errorf("error bound of ks = %g with all values on points, want 0", bound)
	}
	w, ok := Wasserstein(points, p, q, pTail, qTail)
	if !ok {
		t.Error("wasserstein is absent")
	}
	near(t, "wasserstein", w, want.Wasserstein, 1e-10)
	if sd, _ := moments(ref).StandardDeviation(); sd > 0 {
		near(t, "wasserstein over sd", w/sd, *want.WassersteinOverStd, 1e-10)
	} else if want.WassersteinOverStd != nil {
		t.Error("the reference's standard deviation is 0, the oracle's is not")
	}

	// With the reference's values alone as points, what lies outside of them comes from the tails.
	points = distinct(ref)
	p, pTail = cellCounts(points, ref)
	q, qTail = cellCounts(points, live)
	w, _ = Wasserstein(points, p, q, pTail, qTail)
	if off, bound := w-want.Wasserstein, WassersteinErrorBound(points, p, q)+1e-12; off > bound || off < -bound {
		t.Errorf("wasserstein on the reference's points = %g, want %g to %g", w, want.Wasserstein, bound)
	}
	ks, _ = KolmogorovSmirnov(p, q)
	near(t, "ks on the reference's points", ks, want.KS.Statistic, 1e-14)
}

func checkWelch(t *testing.T, p, q Moments, pair numericPair) {
	t.Helper()
	test, ok := WelchZ(p, q)
	if want := pair.Expected.Welch; want != nil {
		near(t, "z", test.Statistic, want.Z, 1e-11)
		nearP(t, "P of z", test.P, want.P)
		return
	}
	if pair.Name == "constant_ref_same_live" {
		// SciPy has no answer here; we say that nothing can differ.
		if !ok || test != (Test{P: 1}) {
			t.Errorf("z = %+v, %t, want statistic 0 and P 1", test, ok)
		}
		return
	}
	absent(t, "z", test, ok)
}

func TestCategoricalStatisticsEqualTheOracle(t *testing.T) {
	for _, pair := range readOracle(t).Categorical {
		t.Run(pair.Name, func(t *testing.T) {
			ref, live := countStrings(pair.Ref), countStrings(pair.Live)
			var p, q, lumpedP, lumpedQ []uint64
			var unseen uint64
			for category := range ref {
				p, q = append(p, ref[category]), append(q, live[category])
			}
			lumpedP, lumpedQ = slices.Clone(p), slices.Clone(q)
			for category := range maps.Keys(live) {
				if ref[category] == 0 {
					p, q = append(p, 0), append(q, live[category])
					unseen += live[category]
				}
			}
			checkDistances(t, p, q, pair.Expected.Each)
			checkDistances(t, append(lumpedP, 0), append(lumpedQ, unseen), pair.Expected.Lumped)

			null := pair.Expected.NullTest
			test, ok := ProportionZ(null.RefX, null.RefN, null.LiveX, null.LiveN)
			if null.Z == nil {
				if !ok || test != (Test{P: 1}) {
					t.Errorf("null test = %+v, %t, want statistic 0 and P 1", test, ok)
				}
				return
			}
			near(t, "null test", test.Statistic, *null.Z, 1e-12)
			near(t, "P of null test", test.P, *null.P, 1e-9)
		})
	}
}

func countStrings(values []*string) map[string]uint64 {
	counts := map[string]uint64{}
	for _, v := range present(values) {
		counts[v]++
	}
	return counts
}
