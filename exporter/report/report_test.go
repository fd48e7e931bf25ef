package report

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/rules"
)

// page collects what is served of a model m with the windows 1h and 24h.
type page struct {
	t *testing.T
	s *metric.Snapshot
}

func newPage(t *testing.T) *page {
	t.Helper()
	p := &page{t, metric.NewSnapshot()}
	p.s.Add(metric.WindowDuration, 86400, "m", "24h")
	p.s.Add(metric.WindowDuration, 3600, "m", "1h")
	p.s.Add(metric.ModelInfo, 1, "m", "1", "classification", "r.csv")
	p.s.Add(metric.Labels, 0, "m", "joined")
	return p
}

// score adds a score over the day; a negative noise floor stands for none.
func (p *page) score(column, statistic string, value, floor float64) {
	p.s.Add(metric.Score, value, "m", "1", column, "feature", "24h", statistic)
	if floor >= 0 {
		p.s.Add(metric.NoiseFloor, floor, "m", "1", column, "feature", "24h", statistic)
	}
}

func (p *page) families() []*metric.Family {
	p.t.Helper()
	store := metric.NewStore(nil)
	store.Publish(p.s)
	families, err := store.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	return families
}

func (p *page) report(o Options) *Report {
	p.t.Helper()
	if o.Thresholds == nil {
		o.Thresholds = shipped(p.t)
	}
	r, err := New(p.families(), o)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func written(t *testing.T, r *Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	checkShape(t, out.String())
	return out.String()
}

func TestAScoreDriftsBeyondThresholdAndFloor(t *testing.T) {
	for _, test := range []struct {
		statistic    string
		value, floor float64
		want         bool
	}{
		{"jensen_shannon", 0.21, 0.1, true},
		{"jensen_shannon", 0.2, 0.1, false}, // not beyond
		{"jensen_shannon", 0.3, 0.3, false},
		{"jensen_shannon", 0.3, 0.4, false},
		{"jensen_shannon", 0.3, -1, false}, // as in the rules: no floor, no verdict
		{"jensen_shannon", 0.3, 0, true},
		{"mean_shift", 0.51, 0.5, true},
		{"mean_shift", 0.49, 0.1, false},
		{"psi", 9, 0.1, false}, // has no shipped threshold
	} {
		p := newPage(t)
		p.score("c", test.statistic, test.value, test.floor)
		r := p.report(Options{})
		c := r.Models[0].Versions[0].Columns[0]
		failed := r.Failed([]Kind{Drift})
		if c.Drifted != test.want || (len(failed) == 1) != test.want || len(r.Failed([]Kind{Data, Errors})) != 0 {
			t.Errorf("%+v: drifted %t, findings %+v", test, c.Drifted, r.Findings)
		}
		if unjudged := r.Unjudged([]Kind{Drift}); (len(unjudged) == 0) != (test.statistic != "psi" && test.floor >= 0) {
			t.Errorf("%+v: not judged: %q", test, unjudged)
		}
	}
}

func TestThresholdsOfAColumnWin(t *testing.T) {
	p := newPage(t)
	p.score("c", "psi", 0.5, 0.1)
	p.score("d", "psi", 0.5, 0.1)
	r := p.report(Options{Thresholds: rules.Thresholds{
		{Statistic: "psi", Severity: "warning", Value: 0.2},
		{Statistic: "psi", Severity: "warning", Model: "m", Column: "d", Value: math.Inf(1)},
	}})
	if len(r.Findings) != 1 || r.Findings[0].Column != "c" {
		t.Errorf("findings are %+v", r.Findings)
	}
	if err := r.WriteJSON(new(bytes.Buffer)); err != nil {
		t.Errorf("an infinite threshold cannot be written: %v", err)
	}
}

func TestColumnsAreSortedByTheirExcess(t *testing.T) {
	p := newPage(t)
	p.s.Add(metric.MissingRatio, 0.5, "m", "1", "few values", "feature", "24h")
	p.score("quiet", "jensen_shannon", 0.1, 0.2)
	p.score("loud", "mean_shift", 0.4, 0.1)
	p.score("loud", "jensen_shannon", 0.3, 0.1)
	p.score("loud", "psi", 9, 0.1)
	p.score("louder", "jensen_shannon", 0.5, 0.1)
	p.s.Add(metric.Score, 9, "m", "1", "another window", "feature", "1h", "jensen_shannon")
	r := p.report(Options{})
	var names []string
	for _, c := range r.Models[0].Versions[0].Columns {
		names = append(names, c.Name)
	}
	if want := []string{"louder", "loud", "quiet", "few values"}; !slices.Equal(names, want) {
		t.Errorf("columns are %q, want %q", names, want)
	}
	// What exceeds its threshold stands before what only exceeds its floor further.
	if got := r.Models[0].Versions[0].Columns[1].Scores; got[0].Statistic != "jensen_shannon" || got[1].Statistic != "mean_shift" {
		t.Errorf("scores are %+v", got)
	}
	top := p.report(Options{Top: 2})
	if v := top.Models[0].Versions[0]; len(v.Columns) != 2 || v.MoreColumns != 2 {
		t.Errorf("of four columns %d are listed and %d not", len(v.Columns), v.MoreColumns)
	}
	if !strings.Contains(written(t, top), "\n  and 2 more columns\n") {
		t.Errorf("nothing is said of the columns that are not listed:\n%s", written(t, top))
	}
	if r := p.report(Options{Top: 1}); len(r.Findings) != 2 {
		t.Errorf("findings of columns that are not listed are lost: %+v", r.Findings)
	}
}

func TestUnsoundData(t *testing.T) {
	for name, test := range map[string]struct {
		missing, expected, unseen, expectedUnseen float64
		want                                      string
	}{
		"a tenth more than expected": {0.31, 0.2, 0, -1, "missing_ratio_increase"},
		"missing as expected":        {0.3, 0.3, 0, -1, ""},
		"of an unknown reference":    {0.3, -1, 0, -1, ""},
		"unseen":                     {0, 0, 0.06, -1, "unseen_ratio"},
		"unseen tokens":              {0, 0, 0.06, 0.02, ""},
		"too many unseen tokens":     {0, 0, 0.08, 0.02, "unseen_ratio"},
	} {
		p := newPage(t)
		p.s.Add(metric.MissingRatio, test.missing, "m", "1", "c", "feature", "24h")
		p.s.Add(metric.UnseenRatio, test.unseen, "m", "1", "c", "feature", "24h")
		if test.expected >= 0 {
			p.s.Add(metric.ReferenceMissingRatio, test.expected, "m", "1", "c", "feature")
		}
		if test.expectedUnseen >= 0 {
			p.s.Add(metric.ReferenceUnseenRatio, test.expectedUnseen, "m", "1", "c", "feature")
		}
		r := p.report(Options{})
		var all strings.Builder
		for _, f := range r.Failed([]Kind{Data}) {
			all.WriteString(f.Statistic)
		}
		got := all.String()
		if got != test.want || r.Models[0].Versions[0].Columns[0].Unsound != (test.want != "") {
			t.Errorf("%s: found %q, want %q", name, got, test.want)
		}
	}
}

func TestErrorRatios(t *testing.T) {
	for name, test := range map[string]struct {
		lower, reference float64
		want             string
	}{
		"about the same":       {0.14, 0.1, ""},
		"too high":             {0.16, 0.1, "warning"},
		"far too high":         {0.26, 0.1, "critical"},
		"without a reference":  {0.9, -1, ""},
		"better than expected": {0.05, 0.3, ""},
	} {
		p := newPage(t)
		p.s.Add(metric.WindowLabels, 99, "m", "1", "24h")
		p.s.Add(metric.ErrorRatio, test.lower+0.01, "m", "1", "24h")
		p.s.Add(metric.ErrorRatioLower, test.lower, "m", "1", "24h")
		p.s.Add(metric.ErrorRatioUpper, test.lower+0.02, "m", "1", "24h")
		if test.reference >= 0 {
			p.s.Add(metric.ReferenceErrorRatio, test.reference, "m", "1")
		}
		r := p.report(Options{})
		var all strings.Builder
		for _, f := range r.Failed([]Kind{Errors}) {
			all.WriteString(f.Severity)
		}
		got := all.String()
		if got != test.want {
			t.Errorf("%s: found %q, want %q", name, got, test.want)
		}
		if unjudged := r.Unjudged([]Kind{Errors}); (len(unjudged) > 0) != (test.reference < 0) {
			t.Errorf("%s: not judged: %q", name, unjudged)
		}
		written(t, r)
	}
}

// A gate must not be open because there is nothing behind it.
func TestNothingToJudge(t *testing.T) {
	r := newPage(t).report(Options{})
	if got := r.Unjudged(Kinds); len(got) != len(Kinds) {
		t.Errorf("not judged: %q, want all of %q", got, Kinds)
	}
	if got := r.Unjudged(nil); got != nil {
		t.Errorf("not judged although not asked for: %q", got)
	}
	unlabelled := &page{t, metric.NewSnapshot()}
	unlabelled.s.Add(metric.WindowDuration, 60, "m", "1m")
	r = unlabelled.report(Options{})
	if got := r.Unjudged([]Kind{Errors}); got != nil {
		t.Errorf("a model without labels is asked for errors: %q", got)
	}
	if !strings.Contains(written(t, r), "no predictions") {
		t.Errorf("nothing is said of a model without predictions:\n%s", written(t, r))
	}
}

func TestTheWorstSlicesAreTheFirst(t *testing.T) {
	p := newPage(t)
	p.s.Add(metric.ErrorRatio, 0.1, "m", "1", "24h")
	for i, lower := range []float64{0.05, 0.3, 0.2} {
		value := string(rune('a' + i))
		p.s.Add(metric.SliceLabels, 50, "m", "1", "plan", value, "24h")
		p.s.Add(metric.SliceErrorRatio, lower+0.1, "m", "1", "plan", value, "24h")
		p.s.Add(metric.SliceErrorRatioLower, lower, "m", "1", "plan", value, "24h")
		p.s.Add(metric.SliceErrorRatioUpper, lower+0.2, "m", "1", "plan", value, "24h")
	}
	p.s.Add(metric.SlicePredictions, 70, "m", "1", "plan", "b", "24h")
	p.s.Add(metric.SliceLabels, 2, "m", "1", "plan", "d", "24h")
	p.s.Add(metric.SliceErrorRatio, 1, "m", "1", "plan", "e", "1h")
	v := p.report(Options{Top: 2}).Models[0].Versions[0]
	if len(v.Slices) != 2 || v.MoreSlices != 1 || v.Slices[0].Value != "b" || v.Slices[1].Value != "c" {
		t.Fatalf("slices are %+v and %d more", v.Slices, v.MoreSlices)
	}
	if s := v.Slices[0]; math.Abs(s.Excess-0.2) > 1e-12 || s.Labels != 50 || *s.Predictions != 70 || v.Slices[1].Predictions != nil {
		t.Errorf("slices are %+v", v.Slices)
	}
}

func TestWindows(t *testing.T) {
	p := newPage(t)
	for asked, want := range map[string]string{"": "24h", "1h": "1h", "24h": "24h"} {
		if got := p.report(Options{Window: asked}).Models[0].Window; got != want {
			t.Errorf("the window %q is %q, want %q", asked, got, want)
		}
	}
	_, err := New(p.families(), Options{Window: "7d"})
	if err == nil || !strings.Contains(err.Error(), `model "m" has no window "7d"; it has 1h, 24h`) {
		t.Errorf("a window that there is not: %v", err)
	}
}

// Names come from logs and from training data; none may break the table or reach a terminal as it is.
func TestAnyNameIsPlainText(t *testing.T) {
	hostile := []string{
		"", "Großbritannien", "\x1b[31mred", "a\tb\nc", strings.Repeat("long", 100), `"quoted", with \`, "\u202eright to left",
	}
	p := &page{t, metric.NewSnapshot()}
	for _, name := range hostile {
		p.s.Add(metric.WindowDuration, 60, name, "1m")
		p.s.Add(metric.SourceRecords, 1e6, name, name)
		p.s.Add(metric.SourceUp, 1, name, name)
		p.s.Add(metric.SourceErrors, 12345, name, name, "malformed")
		p.s.Add(metric.SourceErrors, 12345, name, name, "duplicate")
		p.s.Add(metric.SourceErrors, 12345, name, name, "wrong_type")
		p.s.Add(metric.Labels, 3, name, name)
		p.s.Add(metric.ModelInfo, 1, name, name, "classification", name)
		p.s.Add(metric.WindowPredictions, 1e8, name, name, "1m")
		p.s.Add(metric.WindowLabels, 1e8, name, name, "1m")
		for i, column := range hostile {
			p.s.Add(metric.Score, 1.23456e-7*math.Pow(1e5, float64(i)), name, name, column, "prediction", "1m", "jensen_shannon")
			p.s.Add(metric.NoiseFloor, 1.23456e-5, name, name, column, "prediction", "1m", "jensen_shannon")
			p.s.Add(metric.MissingRatio, 1.234e-5, name, name, column, "prediction", "1m")
			p.s.Add(metric.UnseenRatio, 0.99999, name, name, column, "prediction", "1m")
			for _, test := range []string{"chi_squared", "ks", "z"} {
				p.s.Add(metric.PValue, 1.5e-300, name, name, column, "prediction", "1m", test)
			}
			for _, d := range []metric.Def{
				metric.SliceErrorRatio, metric.SliceErrorRatioLower, metric.SliceErrorRatioUpper,
			} {
				p.s.Add(d, 1.2345e-5, name, name, column, hostile[len(hostile)-1-i], "1m")
			}
			p.s.Add(metric.SliceLabels, 1e8, name, name, column, hostile[len(hostile)-1-i], "1m")
			p.s.Add(metric.SlicePredictions, 1e8, name, name, column, hostile[len(hostile)-1-i], "1m")
		}
	}
	r := p.report(Options{})
	got := written(t, r)
	for _, want := range []string{"model \"\"\n", `model Gro\u00dfbritannien`, `model \x1b[31mred`, `model a\tb\nc`, "drift data"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in:\n%s", want, got)
		}
	}
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	for _, name := range hostile {
		if !slices.ContainsFunc(back.Models, func(m Model) bool { return m.Name == name }) {
			t.Errorf("the document has lost the name %q", name)
		}
	}
}

func TestFindingsInWords(t *testing.T) {
	floor := 0.1
	for want, f := range map[string]Finding{
		"model m version 1 window 1h: column c: ks is 0.2123, above its threshold 0.2 and its noise floor 0.1": {
			Kind: Drift, Column: "c", Statistic: "ks", Value: 0.21234, Threshold: 0.2, Floor: &floor,
		},
		"model m version 1 window 1h: column c: unseen_ratio is 0.5, above its threshold 0.05": {
			Kind: Data, Column: "c", Statistic: "unseen_ratio", Value: 0.5, Threshold: 0.05,
		},
		"model m version 1 window 1h: error_ratio_increase is at least 0.3, above its critical threshold 0.15": {
			Kind: Errors, Statistic: "error_ratio_increase", Value: 0.3, Threshold: 0.15, Severity: "critical",
		},
	} {
		f.Model, f.Version, f.Window = "m", "1", "1h"
		if got := f.String(); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestDetectorsAndVersions(t *testing.T) {
	p := newPage(t)
	p.s.Add(metric.ModelInfo, 1, "m", "2", "classification", "r.csv")
	for i, name := range []string{"adwin", "ddm", "eddm"} {
		p.s.Add(metric.DetectorState, float64(i), "m", "2", name)
		p.s.Add(metric.DetectorDrifts, float64(2*i), "m", "2", name)
	}
	p.s.Add(metric.DetectorLastDrift, 1.5e9, "m", "2", "eddm")
	p.s.Add(metric.VersionDifference, 0.04, "m", "2", "1", "24h")
	p.s.Add(metric.VersionDifferenceLower, -0.01, "m", "2", "1", "24h")
	p.s.Add(metric.VersionDifferenceUpper, 0.09, "m", "2", "1", "24h")
	p.s.Add(metric.VersionPValue, 0.12, "m", "2", "1", "24h")
	p.s.Add(metric.VersionDifference, 0.5, "m", "2", "1", "1h")
	got := written(t, p.report(Options{}))
	for _, want := range []string{
		"  detector  state    drifts  last drift\n  adwin     stable   0       -\n  ddm       warning  2       -\n" +
			"  eddm      drift    4       2017-07-14T02:40:00Z\n",
		"  beside version  more errors  95% interval     p\n  1               +0.040       -0.010 to 0.090  0.120\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("there is not one\n%sin:\n%s", want, got)
		}
	}
}
