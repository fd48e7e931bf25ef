package exporter

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

var updateDocs = flag.Bool("update", false, "rewrite the examples and pictures in docs/statistics")

const (
	statisticsDocs = "../docs/statistics"
	exampleBegin   = "<!-- The following is written by `make golden`. -->\n"
	exampleEnd     = "<!-- Up to here. -->\n"
)

// example is what the pages show: the six windows of the bundled logs, each as one exporter serves it.
type example struct {
	t       *testing.T
	windows []exampleWindow
}

type exampleWindow struct {
	name string
	// flights and minutes are what is served for the two models, model is the first of them.
	flights, minutes served
	model            *model
}

// drifted is the window in which flights were unusually punctual.
const drifted = 3

func newExample(t *testing.T) *example {
	t.Helper()
	x := &example{t: t}
	folders := make([]string, 2)
	for i, d := range dataSets[:2] {
		folder, err := filepath.Abs(d.folder)
		if err != nil {
			t.Fatal(err)
		}
		folders[i] = folder
	}
	run := func(folder string, w *oracleWindow) (served, *model) {
		log := cutLog(t, folder, w.Start, w.End)
		return whole(t, fmt.Sprintf(
			"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [10y]}\n",
			filepath.Join(folder, "reference.csv"), log, filepath.Join(folder, "labels-*"+filepath.Ext(log))))
	}
	for _, w := range windowsOf(t, folders[0]) {
		e := exampleWindow{name: fmt.Sprintf("%s to %s", w.Start.Format("2 Jan"), w.End.AddDate(0, 0, -1).Format("2 Jan"))}
		e.flights, e.model = run(folders[0], &w)
		e.minutes, _ = run(folders[1], &w)
		x.windows = append(x.windows, e)
	}
	return x
}

// value is a served value that must be there.
func (x *example) value(s served, d metric.Def, labels ...string) float64 {
	x.t.Helper()
	value, ok := s.find(d, labels...)
	if !ok {
		x.t.Errorf("%s%v is absent or not alone", d.Name, labels)
	}
	return value
}

// column is what window i holds of a column.
func (x *example) column(i int, name string) *window.ColumnView {
	x.t.Helper()
	view := x.windows[i].model.monitors[0].set.View(0)
	for k := range view.Columns {
		if view.Columns[k].Name == name {
			return &view.Columns[k]
		}
	}
	x.t.Fatalf("no column %s", name)
	return nil
}

// floors are the noise floors of a column of the flights.
func (x *example) floors(name string) *stat.Floors {
	m := x.windows[0].model
	for k, c := range m.general.watched {
		if c.Name == name {
			return m.general.floors(k)
		}
	}
	x.t.Fatalf("no column %s", name)
	return nil
}

// table writes a table of one row for each window; cells returns what stands behind the window's name.
func (x *example) table(head string, cells func(w *exampleWindow) []string) string {
	var out strings.Builder
	columns := strings.Count(head, "|") + 2
	fmt.Fprintf(&out, "| window of 2001 | %s |\n|%s\n", head, strings.Repeat("---|", columns))
	for i := range x.windows {
		w := &x.windows[i]
		fmt.Fprintf(&out, "| %s | %s |\n", w.name, strings.Join(cells(w), " | "))
	}
	return out.String()
}

// score is the example of a score: two columns with their noise floors, bold where the score exceeds both.
func score(name, quiet string, threshold float64) func(x *example) string {
	return func(x *example) string {
		head := "values of `recent_delay_origin` | score | noise floor | values of `" + quiet + "` | score | noise floor"
		text := x.table(head, func(w *exampleWindow) []string {
			var cells []string
			for _, column := range []string{"recent_delay_origin", quiet} {
				labels := []string{"column=" + column, "statistic=" + name}
				value, floor := x.value(w.flights, metric.Score, labels...), x.value(w.flights, metric.NoiseFloor, labels...)
				shown := fmt.Sprintf("%.3f", value)
				if value > floor && value > threshold {
					shown = "**" + shown + "**"
				}
				cells = append(cells, strconv.FormatUint(valuesOf(w, column), 10), shown, fmt.Sprintf("%.3f", floor))
			}
			return cells
		})
		return text + fmt.Sprintf("\nBold is what exceeds %g and the noise floor. That floor is below %g from %d values of "+
			"`recent_delay_origin` on,\nand from %s of `%s`.\n", threshold, threshold,
			x.enough("recent_delay_origin", name, threshold), thousands(x.enough(quiet, name, threshold)), quiet)
	}
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func valuesOf(w *exampleWindow, column string) uint64 {
	view := w.model.monitors[0].set.View(0)
	for k := range view.Columns {
		if view.Columns[k].Name == column {
			return view.Columns[k].Counted()
		}
	}
	return 0
}

// enough returns the number of values, to two digits, from which on the noise floor of a column is below a threshold.
func (x *example) enough(column, statistic string, threshold float64) int {
	floors := x.floors(column)
	n := 1_000_000
	for _, fewer := range sizes(1_000_000) {
		if floorOf(floors.At(uint64(fewer)), statistic).Value >= threshold {
			return n
		}
		n = fewer
	}
	return n
}

// sizes are the numbers of two digits and zeros up to a power of ten, falling.
func sizes(largest int) []int {
	var all []int
	for n := largest; n > 30; {
		all = append(all, n)
		step := int(math.Pow10(int(math.Log10(float64(n-1)) - 1)))
		n -= max(step, 1)
	}
	return all
}

func floorOf(f stat.FloorValues, statistic string) stat.Bound {
	return map[string]stat.Bound{
		"psi": f.PSI, "jensen_shannon": f.JensenShannon, "hellinger": f.Hellinger, "total_variation": f.TotalVariation,
		"chebyshev": f.Chebyshev, "ks": f.KolmogorovSmirnov, "wasserstein": f.Wasserstein, "mean_shift": f.MeanShift,
	}[statistic]
}

// probabilities is the example of a test.
func probabilities(name string, columns ...string) func(x *example) string {
	return func(x *example) string {
		return x.table("`"+strings.Join(columns, "` | `")+"`", func(w *exampleWindow) []string {
			var cells []string
			for _, column := range columns {
				cells = append(cells, fmt.Sprintf("%.1e", x.value(w.flights, metric.PValue, "column="+column, "test="+name)))
			}
			return cells
		})
	}
}

func both(parts ...func(x *example) string) func(x *example) string {
	return func(x *example) string {
		var texts []string
		for _, part := range parts {
			texts = append(texts, part(x))
		}
		return strings.Join(texts, "\n")
	}
}

func dataQuality(x *example) string {
	text := x.table("missing `recent_delay_origin` | its values out of range | unseen `destination` | invalid `distance`",
		func(w *exampleWindow) []string {
			return []string{
				fmt.Sprintf("%.4f", x.value(w.flights, metric.MissingRatio, "column=recent_delay_origin")),
				fmt.Sprintf("%.4f", x.value(w.flights, metric.OutOfRangeRatio, "column=recent_delay_origin")),
				fmt.Sprintf("%.4f", x.value(w.flights, metric.UnseenRatio, "column=destination")),
				fmt.Sprintf("%.4f", x.value(w.flights, metric.InvalidRatio, "column=distance")),
			}
		})
	return text + fmt.Sprintf("\nOf the reference's rows %.4f have no `recent_delay_origin`.\n",
		x.value(x.windows[0].flights, metric.ReferenceMissingRatio, "column=recent_delay_origin"))
}

func performanceTables(x *example) string {
	row := func(w served, reference bool, names ...string) []string {
		d := metric.Performance
		if reference {
			d = metric.ReferencePerformance
		}
		var cells []string
		for _, name := range names {
			cells = append(cells, fmt.Sprintf("%.3f", x.value(w, d, "metric="+name)))
		}
		return cells
	}
	ratio := func(w served) []string {
		return []string{
			fmt.Sprintf("%.3f", x.value(w, metric.ErrorRatio)),
			fmt.Sprintf("%.3f to %.3f", x.value(w, metric.ErrorRatioLower), x.value(w, metric.ErrorRatioUpper)),
			fmt.Sprintf("%.1e", x.value(w, metric.ErrorPValue)),
		}
	}
	var out strings.Builder
	for _, m := range []struct {
		title string
		of    func(w *exampleWindow) served
		names []string
	}{
		{"The classifier in `examples/flights`:", func(w *exampleWindow) served { return w.flights }, []string{"roc_auc", "recall", "brier"}},
		{"The regression in `examples/flights-minutes`:", func(w *exampleWindow) served { return w.minutes }, []string{"mae", "rmse", "bias"}},
	} {
		fmt.Fprintf(&out, "%s\n\n", m.title)
		out.WriteString(x.table("error ratio | its 95% interval | p-value | `"+strings.Join(m.names, "` | `")+"`",
			func(w *exampleWindow) []string { return append(ratio(m.of(w)), row(m.of(w), false, m.names...)...) }))
		reference := m.of(&x.windows[0])
		fmt.Fprintf(&out, "| reference | %.3f | – | – | %s |\n\n", x.value(reference, metric.ReferenceErrorRatio),
			strings.Join(row(reference, true, m.names...), " | "))
	}
	out.WriteString("![Error ratio of the classifier by window](error_ratio.svg)\n")
	return out.String()
}

func labelsTable(x *example) string {
	head := "share of `late` | `jensen_shannon` | its noise floor | mean of minutes | `jensen_shannon` | its noise floor | `mean_shift` | its noise floor"
	return x.table(head, func(w *exampleWindow) []string {
		cells := []string{fmt.Sprintf("%.3f", x.value(w.flights, metric.Performance, "metric=positive_label_ratio"))}
		pair := func(s served, statistic string) {
			labels := []string{"role=label", "statistic=" + statistic}
			cells = append(cells, fmt.Sprintf("%.3f", x.value(s, metric.Score, labels...)),
				fmt.Sprintf("%.3f", x.value(s, metric.NoiseFloor, labels...)))
		}
		pair(w.flights, "jensen_shannon")
		cells = append(cells, fmt.Sprintf("%.2f", x.value(w.minutes, metric.ColumnMean, "role=label")))
		pair(w.minutes, "jensen_shannon")
		pair(w.minutes, "mean_shift")
		return cells
	})
}

var scoreNames = []string{
	"psi", "jensen_shannon", "hellinger", "total_variation", "chebyshev", "ks", "wasserstein", "mean_shift",
}

func noiseFloors(x *example) string {
	var out strings.Builder
	out.WriteString("Floors of `recent_delay_origin` of `examples/flights`, with 5,944 values in the reference:\n\n")
	fmt.Fprintf(&out, "| values in the window | `%s` |\n|%s\n", strings.Join(scoreNames, "` | `"), strings.Repeat("---|", 9))
	for _, n := range []int{30, 100, 300, 1000, 3000, 10_000, 100_000, 1_000_000} {
		floors := x.floors("recent_delay_origin").At(uint64(n))
		fmt.Fprintf(&out, "| %d |", n)
		for _, name := range scoreNames {
			fmt.Fprintf(&out, " %.3f |", floorOf(floors, name).Value)
		}
		out.WriteString("\n")
	}
	out.WriteString("\n![Noise floor by number of values](noise_floor.svg)\n")
	return out.String()
}

// shiftTable shows what every score makes of a normal column that moves.
func shiftTable(x *example) string {
	const values = 2000
	normal := func(shift float64) []string {
		all := make([]float64, values)
		for i := range all {
			all[i] = distuv.UnitNormal.Quantile((float64(i)+0.5)/values) + shift
		}
		return texts(1, all...)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "| moved by | `%s` |\n|%s\n", strings.Join(scoreNames, "` | `"), strings.Repeat("---|", 9))
	for _, shift := range []float64{0.1, 0.25, 0.5, 1, 2} {
		got := versus(x.t, "numeric", normal(0), normal(shift))
		fmt.Fprintf(&out, "| %g sd |", shift)
		for _, name := range scoreNames {
			fmt.Fprintf(&out, " %.3f |", x.value(got, metric.Score, "column=x", "statistic="+name))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// seasonTable shows how a column that follows the calendar drifts in windows shorter than its period.
func seasonTable(x *example) string {
	folder, err := filepath.Abs(dataSets[0].folder)
	if err != nil {
		x.t.Fatal(err)
	}
	got, _ := whole(x.t, fmt.Sprintf(
		"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, windows: [1d, 3d, 7d, 28d]}\n",
		filepath.Join(folder, "reference.csv"), filepath.Join(folder, "predictions-2001-02-*")))
	var out strings.Builder
	out.WriteString("| window that ends on 28 Feb | predictions | `jensen_shannon` of `weekday` | its noise floor | of `distance` | its noise floor |\n|---|---|---|---|---|---|\n")
	for _, w := range []string{"1d", "3d", "7d", "28d"} {
		fmt.Fprintf(&out, "| %s | %.0f |", w, x.value(got, metric.WindowPredictions, "window="+w))
		for _, column := range []string{"weekday", "distance"} {
			labels := []string{"column=" + column, "statistic=jensen_shannon", "window=" + w}
			fmt.Fprintf(&out, " %.3f | %.3f |", x.value(got, metric.Score, labels...), x.value(got, metric.NoiseFloor, labels...))
		}
		out.WriteString("\n")
	}
	return out.String()
}

func picture(file, what string) func(x *example) string {
	return func(*example) string { return fmt.Sprintf("![%s](%s)\n", what, file) }
}

var (
	binsPicture = picture("bins.svg", "Shares of recent_delay_origin by bin, reference and window")
	cdfPicture  = picture("cumulative.svg", "Cumulative shares of recent_delay_origin, reference and window")
)

// pages are the generated parts of each page in their order.
var pages = map[string][]func(x *example) string{
	"psi.md":             {both(score("psi", "destination", 0.2), binsPicture)},
	"jensen_shannon.md":  {both(score("jensen_shannon", "destination", 0.2), binsPicture)},
	"hellinger.md":       {score("hellinger", "destination", 0.17)},
	"total_variation.md": {both(score("total_variation", "destination", 0.2), binsPicture)},
	"chebyshev.md":       {both(score("chebyshev", "destination", 0.1), binsPicture)},
	"ks.md":              {both(score("ks", "distance", 0.2), probabilities("ks", "recent_delay_origin", "distance"), cdfPicture)},
	"wasserstein.md":     {both(score("wasserstein", "distance", 0.5), cdfPicture)},
	"mean_shift.md":      {score("mean_shift", "distance", 0.5)},
	"chi_squared.md":     {probabilities("chi_squared", "recent_delay_origin", "distance", "destination")},
	"z.md":               {probabilities("z", "recent_delay_origin", "distance", "prediction")},
	"noise_floor.md":     {noiseFloors},
	"data_quality.md":    {dataQuality},
	"performance.md":     {performanceTables},
	"labels.md":          {labelsTable},
	"estimates.md":       {estimateTable, flippedTable},
	"versions.md":        {enoughTable, versionTable},
	"slices.md":          {slicesTable},
	"README.md":          {shiftTable, seasonTable},
}

func TestExamplesOfStatisticsAreCurrent(t *testing.T) {
	x := newExample(t)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(statisticsDocs, name)
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		rest := string(got)
		for i, render := range pages[name] {
			before, after, ok := strings.Cut(rest, exampleBegin)
			_, behind, ended := strings.Cut(after, exampleEnd)
			if !ok || !ended {
				t.Fatalf("%s has no place for its example %d", path, i+1)
			}
			want.WriteString(before + exampleBegin + "\n" + render(x) + "\n" + exampleEnd)
			rest = behind
		}
		want.WriteString(rest)
		if strings.Contains(rest, exampleBegin) {
			t.Errorf("%s has more places for examples than there are examples", path)
		}
		sameFile(t, path, got, []byte(want.String()))
	}
	for name, text := range pictures(x) {
		path := filepath.Join(statisticsDocs, name)
		got, err := os.ReadFile(path)
		if err != nil && !*updateDocs {
			t.Fatal(err)
		}
		sameFile(t, path, got, []byte(text))
	}
}

func sameFile(t *testing.T, path string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	if !*updateDocs {
		t.Errorf("%s does not show what the exporter serves; `make golden` writes it again", path)
		return
	}
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

// headings are the sections of every page about a score or test, in their order.
var headings = []string{
	"## Definition", "## What it sees", "## What it misses", "## Threshold", "## How many records", "## Example",
}

func TestEveryServedStatisticHasAPage(t *testing.T) {
	s := newSite(t, "    labels: {path: labels.jsonl}\n")
	for i := range 40 {
		s.add("predictions.jsonl", prediction(i, ""))
		s.add("labels.jsonl", label(i, "no"))
	}
	named := make(map[string]bool)
	label := regexp.MustCompile(`(statistic|test)=(\w+)`)
	for key := range s.once() {
		if found := label.FindStringSubmatch(key); found != nil {
			named[found[2]] = true
		}
	}
	if len(named) != len(scoreNames)+2 {
		t.Errorf("statistics and tests are %v", named)
	}
	index, err := os.ReadFile(filepath.Join(statisticsDocs, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range pages {
		if name != "README.md" && !bytes.Contains(index, []byte("("+name+")")) {
			t.Errorf("the index does not link to %s", name)
		}
	}
	for name := range named {
		text, err := os.ReadFile(filepath.Join(statisticsDocs, name+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		var found []string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "## ") {
				found = append(found, strings.TrimSpace(line))
			}
		}
		if !slices.Equal(found, headings) {
			t.Errorf("%s.md has the sections %q, want %q", name, found, headings)
		}
	}
}

func TestEveryPerformanceMetricIsExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(statisticsDocs, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rules := range []outcome.Rules{
		{Task: outcome.Classification, HasPositive: true}, {Task: outcome.Regression},
	} {
		tally := outcome.NewTally(rules)
		for i := range 4 {
			label, prediction := outcome.Value{Class: uint32(i % 2)}, outcome.Value{Class: uint32(i / 2)}
			if rules.Task == outcome.Regression {
				label, prediction = outcome.Value{Number: float64(i)}, outcome.Value{Number: 1}
			}
			tally.Add(outcome.Outcome{Prediction: prediction, Label: label, Score: 0.5}, 1)
		}
		metrics := tally.Metrics()
		if len(metrics) < 5 {
			t.Errorf("only the metrics %v", metrics)
		}
		for _, m := range metrics {
			if !bytes.Contains(text, []byte("| `"+m.Name+"` |")) {
				t.Errorf("performance.md does not explain %s", m.Name)
			}
		}
	}
}

func TestPagesStateTheShippedThresholds(t *testing.T) {
	rules, err := os.ReadFile("../rules/thresholds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shipped := regexp.MustCompile(`expr: vector\((\S+)\)\n +labels:\n +severity: warning\n +statistic: (\w+)\n`)
	want := make(map[string]string)
	for _, found := range shipped.FindAllStringSubmatch(string(rules), -1) {
		if slices.Contains(scoreNames, found[2]) {
			want[found[2]] = "Shipped: " + found[1] + "."
		}
	}
	suggested := regexp.MustCompile(`\b(psi|hellinger|total_variation|chebyshev|ks|wasserstein) (0\.\d+)[,.]`)
	for _, found := range suggested.FindAllStringSubmatch(string(rules), -1) {
		want[found[1]] = "Shipped: none. Suggested: " + found[2] + "."
	}
	if len(want) != len(scoreNames) {
		t.Errorf("thresholds.yaml says something of %v", want)
	}
	for name, sentence := range want {
		text, err := os.ReadFile(filepath.Join(statisticsDocs, name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(sentence)) {
			t.Errorf("%s.md does not say %q", name, sentence)
		}
	}
}
