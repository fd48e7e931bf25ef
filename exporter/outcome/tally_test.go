package outcome

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// near fails the test unless got is want to a relative tolerance, or to the same absolute one where want is below 1.
func near(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance*max(1, math.Abs(want)) {
		t.Errorf("%s = %v, want %v within %v", name, got, want, tolerance)
	}
}

func named(m []Metric) map[string]float64 {
	byName := make(map[string]float64, len(m))
	for _, one := range m {
		byName[one.Name] = one.Value
	}
	return byName
}

// checkMetrics fails the test unless the tally has exactly the wanted metrics.
func checkMetrics(t *testing.T, tally *Tally, want map[string]float64) {
	t.Helper()
	got := named(tally.Metrics())
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, ok := got[name]
		if !ok {
			t.Errorf("%s is absent, want %v", name, want[name])
			continue
		}
		near(t, name, value, want[name], 1e-12)
	}
	for name, value := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s = %v, want it absent", name, value)
		}
	}
}

var (
	binaryRules     = Rules{Task: Classification, HasPositive: true, Positive: 1}
	multiclassRules = Rules{Task: Classification}
	regressionRules = Rules{Task: Regression, Tolerance: 0.5}
)

func classified(prediction, label uint32, score float64) Outcome {
	return Outcome{Prediction: Value{Class: prediction}, Label: Value{Class: label}, Score: score}
}

func measured(prediction, label float64) Outcome {
	return Outcome{Prediction: Value{Number: prediction}, Label: Value{Number: label}, Score: math.NaN()}
}

func tallied(rules Rules, outcomes ...Outcome) *Tally {
	tally := NewTally(rules)
	for _, o := range outcomes {
		tally.Add(o, 1)
	}
	return tally
}

func repeat(o Outcome, times int) []Outcome {
	return slices.Repeat([]Outcome{o}, times)
}

func TestMetricsOfClassification(t *testing.T) {
	none := math.NaN()
	for _, test := range []struct {
		name     string
		rules    Rules
		outcomes []Outcome
		want     map[string]float64
	}{
		{"nothing has no metrics", binaryRules, nil, map[string]float64{}},
		{
			// By hand from tp 20, fp 5, fn 10, tn 65.
			"a confusion matrix without scores", binaryRules,
			slices.Concat(repeat(classified(1, 1, none), 20), repeat(classified(1, 0, none), 5),
				repeat(classified(0, 1, none), 10), repeat(classified(0, 0, none), 65)),
			map[string]float64{
				"accuracy": 0.85, "precision": 0.8, "recall": 2.0 / 3, "f1": 8.0 / 11, "specificity": 65.0 / 70,
				"matthews_correlation":      (20*65 - 5*10) / math.Sqrt(25*30*70*75),
				"positive_prediction_ratio": 0.25, "positive_label_ratio": 0.3,
			},
		},
		{
			"no positive prediction leaves out precision and correlation", binaryRules,
			[]Outcome{classified(0, 1, none), classified(0, 0, none)},
			map[string]float64{
				"accuracy": 0.5, "recall": 0, "f1": 0, "specificity": 1,
				"positive_prediction_ratio": 0, "positive_label_ratio": 0.5,
			},
		},
		{
			"only true negatives leave out all that is about positives", binaryRules, repeat(classified(0, 0, none), 3),
			map[string]float64{
				"accuracy": 1, "specificity": 1, "positive_prediction_ratio": 0, "positive_label_ratio": 0,
			},
		},
		{
			"only true positives leave out specificity", binaryRules, repeat(classified(1, 1, none), 3),
			map[string]float64{
				"accuracy": 1, "precision": 1, "recall": 1, "f1": 1,
				"positive_prediction_ratio": 1, "positive_label_ratio": 1,
			},
		},
		{
			// Labels 0 0 1 1 with scores 0.1 0.4 0.35 0.8, the example of scikit-learn's roc_auc_score: 3 of the 4 pairs
			// are in order. The rest by hand.
			"scores of two positives and two negatives", binaryRules,
			[]Outcome{classified(0, 0, 0.1), classified(0, 0, 0.4), classified(0, 1, 0.35), classified(1, 1, 0.8)},
			map[string]float64{
				"accuracy": 0.75, "precision": 1, "recall": 0.5, "f1": 2.0 / 3, "specificity": 1,
				"matthews_correlation":      2 / math.Sqrt(1*2*2*3),
				"positive_prediction_ratio": 0.25, "positive_label_ratio": 0.5, "roc_auc": 0.75,
				"log_loss": -math.Log(0.9*0.6*0.35*0.8) / 4,
				"brier":    (0.01 + 0.16 + 0.65*0.65 + 0.04) / 4,
				// The bins (0, 0.1], (0.3, 0.4] and (0.7, 0.8]: 1 · 0.1, 2 · abs(0.375 - 0.5) and 1 · 0.2.
				"expected_calibration_error": (0.1 + 0.25 + 0.2) / 4,
			},
		},
		{
			// scikit-learn clips the score and then takes the complement; -ln of 1 - (1 - 1e-15) is that of 9.99e-16.
			"certain scores are clipped and sit in the outer bins", binaryRules,
			[]Outcome{classified(1, 1, 1), classified(0, 0, 0), classified(1, 0, 1), classified(0, 1, 0)},
			map[string]float64{
				"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5, "specificity": 0.5,
				"matthews_correlation": 0, "positive_prediction_ratio": 0.5, "positive_label_ratio": 0.5, "roc_auc": 0.5,
				"log_loss":                   -(2*math.Log(1-1e-15) + math.Log(1e-15) + math.Log(9.992007221626409e-16)) / 4,
				"brier":                      0.5,
				"expected_calibration_error": 0.5,
			},
		},
		{
			"scores of one side have no ROC curve, and a missing score takes no part", binaryRules,
			[]Outcome{classified(0, 0, 0.2), classified(1, 1, none)},
			map[string]float64{
				"accuracy": 1, "precision": 1, "recall": 1, "f1": 1, "specificity": 1, "matthews_correlation": 1,
				"positive_prediction_ratio": 0.5, "positive_label_ratio": 0.5,
				"log_loss": -math.Log(0.8), "brier": 0.04, "expected_calibration_error": 0.2,
			},
		},
		{
			// The example of scikit-learn's precision_score, recall_score and f1_score: labels 0 1 2 0 1 2, predictions
			// 0 2 1 0 0 1, macro averages 0.22, 0.33 and 0.26. Hits 2 of 6, Σ predicted · labelled = 3·2 + 2·2 + 1·2 =
			// 12 = 6 · 2, so the correlation is 0.
			"three classes are averaged", multiclassRules,
			[]Outcome{
				classified(0, 0, none), classified(2, 1, none), classified(1, 2, none),
				classified(0, 0, none), classified(0, 1, none), classified(1, 2, none),
			},
			map[string]float64{
				"accuracy": 1.0 / 3, "precision": 2.0 / 9, "recall": 1.0 / 3, "f1": 0.8 / 3, "matthews_correlation": 0,
			},
		},
		{
			// By hand: labels a a b, predictions a c b. Class c is never a label: recall 0; precision of a 1, of b 1, of c
			// 0. n · hits - Σ = 6 - (1·2 + 1·1 + 1·0) = 3; spreads 9 - 3 = 6 and 9 - 5 = 4.
			"a class that is never a label and scores without a positive class", multiclassRules,
			[]Outcome{classified(7, 7, 0.9), classified(9, 7, 0.9), classified(8, 8, 0.9)},
			map[string]float64{
				"accuracy": 2.0 / 3, "precision": 2.0 / 3, "recall": 0.5, "f1": (2.0/3 + 1) / 3,
				"matthews_correlation": 3 / math.Sqrt(24),
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) { checkMetrics(t, tallied(test.rules, test.outcomes...), test.want) })
	}
}

func TestMetricsOfRegression(t *testing.T) {
	for _, test := range []struct {
		name     string
		outcomes []Outcome
		want     map[string]float64
	}{
		{"nothing has no metrics", nil, map[string]float64{}},
		{
			// The example of scikit-learn's mean_absolute_error, mean_squared_error, r2_score and
			// mean_absolute_percentage_error: 0.5, 0.375, 0.948 and 0.3273.
			"four numbers",
			[]Outcome{measured(2.5, 3), measured(0, -0.5), measured(2, 2), measured(8, 7)},
			map[string]float64{
				"mae": 0.5, "rmse": math.Sqrt(0.375), "mape": (0.5/3 + 1 + 1.0/7) / 4,
				"r2": 1 - 1.5/29.1875, "bias": 0.25,
			},
		},
		{
			"zero labels are left out of mape",
			[]Outcome{measured(1, 0), measured(3, 2)},
			map[string]float64{"mae": 1, "rmse": 1, "mape": 0.5, "r2": 0, "bias": 1},
		},
		{
			"only zero labels have no mape and no r2",
			[]Outcome{measured(1, 0), measured(-1, 0)},
			map[string]float64{"mae": 1, "rmse": 1, "bias": 0},
		},
		{
			"equal labels have no r2 even where their squares are rounded", repeat(measured(0.2, 0.1), 1000),
			map[string]float64{"mae": 0.1, "rmse": 0.1, "mape": 1, "bias": 0.1},
		},
		{
			"a number that cannot be summed is left out",
			[]Outcome{measured(1e200, 1), measured(math.Inf(1), 1), measured(1, math.NaN()), measured(2, 1)},
			map[string]float64{"mae": 1, "rmse": 1, "mape": 1, "bias": 1},
		},
		{
			"a label next to zero does not make mape infinite",
			[]Outcome{measured(1e139, 1e-300), measured(2, 1)},
			map[string]float64{
				"mae": 5e138, "rmse": 1e139 / math.Sqrt2, "mape": 1, "r2": 1 - 1e278/0.5, "bias": 5e138,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) { checkMetrics(t, tallied(regressionRules, test.outcomes...), test.want) })
	}
}

func TestMetricsKeepTheirOrder(t *testing.T) {
	tally := tallied(binaryRules, classified(1, 1, 0.9), classified(0, 0, 0.1), classified(1, 0, 0.6))
	want := []string{
		"accuracy", "precision", "recall", "f1", "specificity", "matthews_correlation", "positive_prediction_ratio",
		"positive_label_ratio", "roc_auc", "log_loss", "brier", "expected_calibration_error",
	}
	var got []string
	for _, m := range tally.Metrics() {
		got = append(got, m.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
}

func TestErrorsAndLeftOut(t *testing.T) {
	for _, test := range []struct {
		name          string
		tally         *Tally
		x, n, leftOut uint64
	}{
		{"a wrong class is an error", tallied(multiclassRules, classified(1, 2, 0), classified(2, 2, 0)), 1, 2, 0},
		{
			"a miss by the tolerance is no error, one by more is",
			tallied(regressionRules, measured(1.5, 1), measured(0.5, 1), measured(1.5000001, 1)), 1, 3, 0,
		},
		{
			"scores that are no probabilities leave the outcome in",
			tallied(binaryRules, classified(1, 1, 1.5), classified(1, 0, -0.1), classified(1, 1, math.Inf(1)),
				classified(1, 1, math.NaN())), 1, 4, 3,
		},
		{
			"numbers that cannot be summed leave the outcome out",
			tallied(regressionRules, measured(1, 1), measured(math.NaN(), 1), measured(1, -1e141)), 0, 1, 2,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, n := test.tally.Errors()
			if x != test.x || n != test.n || test.tally.LeftOut() != test.leftOut {
				t.Errorf("%d errors of %d, %d left out; want %d of %d, %d",
					x, n, test.tally.LeftOut(), test.x, test.n, test.leftOut)
			}
		})
	}
}

func TestCalibrationBinsAreRightClosed(t *testing.T) {
	for score, want := range map[float64]int{
		0: 0, 0.05: 0, 0.1: 0, 0.10000001: 1, 0.2: 1, 0.3: 2, 0.6: 5, 0.7: 6, 0.7000001: 7, 0.9: 8, 0.95: 9, 1: 9,
	} {
		if got := calibrationBin(score); got != want {
			t.Errorf("bin of %v = %d, want %d", score, got, want)
		}
	}
}

// randomOutcome returns an outcome for any task; its score is rounded so that ties occur.
func randomOutcome(random *rand.Rand, rules Rules) Outcome {
	if rules.Task == Regression {
		label := math.Exp(3 * random.NormFloat64())
		return measured(label+random.NormFloat64(), label)
	}
	score := math.Round(random.Float64()*1000) / 1000
	switch random.IntN(20) {
	case 0:
		score = math.NaN()
	case 1:
		score = 2
	}
	return classified(random.Uint32N(5), random.Uint32N(5), score)
}

// sameTally fails the test unless all counts are equal and all metrics are equal to the last bit.
func sameTally(t *testing.T, got, want *Tally) {
	t.Helper()
	if got.n != want.n || got.wrong != want.wrong || got.leftOut != want.leftOut ||
		!maps.Equal(got.confusion, want.confusion) {
		t.Errorf("counts differ: %d of %d, left out %d, want %d of %d, %d",
			got.wrong, got.n, got.leftOut, want.wrong, want.n, want.leftOut)
	}
	if got.scores.n != want.scores.n || got.scores.ranks.level != want.scores.ranks.level ||
		!slices.Equal(got.scores.ranks.sorted(), want.scores.ranks.sorted()) {
		t.Errorf("score histograms differ: %d scores in %d buckets at level %d, want %d in %d at %d",
			got.scores.n, got.scores.ranks.taken, got.scores.ranks.level,
			want.scores.n, want.scores.ranks.taken, want.scores.ranks.level)
	}
	if !slices.Equal(got.Metrics(), want.Metrics()) {
		t.Errorf("metrics %v, want %v", got.Metrics(), want.Metrics())
	}
}

func TestTakingBackRestoresATally(t *testing.T) {
	for name, rules := range map[string]Rules{
		"binary": binaryRules, "multiclass": multiclassRules, "regression": regressionRules,
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			before, after := NewTally(rules), NewTally(rules)
			for range 500 {
				o := randomOutcome(random, rules)
				before.Add(o, 1)
				after.Add(o, 1)
			}
			passing := make([]Outcome, 500)
			for i := range passing {
				passing[i] = randomOutcome(random, rules)
				after.Add(passing[i], 1)
			}
			random.Shuffle(len(passing), func(i, j int) { passing[i], passing[j] = passing[j], passing[i] })
			for _, o := range passing {
				after.Add(o, -1)
			}
			sameTally(t, after, before)
		})
	}
}

func TestTakingBackEverythingEmptiesATally(t *testing.T) {
	for name, rules := range map[string]Rules{"binary": binaryRules, "regression": regressionRules} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			tally := NewTally(rules)
			var outcomes []Outcome
			for range 300 {
				o := randomOutcome(random, rules)
				outcomes = append(outcomes, o)
				tally.Add(o, 1)
			}
			for _, o := range outcomes {
				tally.Add(o, -1)
			}
			sameTally(t, tally, NewTally(rules))
		})
	}
}

func TestMergedTalliesEqualOneTally(t *testing.T) {
	for name, rules := range map[string]Rules{
		"binary": binaryRules, "multiclass": multiclassRules, "regression": regressionRules,
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			all, merged := NewTally(rules), NewTally(rules)
			for part := range 7 {
				tally := NewTally(rules)
				for range part * 100 {
					o := randomOutcome(random, rules)
					// Scores as fine as a model's make the parts and the whole choose different bucket widths.
					o.Score += random.Float64() * 1e-4
					all.Add(o, 1)
					tally.Add(o, 1)
				}
				merged.Merge(tally)
			}
			sameTally(t, merged, all)
		})
	}
}

func TestMergingFineIntoCoarseScores(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	all, coarse, fine := NewTally(binaryRules), NewTally(binaryRules), NewTally(binaryRules)
	for i := range 20000 {
		o := classified(0, random.Uint32N(2), random.Float64())
		all.Add(o, 1)
		if i%20 == 0 {
			fine.Add(o, 1)
		} else {
			coarse.Add(o, 1)
		}
	}
	if fine.scores.ranks.level != 0 || coarse.scores.ranks.level == 0 {
		t.Fatalf("levels %d and %d, want 0 and more", fine.scores.ranks.level, coarse.scores.ranks.level)
	}
	oneWay, otherWay := NewTally(binaryRules), NewTally(binaryRules)
	oneWay.Merge(fine)
	oneWay.Merge(coarse)
	otherWay.Merge(coarse)
	otherWay.Merge(fine)
	sameTally(t, oneWay, all)
	sameTally(t, otherWay, all)
}

func TestRegressionStaysExactThroughLargeCorrections(t *testing.T) {
	// A mean a million times the spread, and labels of 1e60 that are corrected. Errors are 0.5 and -0.25, labels
	// 1e6 ± 1, so by hand: mae 0.375, bias 0.125, Σ e² = n (0.25 + 0.0625) / 2, Σ (label - mean)² = n.
	tally := NewTally(regressionRules)
	const n = 10000
	for i := range n {
		wrong := measured(1e6, 1e60/float64(i+1))
		tally.Add(wrong, 1)
		if i%2 == 0 {
			tally.Add(measured(1e6+1.5, 1e6+1), 1)
		} else {
			tally.Add(measured(1e6-1.25, 1e6-1), 1)
		}
		if i%3 == 0 {
			tally.Add(wrong, -1)
		}
	}
	for i := range n {
		if i%3 != 0 {
			tally.Add(measured(1e6, 1e60/float64(i+1)), -1)
		}
	}
	got := named(tally.Metrics())
	near(t, "mae", got["mae"], 0.375, 1e-12)
	near(t, "bias", got["bias"], 0.125, 1e-12)
	near(t, "rmse", got["rmse"], math.Sqrt(0.15625), 1e-12)
	near(t, "r2", got["r2"], 1-0.15625, 1e-12)
}

func TestAddRefusesOtherSigns(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic at sign 2")
		}
	}()
	NewTally(binaryRules).Add(Outcome{}, 2)
}

func TestMergeRefusesOtherRules(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic at other rules")
		}
	}()
	NewTally(binaryRules).Merge(NewTally(multiclassRules))
}

func BenchmarkTallyAdd(b *testing.B) {
	random := rand.New(rand.NewPCG(9, 10))
	outcomes := make([]Outcome, 1<<16)
	for i := range outcomes {
		outcomes[i] = classified(random.Uint32N(2), random.Uint32N(2), random.Float64())
	}
	tally := NewTally(binaryRules)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tally.Add(outcomes[i%len(outcomes)], 1)
	}
}
