package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// statistics are the names of what list returns.
var statistics = []string{
	"psi", "jensen_shannon", "hellinger", "total_variation", "chebyshev", "ks", "wasserstein", "mean_shift",
}

func (v FloorValues) list() []Bound {
	return []Bound{
		v.PSI, v.JensenShannon, v.Hellinger, v.TotalVariation, v.Chebyshev, v.KolmogorovSmirnov, v.Wasserstein, v.MeanShift,
	}
}

// column is the reference of a column and its floors.
type column struct {
	bins, cells   []uint64
	edges, points []float64
	moments       Moments
	sd            float64
	floors        *Floors
}

// scores returns the scores of live bins and, with points, of live values, in the order of statistics.
func (c *column) scores(bins, cells []uint64, tail Tail, m Moments) []float64 {
	var scores []float64
	for _, distance := range []func(p, q []uint64) (float64, bool){
		PSI, JensenShannon, Hellinger, TotalVariation, Chebyshev,
	} {
		d, _ := distance(c.bins, bins)
		scores = append(scores, d)
	}
	if c.points == nil {
		return scores
	}
	ks, _ := KolmogorovSmirnov(c.cells, cells)
	w, _ := Wasserstein(c.points, c.cells, cells, Tail{}, tail)
	shift, _ := MeanShift(c.moments, m)
	return append(scores, ks, w/c.sd, shift)
}

// numericColumn profiles values, with all of them as cut points.
func numericColumn(values []float64) *column {
	c := &column{edges: DecileEdges(sorted(values)), points: distinct(values), moments: moments(values)}
	c.bins = binCounts(c.edges, values)
	c.cells, _ = cellCounts(c.points, values)
	c.sd, _ = c.moments.StandardDeviation()
	c.floors = NewFloors(c.bins, c.points, c.cells, c.sd)
	return c
}

// exceedances counts, for each statistic, how many of trials scores were above their floor.
type exceedances struct {
	trials int
	above  [8]int
}

func (e *exceedances) count(scores []float64, floors FloorValues) {
	e.trials++
	for i, bound := range floors.list()[:len(scores)] {
		if bound.OK && scores[i] > bound.Value {
			e.above[i]++
		}
	}
}

// check fails the test where there are more exceedances than 0.3% of the trials make likely: a probability under 0.001.
func (e *exceedances) check(t *testing.T, n uint64) {
	t.Helper()
	law := distuv.Binomial{N: float64(e.trials), P: 0.003}
	for i, above := range e.above {
		if above > 0 && law.Survival(float64(above)-1) < 0.001 {
			t.Errorf("n = %d: %s exceeds its floor %d times in %d without drift", n, statistics[i], above, e.trials)
		}
	}
}

// noDriftSizes are the numbers of live values, and how many windows of each are compared with one reference: few where the reference
// is the smaller side and its own chance decides for all windows at once.
var noDriftSizes = []struct {
	n       uint64
	windows int
}{{30, 40}, {300, 40}, {5000, 4}, {1_000_000, 4}}

// references returns the number of references to draw.
func references(full int) int {
	if testing.Short() {
		return full / 4
	}
	return full
}

func TestNumericScoresRarelyExceedTheirFloorWithoutDrift(t *testing.T) {
	const m = 2000
	for _, law := range []struct {
		name     string
		quantile func(u float64) float64
	}{
		{"normal", distuv.UnitNormal.Quantile},
		{"skewed", func(u float64) float64 { return -math.Log1p(-u) }},
		{"heavily skewed", func(u float64) float64 { return math.Exp(distuv.UnitNormal.Quantile(u)) }},
		{"tied", func(u float64) float64 { return math.Floor(-3 * math.Log1p(-u)) }},
		{"zero-inflated", func(u float64) float64 { return math.Max(0, -math.Log1p(-u)-math.Log(5)) }},
	} {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			// 400 equally likely values stand for the law, so that a window of any size is drawn as counts.
			atoms := make([]float64, 400)
			for i := range atoms {
				atoms[i] = law.quantile((float64(i) + 0.5) / float64(len(atoms)))
			}
			r := rand.New(rand.NewPCG(21, 22))
			found := make([]exceedances, len(noDriftSizes))
			for range references(40) {
				c := numericColumn(repeat(atoms, drawCounts(r, m, len(atoms))))
				for i, size := range noDriftSizes {
					for range size.windows {
						found[i].count(c.scoresOfAtoms(atoms, drawCounts(r, size.n, len(atoms))), c.floors.At(size.n))
					}
				}
			}
			for i, size := range noDriftSizes {
				found[i].check(t, size.n)
			}
		})
	}
}

// drawCounts draws n values from k equally likely ones.
func drawCounts(r *rand.Rand, n uint64, k int) []uint64 {
	shares, counts := make([]float64, k), make([]uint64, k)
	for i := range shares {
		shares[i] = 1
	}
	multinomial(r, n, shares, counts)
	return counts
}

// repeat returns each value as often as counts say.
func repeat(values []float64, counts []uint64) []float64 {
	var all []float64
	for i, x := range values {
		all = append(all, slices.Repeat([]float64{x}, int(counts[i]))...)
	}
	return all
}

// scoresOfAtoms returns the scores of live values that are given by how often each of sorted values occurs.
func (c *column) scoresOfAtoms(atoms []float64, counts []uint64) []float64 {
	bins, cells := make([]uint64, len(c.bins)), make([]uint64, len(c.cells))
	var tail Tail
	var live Moments
	last := len(c.points) - 1
	for i, x := range atoms {
		count := counts[i]
		bin, _ := slices.BinarySearch(c.edges, x)
		bins[bin] += count
		point, on := slices.BinarySearch(c.points, x)
		switch {
		case on:
			cells[2*point+1] += count
		default:
			cells[2*point] += count
			tail.Below += float64(count) * max(0, c.points[0]-x)
			tail.Above += float64(count) * max(0, x-c.points[last])
		}
		live.Merge(Moments{N: count, Mean: x})
	}
	return c.scores(bins, cells, tail, live)
}

func TestCategoricalScoresRarelyExceedTheirFloorWithoutDrift(t *testing.T) {
	even := func(int) float64 { return 1 }
	zipf := func(i int) float64 { return 1 / float64(i+1) }
	for _, law := range []struct {
		name                   string
		categories, references int
		m                      uint64
		share                  func(i int) float64
	}{
		{"two categories", 2, 40, 1000, even},
		{"five categories, some rarer", 5, 40, 1000, zipf},
		{"twenty categories in a small reference", 20, 40, 300, even},
		{"a hundred categories, most of them rare", 100, 24, 2000, zipf},
		{"five hundred categories", 500, 8, 5000, even},
		{"five hundred categories with two reference values each", 500, 8, 1000, even},
		{"five hundred categories, most of them rare", 500, 8, 2000, zipf},
	} {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			shares := make([]float64, law.categories)
			for i := range shares {
				shares[i] = law.share(i)
			}
			r := rand.New(rand.NewPCG(23, 24))
			found := make([]exceedances, len(noDriftSizes))
			counts := make([]uint64, law.categories)
			for range references(law.references) {
				reference := make([]uint64, law.categories)
				multinomial(r, law.m, shares, reference)
				c := &column{bins: lumpUnseen(reference, reference)}
				c.floors = NewFloors(c.bins, nil, nil, 0)
				for i, size := range noDriftSizes {
					for range size.windows {
						multinomial(r, size.n, shares, counts)
						scores := c.scores(lumpUnseen(reference, counts), nil, Tail{}, Moments{})
						found[i].count(scores, c.floors.At(size.n))
					}
				}
			}
			for i, size := range noDriftSizes {
				found[i].check(t, size.n)
			}
		})
	}
}

// lumpUnseen returns the counts of the categories that the reference has, and last that of all others.
func lumpUnseen(reference, counts []uint64) []uint64 {
	var bins []uint64
	var unseen uint64
	for i, count := range counts {
		if reference[i] > 0 {
			bins = append(bins, count)
		} else {
			unseen += count
		}
	}
	return append(bins, unseen)
}

func TestScoresExceedTheirFloorWhenTheMeanMovesByHalfADeviation(t *testing.T) {
	const n, windows = 200, 600
	r := rand.New(rand.NewPCG(25, 26))
	normal := func(n int, mean float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = mean + r.NormFloat64()
		}
		return values
	}
	c := numericColumn(normal(2000, 0))
	floors := c.floors.At(n)
	var found exceedances
	for range windows {
		live := normal(n, 0.5)
		cells, tail := cellCounts(c.points, live)
		found.count(c.scores(binCounts(c.edges, live), cells, tail, moments(live)), floors)
	}
	for i, name := range statistics {
		share := float64(found.above[i]) / windows
		t.Logf("%s exceeds its floor in %.1f%% of windows", name, 100*share)
		// The largest change of a single bin is the weakest of the scores for a shift of all of them.
		if name != "chebyshev" && share < 0.95 {
			t.Errorf("%s exceeds its floor in only %.1f%% of windows", name, 100*share)
		}
	}
}
