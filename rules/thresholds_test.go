package rules

import (
	"math"
	"strings"
	"testing"
)

// The file is read twice, by Go code and by the one that the other tests have for rules.
func TestShippedThresholdsAreThoseOfTheFile(t *testing.T) {
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	rules := selectRules(t, isThreshold)
	if len(all) != len(rules) || len(all) < 7 {
		t.Fatalf("%d thresholds, want %d", len(all), len(rules))
	}
	for _, r := range rules {
		value, ok := all.Find(r.Labels["severity"], r.Labels["statistic"], "m", "c")
		want := map[string]float64{
			"jensen_shannon": 0.2, "mean_shift": 0.5, "missing_ratio_increase": 0.1, "unseen_ratio": 0.05,
			"error_ratio_increase": 0.05, "drifted_feature_ratio": 0.3, "version_error_ratio_difference": 0.02,
			"prediction_age_seconds": 90000, "invalid_ratio": 0.05, "out_of_range_ratio": 0.1,
			"missing_column_ratio": 0.1, "number_as_string_ratio": 0.1, "string_expected_ratio": 0.1,
			"mae_increase": 0.25, "accuracy_loss_estimated": 0.05, "mae_increase_estimated": 0.25,
			"positive_label_ratio_shift": 0.1, "prediction_volume_decrease": 0.8, "label_age_seconds": 691200,
			"labeled_ratio_decrease": 0.3, "rejected_record_ratio": 0.05, "slice_error_ratio_increase": 0.15,
			"source_backlog_seconds": 300, "receiver_spool_ratio": 0.8,
		}[r.Labels["statistic"]]
		if r.Labels["severity"] == "critical" {
			want = 0.15
		}
		if !ok || value != want {
			t.Errorf("%v is %g (present: %t), want %g", r.Labels, value, ok, want)
		}
	}
	if value, ok := all.Find("warning", "psi", "m", "c"); ok {
		t.Errorf("psi has the threshold %g, want none", value)
	}
}

func TestTheMostSpecificThresholdWins(t *testing.T) {
	rule := func(expr, labels string) string {
		return "      - {record: drift_threshold, expr: " + expr + ", labels: {" + labels + "}}\n"
	}
	all, err := parseThresholds([]byte("groups:\n  - name: g\n    rules:\n" +
		rule("vector(0.2)", "severity: warning, statistic: ks") +
		rule("vector(Inf)", "severity: warning, statistic: ks, model: m, column: c") +
		rule("vector(0.4)", "severity: warning, statistic: ks, model: m") +
		rule("vector(0.6)", "severity: critical, statistic: ks, model: n") +
		"      - {record: something_else, expr: up}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		severity, model, column string
		want                    float64
		ok                      bool
	}{
		{"warning", "m", "c", math.Inf(1), true},
		{"warning", "m", "d", 0.4, true},
		{"warning", "m", "", 0.4, true},
		{"warning", "n", "c", 0.2, true},
		{"critical", "n", "c", 0.6, true},
		{"critical", "m", "c", 0, false},
	} {
		if got, ok := all.Find(test.severity, "ks", test.model, test.column); got != test.want || ok != test.ok {
			t.Errorf("%+v: %g, %t", test, got, ok)
		}
	}
}

func TestBrokenThresholds(t *testing.T) {
	for text, want := range map[string]string{
		"groups: [": "thresholds.yaml: ",
		"groups: [{rules: [{record: drift_threshold, expr: sum(x), labels: {statistic: ks}}]}]": `"sum(x)"`,
	} {
		if _, err := parseThresholds([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
