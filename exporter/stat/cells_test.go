package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestWassersteinOfCells(t *testing.T) {
	points := []float64{0, 10, 30}
	for _, c := range []struct {
		name         string
		p, q         []uint64
		pTail, qTail Tail
		want, bound  float64
	}{
		{
			"everything moves from one point to the next",
			[]uint64{0, 4, 0, 0, 0, 0, 0},
			[]uint64{0, 0, 0, 2, 0, 0, 0},
			Tail{},
			Tail{},
			10, 0,
		},
		{
			"half moves over two points",
			[]uint64{0, 4, 0, 0, 0, 0, 0},
			[]uint64{0, 1, 0, 0, 0, 1, 0},
			Tail{},
			Tail{},
			15, 0,
		},
		{
			"everything moves below the first point",
			[]uint64{0, 4, 0, 0, 0, 0, 0},
			[]uint64{2, 0, 0, 0, 0, 0, 0},
			Tail{},
			Tail{Below: 6},
			3, 0,
		},
		{
			"everything moves above the last point",
			[]uint64{0, 4, 0, 0, 0, 0, 0},
			[]uint64{0, 0, 0, 0, 0, 0, 2},
			Tail{},
			Tail{Above: 6},
			33, 0,
		},
		{
			"both sides lie equally far outside",
			[]uint64{1, 0, 0, 0, 0, 0, 0},
			[]uint64{3, 0, 0, 0, 0, 0, 0},
			Tail{Below: 5},
			Tail{Below: 15},
			0, 0,
		},
		// A line from 0 to 1 across a cell of 20 against a step at its lower end.
		{
			"from a point into the cell above it",
			[]uint64{0, 0, 0, 4, 0, 0, 0},
			[]uint64{0, 0, 0, 0, 4, 0, 0},
			Tail{},
			Tail{},
			10, 10,
		},
		// The difference falls from ½ to −½ and is ¼ on average.
		{
			"the sign changes inside a cell",
			[]uint64{0, 1, 0, 0, 0, 1, 0},
			[]uint64{0, 0, 4, 0, 0, 0, 0},
			Tail{},
			Tail{},
			2.5 + 10, 5,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Wasserstein(points, c.p, c.q, c.pTail, c.qTail)
			if !ok {
				t.Fatal("absent")
			}
			near(t, "distance", got, c.want, 1e-14)
			near(t, "bound", WassersteinErrorBound(points, c.p, c.q), c.bound, 1e-14)
			back, _ := Wasserstein(points, c.q, c.p, c.qTail, c.pTail)
			near(t, "distance with sides exchanged", back, c.want, 1e-14)
		})
	}
}

func TestWassersteinThatCannotBeComputed(t *testing.T) {
	one, none := []uint64{0, 1, 0}, []uint64{0, 0, 0}
	for _, c := range []struct {
		name   string
		points []float64
		p, q   []uint64
		tail   Tail
	}{
		{"no points", nil, []uint64{1}, []uint64{1}, Tail{}},
		{"no reference", []float64{1}, none, one, Tail{}},
		{"no live values", []float64{1}, one, none, Tail{}},
		{"the width overflows", []float64{-1.7e308, 1.7e308}, []uint64{0, 1, 0, 0, 0}, []uint64{0, 0, 0, 1, 0}, Tail{}},
		{
			"the width overflows with nothing inside",
			[]float64{-1.7e308, 1.7e308},
			[]uint64{0, 1, 0, 0, 0},
			[]uint64{0, 1, 0, 0, 0},
			Tail{},
		},
		{"the tail overflows", []float64{1}, one, one, Tail{Above: math.Inf(1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Wasserstein(c.points, c.p, c.q, Tail{}, c.tail)
			absent(t, "distance", got, ok)
			if bound := WassersteinErrorBound(c.points, c.p, c.q); bound != 0 {
				t.Errorf("bound = %g, want 0", bound)
			}
		})
	}
	inside := []uint64{0, 0, 1, 0, 0}
	if bound := WassersteinErrorBound([]float64{-1.7e308, 1.7e308}, inside, inside); bound != math.MaxFloat64 {
		t.Errorf("bound of an infinite width = %g", bound)
	}
}

func TestCellErrorBoundsHold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		ref, live := randomValues(r), randomValues(r)
		points := distinct(randomValues(r), []float64{-50, 50})
		all := distinct(ref, live, points)
		exactP, _ := cellCounts(all, ref)
		exactQ, _ := cellCounts(all, live)
		p, pTail := cellCounts(points, ref)
		q, qTail := cellCounts(points, live)

		exact, _ := KolmogorovSmirnov(exactP, exactQ)
		binned, _ := KolmogorovSmirnov(p, q)
		if bound := KolmogorovSmirnovErrorBound(p, q); binned > exact+1e-12 || exact > binned+bound+1e-12 {
			t.Fatalf("ks %g, in cells %g with bound %g", exact, binned, bound)
		}
		exact, _ = Wasserstein(all, exactP, exactQ, Tail{}, Tail{})
		binned, _ = Wasserstein(points, p, q, pTail, qTail)
		if bound := WassersteinErrorBound(points, p, q); math.Abs(exact-binned) > bound+1e-9 {
			t.Fatalf("wasserstein %g, in cells %g with bound %g", exact, binned, bound)
		}
	}
}

func TestTailsOfBothSidesAreALowerBound(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	points := []float64{-1, 1}
	for range 1000 {
		ref, live := randomValues(r), randomValues(r)
		all := distinct(ref, live, points)
		exactP, _ := cellCounts(all, ref)
		exactQ, _ := cellCounts(all, live)
		p, pTail := cellCounts(points, ref)
		q, qTail := cellCounts(points, live)
		exact, _ := Wasserstein(all, exactP, exactQ, Tail{}, Tail{})
		binned, _ := Wasserstein(points, p, q, pTail, qTail)
		m, n := float64(len(ref)), float64(len(live))
		short := 2*min(pTail.Below/m, qTail.Below/n) + 2*min(pTail.Above/m, qTail.Above/n)
		inner := WassersteinErrorBound(points, p, q)
		if binned > exact+inner+1e-9 || exact > binned+short+inner+1e-9 {
			t.Fatalf("wasserstein %g, in cells %g, short by at most %g + %g", exact, binned, short, inner)
		}
	}
}

// randomValues returns a few values within ±50, many of them integers, so that ties are common.
func randomValues(r *rand.Rand) []float64 {
	values := make([]float64, 1+r.IntN(40))
	for i := range values {
		values[i] = math.Max(-50, math.Min(50, r.NormFloat64()*10))
		if r.IntN(2) == 0 {
			values[i] = math.Round(values[i])
		}
	}
	return values
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		name   string
		sorted []float64
		prob   float64
		want   float64
	}{
		{"one value", []float64{3}, 0.3, 3},
		{"the smallest", []float64{1, 2, 4}, 0, 1},
		{"the largest", []float64{1, 2, 4}, 1, 4},
		{"below 0 counts as 0", []float64{1, 2, 4}, -1, 1},
		{"above 1 counts as 1", []float64{1, 2, 4}, 2, 4},
		{"the median of two", []float64{1, 2}, 0.5, 1.5},
		{"in the upper half of a gap", []float64{1, 2}, 0.7, 2 - 1*(1-0.7)},
		// numpy.quantile([0.1, 0.4], 0.9) is 0.37000000000000005 counted from below and 0.37 counted from above.
		{"counted from the nearer end", []float64{0.1, 0.4}, 0.9, 0.37},
		{"ties", []float64{0.1, 0.1, 0.1}, 0.37, 0.1},
		{"the gap overflows", []float64{-1.5e308, 1.5e308}, 0.5, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Quantile(c.sorted, c.prob); got != c.want {
				t.Errorf("got %.17g, want %.17g", got, c.want)
			}
		})
	}
}

func TestDecileEdges(t *testing.T) {
	hundred := make([]float64, 101)
	for i := range hundred {
		hundred[i] = float64(i)
	}
	for _, c := range []struct {
		name         string
		sorted, want []float64
	}{
		{"no values", nil, nil},
		{"a constant", []float64{2, 2, 2}, []float64{2}},
		{"even values", hundred, []float64{10, 20, 30, 40, 50, 60, 70, 80, 90}},
		{"mostly zero", []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, []float64{0}},
		{"two values", []float64{0, 0, 0, 1, 1, 1}, []float64{0, 0.5, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := DecileEdges(c.sorted); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDecileEdgesRise(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 2000 {
		edges := DecileEdges(sorted(randomValues(r)))
		for i := 1; i < len(edges); i++ {
			if edges[i] <= edges[i-1] {
				t.Fatalf("edges %v", edges)
			}
		}
	}
}

func TestCellQuantile(t *testing.T) {
	points := []float64{0, 10, 30}
	for _, c := range []struct {
		name  string
		cells []uint64
		prob  float64
		want  float64
	}{
		{"everything on one point", []uint64{0, 0, 0, 5, 0, 0, 0}, 0.9, 10},
		{"the smallest value", []uint64{0, 0, 0, 5, 0, 5, 0}, 0, 10},
		{"the largest value", []uint64{0, 5, 0, 5, 0, 0, 0}, 1, 10},
		{"half lies at or below the lower of two", []uint64{0, 1, 0, 1, 0, 0, 0}, 0.5, 0},
		{"a little more than half does not", []uint64{0, 1, 0, 1, 0, 0, 0}, 0.51, 10},
		{"inside an open cell", []uint64{0, 0, 0, 0, 4, 0, 0}, 0.25, 15},
		{"the lower end of an open cell", []uint64{0, 0, 0, 0, 4, 0, 0}, 0, 10},
		{"below all points", []uint64{3, 1, 0, 0, 0, 0, 0}, 0.5, 0},
		{"above all points", []uint64{0, 1, 0, 0, 0, 0, 9}, 0.5, 30},
		{"everything above all points", []uint64{0, 0, 0, 0, 0, 0, 9}, 1, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := CellQuantile(points, c.cells, c.prob); got != c.want || !ok {
				t.Errorf("got %g, %t, want %g", got, ok, c.want)
			}
		})
	}
	got, ok := CellQuantile(points, make([]uint64, 7), 0.5)
	absent(t, "quantile of no values", got, ok)
	got, ok = CellQuantile(nil, []uint64{3}, 0.5)
	absent(t, "quantile without points", got, ok)
}

func TestCellQuantileOfPointsIsTheInvertedDistribution(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		values := sorted(randomValues(r))
		points := distinct(values)
		cells, _ := cellCounts(points, values)
		for i := range values {
			// The share (i + ½)/n is reached by the value number i, counted from 0.
			prob := (float64(i) + 0.5) / float64(len(values))
			if got, _ := CellQuantile(points, cells, prob); got != values[i] {
				t.Fatalf("quantile %g of %v = %g, want %g", prob, values, got, values[i])
			}
		}
	}
}
