package profile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

func TestCategoriesBeyondTheLimitAreOtherAndNotUnseen(t *testing.T) {
	c := newCategorical(byFrequency(map[string]uint64{"a": 5, "b": 9, "c": 2, "d": 2, "e": 1}), 3)
	if !slices.Equal(c.Categories, []string{"b", "a", "c"}) || !slices.Equal(c.Cells, []uint64{9, 5, 2, 3, 0}) {
		t.Fatalf("categories %v, cells %v", c.Categories, c.Cells)
	}
	for value, want := range map[string]uint32{"b": 0, "a": 1, "c": 2, "d": 3, "e": 3, "f": 4, "": 4, "A": 4} {
		if got := c.Category([]byte(value)); got != want {
			t.Errorf("%q is in cell %d, want %d", value, got, want)
		}
	}
	for i, want := range []string{"b", "a", "c", "other", "unseen"} {
		if got := c.BinRange(i); got != want {
			t.Errorf("bin %d is %q, want %q", i, got, want)
		}
	}
	if c.OtherCell() != 3 || c.UnseenCell() != 4 {
		t.Errorf("other is %d, unseen is %d", c.OtherCell(), c.UnseenCell())
	}
	if want := ": categorical  (), 3 categories and 2 rarer ones as other, 0.00% missing"; c.String() != want {
		t.Errorf("described as %q, want %q", c.String(), want)
	}
	if got := c.Coarse(c.Cells, make([]uint64, 2)); !slices.Equal(got, c.Cells) {
		t.Errorf("coarse %v", got)
	}
}

func TestCategoriesInOtherSpellings(t *testing.T) {
	tests := []struct {
		name       string
		categories []string
		limit      int
		value      string
		want       string
	}{
		{"the same bytes", []string{"1", "1.0"}, 9, "1.0", "1.0"},
		{"a float for an integer", []string{"1", "2"}, 9, "1.0", "1"},
		{"an integer for a float", []string{"1.0", "2.0"}, 9, "2", "2.0"},
		{"an exponent", []string{"1000"}, 9, "1e3", "1000"},
		{"a number that two categories have", []string{"1", "1.0"}, 9, "1.00", "unseen"},
		{"a number that no category has", []string{"1", "2"}, 9, "3.0", "unseen"},
		{"a word among numbers", []string{"1", "x"}, 9, "y", "unseen"},
		{"a rare category that a kept one equals as a number", []string{"1", "1.0"}, 1, "1.0", "other"},
		{"another spelling of a rare number", []string{"1", "2"}, 1, "2.0", "other"},
		{"another spelling of a rare and of a kept number", []string{"1", "1.0"}, 1, "1.00", "unseen"},
		{"another spelling of two rare numbers", []string{"1", "2", "2.0"}, 1, "2.00", "other"},
		{"not a number", []string{"NaN", "x"}, 9, "nan", "unseen"},
		{"true for True", []string{"True", "False"}, 9, "true", "True"},
		{"false for FALSE", []string{"TRUE", "FALSE"}, 9, "false", "FALSE"},
		{"True for true", []string{"true", "false"}, 9, "True", "true"},
		{"true for two others", []string{"True", "TRUE"}, 9, "true", "unseen"},
		{"true and True apart", []string{"true", "True"}, 9, "True", "True"},
		{"other words keep their case", []string{"Yes", "True"}, 9, "yes", "unseen"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var counts []categoryCount
			for _, name := range tt.categories {
				counts = append(counts, categoryCount{name, 1})
			}
			c := newCategorical(counts, tt.limit)
			if got := c.BinRange(int(c.Category([]byte(tt.value)))); got != tt.want {
				t.Errorf("%q is counted as %q, want %q", tt.value, got, tt.want)
			}
		})
	}
}

func TestCoarseBinsAreClosedOnTheRight(t *testing.T) {
	c := newNumeric([]float64{0, 1, 2, 3}, []float64{1, 2}, 1024)
	for x, want := range map[float64]int{
		-5: 0, 0.5: 0, 1: 0, math.Nextafter(1, 2): 1, 2: 1, math.Nextafter(2, 3): 2, 3: 2, 99: 2,
	} {
		cells := make([]uint64, len(c.Cells))
		cells[c.Cell(x)]++
		if bins := c.Coarse(cells, nil); bins[want] != 1 || total(bins) != 1 {
			t.Errorf("%g is counted in %v, want bin %d", x, bins, want)
		}
	}
	if !slices.Equal(c.Bins, []uint64{2, 1, 1}) {
		t.Errorf("bins of the reference are %v", c.Bins)
	}
	if got := c.Coarse(c.Cells, make([]uint64, 9)); !slices.Equal(got, c.Bins) {
		t.Errorf("into a long slice: %v", got)
	}
	for i, want := range []string{"(-Inf,1]", "(1,2]", "(2,+Inf)"} {
		if got := c.BinRange(i); got != want {
			t.Errorf("bin %d is %s, want %s", i, got, want)
		}
	}
	whole := newNumeric([]float64{1, 2}, []float64{}, 1024)
	if got := whole.BinRange(0); got != "(-Inf,+Inf)" || len(whole.Bins) != 1 {
		t.Errorf("without edges: %s, %v", got, whole.Bins)
	}
}

func TestNegativeZeroIsZero(t *testing.T) {
	minus := math.Copysign(0, -1)
	edges := []float64{minus}
	c := newNumeric([]float64{-1, minus, 0, 1}, edges, 1024)
	for _, x := range append(c.Points, c.Edges...) {
		if x == 0 && math.Signbit(x) {
			t.Errorf("points %v or edges %v hold -0", c.Points, c.Edges)
		}
	}
	if c.Cell(0) != c.Cell(minus) || c.Cells[c.Cell(0)] != 2 || c.BinRange(0) != "(-Inf,0]" {
		t.Errorf("cells %v, first bin %s", c.Cells, c.BinRange(0))
	}
	if !math.Signbit(edges[0]) {
		t.Error("the caller's edges have been changed")
	}
	if c := newNumeric([]float64{minus, minus, minus}, nil, 1024); c.BinRange(0) != "(-Inf,0]" {
		t.Errorf("deciles of -0: %s", c.BinRange(0))
	}
}

func TestValuesAreCountedInTheCellsInWhichTheyAreFound(t *testing.T) {
	for name, values := range samples() {
		for _, k := range []int{4, 16, 1024} {
			c := newNumeric(values, []float64{values[0] - 1, values[len(values)/2], values[len(values)-1] + 1}, k)
			want := make([]uint64, len(c.Cells))
			for _, x := range values {
				want[c.Cell(x)]++
			}
			if !slices.Equal(c.Cells, want) {
				t.Errorf("%s in cells of %d points: %v, want %v", name, k, c.Cells, want)
			}
		}
	}
}

func TestConstantColumn(t *testing.T) {
	c := newNumeric([]float64{7, 7, 7}, nil, 1024)
	if !slices.Equal(c.Points, []float64{7}) || !c.Exact || !slices.Equal(c.Cells, []uint64{0, 3, 0}) ||
		!slices.Equal(c.Bins, []uint64{3, 0}) || c.Moments.Mean != 7 || c.Moments.M2 != 0 {
		t.Errorf("%+v", c)
	}
}

func TestColumnWithoutPointsHasOneCell(t *testing.T) {
	c := newNumeric(nil, nil, 1024)
	if c.Cell(3) != 0 || len(c.Cells) != 1 || len(c.Bins) != 1 {
		t.Errorf("%+v", c)
	}
}

// samples returns sorted values of many shapes.
func samples() map[string][]float64 {
	r := rand.New(rand.NewPCG(5, 6))
	sets := map[string][]float64{
		"huge":        {-1.7e308, -1e308, 0, 1e308, 1.7e308},
		"few":         {1, 1, 2, 2, 3},
		"huge spread": nil, "integers": nil, "normal": nil, "lognormal": nil, "mostly zero": nil,
	}
	for range 5000 {
		sets["integers"] = append(sets["integers"], float64(r.IntN(300)))
		sets["normal"] = append(sets["normal"], r.NormFloat64())
		sets["lognormal"] = append(sets["lognormal"], math.Exp(3*r.NormFloat64()))
		sets["huge spread"] = append(sets["huge spread"], (2*r.Float64()-1)*1.7e308)
		sets["mostly zero"] = append(sets["mostly zero"], max(0, math.Floor(r.NormFloat64()*1e4-2e4)))
	}
	for _, set := range sets {
		slices.Sort(set)
	}
	return sets
}

func TestCutPointsCoverTheReference(t *testing.T) {
	for name, values := range samples() {
		distinctValues := slices.Compact(slices.Clone(values))
		for _, k := range []int{4, 16, 64, 1024} {
			for _, edges := range [][]float64{{}, {-3, 0.25, 17}, stat.DecileEdges(values)} {
				points, exact := cutPoints(values, edges, k)
				where := fmt.Sprintf("%s, k=%d, %d edges", name, k, len(edges))
				if exact != (len(distinctValues) <= k) {
					t.Errorf("%s: exact is %t for %d distinct values", where, exact, len(distinctValues))
				}
				if len(points) > k+len(edges) {
					t.Errorf("%s: %d points", where, len(points))
				}
				if !exact && len(points) < min(k, len(distinctValues)) {
					t.Errorf("%s: only %d points for %d distinct values", where, len(points), len(distinctValues))
				}
				for i, x := range points {
					if math.IsInf(x, 0) || math.IsNaN(x) || i > 0 && x <= points[i-1] {
						t.Fatalf("%s: points %d is %g after %g", where, i, x, points[max(i, 1)-1])
					}
				}
				must := append([]float64{values[0], values[len(values)-1]}, edges...)
				if exact {
					must = append(must, distinctValues...)
				}
				for _, x := range must {
					if _, ok := slices.BinarySearch(points, x); !ok {
						t.Errorf("%s: %g is no cut point", where, x)
					}
				}
			}
		}
	}
}

func TestHalfOfTheCutPointsBoundTheShareOfACell(t *testing.T) {
	values := samples()["lognormal"]
	const k = 64
	points, _ := cutPoints(values, nil, k)
	c := Column{Points: points}
	c.index()
	cells := make([]uint64, 2*len(points)+1)
	for _, x := range values {
		cells[c.Cell(x)]++
	}
	// Between two of k/2 quantiles lie n/(k/2-1) values, rounded up.
	most := uint64(len(values)/(k/2-1) + 1)
	for i := 0; i < len(cells); i += 2 {
		if cells[i] > most {
			t.Errorf("open cell %d holds %d values, more than %d", i, cells[i], most)
		}
	}
}

// TestHeavyTailsGetPoints compares with the same number of plain quantiles, by how far off the Wasserstein distance may
// be with them.
func TestHeavyTailsGetPoints(t *testing.T) {
	values := samples()["lognormal"]
	const k = 64
	points, exact := cutPoints(values, nil, k)
	if exact {
		t.Fatal("the sample has too few distinct values for this test")
	}
	var plain []float64
	for i := range k {
		plain = append(plain, stat.Quantile(values, float64(i)/(k-1)))
	}
	bound := func(points []float64) float64 {
		c := Column{Points: points}
		c.index()
		cells := make([]uint64, 2*len(points)+1)
		for _, x := range values {
			cells[c.Cell(x)]++
		}
		return stat.WassersteinErrorBound(points, cells, cells)
	}
	ours, theirs := bound(points), bound(slices.Compact(plain))
	if ours > theirs/4 {
		t.Errorf("the error bound is %g, that of plain quantiles is %g", ours, theirs)
	}
}
