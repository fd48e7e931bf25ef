package estimate

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
)

func TestIsotonicRegressionPoolsWhatFalls(t *testing.T) {
	at := func(score float64, positives, negatives uint64) point {
		return point{score, score, score, positives, negatives}
	}
	for _, tt := range []struct {
		name   string
		points []point
		rates  []float64
		cuts   []float64
	}{
		{"rising", []point{at(0.2, 0, 4), at(0.4, 1, 3), at(0.8, 3, 1)}, []float64{0, 0.25, 0.75}, []float64{0.3, 0.6}},
		{"falling", []point{at(0.2, 3, 1), at(0.4, 1, 3)}, []float64{0.5}, nil},
		{"equal", []point{at(0.2, 1, 3), at(0.4, 2, 6)}, []float64{0.25}, nil},
		{
			// 1/4 and 0/4 pool to 1/8, then 1/2 and 2/6 to 3/8, and 0/24 pulls that down to 3/32 and so all to 4/40.
			"a fall that goes back far",
			[]point{at(0.1, 1, 3), at(0.2, 0, 4), at(0.3, 1, 1), at(0.4, 2, 4), at(0.5, 0, 24), at(0.9, 1, 0)},
			[]float64{0.1, 1},
			[]float64{0.7},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCalibration(isotonic(tt.points), true)
			if !slices.Equal(c.probabilities, tt.rates) {
				t.Errorf("the rates are %v, want %v", c.probabilities, tt.rates)
			}
			if !slices.EqualFunc(c.cuts, tt.cuts, func(a, b float64) bool { return math.Abs(a-b) < 1e-15 }) {
				t.Errorf("the cuts are %v, want %v", c.cuts, tt.cuts)
			}
		})
	}
}

func TestSegmentsBeginAtTheirCuts(t *testing.T) {
	for n := range 40 {
		var c Calibration
		for i := range n {
			c.cuts = append(c.cuts, float64(i+1)/100)
		}
		c.index()
		for i := range n + 1 {
			for _, score := range []float64{float64(i) / 100, float64(i)/100 + 0.005} {
				if got := c.segment(score); got != i {
					t.Fatalf("of %d cuts, %g is in segment %d, want %d", n, score, got, i)
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		var c Calibration
		width := 1 / float64(1+r.IntN(1000)) // some of the cuts in few parts
		for range r.IntN(300) {
			c.cuts = append(c.cuts, r.Float64()*width)
		}
		slices.Sort(c.cuts)
		c.index()
		for _, score := range append([]float64{0, 1, r.Float64(), r.Float64() * width}, c.cuts...) {
			want := sort.Search(len(c.cuts), func(i int) bool { return c.cuts[i] > score })
			if got := c.segment(score); got != want {
				t.Fatalf("of %v, %g is in segment %d, want %d", c.cuts, score, got, want)
			}
		}
	}
}

// scoresOf draws outcomes of a reference whose probability at a score is that of f.
func scoresOf(n int, seed uint64, f func(score float64) float64) *outcome.Scores {
	r := rand.New(rand.NewPCG(seed, 1))
	tally := outcome.NewTally(outcome.Rules{HasPositive: true, Positive: 1})
	for range n {
		o := outcome.Outcome{Score: r.Float64()}
		if r.Float64() < f(o.Score) {
			o.Label.Class = 1
		}
		tally.Add(o, 1)
	}
	return tally.State().Scores
}

// TestOnlyWhatIsNotCalibratedIsCalibrated has the power that a reference of 3,000 rows gives: right scores are nearly
// always left alone, and wrong ones calibrated.
func TestOnlyWhatIsNotCalibratedIsCalibrated(t *testing.T) {
	count := func(n int, f func(float64) float64) (calibrated int) {
		for seed := range uint64(40) {
			if c, ok := NewCalibration(scoresOf(n, seed, f)); ok && c.Isotonic() {
				calibrated++
			}
		}
		return calibrated
	}
	right := count(3000, func(score float64) float64 { return score })
	wrong := count(3000, func(score float64) float64 { return 0.1 + 0.7*score })
	t.Logf("of 40 references, %d with right and %d with wrong scores are calibrated", right, wrong)
	if right > 10 || wrong < 40 {
		t.Errorf("of 40 references, %d with right and %d with wrong scores are calibrated", right, wrong)
	}
}

func TestCalibrationIsCloseToTheTruth(t *testing.T) {
	for _, n := range []int{2000, 200_000} {
		f := func(score float64) float64 { return score * score }
		c, ok := NewCalibration(scoresOf(n, 1, f))
		if !ok || !c.Isotonic() || len(c.cuts) >= maxSegments || len(c.cuts) < 10 {
			t.Fatalf("n=%d: %v, isotonic %v, %d cuts", n, ok, c.Isotonic(), len(c.cuts))
		}
		var off float64
		for score := 0.0005; score < 1; score += 0.001 {
			at, _ := c.At(score)
			off += math.Abs(float64(at.probability)/unit-f(score)) / 1000
		}
		// Isotonic regression comes closer with the cube root of n.
		if limit := 0.5 / math.Cbrt(float64(n)); off > limit {
			t.Errorf("n=%d: the probabilities are %.4f off in the mean, more than %.4f", n, off, limit)
		}
	}
}

func TestSmallReferencesAreNotEnough(t *testing.T) {
	half := func(float64) float64 { return 0.5 }
	for _, tt := range []struct {
		name   string
		scores *outcome.Scores
		want   bool
	}{
		{"none", nil, false},
		{"few", scoresOf(99, 1, half), false},
		{"enough", scoresOf(100, 1, half), true},
		{"one class", scoresOf(1000, 1, func(float64) float64 { return 0 }), false},
		{"a rare class", scoresOf(1000, 1, func(float64) float64 { return 0.004 }), false},
	} {
		if _, ok := NewCalibration(tt.scores); ok != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, ok, tt.want)
		}
	}
}

func TestSegmentsAreBoundedAndHoldAlike(t *testing.T) {
	c, ok := NewCalibration(scoresOf(50_000, 2, func(score float64) float64 { return score }))
	if !ok || c.Isotonic() {
		t.Fatalf("%v, isotonic %v", ok, c.Isotonic())
	}
	if n := len(c.cuts) + 1; n > maxSegments || n < maxSegments/2 {
		t.Errorf("there are %d segments", n)
	}
	for i, cut := range c.cuts {
		if gap := cut - float64(i+1)/float64(len(c.cuts)+1); math.Abs(gap) > 0.02 {
			t.Errorf("cut %d of %d lies at %.4f of evenly spread scores", i, len(c.cuts), cut)
		}
	}
}

// FuzzIsotonic holds pooling against the min-max formula: the rate of a point is the largest, over all first points up
// to it, of the smallest mean, over all last points from it on.
func FuzzIsotonic(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 0, 1})
	f.Add([]byte{9, 0, 0, 9, 9, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var points []point
		for i := 0; i+1 < len(data) && len(points) < 30; i += 2 {
			if data[i] > 0 || data[i+1] > 0 {
				score := float64(len(points)+1) / 100
				points = append(points, point{score, score, score, uint64(data[i]), uint64(data[i+1])})
			}
		}
		if len(points) == 0 {
			return
		}
		c := newCalibration(isotonic(points), true)
		for i := range points {
			want := 0.0
			for first := range i + 1 {
				least, sum := 1.0, point{}
				for last := first; last < len(points); last++ {
					sum.join(&points[last])
					if last >= i {
						least = min(least, sum.rate())
					}
				}
				want = max(want, least)
			}
			if got := c.probabilities[c.segment(points[i].score)]; math.Abs(got-want) > 1e-12 {
				t.Fatalf("point %d of %v has the rate %v, want %v", i, points, got, want)
			}
		}
	})
}
