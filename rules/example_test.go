package rules

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter"
)

// TestRulesFireOnTheExample runs the exporter on the bundled logs, which end while the delays of flights have really
// shifted, and has promtool evaluate the rules on what it serves: this shift is alerted, and nothing else is.
func TestRulesFireOnTheExample(t *testing.T) {
	tool := promtool(t)
	t.Chdir("..") // the example's paths are relative
	e, err := exporter.New(exporter.Options{ConfigFile: "config.example.yaml", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var test strings.Builder
	test.WriteString("rule_files:\n")
	for _, name := range []string{"thresholds", "recording", "model-alerts", "data-alerts", "exporter-alerts"} {
		path, err := filepath.Abs(filepath.Join("rules", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&test, "  - %q\n", path)
	}
	test.WriteString(`evaluation_interval: 1m
tests:
  - interval: 1m
    promql_expr_test:
      - expr: count by (alertname, model, column, action) (ALERTS{alertstate="firing"})
        eval_time: 2h
        exp_samples:
          - {labels: '{alertname="ModelFeatureDrift", model="flight-delay", column="recent_delay_origin", action="investigate"}', value: 1}
          - {labels: '{alertname="ModelFeatureDrift", model="flight-delay-minutes", column="recent_delay_origin", action="investigate"}', value: 1}
    input_series:
      - {series: 'up{job="drift_exporter", instance="a:1"}', values: "1x120"}
`)
	newest := 0.0
	for _, f := range families {
		if f.GetName() == "drift_window_end_timestamp_seconds" {
			for _, m := range f.Metric {
				newest = max(newest, m.GetGauge().GetValue())
			}
		}
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels strings.Builder
			for _, l := range m.Label {
				fmt.Fprintf(&labels, ", %s=%q", l.GetName(), l.GetValue())
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if strings.HasSuffix(f.GetName(), "_timestamp_seconds") {
				value += 7200 - newest // these tests happen in 1970
			}
			series := fmt.Sprintf(`%s{job="drift_exporter", instance="a:1"%s}`, f.GetName(), labels.String())
			fmt.Fprintf(&test, "      - {series: %q, values: \"%gx120\"}\n", series, value)
		}
	}
	path := filepath.Join(t.TempDir(), "example_test.yaml")
	if err := os.WriteFile(path, []byte(test.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), tool, "test", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, output)
	}
}
