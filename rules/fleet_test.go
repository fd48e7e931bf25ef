package rules

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// TestFleetEqualsOneExporter gives the values of a column to three exporters, and has Prometheus compute of their
// counters what the exporter's own functions compute of all values.
func TestFleetEqualsOneExporter(t *testing.T) {
	reference := []uint64{400, 300, 200, 100, 0}
	replicas := [][]uint64{{96, 192, 0, 480, 0}, {192, 0, 0, 96, 480}, {0, 0, 0, 0, 0}}
	const steps, labeled, wrong = 96, 960, 96 // a day of quarters of an hour; labels of each replica
	live := make([]uint64, len(reference))
	var series strings.Builder
	add := func(name, instance, labels string, perDay uint64, constant float64) {
		values := fmt.Sprintf("0+%gx%d", float64(perDay)/steps, steps)
		if constant >= 0 {
			values = fmt.Sprintf("%gx%d", constant, steps)
		}
		fmt.Fprintf(&series, "      - series: '%s{job=\"j\", instance=%q, model=\"m\", version=\"1\"%s}'\n"+
			"        values: %s\n", name, instance, labels, values)
	}
	for i, counts := range replicas {
		instance := fmt.Sprintf("%d:1", i)
		for bin, n := range counts {
			live[bin] += n
			labels := fmt.Sprintf(`, column="c", role="feature", bin="%d", range="r%d"`, bin, bin)
			add("drift_column_bin_values_total", instance, labels, n, -1)
			add("drift_column_bin_reference_ratio", instance, labels, 0, float64(reference[bin])/1000)
		}
		add("drift_labeled_predictions_total", instance, "", labeled, -1)
		add("drift_prediction_errors_total", instance, "", wrong*uint64(i), -1)
	}
	// What one exporter reads alone is not recorded again.
	series.WriteString("      - series: 'drift_column_bin_values_total{job=\"j\", instance=\"0:1\", model=\"alone\"}'\n" +
		"        values: 0+1x96\n")

	var expressions strings.Builder
	want := func(expr string, value float64) {
		fmt.Fprintf(&expressions, "      - expr: 'count(abs(%s - %.17g) < 1e-9)'\n        eval_time: 1d\n"+
			"        exp_samples: [{value: 1}]\n", expr, value)
	}
	for name, f := range map[string]func(p, q []uint64) (float64, bool){
		"psi": stat.PSI, "jensen_shannon": stat.JensenShannon, "total_variation": stat.TotalVariation,
	} {
		value, ok := f(reference, live)
		if !ok || value < 0.1 || math.IsInf(value, 0) {
			t.Fatalf("%s is %g, which tests nothing", name, value)
		}
		want(fmt.Sprintf("column:drift_score:increase1d{job=\"j\", statistic=%q}", name), value)
	}
	want("count(bin:drift_column_bin_values:increase1d)", float64(len(live)))
	want("model:drift_prediction_errors:ratio_increase1d", float64(wrong*3)/(labeled*3))

	file, err := filepath.Abs("fleet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fleet_test.yaml")
	text := fmt.Sprintf("rule_files: [%q]\nevaluation_interval: 15m\ntests:\n  - interval: 15m\n    input_series:\n%s"+
		"    promql_expr_test:\n%s", file, &series, &expressions)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	runPromtool(t, []string{path}, "test", "rules")
}
