package estimate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// metricsOf returns metrics by name.
func metricsOf(list []outcome.Metric) map[string]float64 {
	metrics := make(map[string]float64)
	for _, m := range list {
		metrics[m.Name] = m.Value
	}
	return metrics
}

func compare(t *testing.T, got, want map[string]float64, tolerance float64) {
	t.Helper()
	for name, x := range want {
		if y, ok := got[name]; !ok || math.Abs(y-x) > tolerance {
			t.Errorf("%s is %v, want %v", name, y, x)
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %v, want %v", got, want)
	}
}

func addAll(c *Calibration, b *Binary, scores []float64, threshold float64) {
	for _, score := range scores {
		if at, ok := c.At(score); ok {
			b.Add(at, score >= threshold)
		}
	}
}

func TestExpectedPerformanceIsThatWorkedOutByHand(t *testing.T) {
	quarters := []float64{0.25, 0.5, 0.75}
	for _, tt := range []struct {
		name        string
		calibration Calibration
		scores      []float64
		threshold   float64
		want        map[string]float64
	}{
		{
			// tp = 0.6 + 0.9, fp = 0.4 + 0.1, fn = 0.1 + 0.4, tn = 0.9 + 0.6. Of the area, from the lowest score up:
			// 0.1·0.45 + 0.4·(0.9 + 0.3) + 0.6·(1.5 + 0.2) + 0.9·(1.9 + 0.05) = 3.3 of 2·2.
			"scores as they are",
			Calibration{cuts: quarters},
			[]float64{0.1, 0.4, 0.6, 0.9},
			0.5,
			map[string]float64{
				"accuracy": 0.75, "error_ratio": 0.25, "precision": 0.75, "recall": 0.75, "f1": 0.75, "roc_auc": 0.825,
			},
		},
		{
			// What is 0.5 or more is positive in three of four cases, the rest never is: tp = 1.5, fp = 0.5, tn = 2. The area
			// is 1.5·(2 + 0.25) of 1.5·2.5.
			"calibrated",
			Calibration{cuts: []float64{0.5}, probabilities: []float64{0, 0.75}},
			[]float64{0.1, 0.4, 0.6, 0.9},
			0.5,
			map[string]float64{
				"accuracy": 0.875, "error_ratio": 0.125, "precision": 0.75, "recall": 1, "f1": 6. / 7, "roc_auc": 0.9,
			},
		},
		{
			// Nothing is predicted positive: fn = 0.5, tn = 1.5. The area is 0.4·(0.9 + 0.3) + 0.1·0.45 of 0.5·1.5.
			"no positive predictions",
			Calibration{cuts: quarters},
			[]float64{0.1, 0.4},
			0.5,
			map[string]float64{"accuracy": 0.75, "error_ratio": 0.25, "recall": 0, "f1": 0, "roc_auc": 0.7},
		},
		{
			"certain negatives",
			Calibration{cuts: quarters},
			[]float64{0, 0},
			0.5,
			map[string]float64{"accuracy": 1, "error_ratio": 0},
		},
		{"no scores", Calibration{}, []float64{math.NaN(), -0.1, 1.1, math.Inf(1)}, 0.5, map[string]float64{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.calibration.index()
			b := tt.calibration.NewBinary()
			addAll(&tt.calibration, b, tt.scores, tt.threshold)
			compare(t, metricsOf(b.Metrics()), tt.want, 1e-7)
		})
	}
}

// TestPerfectScoresAreEstimatedRightly draws labels with the probabilities that the scores are. In one case the
// reference's scores are those, in the other one they are their squares, which calibration has to undo.
func TestPerfectScoresAreEstimatedRightly(t *testing.T) {
	const n = 100_000
	for _, tt := range []struct {
		name  string
		score func(p float64) float64
	}{
		{"scores as they are", func(p float64) float64 { return p }},
		{"scores that have to be calibrated", func(p float64) float64 { return p * p }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(11, 12))
			draw := func(spread float64) (score float64, o outcome.Outcome) {
				p := 1 / (1 + math.Exp(-spread*r.NormFloat64()+1))
				o.Score = tt.score(p)
				if o.Score >= 0.4 {
					o.Prediction.Class = 1
				}
				if r.Float64() < p {
					o.Label.Class = 1
				}
				return o.Score, o
			}
			rules := outcome.Rules{HasPositive: true, Positive: 1}
			reference, live := outcome.NewTally(rules), outcome.NewTally(rules)
			for range n {
				_, o := draw(1)
				reference.Add(o, 1)
			}
			c, ok := NewCalibration(reference.State().Scores)
			if !ok {
				t.Fatal("there is no calibration")
			}
			b := c.NewBinary()
			for range n {
				score, o := draw(2) // inputs drift, what a score means does not
				live.Add(o, 1)
				at, _ := c.At(score)
				b.Add(at, o.Prediction.Class == 1)
			}
			got, want := metricsOf(b.Metrics()), metricsOf(live.Metrics())
			want["error_ratio"] = 1 - want["accuracy"]
			for name, x := range got {
				// Four standard errors of a ratio over the fewest predictions that one of them is taken over, and what the
				// calibration itself is off.
				if math.Abs(x-want[name]) > 4*0.5/math.Sqrt(n/4)+0.002 {
					t.Errorf("%s is %.4f, it turned out to be %.4f", name, x, want[name])
				}
			}
			if len(got) != 6 || b.N() != n {
				t.Errorf("there are %v of %d", got, b.N())
			}
		})
	}
}

func TestEstimatesSurviveRestartsAndAddUp(t *testing.T) {
	c := &Calibration{cuts: []float64{0.2, 0.4, 0.8}, probabilities: []float64{0.1, 0.3, 0.5, 1}}
	c.index()
	whole, parts := c.NewBinary(), c.NewBinary()
	for _, scores := range [][]float64{{0.1, 0.5, 0.9}, {0.3, 0.85, 1}, {}} {
		part, loaded := c.NewBinary(), c.NewBinary()
		addAll(c, part, scores, 0.4)
		addAll(c, whole, scores, 0.4)
		var e state.Encoder
		part.Save(&e)
		d := state.NewDecoder(slices.Concat(e.Parts()...))
		loaded.Load(d)
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		parts.Merge(loaded)
	}
	if !slices.Equal(whole.cells, parts.cells) {
		t.Errorf("the parts add up to %v, want %v", parts.cells, whole.cells)
	}
}

// FuzzLoad loads any bytes: that fails, or gives what is saved as it was loaded.
func FuzzLoad(f *testing.F) {
	c := &Calibration{cuts: []float64{0.2, 0.4}, probabilities: []float64{0.1, 0.3, 0.5}}
	c.index()
	b := c.NewBinary()
	addAll(c, b, []float64{0.1, 0.3, 0.5, 0.9}, 0.4)
	var e state.Encoder
	b.Save(&e)
	f.Add(slices.Concat(e.Parts()...))
	f.Add([]byte{1, 0, 1, 0})
	e.Reset()
	(&Errors{n: 2, absolute: 1.5, squared: 3}).Save(&e)
	f.Add(slices.Concat(e.Parts()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, d := c.NewBinary(), state.NewDecoder(data)
		if b.Load(d); d.End() == nil {
			var e state.Encoder
			b.Save(&e)
			again := c.NewBinary()
			if again.Load(state.NewDecoder(slices.Concat(e.Parts()...))); !slices.Equal(again.cells, b.cells) {
				t.Errorf("%v was saved, %v loaded", b.cells, again.cells)
			}
			for _, m := range b.Metrics() {
				if !(m.Value >= 0 && m.Value <= 1) {
					t.Errorf("%s is %v", m.Name, m.Value)
				}
			}
		}
		var r Errors
		d = state.NewDecoder(data)
		if r.Load(d); d.End() == nil {
			for _, m := range r.Metrics() {
				if !(m.Value >= 0) {
					t.Errorf("%s is %v", m.Name, m.Value)
				}
			}
		}
	})
}

func BenchmarkBinary(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	reference := outcome.NewTally(outcome.Rules{HasPositive: true, Positive: 1})
	scores := make([]float64, 4096)
	for i := range 100_000 {
		o := outcome.Outcome{Score: r.Float64()}
		scores[i%len(scores)] = o.Score
		if r.Float64() < o.Score*o.Score {
			o.Label.Class = 1
		}
		reference.Add(o, 1)
	}
	c, _ := NewCalibration(reference.State().Scores)
	tally := c.NewBinary()
	b.ReportMetric(float64(len(c.cuts)+1), "segments")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		score := scores[i%len(scores)]
		if at, ok := c.At(score); ok {
			tally.Add(at, score > 0.5)
		}
	}
}
