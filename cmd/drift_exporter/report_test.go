package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/report"
	"github.com/drift-exporter/drift_exporter/rules"
)

func TestReportAsTheGateOfAPipeline(t *testing.T) {
	empty := t.TempDir()
	config := filepath.Join(empty, "config.yaml")
	reference, err := filepath.Abs(filepath.Join("testdata", "small", "reference.csv"))
	if err != nil {
		t.Fatal(err)
	}
	text := "models:\n- {name: m, reference: {path: " + reference + "}, predictions: {path: gone.jsonl}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	chdirToRoot(t)
	const example = "config.example.yaml"
	for name, test := range map[string]struct {
		config         string
		args           []string
		code           int
		stdout, stderr string
	}{
		"without a gate":         {example, []string{"--window=28d"}, exitOK, "what exceeds its threshold", ""},
		"drift":                  {example, []string{"--window=28d", "--fail-on=drift"}, exitFindings, "recent_delay_origin", "2 values exceed their thresholds"},
		"drift, with json":       {example, []string{"--window=28d", "--fail-on=errors,drift", "--output=json"}, exitFindings, `"drifted": true`, "2 values"},
		"errors, which fell":     {example, []string{"--window=28d", "--fail-on=errors,data"}, exitOK, "error_ratio", ""},
		"drift of a longer time": {example, []string{"--fail-on=drift"}, exitOK, "window 180d", ""},
		"an unknown window":      {example, []string{"--window=1h"}, exitFailure, "", `has no window "1h"`},
		"without logs":           {config, nil, exitOK, "no file", ""},
		"a gate without logs":    {config, []string{"--fail-on=drift"}, exitFailure, "no file", "nothing to judge: model m"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"report", "--log.level=error", "--config.file=" + test.config}, test.args...)
			code, stdout, stderr := call(t, args...)
			if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) ||
				test.stderr == "" && stderr != "" {
				t.Errorf("exit code %d, want %d; stdout %s\nstderr %s", code, test.code, stdout, stderr)
			}
		})
	}
}

// The numbers of a report are those of the metrics.
func TestReportHasTheNumbersOfTheMetrics(t *testing.T) {
	t.Chdir(testdata(t, "small"))
	all := families(t, exposition(t, "config.yaml"))
	code, stdout, stderr := call(t, "report", "--log.level=error", "--config.file=config.yaml", "--output=json", "--top=0")
	if code != exitOK {
		t.Fatalf("exit code %d, stderr %s", code, stderr)
	}
	var r report.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range r.Models[0].Versions[0].Columns {
		for _, s := range c.Scores {
			for _, m := range all["drift_score"].GetMetric() {
				labels := map[string]string{}
				for _, l := range m.Label {
					labels[l.GetName()] = l.GetValue()
				}
				if labels["column"] == c.Name && labels["statistic"] == s.Statistic && labels["window"] == "1d" {
					compared++
					if s.Value != m.GetGauge().GetValue() {
						t.Errorf("%s of %s is %g, want %g", s.Statistic, c.Name, s.Value, m.GetGauge().GetValue())
					}
				}
			}
		}
	}
	// Two columns of numbers have eight scores, three of categories, of which one is the label, five.
	if compared != 2*8+3*5 {
		t.Errorf("%d scores were compared, want 31", compared)
	}
}

func TestHelpOfReportNamesItsFlags(t *testing.T) {
	code, stdout, _ := call(t, "report", "--help")
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for _, flag := range []string{"--window=", `--output=text`, "--top=10", "--fail-on="} {
		if !strings.Contains(stdout, flag) {
			t.Errorf("--help does not show %s:\n%s", flag, stdout)
		}
	}
}

// The page states thresholds and flags; they are those of the program.
func TestThePageOfReportIsRight(t *testing.T) {
	chdirToRoot(t)
	page, err := os.ReadFile(filepath.Join("docs", "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	thresholds, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	value := func(statistic string) string {
		x, ok := thresholds.Find("warning", statistic, "", "")
		if !ok {
			t.Errorf("%s has no threshold", statistic)
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	want := []string{
		"(`jensen_shannon` " + value("jensen_shannon") + ", `mean_shift` " + value("mean_shift") + ")",
		"by more than " + value("missing_ratio_increase") + ", or more than " + value("unseen_ratio") + " of its values",
		"error ratio by more than " + value("error_ratio_increase") + " |",
		"| " + strconv.Itoa(exitFindings) + " | something",
	}
	for _, flag := range []string{"--window", "--output", "--top", "--fail-on"} {
		want = append(want, "| `"+flag+"` | ")
	}
	for _, text := range want {
		if !strings.Contains(string(page), text) {
			t.Errorf("docs/report.md does not say %q", text)
		}
	}
}
