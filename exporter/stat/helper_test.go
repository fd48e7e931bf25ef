package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// near fails the test unless got is within a relative tolerance of want; a want of 0 must be met to the tolerance
// itself.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(math.Abs(want), 1e-300) || (want == 0 && math.Abs(got) <= tolerance)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

// nearP fails the test unless a p-value is right to 1e-4 relatively or 1e-12 absolutely.
func nearP(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= max(1e-4*want, 1e-12)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

// absent fails the test if a value was computed that cannot be.
func absent(t *testing.T, what string, got any, ok bool) {
	t.Helper()
	if ok {
		t.Errorf("%s = %v, want none", what, got)
	}
}

// binCounts counts values in right-closed bins.
func binCounts(edges, values []float64) []uint64 {
	counts := make([]uint64, len(edges)+1)
	for _, x := range values {
		counts[sort.SearchFloat64s(edges, x)]++
	}
	return counts
}

// cellCounts counts values in the cells of cut points, and sums up what lies outside of them.
func cellCounts(points, values []float64) ([]uint64, Tail) {
	cells := make([]uint64, 2*len(points)+1)
	var tail Tail
	for _, x := range values {
		i, on := slices.BinarySearch(points, x)
		if on {
			cells[2*i+1]++
			continue
		}
		cells[2*i]++
		switch i {
		case 0:
			tail.Below += points[0] - x
		case len(points):
			tail.Above += x - points[len(points)-1]
		}
	}
	return cells, tail
}

// sorted returns a sorted copy of the values of all slices.
func sorted(values ...[]float64) []float64 {
	all := slices.Concat(values...)
	slices.Sort(all)
	return all
}

// distinct returns the sorted distinct values of all slices.
func distinct(values ...[]float64) []float64 { return slices.Compact(sorted(values...)) }

func moments(values []float64) Moments {
	var m Moments
	m.Add(values)
	return m
}

// distances are the functions that compare shares.
var distances = map[string]func(p, q []uint64) (float64, bool){
	"psi":            PSI,
	"jensen_shannon": JensenShannon,
	"hellinger":      Hellinger,
	"total":          TotalVariation,
	"chebyshev":      Chebyshev,
	"ks":             KolmogorovSmirnov,
}

// multinomial divides n draws among bins in proportion to shares: each bin takes a binomial part of what the bins
// before it have left.
func multinomial(r *rand.Rand, n uint64, shares []float64, counts []uint64) {
	var rest float64
	for _, share := range shares {
		rest += share
	}
	for i, share := range shares {
		if i == len(shares)-1 {
			counts[i] = n
			return
		}
		counts[i] = binomial(r, n, share/rest)
		n -= counts[i]
		rest -= share
	}
}
