package exporter

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome/estimate"
)

var labelLine = regexp.MustCompile(`"fl-[^"]*(\d)".*"label":"(\w+)"`)

// flipLabels writes the labels of the flights anew, in which those with a number that ends in 0, 1 or 2 are wrong.
func flipLabels(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "labels-*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no labels in %s: %v", folder, err)
	}
	var out strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			found := labelLine.FindStringSubmatch(line)
			if found == nil {
				t.Fatalf("a label is not written as they are: %s", line)
			}
			if found[1] <= "2" {
				other := map[string]string{"late": "on_time", "on_time": "late"}[found[2]]
				line = strings.Replace(line, `"label":"`+found[2], `"label":"`+other, 1)
			}
			out.WriteString(line)
		}
	}
	path := filepath.Join(t.TempDir(), "labels.jsonl")
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// estimateTable shows estimates beside what turned out to be true.
func estimateTable(x *example) string {
	pair := func(s served, name, format string) []string {
		return []string{
			fmt.Sprintf(format, x.value(s, metric.EstimatedPerformance, "metric="+name)),
			fmt.Sprintf(format, x.value(s, metric.Performance, "metric="+name)),
		}
	}
	text := "The classifier in `examples/flights` (`cbpe`) and the regression in `examples/flights-minutes` (`dle`):\n\n"
	return text + x.table("estimated `accuracy` | realised | estimated `roc_auc` | realised | estimated `mae` | realised",
		func(w *exampleWindow) []string {
			cells := append(pair(w.flights, "accuracy", "%.3f"), pair(w.flights, "roc_auc", "%.3f")...)
			return append(cells, pair(w.minutes, "mae", "%.1f")...)
		}) + x.referenceEstimates()
}

// referenceEstimates is what is estimated of the references themselves, beside what they have.
func (x *example) referenceEstimates() string {
	var row strings.Builder
	row.WriteString("| reference |")
	for i, names := range [][]string{{"accuracy", "roc_auc"}, {"mae"}} {
		folder, err := filepath.Abs(dataSets[i].folder)
		if err != nil {
			x.t.Fatal(err)
		}
		reference := filepath.Join(folder, "reference.csv")
		got, _ := runOnce(x.t, fmt.Sprintf("models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, windows: [10y]}\n",
			reference, reference), false)
		for _, name := range names {
			format := " %.3f | %.3f |"
			if name == "mae" {
				format = " %.1f | %.1f |"
			}
			fmt.Fprintf(&row, format, x.value(got, metric.EstimatedPerformance, "metric="+name),
				x.value(got, metric.ReferencePerformance, "metric="+name))
		}
	}
	row.WriteString("\n")
	return row.String()
}

// flippedTable shows estimates that are wrong, because labels have come to mean something else.
func flippedTable(x *example) string {
	folder, err := filepath.Abs(dataSets[0].folder)
	if err != nil {
		x.t.Fatal(err)
	}
	labels := flipLabels(x.t, folder)
	windows := windowsOf(x.t, folder)
	i := 0
	return x.table("estimated `accuracy` | realised | realised with three in ten labels flipped | `jensen_shannon` of `score`",
		func(w *exampleWindow) []string {
			log := cutLog(x.t, folder, windows[i].Start, windows[i].End)
			i++
			got, _ := runOnce(x.t, fmt.Sprintf(
				"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [10y]}\n",
				filepath.Join(folder, "reference.csv"), log, labels), false)
			estimated := x.value(got, metric.EstimatedPerformance, "metric=accuracy")
			realised := x.value(w.flights, metric.Performance, "metric=accuracy")
			flipped := x.value(got, metric.Performance, "metric=accuracy")
			if before := x.value(w.flights, metric.EstimatedPerformance, "metric=accuracy"); estimated != before {
				x.t.Errorf("%s: labels change the estimate from %g to %g", w.name, before, estimated)
			}
			if flipped > realised-0.15 {
				x.t.Errorf("%s: with flipped labels the accuracy is %.3f, was %.3f", w.name, flipped, realised)
			}
			return []string{
				fmt.Sprintf("%.3f", estimated), fmt.Sprintf("%.3f", realised), fmt.Sprintf("%.3f", flipped),
				fmt.Sprintf("%.3f", x.value(got, metric.Score, "column=score", "statistic=jensen_shannon")),
			}
		})
}

func TestEveryEstimateIsExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(statisticsDocs, "estimates.md"))
	if err != nil {
		t.Fatal(err)
	}
	var c estimate.Calibration
	b, errors := c.NewBinary(), estimate.Errors{}
	errors.Add(1, 1)
	for _, class := range []bool{true, false} {
		at, _ := c.At(0.5)
		b.Add(at, class)
	}
	metrics := append(b.Metrics(), errors.Metrics()...)
	if len(metrics) != 8 {
		t.Errorf("there are %v", metrics)
	}
	for _, m := range metrics {
		if !bytes.Contains(text, []byte("| `"+m.Name+"` |")) {
			t.Errorf("estimates.md does not explain %s", m.Name)
		}
	}
}
