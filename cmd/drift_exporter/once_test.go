package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// exposition returns the metrics of all that the logs of a configuration hold.
func exposition(t *testing.T, config string) string {
	t.Helper()
	code, stdout, stderr := call(t, "--once", "--log.level=error", "--config.file="+config)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	problems, err := promlint.New(strings.NewReader(stdout)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
	return stdout
}

// families parses an exposition.
func families(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOnceOnTheExample(t *testing.T) {
	chdirToRoot(t)
	all := families(t, exposition(t, "config.example.yaml"))
	for name, family := range all {
		for _, m := range family.Metric {
			if x := m.GetGauge().GetValue() + m.GetCounter().GetValue(); math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%s is %g: %v", name, x, m.Label)
			}
		}
	}
	for _, name := range []string{"drift_score", "drift_p_value", "drift_noise_floor", "drift_error_ratio"} {
		for _, watched := range []string{"flight-delay", "flight-delay-minutes"} {
			of := func(m *dto.Metric) bool {
				return slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool {
					return l.GetName() == "model" && l.GetValue() == watched
				})
			}
			if family := all[name]; family == nil || !slices.ContainsFunc(family.Metric, of) {
				t.Errorf("there is no %s of the model %s", name, watched)
			}
		}
	}
	for _, m := range all["drift_source_errors_total"].GetMetric() {
		if m.GetCounter().GetValue() != 0 && !strings.Contains(m.String(), `"duplicate"`) {
			t.Errorf("the example has records that are not counted: %v", m)
		}
	}
}

// sample splits a line of an exposition.
func sample(t *testing.T, line string) (series string, value float64) {
	t.Helper()
	at := strings.LastIndexByte(line, ' ')
	if at < 0 {
		t.Fatalf("not a sample: %q", line)
	}
	value, err := strconv.ParseFloat(line[at+1:], 64)
	if err != nil {
		t.Fatal(err)
	}
	return line[:at], value
}

// notCompared has the metrics whose values change from run to run: they tell of the wall clock, of how long something
// took, of when a file was written; and whether a label or its prediction was read first.
var notCompared = []string{
	"drift_exporter_config_last_reload_success_timestamp_seconds",
	"drift_exporter_evaluation_duration_seconds",
	"drift_exporter_last_evaluation_timestamp_seconds",
	"drift_labels_total",
	"drift_last_label_read_timestamp_seconds",
	"drift_last_prediction_read_timestamp_seconds",
	"drift_reference_timestamp_seconds",
	"drift_source_last_record_timestamp_seconds",
}

// fixed returns an exposition with 0 for the values that change from run to run.
func fixed(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			series, _ := sample(t, strings.TrimSuffix(line, "\n"))
			if name, _, _ := strings.Cut(series, "{"); slices.Contains(notCompared, name) {
				line = series + " 0\n"
			}
		}
		out.WriteString(line)
	}
	return out.String()
}

// The example is large; here every line of what is served is compared.
// The first thing that a user compares is what the README shows.
func TestTheReadmeShowsWhatTheExampleServes(t *testing.T) {
	chdirToRoot(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, shown := exposition(t, "config.example.yaml"), 0
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "drift_") && strings.Contains(line, "} ") {
			shown++
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("the README shows what is not served: %s", line)
			}
		}
	}
	if shown < 4 {
		t.Errorf("the README shows %d series, want at least 4", shown)
	}
}

func TestOnceOnTheSmallLogs(t *testing.T) {
	file := testdata(t, "small.prom")
	t.Chdir(testdata(t, "small"))
	text := exposition(t, "config.yaml")
	got := fixed(t, text)
	want := golden(t, file, got)
	gotLines, wantLines := strings.Split(strings.TrimSpace(got), "\n"), strings.Split(strings.TrimSpace(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) {
			t.Fatalf("got %d lines, want %d", len(gotLines), len(wantLines))
		}
		if same(t, gotLines[i], wantLines[i]) {
			continue
		}
		t.Errorf("line %d\n got %s\nwant %s", i+1, gotLines[i], wantLines[i])
	}
}

// same reports whether two lines are equal but for a last digit of a value: another processor may round differently.
func same(t *testing.T, got, want string) bool {
	t.Helper()
	if got == want {
		return true
	}
	if strings.HasPrefix(got, "#") || strings.HasPrefix(want, "#") {
		return false
	}
	gotSeries, x := sample(t, got)
	wantSeries, y := sample(t, want)
	return gotSeries == wantSeries && math.Abs(x-y) <= 1e-9*math.Abs(y)
}

// What the small logs hold was counted by hand. There are 60 predictions, one each 90 seconds from 10:00:00 to
// 11:28:30. Panes of the shorter window are 30 seconds, so it covers 10:59:00 to 11:29:00: predictions 40 to 59.
// Prediction 5 has no amount, 45 has a plan that the reference lacks, and 50 an amount that is a word; one line is cut,
// and 30 stands there twice. Predictions 0 to 49 have a label, that of every tenth is not what was predicted. Four more
// labels are of an id that no prediction has, without id, without label, and without time.
func TestOnceCountsWhatTheSmallLogsHold(t *testing.T) {
	t.Chdir(testdata(t, "small"))
	got, labels := map[string]float64{}, 0.0
	for line := range strings.Lines(exposition(t, "config.yaml")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		series, value := sample(t, strings.TrimSuffix(line, "\n"))
		got[series] = value
		if strings.HasPrefix(series, "drift_labels_total{") {
			labels += value
		}
	}
	if labels != 51 {
		t.Errorf("drift_labels_total adds up to %g, want 51", labels)
	}
	column := func(name, column, window string) string {
		return fmt.Sprintf(`%s{column=%q,model="small",role="feature",version="1",window=%q}`, name, column, window)
	}
	window := func(name, window string) string {
		return fmt.Sprintf(`%s{model="small",version="1",window=%q}`, name, window)
	}
	rejected := func(reason, source string) string {
		return fmt.Sprintf(`drift_source_errors_total{model="small",reason=%q,source=%q}`, reason, source)
	}
	for series, want := range map[string]float64{
		`drift_predictions_total{model="small",version="1"}`:                                           60,
		`drift_labeled_predictions_total{model="small",version="1"}`:                                   50,
		`drift_prediction_errors_total{model="small",version="1"}`:                                     5,
		`drift_pending_predictions{model="small"}`:                                                     10,
		`drift_reference_predictions{model="small",version="1"}`:                                       40,
		`drift_reference_error_ratio{model="small",version="1"}`:                                       5.0 / 40,
		`drift_source_records_total{model="small",source="predictions.jsonl"}`:                         60,
		`drift_source_records_total{model="small",source="labels.csv"}`:                                51,
		`drift_window_end_timestamp_seconds{model="small"}`:                                            1740828510,
		window("drift_window_predictions", "1d"):                                                       60,
		window("drift_window_predictions", "30m"):                                                      20,
		window("drift_labeled_ratio", "1d"):                                                            50.0 / 60,
		window("drift_labeled_ratio", "30m"):                                                           0.5,
		window("drift_error_ratio", "1d"):                                                              0.1,
		column("drift_missing_ratio", "amount", "1d"):                                                  1.0 / 60,
		column("drift_missing_ratio", "amount", "30m"):                                                 0,
		column("drift_invalid_ratio", "amount", "30m"):                                                 1.0 / 20,
		column("drift_unseen_ratio", "plan", "1d"):                                                     1.0 / 60,
		column("drift_unseen_ratio", "plan", "30m"):                                                    1.0 / 20,
		`drift_slice_predictions{column="plan",model="small",value="unseen",version="1",window="1d"}`:  1,
		`drift_slice_predictions{column="plan",model="small",value="unseen",version="1",window="30m"}`: 1,
		`drift_slice_labels{column="plan",model="small",value="unseen",version="1",window="1d"}`:       1,
		`drift_slice_other_values{column="plan",model="small",version="1"}`:                            0,
		`drift_first_prediction_timestamp_seconds{model="small",version="1"}`:                          1740823200,
		rejected("malformed", "predictions.jsonl"):                                                     1,
		rejected("duplicate", "predictions.jsonl"):                                                     1,
		rejected("id", "labels.csv"):                                                                   1,
		rejected("label", "labels.csv"):                                                                1,
		rejected("timestamp", "labels.csv"):                                                            1,
		rejected("malformed", "labels.csv"):                                                            0,
	} {
		if value, ok := got[series]; !ok || math.Abs(value-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s is %g (present: %t), want %g", series, value, ok, want)
		}
	}
}
