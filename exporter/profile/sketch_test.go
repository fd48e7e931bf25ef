package profile

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// rankErrors returns the largest error of the ranks of some values, as a share of all.
func rankErrors(sorted []float64, items []weighted, at []float64) float64 {
	var worst float64
	for _, x := range at {
		want, _ := slices.BinarySearchFunc(sorted, x, func(a, b float64) int {
			if a <= b {
				return -1
			}
			return 1
		})
		var got uint64
		for _, item := range items {
			if item.value <= x {
				got += item.weight
			}
		}
		worst = max(worst, math.Abs(float64(got)-float64(want)))
	}
	return worst / float64(len(sorted))
}

func TestRanksOfASketchAreWithinItsError(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for name, value := range map[string]func(i int) float64{
		"in order":          func(i int) float64 { return float64(i) },
		"in falling order":  func(i int) float64 { return float64(-i) },
		"at random":         func(int) float64 { return r.NormFloat64() },
		"with a heavy tail": func(int) float64 { return math.Exp(4 * r.NormFloat64()) },
		"half of them tied": func(int) float64 { return max(0, math.Round(1e6*r.NormFloat64())) },
	} {
		t.Run(name, func(t *testing.T) {
			const n = 1_000_000
			s, values := newSketch(), make([]float64, n)
			for i := range values {
				values[i] = value(i)
				s.add(values[i], 1)
			}
			slices.Sort(values)
			items := s.items()
			if got := newDistribution(items).n(); got != n || s.n != n {
				t.Errorf("the sketch holds %d of %d values", got, n)
			}
			if len(items) > 4*sketchWidth {
				t.Errorf("%d values are kept", len(items))
			}
			var at []float64
			for i := range 1000 {
				at = append(at, values[i*n/1000])
			}
			bound := s.rankError(len(at))
			if got := rankErrors(values, items, at); got > bound || bound > 1./1000 {
				t.Errorf("a rank is off by %g, the bound is %g", got, bound)
			}
		})
	}
}

func TestWeightsAreThoseOfRepeatedValues(t *testing.T) {
	s := newSketch()
	for i := range 300 {
		s.add(float64(i), uint64(i))
	}
	d := newDistribution(s.items())
	if d.n() != 300*299/2 || s.rankError(1000) != 0 {
		t.Errorf("%d values, error %g", d.n(), s.rankError(1000))
	}
	for _, item := range d.items {
		if item.weight != uint64(item.value) {
			t.Errorf("%g counts %d times", item.value, item.weight)
		}
	}
	many := newSketch()
	many.add(1, 1<<40)
	many.add(2, 1<<41+1)
	if got := many.items(); !slices.Equal(got, []weighted{{1, 1 << 40}, {2, 1<<41 + 1}}) {
		t.Errorf("%v", got)
	}
}

func TestSmallestAndLargestValueAreKept(t *testing.T) {
	for _, tt := range []struct {
		name      string
		items     []weighted
		low, high float64
		want      []weighted
	}{
		{"both are there", []weighted{{1, 4}, {2, 4}}, 1, 2, []weighted{{1, 4}, {2, 4}}},
		{"both are not", []weighted{{1, 4}, {2, 4}}, 0, 3, []weighted{{0, 1}, {1, 3}, {2, 3}, {3, 1}}},
		{"in the place of single ones", []weighted{{1, 1}, {2, 1}}, 0, 3, []weighted{{0, 1}, {3, 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := withEnds(slices.Clone(tt.items), tt.low, tt.high); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestQuantilesOfWeightedValuesAreThoseOfAll(t *testing.T) {
	var values []float64
	for i := range 40 {
		values = append(values, slices.Repeat([]float64{float64(i * i)}, 1+i%7)...)
	}
	var items []weighted
	for i := range 40 {
		items = append(items, weighted{float64(i * i), uint64(1 + i%7)})
	}
	want, got := newNumeric(values, nil, 64), newWeighted(items, nil, 64, true)
	if !slices.Equal(want.Edges, got.Edges) || !slices.Equal(want.Points, got.Points) ||
		!slices.Equal(want.Cells, got.Cells) || !slices.Equal(want.Bins, got.Bins) || !got.Exact {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
