package profile

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestNumbersAreSortedAsTheStandardLibraryDoes(t *testing.T) {
	sets := samples()
	r := rand.New(rand.NewPCG(5, 6))
	extremes := []float64{
		math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0,
		math.SmallestNonzeroFloat64, 1, math.MaxFloat64, math.Inf(1),
	}
	sets["extremes"] = nil
	sets["any bits"] = nil
	for range 4 * fewToSort {
		sets["extremes"] = append(sets["extremes"], extremes[r.IntN(len(extremes))])
		if x := math.Float64frombits(r.Uint64()); !math.IsNaN(x) {
			sets["any bits"] = append(sets["any bits"], x)
		}
	}
	sets["one value many times"] = slices.Repeat([]float64{1.5}, 2*fewToSort)
	many := 0
	for name, values := range sets {
		r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
		want := slices.Sorted(slices.Values(values))
		sortFloats(values)
		if !slices.Equal(values, want) {
			t.Errorf("%s: not sorted", name)
		}
		if len(values) > fewToSort {
			many++
		}
	}
	if many < 4 {
		t.Errorf("only %d sets are long enough to show anything", many)
	}
}

func BenchmarkSortFloats(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 50_000)
	for i := range values {
		values[i] = r.ExpFloat64()
	}
	sorted := make([]float64, len(values))
	for b.Loop() {
		copy(sorted, values)
		sortFloats(sorted)
	}
}
