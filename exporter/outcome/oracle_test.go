package outcome

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests of this file join the raw logs of public data sets and compare the metrics with those that NumPy and
// scikit-learn give for them.

const sharedData = "../../../shared/data"

// expectation is the part of a data set's expected values that is about performance.
type expectation struct {
	Task      string
	Positive  string `json:"positive_class"`
	Reference struct {
		N           uint64
		Performance map[string]*float64
	}
	Windows []struct {
		Name        string
		Start, End  time.Time
		Performance map[string]*float64
		Labels      struct{ Joined uint64 }
		ErrorRate   struct {
			X uint64 `json:"live_x"`
			N uint64 `json:"live_n"`
		} `json:"error_rate_test"`
	}
}

// logRow is one row of a prediction log, a label log or a reference, all values as text.
type logRow map[string]string

// readRows reads a CSV or JSON Lines file whose name begins with base.
func readRows(t *testing.T, base string) []logRow {
	t.Helper()
	if f, err := os.Open(base + ".csv"); err == nil {
		defer f.Close()
		return readCSV(t, f)
	}
	f, err := os.Open(base + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []logRow
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var record struct {
			ID                       string
			Timestamp                string
			Prediction, Score, Label json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, logRow{
			"id": record.ID, "timestamp": record.Timestamp, "prediction": strings.Trim(string(record.Prediction), `"`),
			"score": string(record.Score), "label": strings.Trim(string(record.Label), `"`),
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func readCSV(t *testing.T, f *os.File) []logRow {
	t.Helper()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []logRow
	for _, fields := range all[1:] {
		row := make(logRow, len(fields))
		for i, field := range fields {
			row[all[0][i]] = field
		}
		rows = append(rows, row)
	}
	return rows
}

// dataSet is a data set in the terms of this package.
type dataSet struct {
	expected    expectation
	rules       Rules
	reference   []Outcome
	predictions []Prediction
	labels      []Label
}

// load reads a data set, or returns nil if it has no label log.
func load(t *testing.T, folder string) *dataSet {
	t.Helper()
	if logs, _ := filepath.Glob(filepath.Join(folder, "labels.*")); len(logs) == 0 {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := new(dataSet)
	if err := json.Unmarshal(text, &d.expected); err != nil {
		t.Fatal(err)
	}
	classes := NewClasses(10)
	if d.expected.Task == "regression" {
		d.rules = Rules{Task: Regression, Tolerance: 1}
	} else {
		d.rules = Rules{Task: Classification, HasPositive: true, Positive: classes.Code([]byte(d.expected.Positive))}
	}
	value := func(s string) Value {
		if d.rules.Task == Regression {
			return Value{Number: number(t, s)}
		}
		return Value{Class: classes.Code([]byte(s))}
	}
	score := func(row logRow) float64 {
		if row["score"] == "" {
			return math.NaN()
		}
		return number(t, row["score"])
	}
	for _, row := range readRows(t, filepath.Join(folder, "reference")) {
		d.reference = append(d.reference,
			Outcome{Prediction: value(row["prediction"]), Label: value(row["label"]), Score: score(row)})
	}
	for _, row := range readRows(t, filepath.Join(folder, "predictions")) {
		d.predictions = append(d.predictions, Prediction{
			ID: hash(row["id"]), Time: instant(t, row["timestamp"]), Value: value(row["prediction"]), Score: score(row),
		})
	}
	for _, row := range readRows(t, filepath.Join(folder, "labels")) {
		d.labels = append(d.labels, Label{
			ID: hash(row["id"]), Time: instant(t, row["timestamp"]), Value: value(row["label"]),
		})
	}
	return d
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func instant(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixNano()
}

// checkOracle compares a tally with the oracle's performance; what that has as null must be absent.
func checkOracle(t *testing.T, name string, tally *Tally, want map[string]*float64) {
	t.Helper()
	got := named(tally.Metrics())
	if x, n := tally.Errors(); tally.rules.Task == Classification {
		got["error_rate"] = float64(x) / float64(n)
		positive := tally.rules.Positive
		for at, count := range tally.confusion {
			side := map[bool]string{true: "p", false: "n"}[at.prediction == positive]
			hit := map[bool]string{true: "t", false: "f"}[(at.prediction == positive) == (at.label == positive)]
			got[hit+side] += float64(count)
		}
	}
	compared := 0
	for oracle, ours := range map[string]string{
		"accuracy": "accuracy", "error_rate": "error_rate", "precision": "precision", "recall": "recall", "f1": "f1",
		"log_loss": "log_loss", "brier": "brier", "roc_auc": "roc_auc", "positive_rate_label": "positive_label_ratio",
		"positive_rate_prediction": "positive_prediction_ratio", "tp": "tp", "fp": "fp", "fn": "fn", "tn": "tn",
		"mae": "mae", "rmse": "rmse", "bias": "bias", "mape_nonzero": "mape", "r2": "r2",
	} {
		wanted, given := want[oracle]
		if !given {
			continue
		}
		compared++
		value, present := got[ours]
		tolerance := 1e-9
		if oracle == "roc_auc" {
			tolerance = 1e-3
		}
		switch {
		case wanted == nil && present:
			t.Errorf("%s: %s = %v, want it absent", name, ours, value)
		case wanted == nil:
		case math.Abs(value-*wanted) > tolerance*math.Abs(*wanted):
			t.Errorf("%s: %s = %v, want %v", name, ours, value, *wanted)
		}
	}
	// The 14 metrics and counts that the oracle has for binary classification, or the 5 for regression.
	if all := map[Task]int{Classification: 14, Regression: 5}[tally.rules.Task]; compared != all {
		t.Errorf("%s: %d values compared, want %d", name, compared, all)
	}
}

func TestPerformanceEqualsTheOracle(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(sharedData, "*", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Skipf("the data sets in %s are not there", sharedData)
	}
	sets := 0
	for _, file := range folders {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			d := load(t, folder)
			if d == nil {
				t.Skip("the data set has no labels")
			}
			sets++
			checkDataSet(t, d)
		})
	}
	if sets < 7 {
		t.Errorf("%d data sets, want 7", sets)
	}
}

func checkDataSet(t *testing.T, d *dataSet) {
	reference := tallied(d.rules, d.reference...)
	checkOracle(t, "reference", reference, d.expected.Reference.Performance)
	if _, n := reference.Errors(); n != d.expected.Reference.N {
		t.Errorf("reference has %d rows, want %d", n, d.expected.Reference.N)
	}
	if len(d.expected.Windows) < 7 {
		t.Errorf("%d windows", len(d.expected.Windows))
	}
	checkOracle(t, "live in panes", windowed(d), d.expected.Windows[0].Performance)
	shuffled := slices.Clone(d.labels)
	random := rand.New(rand.NewPCG(25, 26))
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for _, w := range d.expected.Windows {
		var inside []Prediction
		for _, p := range d.predictions {
			if p.Time >= w.Start.UnixNano() && p.Time < w.End.UnixNano() {
				inside = append(inside, p)
			}
		}
		tally := joinAll(inside, d.labels, nil, d.rules, nil)
		checkOracle(t, w.Name, tally, w.Performance)
		x, n := tally.Errors()
		if n != w.Labels.Joined {
			t.Errorf("%s: %d joined, want %d", w.Name, n, w.Labels.Joined)
		}
		if d.rules.Task == Classification && (x != w.ErrorRate.X || n != w.ErrorRate.N) {
			t.Errorf("%s: %d errors of %d, want %d of %d", w.Name, x, n, w.ErrorRate.X, w.ErrorRate.N)
		}
		sameTally(t, joinAll(nil, d.labels, inside, d.rules, nil), tally)
		sameTally(t, joinAll(inside, shuffled, nil, d.rules, random), tally)
		if t.Failed() {
			t.Fatalf("stopped after %s", w.Name)
		}
	}
}

// windowed sends a whole log through a join and a window that is longer than it, corrections included.
func windowed(d *dataSet) *Tally {
	const decade = 10 * 365 * 24 * time.Hour
	layout := Layout{Numbers: d.rules.Task == Regression, Scores: true}
	w, j := NewWindows([]time.Duration{decade}, d.rules), NewJoin(layout, decade, 1<<20)
	for i := range d.predictions {
		j.AddPrediction(&d.predictions[i])
	}
	for _, l := range d.labels {
		_, pairs := j.AddLabel(l)
		for i := range pairs {
			w.Add(&pairs[i].Prediction, pairs[i].Label, 1)
			if pairs[i].Result == Corrected {
				w.Add(&pairs[i].Prediction, pairs[i].Previous, -1)
			}
		}
	}
	return w.Tally(0)
}
