package profile

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
)

func TestPositiveClassIsFound(t *testing.T) {
	tests := []struct {
		name, content, configured, class, why string
	}{
		{"the one with higher scores", "prediction,score\na,0.9\nb,0.1\na,0.8\n", "", "a", "predicted at higher scores"},
		{"the second one with higher scores", "prediction,score\na,0.1\nb,0.9\n", "", "b", "predicted at higher scores"},
		{"scores say more than names", "prediction,score\nyes,0.1\nno,0.9\n", "", "no", "predicted at higher scores"},
		{"the affirmative one", "prediction\nno\nyes\nyes\n", "", "yes", "by its name"},
		{"the affirmative one, first", "prediction\n1\n0\n", "", "1", "by its name"},
		{"the affirmative one of labels alone", "label,x\n0,1\n1,2\n0,3\n", "", "1", "by its name"},
		{"the rarer label", "prediction,label\nham,ham\nham,ham\nspam,spam\n", "", "spam", "the rarer label"},
		{"the rarer label, first", "prediction,label\nspam,ham\nham,ham\n", "", "spam", "the rarer label"},
		{"the rarer one of labels alone", "label,x\nham,1\nham,2\nspam,3\n", "", "spam", "the rarer label"},
		{"the configured one", "prediction,score\na,0.9\nb,0.1\n", "b", "b", "configured"},
		{"the configured one of three", "prediction\na\nb\nc\n", "c", "c", "configured"},
		{"the configured one though there are no outcomes", "score,x\n0.1,1\n0.2,2\n", "yes", "yes", "configured"},
		{"none of three", "prediction\na\nb\nc\n", "", "", ""},
		{"none of one", "prediction\na\na\n", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := write(t, "r.csv", tt.content)
			o.PositiveClass = tt.configured
			p := build(t, o)
			if p.PositiveClass != tt.class || p.PositiveWhy != tt.why {
				t.Errorf("positive class %q (%s), want %q (%s)", p.PositiveClass, p.PositiveWhy, tt.class, tt.why)
			}
			if p.Rules.HasPositive != (tt.class != "") {
				t.Errorf("rules %+v", p.Rules)
			}
			if tt.class != "" && p.Classes[p.Rules.Positive] != tt.class {
				t.Errorf("class %d of %q is positive", p.Rules.Positive, p.Classes)
			}
		})
	}
}

func TestClassesBeyondTheLimitAreOneClass(t *testing.T) {
	var b strings.Builder
	b.WriteString("prediction,score,label\n")
	for i := range maxClasses + 5 {
		name := "c" + strings.Repeat("x", i%50) + string(rune('A'+i/50))
		b.WriteString(name + ",0.5," + name + "\n")
	}
	p := build(t, write(t, "r.csv", b.String()))
	if len(p.Classes) != maxClasses || p.Rules.HasPositive {
		t.Errorf("%d classes, rules %+v", len(p.Classes), p.Rules)
	}
	if x, n := p.Performance.Errors(); x != 0 || n != maxClasses+5 {
		t.Errorf("%d errors of %d", x, n)
	}
}

func TestToleranceIsWhatNineInTenErrorsStayWithin(t *testing.T) {
	// The absolute errors are 0, 1, … 10, so the quantile 0.9 is 9, and only 10 is beyond.
	o := write(t, "r.csv",
		"prediction,label\n5,5\n5,4\n5,7\n5,2\n5,9\n5,0\n5,11\n5,-2\n5,13\n5,-4\n5,15\n5,\n,5\n")
	o.Task, o.HasTask = outcome.Regression, true
	p := build(t, o)
	if x, n := p.Performance.Errors(); p.Rules.Tolerance != 9 || x != 1 || n != 11 {
		t.Errorf("tolerance %g, %d errors of %d", p.Rules.Tolerance, x, n)
	}
	o.Tolerance = 4.5
	p = build(t, o)
	if x, n := p.Performance.Errors(); p.Rules.Tolerance != 4.5 || x != 6 || n != 11 {
		t.Errorf("configured: tolerance %g, %d errors of %d", p.Rules.Tolerance, x, n)
	}
}

func TestToleranceIsANumberWhateverTheErrorsAre(t *testing.T) {
	o := write(t, "r.csv", "prediction,label\n-1.5e308,1.7e308\n1.7e308,-1.7e308\n")
	o.Task, o.HasTask = outcome.Regression, true
	p := build(t, o)
	if p.Rules.Tolerance != math.MaxFloat64 {
		t.Errorf("tolerance %g", p.Rules.Tolerance)
	}
	p.Performance.Merge(outcome.NewTally(p.Rules)) // Panics if the rules do not equal themselves.
	if p = build(t, write(t, "r.csv", "prediction,label\n1.5,\n,2.5\n")); p.Rules.Tolerance != 0 {
		t.Errorf("tolerance without outcomes %g", p.Rules.Tolerance)
	}
}

func metrics(p *Profile) map[string]float64 {
	m := make(map[string]float64)
	for _, each := range p.Performance.Metrics() {
		m[each.Name] = each.Value
	}
	return m
}

func TestPerformanceOfTheReference(t *testing.T) {
	// By hand: tp 2, fp 1, fn 1, tn 1; the row without a label and the one without a prediction do not count.
	p := build(t, write(t, "r.csv",
		"prediction,score,label\nyes,0.9,yes\nyes,0.8,yes\nyes,0.7,no\nno,0.4,yes\nno,0.1,no\nyes,0.6,\n,0.5,yes\n"))
	got := metrics(p)
	for name, want := range map[string]float64{
		"accuracy": 3. / 5, "precision": 2. / 3, "recall": 2. / 3, "f1": 2. / 3, "specificity": 1. / 2,
		// Pairs of a positive and a negative: 0.9 and 0.8 are above both, 0.4 is above one of two.
		"roc_auc": 5. / 6,
		// (0.1² + 0.2² + 0.7² + 0.6² + 0.1²) / 5
		"brier": 0.91 / 5,
	} {
		tolerance := 1e-12
		if name == "roc_auc" {
			tolerance = 1e-3
		}
		if math.Abs(got[name]-want) > tolerance {
			t.Errorf("%s is %g, want %g", name, got[name], want)
		}
	}
	if x, n := p.Performance.Errors(); x != 2 || n != 5 {
		t.Errorf("%d errors of %d", x, n)
	}
	if !slices.Equal(p.Classes, []string{"yes", "no"}) {
		t.Errorf("classes %q", p.Classes)
	}
}

func TestPerformanceOfARegression(t *testing.T) {
	// By hand: errors 0.5, -0.5, 1, -3; labels 1, 2, 3, 8 with mean 3.5 and squares 6.25 + 2.25 + 0.25 + 20.25 = 29.
	got := metrics(build(t, write(t, "r.csv", "prediction,label\n1.5,1\n1.5,2\n4,3\n5,8\n")))
	for name, want := range map[string]float64{
		"mae": 5. / 4, "rmse": math.Sqrt(10.5 / 4), "bias": -2. / 4, "r2": 1 - 10.5/29,
		"mape": (0.5/1 + 0.5/2 + 1./3 + 3./8) / 4,
	} {
		if math.Abs(got[name]-want) > 1e-12 {
			t.Errorf("%s is %g, want %g", name, got[name], want)
		}
	}
}
