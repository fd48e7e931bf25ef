package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMomentsOfValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name   string
		values []float64
		want   Moments
	}{
		{"no values", nil, Moments{}},
		{"only missing values", []float64{nan, inf, -inf}, Moments{}},
		{"one value", []float64{3}, Moments{1, 3, 0}},
		{"two values", []float64{1, 3}, Moments{2, 2, 2}},
		{"missing values between", []float64{nan, 1, inf, 3, -inf, nan}, Moments{2, 2, 2}},
		{"a constant that binary cannot write", []float64{0.1, 0.1, 0.1}, Moments{3, 0.1, 0}},
		{"a huge constant", []float64{1.7e308, 1.7e308, 1.7e308}, Moments{3, 1.7e308, 0}},
		{"a tiny constant", []float64{5e-324, 5e-324}, Moments{2, 5e-324, 0}},
		{"a large offset", []float64{1e15 + 1, 1e15 + 2, 1e15 + 3}, Moments{3, 1e15 + 2, 2}},
		{"an outlier first", []float64{1e9, 0, 2, 0, 2}, Moments{5, 2e8 + 0.8, 8e17 - 1.6e9 + 4.8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := moments(c.values)
			if got.N != c.want.N || got.Mean != c.want.Mean {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			near(t, "M2", got.M2, c.want.M2, 1e-15)
		})
	}
}

func TestMomentsOfConstantPanesAreExact(t *testing.T) {
	var m Moments
	for _, n := range []int{1, 7, 1000, 33} {
		values := make([]float64, n)
		for i := range values {
			values[i] = 0.1
		}
		m.Add(values)
	}
	if m != (Moments{N: 1041, Mean: 0.1}) {
		t.Errorf("got %+v", m)
	}
}

func TestMergingNothingChangesNothing(t *testing.T) {
	m := Moments{3, 0.3, 0.7}
	m.Merge(Moments{})
	if m != (Moments{3, 0.3, 0.7}) {
		t.Errorf("merging none: %+v", m)
	}
	var empty Moments
	empty.Merge(m)
	if empty != m {
		t.Errorf("merging into none: %+v", empty)
	}
}

func TestMomentsDoNotDependOnTheOrderOfMerging(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		offset := math.Pow(10, float64(r.IntN(5)))
		values := make([]float64, 2+r.IntN(500))
		for i := range values {
			values[i] = offset + r.NormFloat64()*r.ExpFloat64()
		}
		whole := moments(values)
		var parts []Moments
		for rest := values; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			parts, rest = append(parts, moments(rest[:n])), rest[n:]
		}
		for range 5 {
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			var merged Moments
			for _, part := range parts {
				merged.Merge(part)
			}
			if merged.N != whole.N {
				t.Fatalf("n = %d, want %d", merged.N, whole.N)
			}
			near(t, "mean", merged.Mean, whole.Mean, 1e-12)
			near(t, "M2", merged.M2, whole.M2, 1e-12*offset)
		}
	}
}

func TestOverflowedMomentsHaveNoResults(t *testing.T) {
	fine := Moments{10, 0, 9}
	for _, values := range [][]float64{
		{1.7e308, -1.7e308},
		{-1.7e308, 1.7e308, 0, 5},
		{1e308, 1.7e308, 1.2e308},
		{1e200, -1e200, 3},
	} {
		m := moments(values)
		m.Merge(fine)
		sd, ok := m.StandardDeviation()
		absent(t, "standard deviation", sd, ok)
		shift, ok := MeanShift(m, fine)
		absent(t, "mean_shift from it", shift, ok)
		test, ok := WelchZ(fine, m)
		absent(t, "z", test, ok)
	}
}

func TestVarianceNeedsTwoValues(t *testing.T) {
	for _, m := range []Moments{{}, {1, 3, 0}} {
		v, ok := m.Variance()
		absent(t, "variance", v, ok)
		sd, ok := m.StandardDeviation()
		absent(t, "standard deviation", sd, ok)
	}
	if v, ok := (Moments{3, 0, 8}).Variance(); v != 4 || !ok {
		t.Errorf("variance = %g, %t", v, ok)
	}
	if sd, ok := (Moments{3, 0, 8}).StandardDeviation(); sd != 2 || !ok {
		t.Errorf("standard deviation = %g, %t", sd, ok)
	}
}

func TestMeanShift(t *testing.T) {
	for _, c := range []struct {
		name string
		p, q Moments
		want float64
		ok   bool
	}{
		{"no reference", Moments{}, Moments{3, 1, 1}, 0, false},
		{"no live values", Moments{3, 1, 1}, Moments{}, 0, false},
		{"one reference value has no spread", Moments{1, 1, 0}, Moments{3, 2, 1}, 0, false},
		{"the same constant", Moments{9, 0.1, 0}, Moments{4, 0.1, 0}, 0, true},
		{"a constant that moved", Moments{9, 0.1, 0}, Moments{4, 0.3, 0}, 0, false},
		{"a constant that spread around its mean", Moments{9, 1, 0}, Moments{4, 1, 2}, 0, false},
		{"up by half a deviation", Moments{5, 10, 16}, Moments{4, 11, 2}, 0.5, true},
		{"down by half a deviation", Moments{5, 10, 16}, Moments{1, 9, 0}, 0.5, true},
		{"the same mean", Moments{5, 10, 16}, Moments{1, 10, 0}, 0, true},
		{"the ratio overflows", Moments{5, 0, 1e-300}, Moments{5, 1e200, 1}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := MeanShift(c.p, c.q); got != c.want || ok != c.ok {
				t.Errorf("got %g, %t, want %g, %t", got, ok, c.want, c.ok)
			}
		})
	}
}

func BenchmarkMomentsAdd(b *testing.B) {
	values := make([]float64, 4096)
	for i := range values {
		values[i] = float64(i % 97)
	}
	b.ReportAllocs()
	b.SetBytes(int64(8 * len(values)))
	var m Moments
	for b.Loop() {
		m.Add(values)
	}
}
