package stat

import (
	"cmp"
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
		v.PSI, v.JensenShannon, v.Hellinger, v.TotalVariation, v.Chebyshev,
		v.KolmogorovSmirnov, v.Wasserstein, v.MeanShift,
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

// noDriftSizes are the numbers of live values, and how many windows of each are compared with one reference: few
// where the reference is the smaller side and its own chance decides for all windows at once.
var noDriftSizes = []struct {
	n       uint64
	windows int
}{{30, 80}, {300, 80}, {5000, 4}, {1_000_000, 4}}

// references returns the number of references to draw.
func references(full int) int {
	if testing.Short() {
		return full / 4
	}
	return full
}

func TestNumericScoresRarelyExceedTheirFloorWithoutDrift(t *testing.T) {
	// inflated is a law of which a share of values is 0.
	inflated := func(zeros float64, quantile func(u float64) float64) func(u float64) float64 {
		return func(u float64) float64 {
			if u < zeros {
				return 0
			}
			return quantile((u - zeros) / (1 - zeros))
		}
	}
	exponential := func(u float64) float64 { return -math.Log1p(-u) }
	lognormal := func(u float64) float64 { return math.Exp(distuv.UnitNormal.Quantile(u)) }
	for _, law := range []struct {
		name     string
		m        uint64
		quantile func(u float64) float64
	}{
		{"normal", 2000, distuv.UnitNormal.Quantile},
		{"skewed", 2000, exponential},
		{"heavily skewed", 2000, lognormal},
		{"tied", 2000, func(u float64) float64 { return math.Floor(3 * exponential(u)) }},
		{"zero-inflated", 2000, inflated(0.8, exponential)},
		{"zero-inflated in a small reference", 1000, inflated(0.8, exponential)},
		{"zero-inflated in a large reference", 5000, inflated(0.8, lognormal)},
		{"nearly all zero, the rest heavily skewed", 1000, inflated(0.95, lognormal)},
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
			for range references(20) {
				c := numericColumn(repeat(atoms, drawCounts(r, law.m, len(atoms))))
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
		{"two categories", 2, 16, 1000, even},
		{"five categories, some rarer", 5, 16, 1000, zipf},
		{"twenty categories in a small reference", 20, 16, 300, even},
		{"a hundred categories, most of them rare", 100, 12, 2000, zipf},
		{"five hundred categories", 500, 4, 5000, even},
		{"five hundred categories with a dozen reference values each", 500, 8, 6000, even},
		{"five hundred categories with two reference values each", 500, 4, 1000, even},
		{"five hundred categories, most of them rare", 500, 4, 2000, zipf},
		{"five hundred categories, most of them rare, in a large reference", 500, 8, 20_000, zipf},
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
	const n, windows = 200, 200
	r := rand.New(rand.NewPCG(25, 26))
	normal := func(n int, mean float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = mean + r.NormFloat64()
		}
		return values
	}
	var found exceedances
	for range references(16) {
		c := numericColumn(normal(5000, 0))
		floors := c.floors.At(n)
		for range windows {
			live := normal(n, 0.5)
			cells, tail := cellCounts(c.points, live)
			found.count(c.scores(binCounts(c.edges, live), cells, tail, moments(live)), floors)
		}
	}
	// A shift moves a little of every bin, which the largest change of a single bin sees least: even the true 0.999
	// quantile, by 20,000 windows without drift, lets chebyshev exceed it in only 82% of these.
	least := map[string]float64{"chebyshev": 0.8}
	for i, name := range statistics {
		want := cmp.Or(least[name], 0.95)
		law := distuv.Binomial{N: float64(found.trials), P: want}
		if law.CDF(float64(found.above[i])) < 0.001 {
			t.Errorf("%s exceeds its floor in only %.1f%% of windows", name, 100*float64(found.above[i])/float64(found.trials))
		}
	}
}

func TestFloorsOfWellFilledBinsAreThoseOfTheLimits(t *testing.T) {
	bins := []uint64{1000, 3000, 2000, 4000}
	const m, n = 10_000, 8192
	v := 1.0/m + 1.0/n
	// The 0.999 quantile of chi-squared with 3 degrees of freedom, from a table.
	const c = 16.266236
	got := NewFloors(bins, nil, nil, 0).At(n)
	near(t, "psi", got.PSI.Value, c*v, 1e-6)
	near(t, "jensen_shannon", got.JensenShannon.Value, math.Sqrt(c*v/(8*math.Ln2)), 1e-6)
	near(t, "hellinger", got.Hellinger.Value, math.Sqrt(c*v/8), 1e-6)
	for i, bound := range got.list()[5:] {
		absent(t, statistics[5+i], bound.Value, bound.OK)
	}
	// Both distances of two bins are the difference of one share, which is normal with the deviation √(p(1 − p)v).
	two := NewFloors([]uint64{2000, 8000}, nil, nil, 0).At(n)
	near(t, "total_variation", two.TotalVariation.Value, 3.2905*math.Sqrt(0.16*v), 0.05)
	near(t, "chebyshev", two.Chebyshev.Value, 3.2905*math.Sqrt(0.16*v), 0.05)
}

func TestSimulatedFloorsMeetTheLimits(t *testing.T) {
	b := newBinNoise([]uint64{600, 700, 800, 900, 1000})
	limits, simulated := b.fromLimits(2000), b.fromSimulation(2000)
	for i, want := range limits.list()[:5] {
		near(t, statistics[i], simulated.list()[i].Value, want.Value, 0.12)
	}
}

func TestFloorsOfNumbersAreThoseOfTheLimits(t *testing.T) {
	// Values of an even law on [0, 1], which has no skewness, with a standard deviation of √(1/12).
	values := make([]float64, 1001)
	for i := range values {
		values[i] = float64(i) / 1000
	}
	c := numericColumn(values)
	const n = 1024
	root := math.Sqrt(1.0/1001 + 1.0/n)
	got := c.floors.At(n)
	near(t, "ks", got.KolmogorovSmirnov.Value, 1.9495*root, 1e-12)
	near(t, "mean_shift", got.MeanShift.Value, 3.2905*root, 1e-4)
	// The 0.999 quantile of ∫ |B(u)| du is 0.962 by 100,000 simulated bridges of 1000 steps.
	near(t, "wasserstein", got.Wasserstein.Value, 0.962/c.sd*root, 0.04)
}

func TestFloorsThatCannotBeComputed(t *testing.T) {
	points, cells := []float64{0, 1}, []uint64{0, 50, 0, 50, 0}
	for _, c := range []struct {
		name   string
		floors *Floors
		n      uint64
		want   [8]bool
	}{
		{"no live values", NewFloors([]uint64{50, 50}, points, cells, 0.5), 0, [8]bool{}},
		{"no reference", NewFloors([]uint64{0, 0}, points, make([]uint64, 5), 0.5), 9, [8]bool{}},
		{"nothing at all", NewFloors(nil, nil, nil, 0), 9, [8]bool{}},
		{"categories", NewFloors([]uint64{50, 0}, nil, nil, 0), 9, [8]bool{true, true, true, true, true}},
		{
			"a constant", NewFloors([]uint64{9, 0}, []float64{3}, []uint64{0, 9, 0}, 0), 9,
			[8]bool{true, true, true, true, true, true},
		},
		{"a deviation that overflowed", NewFloors(nil, points, cells, math.Inf(1)), 9, [8]bool{5: true}},
		{"a width that overflows", NewFloors(nil, []float64{-1.7e308, 1.7e308}, cells, 1e308), 9, [8]bool{5: true}},
		{
			"numbers", NewFloors([]uint64{50, 50}, points, cells, 0.5), 1,
			[8]bool{true, true, true, true, true, true, true, true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, bound := range c.floors.At(c.n).list() {
				if bound.OK != c.want[i] || !isFinite(bound.Value) || bound.Value < 0 {
					t.Errorf("%s = %+v, want one: %t", statistics[i], bound, c.want[i])
				}
			}
		})
	}
}

func TestFloorOfASingleBinIsZero(t *testing.T) {
	for _, count := range []uint64{3, 1000} {
		for i, bound := range NewFloors([]uint64{count}, nil, nil, 0).At(2000).list()[:5] {
			if bound != (Bound{0, true}) {
				t.Errorf("%s of %d values = %+v, want 0", statistics[i], count, bound)
			}
		}
	}
}

func TestFloorsFallWithTheNumberOfValues(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	values := make([]float64, 500)
	for i := range values {
		values[i] = r.ExpFloat64()
	}
	floors := numericColumn(values).floors
	last := floors.At(30)
	for n := uint64(60); n < 10_000_000; n *= 2 {
		now := floors.At(n)
		for i, bound := range now.list() {
			// Simulated floors are uncertain by some 5%.
			if bound.Value > 1.1*last.list()[i].Value {
				t.Errorf("%s rises from %g to %g at %d", statistics[i], last.list()[i].Value, bound.Value, n)
			}
		}
		last = now
	}
	if last.PSI.Value <= 0 {
		t.Error("the floor falls to 0 although the reference is finite")
	}
}

func TestFloorsDoNotDependOnHowTheyAreAskedFor(t *testing.T) {
	bins := []uint64{5, 10, 20, 0}
	a, b := NewFloors(bins, nil, nil, 0), NewFloors(bins, nil, nil, 0)
	small := a.At(40)
	large := a.At(4000)
	if b.At(4000) != large || b.At(40) != small || a.At(40) != small {
		t.Error("floors depend on the order of calls")
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if b.At(40) != small || b.At(400) == small {
				t.Error("floors differ between goroutines")
			}
		})
	}
	wait.Wait()
}

func TestRoundDownKeepsWithinAStep(t *testing.T) {
	steps := map[uint64]bool{}
	for n := uint64(1); n < 1<<20; n += 1 + n/300 {
		rounded := roundDown(n)
		steps[rounded] = true
		if rounded > n || (n >= 30 && float64(rounded) < float64(n)/1.0443-1) {
			t.Fatalf("%d is rounded to %d", n, rounded)
		}
		if again := roundDown(rounded); again > rounded || float64(again) < float64(rounded)/1.0443-1 {
			t.Fatalf("%d is rounded to %d, and that to %d", n, rounded, again)
		}
	}
	if len(steps) > 16*20+1 {
		t.Errorf("%d steps, want at most sixteen to each doubling", len(steps))
	}
	for _, n := range []uint64{1, 2, 1 << 40, math.MaxUint64} {
		if rounded := roundDown(n); rounded > n || rounded < n/2 {
			t.Errorf("%d is rounded to %d", n, rounded)
		}
	}
}

func TestQuantileOfMeanRisesFromTheNormalLaw(t *testing.T) {
	// 0.9995 quantiles: of the normal law, and of the exponential law less 1, whose skewness is 2.
	near(t, "without skewness", quantileOfMean(0, 0), 3.290526731491, 1e-9)
	near(t, "skewness 0.01", quantileOfMean(0.01, 0), 3.2905, 0.01)
	near(t, "skewness 2", quantileOfMean(2, 0), math.Log(2000)-1, 1e-9)
	near(t, "its own kurtosis adds nothing", quantileOfMean(2, 6), math.Log(2000)-1, 1e-9)
	for s := 1e-6; s < 1e9; s *= 1.3 {
		if z := quantileOfMean(s, 0); !isFinite(z) || z < 3.29 {
			t.Errorf("quantile for skewness %g is %g", s, z)
		}
		if z := quantileOfMean(0, s); z <= quantileOfMean(0, 0) {
			t.Errorf("quantile for kurtosis %g is %g", s, z)
		}
	}
}

func TestTailQuantile(t *testing.T) {
	r := rand.New(rand.NewPCG(29, 30))
	smooth, jump := make([]float64, 20_000), make([]float64, 20_000)
	for i := range smooth {
		smooth[i] = r.ExpFloat64()
		if r.Float64() < 0.002 {
			jump[i] = 1
		}
	}
	near(t, "quantile of an exponential law", tailQuantile(smooth), math.Log(1000), 0.05)
	near(t, "quantile of a law with a rare jump", tailQuantile(jump), 1, 1e-6)
	near(t, "quantile of a constant", tailQuantile(make([]float64, 1000)), 0, 0)
	// A few far out leave too few above the mean and a deviation.
	few := make([]float64, 1000)
	few[3], few[500], few[700] = 9, 7, 8
	if got := largest(few, 5); !slices.Equal(got, []float64{0, 0, 7, 8, 9}) {
		t.Errorf("the largest are %g", got)
	}
	if got, all := largest(smooth, 201), sorted(smooth); !slices.Equal(got, all[len(all)-201:]) {
		t.Errorf("the largest are %g…, want %g…", got[:3], all[len(all)-201:][:3])
	}
}

func BenchmarkFloors(b *testing.B) {
	for _, size := range []struct {
		name string
		bins int
	}{{"12 bins", 12}, {"500 categories", 500}} {
		bins := make([]uint64, size.bins+1)
		for i := range size.bins {
			bins[i] = 1 + uint64(20_000/(i+1))
		}
		b.Run("first call/"+size.name, func(b *testing.B) {
			for b.Loop() {
				NewFloors(bins, nil, nil, 0).At(10_000)
			}
		})
		floors := NewFloors(bins, nil, nil, 0)
		b.Run("later calls/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				floors.At(10_000)
			}
		})
	}
	points, cells := make([]float64, 1024), make([]uint64, 2049)
	for i := range points {
		points[i], cells[2*i+1] = float64(i), 10
	}
	b.Run("new/1024 points", func(b *testing.B) {
		for b.Loop() {
			NewFloors(nil, points, cells, 300)
		}
	})
}

func TestFloorsOfAnotherColumnWithTheSameBins(t *testing.T) {
	bins := []uint64{100, 100, 100, 0}
	points, cells := []float64{1, 2, 3}, []uint64{0, 100, 0, 100, 0, 100, 0}
	first := NewFloors(bins, nil, nil, 0)
	for _, n := range []uint64{1, 50, 100_000} {
		shared, own := first.With(points, cells, 1).At(n), NewFloors(bins, points, cells, 1).At(n)
		if shared != own {
			t.Errorf("at %d the shared floors are %+v, want %+v", n, shared, own)
		}
	}
	if f := first.At(50); f.KolmogorovSmirnov.OK {
		t.Errorf("the floors that were shared have become those of numbers: %+v", f)
	}
}
