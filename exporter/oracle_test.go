package exporter

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// dataSets are real prediction logs with the values that SciPy and scikit-learn give for them. Those that may not be part
// of the project are read from a folder beside it, where that is there.
var dataSets = []struct {
	name, folder string
	columns      string // what has to be configured because the rule for kinds decides otherwise
}{
	{"flights", "../examples/flights", ""},
	{"flights-minutes", "../examples/flights-minutes", ""},
	{"flights-control", "../../shared/data/flights-control", ""},
	{"bikeshare", "../../shared/data/bikeshare", ""},
	{"elec2", "../../shared/data/elec2", "vicprice: {kind: numeric}, vicdemand: {kind: numeric}, transfer: {kind: numeric}"},
	{"taxis", "../../shared/data/taxis", ""},
	{"textspam", "../../shared/data/textspam", ""},
}

// The following is what expected.json holds, as far as it is compared.
type oracle struct {
	Reference struct {
		Performance map[string]*float64
		Numeric     map[string]struct{ Mean, Std float64 }
		Text        *struct {
			Vocabulary, Tokens float64
			TokenCount         struct{ Mean, Std float64 } `json:"token_count"`
		}
	}
	TextColumn string `json:"text_column"`
	Windows    []oracleWindow
}

type oracleWindow struct {
	Name         string
	Start, End   time.Time
	NPredictions float64 `json:"n_predictions"`
	Numeric      map[string]oracleNumeric
	Text         *struct {
		Documents, Tokens float64
		OOVTokens         float64 `json:"oov_tokens"`
		OOVTokenRate      float64 `json:"oov_token_rate"`
		Unigram           struct {
			JS        float64 `json:"js_distance"`
			Hellinger float64
			TVD       float64
		}
		TokenCount oracleNumeric `json:"token_count"`
	}
	Categorical map[string]struct {
		N        float64
		NullRate float64 `json:"null_rate"`
		Unseen   struct{ Rate float64 }
		Lumped   oracleDistances `json:"unseen_lumped"`
	}
	BinaryRates map[string]struct {
		P *float64
	} `json:"binary_rates"`
	Labels struct {
		Joined   float64
		Coverage float64
	}
	// Label is the column of labels of a regression.
	Label         *oracleNumeric
	Performance   map[string]*float64
	ErrorRateTest *struct{ P *float64 } `json:"error_rate_test"`
}

type oracleNumeric struct {
	Live struct {
		N        float64
		NullRate float64 `json:"null_rate"`
		Mean     float64
		Std      *float64
	}
	KS struct {
		Statistic float64
		PStephens float64 `json:"p_stephens"`
	}
	WassersteinOverRefStd *float64 `json:"wasserstein_over_ref_std"`
	Welch                 struct {
		Z       *float64
		PNormal *float64 `json:"p_normal"`
	}
	Bins oracleDistances
}

type oracleDistances struct {
	PSI        float64 `json:"psi_floor"`
	JS         float64 `json:"js_distance"`
	Hellinger  float64
	TVD        float64
	Linf       float64
	ChiSquared struct{ P *float64 } `json:"chi2"`
}

// served are the gathered values of one exporter, by name and labels.
type served map[string]float64

func gather(t testing.TB, e *Exporter) served {
	t.Helper()
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	s := make(served)
	for _, f := range families {
		for _, m := range f.Metric {
			labels := make([]string, 0, len(m.Label))
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			s[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue() +
				m.GetHistogram().GetSampleSum() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return s
}

// find returns the only value of a metric whose labels include these.
func (s served) find(d metric.Def, labels ...string) (float64, bool) {
	found, value := 0, 0.0
	for key, v := range s {
		name, rest, _ := strings.Cut(strings.TrimSuffix(key, "}"), "{")
		has := strings.Split(rest, ",")
		if name == d.Name && !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(has, l) }) {
			found++
			value = v
		}
	}
	return value, found == 1
}

func near(got, want, relative float64) bool {
	return math.Abs(got-want) <= relative*math.Abs(want)+1e-12
}

// cutLog writes the part of a prediction log that lies in a window and returns its path.
func cutLog(t *testing.T, folder string, start, end time.Time) string {
	t.Helper()
	inside := func(stamp string) bool {
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			t.Fatal(err)
		}
		return !at.Before(start) && at.Before(end)
	}
	files, err := filepath.Glob(filepath.Join(folder, "predictions*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no prediction log in %s: %v", folder, err)
	}
	name := "predictions" + filepath.Ext(files[0])
	path := filepath.Join(t.TempDir(), name)
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, file := range files {
		cutFile(t, out, file, inside)
	}
	return path
}

// cutFile copies the records of a file that lie inside, and the header of a CSV file.
func cutFile(t *testing.T, out io.Writer, file string, inside func(stamp string) bool) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	isCSV := strings.HasSuffix(file, ".csv")
	for i := 0; lines.Scan(); i++ {
		line := lines.Text()
		stamp := ""
		switch {
		case isCSV && i == 0:
			if position, _ := out.(io.Seeker).Seek(0, io.SeekCurrent); position == 0 {
				fmt.Fprintln(out, line)
			}
			continue
		case isCSV:
			fields, err := csv.NewReader(strings.NewReader(line)).Read()
			if err != nil {
				t.Fatal(err)
			}
			stamp = fields[1]
		default:
			var r struct{ Timestamp string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			stamp = r.Timestamp
		}
		if inside(stamp) {
			fmt.Fprintln(out, line)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// runOnce runs an exporter with one model to the end of its logs. It returns what is served and, for each numeric column,
// the errors that Kolmogorov-Smirnov and Wasserstein distances may have by the documented bounds. Noise floors take most
// of the time and are left out unless asked for.
func runOnce(t *testing.T, config string, floors bool) (served, map[string][2]float64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	e, m := modelOf(t, path)
	if !floors {
		m.dropFloors()
	}
	m.run(t.Context())
	e.store.Publish(m.evaluate(time.Now()), e.own())
	bounds := make(map[string][2]float64)
	mon := m.monitors[0]
	columns := mon.set.View(0).Columns
	if mon.labelCounts != nil {
		columns = append(columns, mon.labelCounts.view(mon.outcomes.Tally(0)))
	}
	for i := range columns {
		v := &columns[i]
		if sd, ok := v.Column.Moments.StandardDeviation(); ok && sd > 0 {
			var r window.Refined
			v.Refine(&r)
			bounds[v.Name] = [2]float64{
				stat.KolmogorovSmirnovErrorBound(r.Reference, r.Live), stat.WassersteinErrorBound(r.Points, r.Reference, r.Live) / sd,
			}
		}
	}
	return gather(t, e), bounds
}

func TestExpositionEqualsTheOracle(t *testing.T) {
	for _, d := range dataSets {
		t.Run(d.name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(d.folder, "expected.json"))
			if os.IsNotExist(err) {
				t.Skipf("the data are not here: %v; they may not be part of the project", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			var want oracle
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if len(want.Windows) < 6 {
				t.Fatalf("expected.json has %d windows", len(want.Windows))
			}
			for _, w := range want.Windows {
				t.Run(w.Name, func(t *testing.T) {
					t.Parallel()
					folder, err := filepath.Abs(d.folder)
					if err != nil {
						t.Fatal(err)
					}
					log := cutLog(t, folder, w.Start, w.End)
					for _, k := range []int{1024, 32768} {
						labels := filepath.Join(folder, "labels*")
						if strings.HasSuffix(log, ".csv") {
							labels += ".csv"
						}
						got, bounds := runOnce(t, fmt.Sprintf(
							"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [10y], fields: {version: none}, cut_points: %d, columns: {%s}}\n",
							filepath.Join(folder, "reference.csv"), log, labels, k, d.columns), false)
						compareWindow(t, got, bounds, &w, k)
						compareReference(t, got, &want)
						compareLabels(t, got, &want, &w)
						if w.Text != nil {
							compareText(t, got, &want, &w)
						}
					}
				})
			}
		})
	}
}

// compareWindow holds what was served against the oracle. With 1024 cut points the columns with more distinct values than
// that have Kolmogorov-Smirnov and Wasserstein distances within a bound only.
func compareWindow(t *testing.T, got served, bounds map[string][2]float64, want *oracleWindow, k int) {
	t.Helper()
	check := func(what string, d metric.Def, value *float64, relative float64, labels ...string) {
		t.Helper()
		x, ok := got.find(d, labels...)
		switch {
		case value == nil && ok:
			t.Errorf("K=%d: %s is %g, want none", k, what, x)
		case value != nil && !ok:
			t.Errorf("K=%d: %s is absent or not alone, want %g", k, what, *value)
		case value != nil && !near(x, *value, relative):
			t.Errorf("K=%d: %s is %.17g, want %.17g", k, what, x, *value)
		}
	}
	distances := func(column string, o *oracleDistances) {
		t.Helper()
		for statistic, value := range map[string]*float64{
			"psi": &o.PSI, "jensen_shannon": &o.JS, "hellinger": &o.Hellinger, "total_variation": &o.TVD, "chebyshev": &o.Linf,
		} {
			check(column+" "+statistic, metric.Score, value, 1e-9, "column="+column, "statistic="+statistic)
		}
		if o.ChiSquared.P != nil {
			check(column+" chi_squared", metric.PValue, o.ChiSquared.P, 1e-6, "column="+column, "test=chi_squared")
		}
	}
	check("predictions", metric.WindowPredictions, &want.NPredictions, 0)
	if want.Text != nil {
		// What the exporter calls the length of the column text; that is missing where the text is.
		want.Numeric["text_tokens"] = want.Text.TokenCount
	}
	if want.Label != nil {
		want.Numeric["label"] = *want.Label
	}
	for column, o := range want.Numeric {
		label := "column=" + column
		if o.Live.N < 30 {
			continue // min_records
		}
		if column != "label" {
			check(column+" missing", metric.MissingRatio, &o.Live.NullRate, 1e-12, "column="+strings.TrimSuffix(column, "_tokens"))
		}
		check(column+" mean", metric.ColumnMean, &o.Live.Mean, 1e-9, label)
		check(column+" sd", metric.ColumnStandardDeviation, o.Live.Std, 1e-9, label)
		distances(column, &o.Bins)
		if o.Welch.Z != nil {
			check(column+" z", metric.PValue, o.Welch.PNormal, 1e-6, label, "test=z")
		}
		if k > 1024 {
			check(column+" ks", metric.Score, &o.KS.Statistic, 1e-9, label, "statistic=ks")
			check(column+" ks p", metric.PValue, &o.KS.PStephens, 1e-6, label, "test=ks")
			check(column+" wasserstein", metric.Score, o.WassersteinOverRefStd, 1e-9, label, "statistic=wasserstein")
			continue
		}
		within := func(statistic string, value *float64, bound float64) {
			t.Helper()
			if value == nil {
				return
			}
			if d, ok := got.find(metric.Score, label, "statistic="+statistic); !ok || math.Abs(d-*value) > bound+1e-9 {
				t.Errorf("K=%d: %s %s is %g, want %g within %g", k, column, statistic, d, *value, bound)
			}
		}
		within("ks", &o.KS.Statistic, bounds[column][0])
		within("wasserstein", o.WassersteinOverRefStd, bounds[column][1])
		if bounds[column][0] > 0.01 {
			t.Errorf("K=%d: %s ks may be wrong by %g", k, column, bounds[column][0])
		}
	}
	for column, o := range want.Categorical {
		check(column+" missing", metric.MissingRatio, &o.NullRate, 1e-12, "column="+column)
		check(column+" unseen", metric.UnseenRatio, &o.Unseen.Rate, 1e-12, "column="+column)
		distances(column, &o.Lumped)
	}
	for name, o := range want.BinaryRates {
		column, _, _ := strings.Cut(name, "=")
		if o.P != nil {
			check(name+" z", metric.PValue, o.P, 1e-6, "column="+column, "test=z")
		}
	}
	comparePerformance(t, got, want, check)
}

// performanceNames are the names of the served metrics for those of the oracle.
var performanceNames = map[string]string{
	"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "f1", "log_loss": "log_loss",
	"brier": "brier", "positive_rate_label": "positive_label_ratio", "positive_rate_prediction": "positive_prediction_ratio",
	"mae": "mae", "rmse": "rmse", "r2": "r2", "bias": "bias", "mape_nonzero": "mape",
}

func comparePerformance(t *testing.T, got served, want *oracleWindow,
	check func(string, metric.Def, *float64, float64, ...string),
) {
	t.Helper()
	check("joined labels", metric.WindowLabels, &want.Labels.Joined, 0)
	check("label coverage", metric.LabeledRatio, &want.Labels.Coverage, 1e-12)
	compared := 0
	for theirs, ours := range performanceNames {
		if value := want.Performance[theirs]; value != nil {
			check(ours, metric.Performance, value, 1e-9, "metric="+ours)
			compared++
		}
	}
	if compared < 5 {
		t.Errorf("only %d performance metrics were compared", compared)
	}
	if want.Performance["error_rate"] == nil {
		return // a regression: its error ratio is a definition of the exporter's own
	}
	check("error ratio", metric.ErrorRatio, want.Performance["error_rate"], 1e-9)
	if auc := want.Performance["roc_auc"]; auc != nil {
		if x, ok := got.find(metric.Performance, "metric=roc_auc"); !ok || math.Abs(x-*auc) > 1e-3 {
			t.Errorf("roc_auc is %g, want %g within 0.001", x, *auc)
		}
	}
	if want.ErrorRateTest != nil {
		check("error ratio p", metric.ErrorPValue, want.ErrorRateTest.P, 1e-6)
	}
	low, ok1 := got.find(metric.ErrorRatioLower)
	high, ok2 := got.find(metric.ErrorRatioUpper)
	if e := *want.Performance["error_rate"]; !ok1 || !ok2 || low > e || high < e {
		t.Errorf("the interval is [%g, %g], want one around %g", low, high, e)
	}
}

// compareText holds what was served of a text column against the oracle. That takes every unseen token for itself, where
// the exporter has one cell for all of them. The three distances do not depend on it: they add up the unseen tokens'
// shares as they are, because the reference's are 0. psi and chebyshev do, so these are left to
// TestTextScoresEqualThoseOfTheirCounts.
func compareText(t *testing.T, got served, want *oracle, w *oracleWindow) {
	t.Helper()
	column := "column=" + want.TextColumn
	expect := func(what string, d metric.Def, value float64, labels ...string) {
		t.Helper()
		if x, ok := got.find(d, append(labels, column)...); !ok || !near(x, value, 1e-9) {
			t.Errorf("%s of the text is %.17g, want %.17g", what, x, value)
		}
	}
	expect("the unseen ratio", metric.UnseenRatio, w.Text.OOVTokenRate)
	expect("jensen_shannon", metric.Score, w.Text.Unigram.JS, "statistic=jensen_shannon")
	expect("hellinger", metric.Score, w.Text.Unigram.Hellinger, "statistic=hellinger")
	expect("total_variation", metric.Score, w.Text.Unigram.TVD, "statistic=total_variation")
	if mean, ok := got.find(metric.ReferenceColumnMean, column+"_tokens"); !ok ||
		!near(mean, want.Reference.Text.TokenCount.Mean, 1e-9) {
		t.Errorf("the reference has %g tokens a text, want %g", mean, want.Reference.Text.TokenCount.Mean)
	}
	// The first two weeks are more of what the model was trained on; the others have comments of another kind among them.
	for _, statistic := range []string{"psi", "jensen_shannon", "hellinger", "total_variation"} {
		score, ok := got.find(metric.Score, column, "statistic="+statistic)
		floor, floored := got.find(metric.NoiseFloor, column, "statistic="+statistic)
		if same := w.Name == "w1" || w.Name == "w2"; !ok || !floored || (score < floor) != same {
			t.Errorf("%s of the text is %g and its noise floor %g", statistic, score, floor)
		}
	}
	if _, ok := got.find(metric.PValue, column); ok {
		t.Error("the text has a p-value, although its tokens are not independent")
	}
	for key := range got {
		if strings.HasPrefix(key, metric.BinValues.Name+"{") && strings.Contains(key, column+",") {
			t.Errorf("there is a counter of a single token: %s", key)
		}
	}
}

// compareLabels holds the drift of the labels of a classification against the counts that the oracle has of them: of the
// positive class and of the other one. It has no distances of them, so these are those of the counts.
func compareLabels(t *testing.T, got served, want *oracle, w *oracleWindow) {
	t.Helper()
	if want.Reference.Performance["tp"] == nil {
		return // a regression, compared as a column
	}
	counts := func(performance map[string]*float64) []uint64 {
		n := func(name string) uint64 { return uint64(*performance[name]) }
		return []uint64{n("tp") + n("fn"), n("tn") + n("fp")}
	}
	reference, live := counts(want.Reference.Performance), counts(w.Performance)
	label := []string{"column=label", "role=label"}
	for _, s := range binScores {
		value, ok := s.f(reference, live)
		if x, served := got.find(metric.Score, append(label, "statistic="+s.name)...); !ok || !served || !near(x, value, 1e-9) {
			t.Errorf("%s of the labels is %.17g, want %.17g", s.name, x, value)
		}
	}
	z, _ := stat.ProportionZ(reference[0], sum(reference), live[0], sum(live))
	chi, _ := stat.ChiSquared(reference, live)
	for test, p := range map[string]float64{"z": z.P, "chi_squared": chi.P} {
		if x, ok := got.find(metric.PValue, append(label, "test="+test)...); !ok || !near(x, p, 1e-6) {
			t.Errorf("%s of the labels is %.17g, want %.17g", test, x, p)
		}
	}
	got.want(t, 0, metric.UnseenRatio, label...)
}

func compareReference(t *testing.T, got served, want *oracle) {
	t.Helper()
	for theirs, ours := range performanceNames {
		value := want.Reference.Performance[theirs]
		if value == nil {
			continue
		}
		if x, ok := got.find(metric.ReferencePerformance, "metric="+ours); !ok || !near(x, *value, 1e-9) {
			t.Errorf("the reference's %s is %.17g, want %.17g", ours, x, *value)
		}
	}
	for column, o := range want.Reference.Numeric {
		if x, ok := got.find(metric.ReferenceColumnMean, "column="+column); !ok || !near(x, o.Mean, 1e-9) {
			t.Errorf("the reference's mean of %s is %.17g, want %.17g", column, x, o.Mean)
		}
	}
}
