package exporter

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// estimatesOfLogs says of each data set how far estimates may be from those of NannyML, and from what turned out to be
// true where the estimates' assumption holds. Both are shares of a regression's error, and differences otherwise.
var estimatesOfLogs = map[string]struct {
	nannyML  float64
	realised map[string]float64
}{
	// The scores are taken as they are by both.
	"flights": {1e-4, map[string]float64{"accuracy": 0.04, "roc_auc": 0.04}},
	// Nothing drifts. NannyML calibrates the scores, which are about right either way. With 2,500 predictions a window,
	// four standard errors of the accuracy are 0.03.
	"flights-control": {0.065, map[string]float64{"accuracy": 0.03, "roc_auc": 0.05}},
	// What scores mean changes: the realised accuracy is off by up to 0.27.
	"elec2":    {5e-4, nil},
	"textspam": {5e-3, nil},
	// Errors come from trees, which are not the same.
	"flights-minutes": {0.12, map[string]float64{"mae": 0.05}},
	"taxis":           {0.12, map[string]float64{"mae": 0.12}},
	// The demand grows beyond what the regression knows: its error doubles and triples.
	"bikeshare": {0.12, nil},
}

func TestEstimatesOfRealLogs(t *testing.T) {
	var theirs struct {
		Estimates map[string]struct {
			Windows map[string]map[string]float64
		}
	}
	text, err := os.ReadFile("testdata/nannyml.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &theirs); err != nil {
		t.Fatal(err)
	}
	for _, d := range dataSets {
		t.Run(d.name, func(t *testing.T) {
			folder, err := filepath.Abs(d.folder)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(folder, "expected.json")); os.IsNotExist(err) {
				t.Skipf("the data are not here: %v; they may not be part of the project", err)
			}
			for _, w := range windowsOf(t, folder) {
				want := theirs.Estimates[d.name].Windows[w.Name]
				if want == nil {
					continue
				}
				log := cutLog(t, folder, w.Start, w.End)
				got, _ := runOnce(t, fmt.Sprintf(
					"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [10y], fields: {version: none}, columns: {%s}}\n",
					filepath.Join(folder, "reference.csv"), log, filepath.Join(folder, "labels*"+filepath.Ext(log)), d.columns), false)
				compareEstimates(t, d.name, w.Name, got, want)
			}
		})
	}
}

func compareEstimates(t *testing.T, name, window string, got served, theirs map[string]float64) {
	t.Helper()
	tolerances := estimatesOfLogs[name]
	for m, want := range theirs {
		x, ok := got.find(metric.EstimatedPerformance, "metric="+m)
		realised, there := got.find(metric.Performance, "metric="+m)
		if !ok || !there {
			t.Errorf("%s: %s is absent, or not alone", window, m)
			continue
		}
		scale, theirScale := 1.0, 1.0
		if m == "mae" || m == "rmse" {
			scale, theirScale = realised, want
		}
		t.Logf("%s: %s is %.4f, by NannyML %.4f, realised %.4f", window, m, x, want, realised)
		if math.Abs(x-want) > tolerances.nannyML*theirScale {
			t.Errorf("%s: %s is %.4f, NannyML says %.4f", window, m, x, want)
		}
		if tolerance, holds := tolerances.realised[m]; holds && math.Abs(x-realised) > tolerance*scale {
			t.Errorf("%s: %s is estimated as %.4f, but is %.4f", window, m, x, realised)
		}
	}
	if accuracy, ok := got.find(metric.EstimatedPerformance, "metric=accuracy"); ok {
		ratio, _ := got.find(metric.EstimatedPerformance, "metric=error_ratio")
		if math.Abs(accuracy+ratio-1) > 1e-12 {
			t.Errorf("%s: accuracy %v and error ratio %v do not add up to 1", window, accuracy, ratio)
		}
	}
}

// estimated are the estimates among what is served.
func estimated(s served) served {
	only := make(served)
	for key, x := range s {
		if strings.HasPrefix(key, metric.EstimatedPerformance.Name) {
			only[key] = x
		}
	}
	return only
}

// TestSavedProfilesGiveTheSameEstimates also shows that estimates need no labels.
func TestSavedProfilesGiveTheSameEstimates(t *testing.T) {
	for i, metrics := range []int{6, 2} {
		folder, err := filepath.Abs(dataSets[i].folder)
		if err != nil {
			t.Fatal(err)
		}
		m := readModel(t, folder, filepath.Join(folder, "reference.csv"))
		path := filepath.Join(t.TempDir(), "r.profile.json.gz")
		if err := m.general.profile.Save(path); err != nil {
			t.Fatal(err)
		}
		want, got := estimatesOf(m), estimatesOf(readModel(t, folder, path))
		if len(want) != 3*metrics || !slices.Equal(want, got) {
			t.Errorf("%s: a saved profile estimates\n%v, want\n%v", dataSets[i].name, got, want)
		}
	}
}

// buildModel returns the only model of a configuration, which has read nothing.
func buildModel(t testing.TB, config string) *model {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, m := modelOf(t, path)
	return m
}

// readModel returns a model that has read all predictions of a data set, without labels, in three windows.
func readModel(t *testing.T, folder, reference string) *model {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(folder, "predictions-*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs in %s: %v", folder, err)
	}
	m := buildModel(t, fmt.Sprintf("models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, windows: [1d, 28d, 10y]}\n",
		reference, filepath.Join(folder, "predictions-*"+filepath.Ext(logs[0]))))
	m.run(t.Context())
	return m
}

// estimatesOf returns all estimates of a model's first version.
func estimatesOf(m *model) []string {
	var all []string
	for i, w := range m.config.Windows {
		for _, s := range m.monitors[0].estimators {
			method, n, metrics := s.estimate(i)
			for _, x := range metrics {
				all = append(all, fmt.Sprintf("%s of %d by %s: %s %v", w.Name, n, method, x.Name, x.Value))
			}
		}
	}
	return all
}

func TestEstimatesSurviveARestart(t *testing.T) {
	for _, d := range dataSets[:2] {
		folder, err := filepath.Abs(d.folder)
		if err != nil {
			t.Fatal(err)
		}
		m := readModel(t, folder, filepath.Join(folder, "reference.csv"))
		want := estimatesOf(m)
		var e state.Encoder
		m.monitors[0].save(&e)
		loaded := newMonitor(m.monitors[0].version, m)
		decoder := state.NewDecoder(slices.Concat(e.Parts()...))
		if loaded.load(decoder, m.classes.Len()); decoder.End() != nil {
			t.Fatal(decoder.End())
		}
		m.monitors[0] = loaded
		if got := estimatesOf(m); !slices.Equal(got, want) {
			t.Errorf("%s: after a restart there are\n%v, want\n%v", d.name, got, want)
		}
	}
}

func TestReferencesThatDoNotTellGiveNoEstimates(t *testing.T) {
	row := func(class, score, label string) string { return class + "," + score + "," + label + "\n" }
	yes, no := row("yes", "0.8", "yes"), row("no", "0.3", "no")
	miss := row("no", "0.4", "yes") + row("yes", "0.6", "no")
	for _, tt := range []struct {
		name, reference string
		want            bool
	}{
		{"two classes", "prediction,score,label\n" + strings.Repeat(yes+no+miss, 50), true},
		{"few rows", "prediction,score,label\n" + strings.Repeat(yes+no+miss, 10), false},
		{"three classes", "prediction,score,label\n" + strings.Repeat(yes+no+miss+row("maybe", "0.5", "no"), 50), false},
		{"no scores", "prediction,probability,label\n" + strings.Repeat(yes+no+miss, 50), false},
		{"no labels", "prediction,score,truth\n" + strings.Repeat(yes+no+miss, 50), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			reference, log := filepath.Join(dir, "reference.csv"), filepath.Join(dir, "log.jsonl")
			var lines strings.Builder
			for i := range 80 {
				class, score := []string{"yes", "no"}[i%2], []string{"0.8", "0.3", "null", "7"}[i%4]
				fmt.Fprintf(&lines, `{"timestamp": "2026-01-01T00:00:%02dZ", "prediction": %q, "score": %s}`+"\n", i%60, class, score)
			}
			for path, text := range map[string]string{reference: tt.reference, log: lines.String()} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for minRecords, want := range map[int]bool{40: tt.want, 41: false} {
				got, _ := runOnce(t, fmt.Sprintf(
					"models:\n- {name: m, task: classification, positive_class: yes, reference: {path: %q}, predictions: {path: %q}, windows: [10y], min_records: %d}\n",
					reference, log, minRecords), false)
				if n := len(estimated(got)); (n > 0) != want {
					t.Errorf("with min_records %d there are %d estimates of 40 usable records", minRecords, n)
				}
			}
		})
	}
}

func TestSpellingsOfThePositiveClassCount(t *testing.T) {
	dir := t.TempDir()
	reference := filepath.Join(dir, "reference.csv")
	rows := strings.Repeat("1,0.8,1\n0,0.3,0\n0,0.4,1\n1,0.6,0\n", 50)
	if err := os.WriteFile(reference, []byte("prediction,score,label\n"+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	var want served
	for _, spelling := range [][2]string{{"1", "0"}, {`"1"`, `"0"`}, {"1.0", "0.0"}} {
		log := filepath.Join(t.TempDir(), "log.jsonl")
		var lines strings.Builder
		for i := range 60 {
			fmt.Fprintf(&lines, `{"timestamp": "2026-01-01T00:00:%02dZ", "prediction": %s, "score": 0.%d}`+"\n", i, spelling[i%2], 9-i%10)
		}
		if err := os.WriteFile(log, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := runOnce(t, fmt.Sprintf(
			"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, windows: [10y]}\n", reference, log), false)
		got := estimated(s)
		if want == nil {
			want = got
		}
		if len(got) != 6 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("classes written %v are estimated as\n%v, want\n%v", spelling, got, want)
		}
	}
}

// benchmarkEstimator adds batches of 512 records of a data set.
func benchmarkEstimator(b *testing.B, i int) {
	folder, err := filepath.Abs(dataSets[i].folder)
	if err != nil {
		b.Fatal(err)
	}
	m := buildModel(b, fmt.Sprintf("models:\n- {name: m, reference: {path: %q}, predictions: {path: none}}\n",
		filepath.Join(folder, "reference.csv")))
	schema, rows := m.pipelines[0].schema, make([]uint32, 512)
	var batch record.Batch
	batch.Reset(schema)
	for row := range rows {
		rows[row] = uint32(row)
		batch.Times = append(batch.Times, time.Date(2001, 2, 1, 0, 0, 0, 0, time.UTC).UnixNano())
		for k := range schema.Columns {
			c := &batch.Columns[k]
			if schema.Columns[k].Kind == record.Numeric {
				c.Numbers = append(c.Numbers, math.Abs(math.Sin(float64(row*(k+1)))))
				continue
			}
			value := "on_time"
			if categories := m.columns[k].Categories; len(categories) > 0 {
				value = categories[row*7%len(categories)]
			}
			c.Spans = append(c.Spans, record.Span{Offset: uint32(len(batch.Bytes)), Length: uint32(len(value))})
			batch.Bytes = append(batch.Bytes, value...)
		}
	}
	batch.Rows = len(rows)
	s := newMonitor("", m).estimators[0]
	s.add(&batch, rows)
	b.ReportAllocs()
	for b.Loop() {
		s.add(&batch, rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/record")
}

func BenchmarkEstimateBinary(b *testing.B) { benchmarkEstimator(b, 0) }
func BenchmarkEstimateErrors(b *testing.B) { benchmarkEstimator(b, 1) }
