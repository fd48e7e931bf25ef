package exporter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	promodel "github.com/prometheus/common/model"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
)

// ranges are the ranges of metrics and, by statistic, of scores. What is in none of them is only finite.
var ranges = map[string][2]float64{
	metric.PValue.Name: {0, 1}, metric.MissingRatio.Name: {0, 1}, metric.InvalidRatio.Name: {0, 1},
	metric.UnseenRatio.Name: {0, 1}, metric.OutOfRangeRatio.Name: {0, 1}, metric.ErrorRatio.Name: {0, 1},
	metric.BinReferenceRatio.Name: {0, 1}, metric.LabeledRatio.Name: {0, 1},
	"jensen_shannon": {0, 1}, "hellinger": {0, 1}, "total_variation": {0, 1}, "chebyshev": {0, 1}, "ks": {0, 1},
	"psi": {0, math.MaxFloat64}, "wasserstein": {0, math.MaxFloat64}, "mean_shift": {0, math.MaxFloat64},
}

// gatherSound gathers what an exporter serves, after it has been written as text and read again: it must be a valid
// exposition in which every value is finite and in its range, and no two series have the same labels.
func gatherSound(t *testing.T, e *Exporter) served {
	t.Helper()
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	parser := expfmt.NewTextParser(promodel.LegacyValidation)
	if _, err := parser.TextToMetricFamilies(&text); err != nil {
		t.Errorf("the exposition cannot be read: %v", err)
	}
	series := 0
	for _, f := range families {
		for _, m := range f.Metric {
			series++
			x := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			bounds, ok := ranges[f.GetName()]
			for _, l := range m.Label {
				if f.GetName() == metric.Score.Name && l.GetName() == "statistic" {
					bounds, ok = ranges[l.GetValue()]
				}
			}
			if math.IsNaN(x) || math.IsInf(x, 0) || ok && (x < bounds[0] || x > bounds[1]) {
				t.Errorf("%s%v is %g", f.GetName(), m.Label, x)
			}
		}
	}
	s := gather(t, e)
	if len(s) != series {
		t.Errorf("%d series have only %d different names and labels", series, len(s))
	}
	return s
}

// versus serves a column x of a kind with these values in the reference, as CSV, and in one window of the log, as JSON.
func versus(t *testing.T, kind string, reference, live []string) served {
	t.Helper()
	s := newSite(t, "    min_records: 1\n    windows: [10d]\n    columns: {x: {kind: "+kind+"}}\n")
	s.write("reference.csv", "prediction,x\nno,"+strings.Join(reference, "\nno,")+"\n")
	var log strings.Builder
	for i, x := range live {
		fmt.Fprintf(&log, `{"id":"%d","timestamp":%q,"features":{"x":%s},"prediction":"no"}`+"\n",
			i, start.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), x)
	}
	s.write("predictions.jsonl", log.String())
	e := s.exporter(func() time.Time { return start.Add(24 * time.Hour) })
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	return gatherSound(t, e)
}

// texts writes numbers as logs do, each several times.
func texts(times int, values ...float64) []string {
	var all []string
	for range times {
		for _, x := range values {
			all = append(all, strconv.FormatFloat(x, 'g', -1, 64))
		}
	}
	return all
}

// none stands for a value that must be absent.
var none = math.Inf(-1)

// wantOutcomes holds values of column x, by statistic, test or metric, against those that are wanted.
func (s served) wantOutcomes(t *testing.T, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		var got float64
		var ok bool
		switch d, label := defOf(name); label {
		case "":
			got, ok = s.find(d, "column=x")
		default:
			got, ok = s.find(d, "column=x", label)
		}
		switch {
		case value == none && ok:
			t.Errorf("%s is %g, want none", name, got)
		case value != none && !ok:
			t.Errorf("%s is absent, want %g", name, value)
		case value != none && !near(got, value, 1e-12):
			t.Errorf("%s is %.17g, want %.17g", name, got, value)
		}
	}
}

// defOf returns the metric that a name in a table of wanted values stands for, and the label that tells it apart.
func defOf(name string) (d metric.Def, label string) {
	switch kind, rest, _ := strings.Cut(name, " "); kind {
	case "p":
		return metric.PValue, "test=" + rest
	case "quantile":
		return metric.ColumnQuantile, "q=" + rest
	case "missing":
		return metric.MissingRatio, ""
	case "invalid":
		return metric.InvalidRatio, ""
	case "unseen":
		return metric.UnseenRatio, ""
	case "outside":
		return metric.OutOfRangeRatio, ""
	case "mean":
		return metric.ColumnMean, ""
	case "sd":
		return metric.ColumnStandardDeviation, ""
	default:
		return metric.Score, "statistic=" + name
	}
}

// allScores are the outcomes of a column whose scores are all the same.
func allScores(value float64, more map[string]float64) map[string]float64 {
	want := map[string]float64{}
	for _, name := range []string{
		"psi", "jensen_shannon", "hellinger", "total_variation", "chebyshev", "ks", "wasserstein", "mean_shift",
	} {
		want[name] = value
	}
	maps.Copy(want, more)
	return want
}

func TestColumnsAtTheEdges(t *testing.T) {
	// psi of two bins that each hold everything on one side: both shares are 1e-4 where they are 0.
	full := 2 * (1 - 1e-4) * math.Log(1e4)
	nothing := allScores(none, map[string]float64{
		"p ks": none, "p chi_squared": none, "p z": none, "outside": none, "mean": none, "sd": none, "quantile 0.5": none,
	})
	for _, c := range []struct {
		name, kind      string
		reference, live []string
		want            map[string]float64
	}{
		{
			"one constant on both sides", "numeric", texts(50, 5), texts(40, 5),
			allScores(0, map[string]float64{
				"wasserstein": none, "p ks": 1, "p chi_squared": 1, "p z": 1, "outside": 0, "mean": 5, "sd": 0, "quantile 0.5": 5,
			}),
		},
		{
			"a constant that rose", "numeric", texts(50, 5), texts(40, 7),
			allScores(1, map[string]float64{
				"psi": full, "wasserstein": none, "mean_shift": none, "p z": none, "outside": 1, "mean": 7,
			}),
		},
		{
			// Bins are closed on the right, so the only edge does not tell the two apart; cells do.
			"a constant that fell", "numeric", texts(50, 5), texts(40, 3),
			allScores(0, map[string]float64{
				"ks": 1, "wasserstein": none, "mean_shift": none, "p chi_squared": 1, "p z": none, "outside": 1, "mean": 3,
			}),
		},
		{
			"a column that became constant", "numeric", texts(25, 0, 1), texts(40, 1),
			// The standard deviation of the reference is √(50/4/49).
			map[string]float64{
				"total_variation": 0.5, "chebyshev": 0.5, "ks": 0.5, "wasserstein": 0.5 / math.Sqrt(12.5/49),
				"mean_shift": 0.5 / math.Sqrt(12.5/49), "outside": 0, "mean": 1, "sd": 0, "quantile 0.5": 1,
			},
		},
		{"nothing but nulls", "numeric", texts(50, 1, 2, 3), slices.Repeat([]string{"null"}, 40), merged(nothing, "missing", 1)},
		{"nothing but wrong types", "numeric", texts(50, 1, 2, 3), slices.Repeat([]string{`"x"`}, 40), merged(nothing, "invalid", 1)},
		{"nothing but nulls as categories", "categorical", []string{"a", "b"}, slices.Repeat([]string{"null"}, 40), merged(nothing, "missing", 1)},
		{
			"a window of one number", "numeric", texts(10, 1, 2, 3, 4), texts(1, 3),
			map[string]float64{
				"ks": 0.5, "total_variation": 0.75, "chebyshev": 0.75, "mean": 3, "sd": none, "p z": none, "missing": 0, "outside": 0,
				"quantile 0.05": 3, "quantile 0.95": 3, "mean_shift": 0.5 / math.Sqrt(50.0/39), "wasserstein": 1 / math.Sqrt(50.0/39),
			},
		},
		{
			"a window of one category", "categorical",
			[]string{"a", "a", "a", "b"},
			[]string{`"b"`},
			map[string]float64{
				"total_variation": 0.75, "chebyshev": 0.75, "unseen": 0, "ks": none, "mean": none, "outside": none,
				"hellinger": math.Sqrt(0.5),
			},
		},
		{
			"a window of one category that the reference lacks", "categorical",
			[]string{"a", "a", "b", "b"},
			[]string{`"c"`},
			map[string]float64{"total_variation": 1, "chebyshev": 1, "jensen_shannon": 1, "hellinger": 1, "unseen": 1},
		},
		{
			// The squares of differences, and the sums of values, are beyond float64.
			"numbers at both limits of float64", "numeric", texts(25, 1e-308, 1e308), texts(20, 1e-308, 1e308),
			allScores(0, map[string]float64{
				"wasserstein": none, "mean_shift": none, "p z": none, "p ks": 1, "p chi_squared": 1, "outside": 0,
				"mean": none, "sd": none, "quantile 0.05": 1e-308, "quantile 0.95": 1e308,
			}),
		},
		{
			"numbers at the limits with both signs", "numeric", texts(25, -1e308, 1e308), texts(40, 1e308),
			map[string]float64{"ks": 0.5, "total_variation": 0.5, "wasserstein": none, "mean_shift": none, "mean": 1e308, "outside": 0},
		},
		{
			"a huge number among small ones", "numeric", texts(25, 1, 2, 3, 4), append(texts(10, 1, 2, 3, 4), "1e308"),
			map[string]float64{"ks": 1.0 / 41, "wasserstein": 1e308 / 41 / math.Sqrt(125.0/99), "outside": 1.0 / 41, "mean": 1e308 / 41},
		},
		{
			// Their squares are 0 in float64, so the standard deviation is.
			"numbers too small to square", "numeric", texts(25, 1e-308, 3e-308), texts(40, 3e-308),
			map[string]float64{"ks": 0.5, "total_variation": 0.5, "wasserstein": none, "mean_shift": none, "mean": 3e-308, "sd": 0},
		},
		{
			"ties in the same shares", "numeric", append(texts(90, 7), texts(1, 1, 2, 3, 8, 9)...),
			append(texts(180, 7), texts(2, 1, 2, 3, 8, 9)...),
			allScores(0, map[string]float64{"p ks": 1, "p chi_squared": 1, "p z": 1, "quantile 0.5": 7}),
		},
		{
			"zero-inflated, with half as many zeros", "numeric", append(texts(80, 0), texts(1, oneTo(20)...)...),
			append(texts(40, 0), texts(3, oneTo(20)...)...),
			map[string]float64{"ks": 0.4, "total_variation": 0.4, "chebyshev": 0.4, "quantile 0.05": 0, "outside": 0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := versus(t, c.kind, c.reference, c.live)
			got.want(t, float64(len(c.live)), metric.WindowPredictions)
			got.wantOutcomes(t, c.want)
		})
	}
}

func merged(m map[string]float64, name string, value float64) map[string]float64 {
	all := map[string]float64{name: value}
	maps.Copy(all, m)
	return all
}

func oneTo(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = float64(i + 1)
	}
	return all
}

// categories are names with a prefix, quoted as in JSON if live.
func categories(prefix string, n int, live bool) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = prefix + strconv.Itoa(i)
		if live {
			all[i] = strconv.Quote(all[i])
		}
	}
	return all
}

func TestManyCategoriesAreBounded(t *testing.T) {
	const others = 2 // "other" and "unseen"
	for _, c := range []struct {
		name            string
		reference, live []string
		bins            int
		want            map[string]float64
	}{
		{
			"five hundred, the same again", categories("c", 500, false), categories("c", 500, true), 500 + others,
			map[string]float64{"psi": 0, "jensen_shannon": 0, "unseen": 0, "p chi_squared": 1},
		},
		{
			"a hundred thousand, the same again", categories("c", 100_000, false), categories("c", 100_000, true), 1024 + others,
			map[string]float64{"psi": 0, "jensen_shannon": 0, "unseen": 0, "p chi_squared": 1},
		},
		{
			"a hundred thousand that the reference lacks", categories("c", 100, false), categories("d", 100_000, true), 100 + others,
			map[string]float64{"total_variation": 1, "chebyshev": 1, "jensen_shannon": 1, "unseen": 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := versus(t, "categorical", c.reference, c.live)
			got.wantOutcomes(t, c.want)
			series := 0
			for key := range got {
				if strings.HasPrefix(key, metric.BinValues.Name+"{") && strings.Contains(key, "column=x,") {
					series++
				}
			}
			if series != c.bins {
				t.Errorf("%d series of bins, want %d", series, c.bins)
			}
			// Two series of each bin and about a hundred that do not depend on the data.
			if len(got) > 2*c.bins+120 {
				t.Errorf("%d series", len(got))
			}
		})
	}
}

func TestWhatLogsHoldDoesNotGrowMemoryOrSeries(t *testing.T) {
	s := newSite(t, "    min_records: 1\n    labels: {path: labels.jsonl}\n    max_versions: 3\n    cut_points: 64\n")
	models := func(records int) (*model, int) {
		var log, labels strings.Builder
		for i := range records {
			at := start.Add(time.Duration(i) * time.Millisecond).Format(time.RFC3339Nano)
			fmt.Fprintf(&log, `{"id":"p%d","timestamp":%q,"model_version":"v%d","features":{"age":%d.5,"city":"city %d","more%d":1},"prediction":"class %d","score":0.%d}`+"\n",
				i, at, i, i, i, i, i, i+1)
			fmt.Fprintf(&labels, `{"id":"p%d","timestamp":%q,"label":"label %d"}`+"\n", i, at, i)
		}
		s.write("predictions.jsonl", log.String())
		s.write("labels.jsonl", labels.String())
		e := s.exporter(func() time.Time { return start.Add(24 * time.Hour) })
		built, err := e.build(e.config.Load(), false)
		if err != nil {
			t.Fatal(err)
		}
		built[0].run(t.Context())
		e.store.Publish(built[0].evaluate(start.Add(24*time.Hour)), e.own())
		got := gatherSound(t, e)
		if n, ok := got.find(metric.Predictions, "version=other"); !ok || n != float64(records-3) {
			t.Errorf("%g records count as other versions, want %d", n, records-3)
		}
		// Which unknown fields are told apart depends on which decoder met them; their number is bounded.
		skews := 0
		for key := range got {
			if strings.HasPrefix(key, metric.ColumnSkew.Name+"{") {
				skews++
			}
		}
		if windows := len(built[0].config.Windows); skews > windows*(maxUnknownColumns+2) {
			t.Errorf("%d series of skews", skews)
		}
		return built[0], len(got) - skews
	}
	small, few := models(2000)
	large, many := models(40_000)
	if few != many {
		t.Errorf("%d series for 2000 records, %d for 40,000", few, many)
	}
	if small.classes.Len() != large.classes.Len() || large.classes.Code([]byte("one more class")) != outcome.Other {
		t.Errorf("%d classes after 2000 records, %d after 40,000", small.classes.Len(), large.classes.Len())
	}
	for _, m := range []*model{small, large} {
		if len(m.monitors) != 4 || len(m.versions) != 4 {
			t.Errorf("%d monitors of %d versions, want 4", len(m.monitors), len(m.versions))
		}
		for _, mon := range m.monitors {
			for _, column := range mon.set.View(0).Columns {
				if len(column.Located) > 64 || len(column.Cells) > 129 {
					t.Errorf("%s has %d cells and %d located values", column.Name, len(column.Cells), len(column.Located))
				}
			}
		}
	}
}

// latin1 is a log, or a reference, in which names and categories hold emoji, and bytes of Latin-1 that are no UTF-8.
func latin1(format string) string {
	line := `{"id":"é%d","timestamp":"%s","model_version":"🚀` + "caf\xe9" + `","heat 🌡":%d,"kind":"%s","` + "caf\xe9" + `":%d,"prediction":"no"}` + "\n"
	var text strings.Builder
	if format == "csv" {
		text.WriteString("id,timestamp,model_version,heat 🌡,kind,caf\xe9,prediction\n")
		line = "é%d,%s,🚀caf\xe9,%d,%s,%d,no\n"
	}
	for i := range 40 {
		kind := []string{"🍕", "caf\xe9", "caf\xe8", "汉"}[i%4]
		fmt.Fprintf(&text, line, i, start.Add(time.Duration(i)*time.Second).Format(time.RFC3339), 10+i, kind, i)
	}
	return text.String()
}

func TestNamesNeedNotBeASCIINorUTF8(t *testing.T) {
	for _, c := range []struct {
		name, reference, log string
		unseen, missing      float64
		cafes                []string // bins that the two spellings are counted in, and how often
	}{
		{"CSV is compared byte for byte", "csv", "csv", 0, 0, []string{"bin=0", "bin=1"}},
		{"in JSON every byte that is no UTF-8 reads as U+FFFD", "jsonl", "jsonl", 0, 0, []string{"bin=0"}},
		{"so nothing of it matches between the two", "csv", "jsonl", 0.5, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "")
			s.write("reference."+c.reference, latin1(c.reference))
			s.write("predictions."+c.log, latin1(c.log))
			s.write("config.yaml", fmt.Sprintf("models: [{name: m, reference: {path: reference.%s}, predictions: {path: predictions.%s}}]\n",
				c.reference, c.log))
			e := s.exporter(func() time.Time { return start.Add(time.Hour) })
			if err := e.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := gatherSound(t, e)
			got.want(t, 40, metric.Predictions, "version=🚀caf�")
			got.want(t, 0, metric.SeriesDropped, "reason=invalid_label")
			got.want(t, 0, metric.Score, "column=heat 🌡", "statistic=ks", "window=1h")
			got.want(t, c.unseen, metric.UnseenRatio, "column=kind", "window=1h")
			got.want(t, c.missing, metric.MissingRatio, "column=caf�", "window=1h")
			got.want(t, 10, metric.BinValues, "column=kind", "range=🍕")
			// Where both spellings are kept apart they are one text as labels, but their bins have numbers.
			for _, bin := range c.cafes {
				got.want(t, 20/float64(len(c.cafes)), metric.BinValues, "column=kind", "range=caf�", bin)
			}
		})
	}
}

// whole runs one model to the end of its logs.
func whole(t *testing.T, config string) (served, *model) {
	t.Helper()
	return wholeWithFloors(t, config, nil)
}

// wholeWithFloors borrows the noise floors of a model with the same reference, which take most of the time.
func wholeWithFloors(t *testing.T, config string, lender *model) (served, *model) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e, err := New(Options{ConfigFile: path, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	models, err := e.build(e.config.Load(), false)
	if err != nil {
		t.Fatal(err)
	}
	if lender != nil {
		models[0].general.noise = lender.general.noise
	}
	models[0].run(t.Context())
	e.store.Publish(models[0].evaluate(now), e.own())
	return gatherSound(t, e), models[0]
}

// lines returns the lines of a file, and apart the header if it is a CSV file.
func lines(t *testing.T, path string) (header string, all []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		all = append(all, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".csv") {
		return all[0] + "\n", all[1:]
	}
	return "", all
}

// shards writes lines to files, each with the header, and returns a pattern for them. The names decide in which order
// they are read.
func shards(t *testing.T, path, header string, parts map[string][]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, part := range parts {
		text := header + strings.Join(part, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(dir, name+filepath.Ext(path)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "*"+filepath.Ext(path))
}

// windowsOf reads which windows the expected values of a data set are about.
func windowsOf(t *testing.T, folder string) []oracleWindow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if os.IsNotExist(err) {
		t.Skipf("the data are not here: %v; they may not be part of the project", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	var weeks []oracleWindow
	for _, w := range o.Windows {
		if strings.HasPrefix(w.Name, "w") {
			weeks = append(weeks, w)
		}
	}
	if len(weeks) < 6 {
		t.Fatalf("%s has %d windows of weeks", folder, len(weeks))
	}
	return weeks
}

func TestOrderAndFilesOfALogDoNotMatter(t *testing.T) {
	for _, d := range dataSets {
		t.Run(d.name, func(t *testing.T) {
			folder, err := filepath.Abs(d.folder)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range windowsOf(t, folder) {
				t.Run(w.Name, func(t *testing.T) {
					t.Parallel()
					orderDoesNotMatter(t, folder, d.columns, i, &w)
				})
			}
		})
	}
}

// orderDoesNotMatter reads one window of a log in several orders and divisions.
func orderDoesNotMatter(t *testing.T, folder, columns string, i int, w *oracleWindow) {
	t.Helper()
	log := cutLog(t, folder, w.Start, w.End)
	header, all := lines(t, log)
	run := func(parts map[string][]string, lender *model) (served, *model) {
		return wholeWithFloors(t, fmt.Sprintf(
			"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [1d, 7d, 10y], fields: {version: none}, columns: {%s}}\n",
			filepath.Join(folder, "reference.csv"), shards(t, log, header, parts),
			filepath.Join(folder, "labels*"+filepath.Ext(log)), columns), lender)
	}
	want, wantModel := run(map[string][]string{"a": all}, nil)

	r := rand.New(rand.NewPCG(41, uint64(i)))
	shuffled := slices.Clone(all)
	r.Shuffle(len(all), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	third := len(all) / 3
	for _, other := range []struct {
		name  string
		parts map[string][]string
	}{
		{"shuffled", map[string][]string{"a": shuffled}},
		{"reversed", map[string][]string{"a": reversed}},
		{"three files, the last one first", map[string][]string{"c": all[:third], "b": all[third : 2*third], "a": all[2*third:]}},
	} {
		t.Run(other.name, func(t *testing.T) {
			got, gotModel := run(other.parts, wantModel)
			sameCells(t, gotModel, wantModel)
			sameServed(t, got, want)
		})
	}
}

// sameCells fails the test unless both models counted the same in every cell of every window.
func sameCells(t *testing.T, got, want *model) {
	t.Helper()
	for i := range want.config.Windows {
		a, b := got.monitors[0].set.View(i), want.monitors[0].set.View(i)
		if a.Records != b.Records {
			t.Errorf("window %d has %d records, want %d", i, a.Records, b.Records)
		}
		for k := range b.Columns {
			x, y := &a.Columns[k], &b.Columns[k]
			if !slices.Equal(x.Cells, y.Cells) || !slices.Equal(x.Located, y.Located) || x.Missing != y.Missing || x.Invalid != y.Invalid {
				t.Errorf("window %d: the cells of %s differ", i, x.Name)
			}
		}
	}
}

// sameServed fails the test unless both serve the same, but for clocks, paths and, of what comes from moments or
// sums of errors, the rounding: of sums in another order.
func sameServed(t *testing.T, got, want served) {
	t.Helper()
	compared := 0
	for key, x := range want {
		name, _, _ := strings.Cut(key, "{")
		if name == metric.EvaluationDuration.Name || strings.HasPrefix(name, "drift_source_") {
			continue
		}
		tolerance := 0.0
		switch {
		case name == metric.ColumnMean.Name, name == metric.ColumnStandardDeviation.Name,
			name == metric.EstimatedPerformance.Name && strings.Contains(key, "method=dle"):
			tolerance = 1e-12 * math.Abs(x)
		case strings.Contains(key, "statistic=mean_shift"), strings.Contains(key, "statistic=wasserstein"):
			// Differences of means, in standard deviations: near 0 they keep the rounding of what they are made of.
			tolerance = 1e-12 * max(1, x)
		case name == metric.PValue.Name && strings.Contains(key, "test=z"):
			// Far out in the tail a probability changes by z² times what z does.
			tolerance = 1e-12 * max(1, -2*math.Log(x)) * x
		}
		y, ok := got[key]
		if !ok || math.Abs(x-y) > tolerance {
			t.Errorf("%s is %.17g (there: %t), want %.17g", key, y, ok, x)
		}
		compared++
	}
	if compared < 300 {
		t.Errorf("only %d series were compared", compared)
	}
	if len(got) > len(want) {
		t.Errorf("%d series, want %d", len(got), len(want))
	}
}

func TestCountersOfShardsAddUp(t *testing.T) {
	for _, d := range dataSets[:2] {
		t.Run(d.name, func(t *testing.T) {
			folder, err := filepath.Abs(d.folder)
			if err != nil {
				t.Fatal(err)
			}
			w := windowsOf(t, folder)[3]
			log := cutLog(t, folder, w.Start, w.End)
			header, all := lines(t, log)
			run := func(part []string) served {
				got, _ := whole(t, fmt.Sprintf("models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}}\n",
					filepath.Join(folder, "reference.csv"), shards(t, log, header, map[string][]string{"a": part})))
				return got
			}
			sums := map[string]float64{}
			for i := range 3 {
				var part []string
				for k := i; k < len(all); k += 3 {
					part = append(part, all[k])
				}
				for key, x := range run(part) {
					sums[key] += x
				}
			}
			bins := 0
			for key, x := range run(all) {
				if !strings.HasPrefix(key, metric.BinValues.Name+"{") && !strings.HasPrefix(key, metric.Predictions.Name+"{") {
					continue
				}
				bins++
				if sums[key] != x {
					t.Errorf("%s of three shards adds up to %g, want %g", key, sums[key], x)
				}
			}
			if bins < 100 {
				t.Errorf("only %d counters were compared", bins)
			}
		})
	}
}

func TestScoresDoNotFallAsAShiftGrows(t *testing.T) {
	for _, law := range []struct {
		name     string
		quantile func(u float64) float64
	}{
		{"normal", distuv.UnitNormal.Quantile},
		{"even", func(u float64) float64 { return u }},
		{"skewed", func(u float64) float64 { return -math.Log1p(-u) }},
	} {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			reference, live := make([]float64, 2000), make([]float64, 1000)
			for i := range reference {
				reference[i] = law.quantile((float64(i) + 0.5) / float64(len(reference)))
			}
			for i := range live {
				live[i] = law.quantile((float64(i) + 0.5) / float64(len(live)))
			}
			sd := 0.0
			last := allScores(0, nil)
			for step := range 21 {
				shifted := slices.Clone(live)
				for i := range shifted {
					shifted[i] += float64(step) / 10 * sd
				}
				got := versus(t, "numeric", texts(1, reference...), texts(1, shifted...))
				sd, _ = got.find(metric.ReferenceColumnStandardDeviation, "column=x")
				for name, before := range last {
					x, ok := got.find(metric.Score, "column=x", "statistic="+name)
					if !ok || x < before-1e-12 {
						t.Errorf("%s is %g (there: %t) at %.1f standard deviations, and was %g before", name, x, ok, float64(step)/10, before)
					}
					last[name] = x
				}
			}
			for name, x := range last {
				if x < 0.4 {
					t.Errorf("%s is %g at two standard deviations", name, x)
				}
			}
		})
	}
}
