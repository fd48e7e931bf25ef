package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// stackConfig is what the exporter watches in TestStack besides the models of the demo.
const stackConfig = `
  - name: broken
    reference: {path: flights/reference.csv}
    predictions: {path: logs/broken/predictions.jsonl}
    windows: [1m, 2m]
  - name: control
    reference: {path: control/reference.csv.gz}
    predictions: {path: logs/control/predictions.jsonl}
    labels: {path: logs/control/labels.jsonl}
    windows: [1m, 2m]
    positive_class: late
  - name: tuned
    reference: {path: flights/reference.csv}
    predictions: {path: logs/tuned/predictions.jsonl}
    windows: [1m, 2m]
`

// TestStack runs the exporter, Prometheus and Alertmanager, and holds what people are told against what is done to the
// models of the demo and three others. flight-delay drifts in one column, and errs later, as in the demo.
// flight-delay-minutes depends on it and drifts with it. One drifts too, but then its log is lost. One moves so little
// that only lower thresholds see it. Of two, nothing changes at all.
func TestStack(t *testing.T) {
	if os.Getenv("E2E") != "1" {
		t.Skip("takes minutes and wants a machine of its own: run `make e2e`, or set E2E to 1")
	}
	w := newWorld(t)
	w.awaitQuery("every column has a verdict", `count(column:drift_score:drifted{role="feature"} == 0)`, 52)

	w.streams["flight-delay"].begin(delaysInSeconds)
	w.streams["flight-delay-minutes"].begin(delaysInSeconds)
	w.streams["broken"].begin(delaysInSeconds)
	sent := 0
	w.streams["tuned"].begin(func(f *flight) {
		// The means move by about a quarter of a standard deviation, half of the shipped threshold.
		if sent++; sent%5 != 0 {
			return
		}
		for name, by := range map[string]float64{"distance": 600, "recent_delay_origin": 20} {
			if value, ok := f.features[name].(float64); ok {
				f.features[name] = value + by
			}
		}
	})
	// The verdict takes ten more seconds, and the alert fifteen after that: time enough to see that the log is lost.
	w.awaitQuery("the delays of the model whose log will be lost have drifted",
		`count(drift_score{model="broken", column="recent_delay_origin", statistic="mean_shift"} > 0.5)`, 2)
	if err := w.streams["broken"].lose(); err != nil {
		t.Fatal(err)
	}
	// Delays in seconds are also beyond all that training saw.
	expected := []string{
		"model-owners ModelFeatureDrift warning investigate flight-delay recent_delay_origin",
		"data-owners ModelOutOfRangeHigh warning fix_data flight-delay recent_delay_origin",
	}
	w.awaitNotices("the owners of the model and of its data are told of the drift", "firing", expected...)
	w.awaitSilenced("ModelFeatureDrift", "flight-delay-minutes", "recent_delay_origin")
	w.awaitSilenced("ModelFeatureDrift", "broken", "recent_delay_origin")
	expected = append(expected, "platform DriftSourceDown warning fix_pipeline broken")
	w.awaitNotices("those who run the platform are told of the lost log", "firing", expected...)

	w.streams["flight-delay"].begin(delaysInSeconds, outcomesTurn)
	w.lowerThresholds()
	expected = append(expected,
		"model-owners ModelFeatureDrift warning investigate tuned distance",
		"model-owners ModelFeatureDrift warning investigate tuned recent_delay_origin")
	w.awaitNotices("lower thresholds find what moved a little", "firing", expected...)
	expected = append(expected,
		"model-owners ModelErrorDrift warning investigate flight-delay",
		"model-owners ModelErrorRatioHigh warning investigate flight-delay",
		"model-owners ModelLabelDrift warning investigate flight-delay",
		"on-call ModelErrorRatioHigh critical investigate flight-delay",
		"model-owners ModelRetrainingRecommended warning retrain flight-delay",
		"retrain ModelRetrainingRecommended warning retrain flight-delay")
	w.awaitNotices("errors are told, and then that the model should be retrained", "firing", expected...)
	w.awaitSilenced("ModelFeatureDrift", "flight-delay", "recent_delay_origin")

	// What is told of the first version stays; of the second one there is nothing to tell.
	half := sometimes(2, rand.New(rand.NewPCG(0, 2)), retrained)
	w.streams["flight-delay"].begin(outcomesTurn, half)
	w.streams["flight-delay-minutes"].begin()
	w.awaitQuery("the retrained version errs far less often in both windows",
		`count(drift_version_error_ratio_difference_upper{model="flight-delay", version="2.0.0"} < -0.3)`, 2)

	slices.Sort(expected)
	if got := w.notices("firing"); !slices.Equal(got, expected) {
		t.Errorf("people were told of\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(expected, "\n  "))
	}
	w.checkGroups()
	w.checkSteady("flight-delay-steady")
	w.checkSteady("control")
	w.awaitQuery("predictions are compared with those of other days",
		`count(model:drift_predictions:loss_rate1h{model="flight-delay"})`, 1)
	w.checkDashboards()
}

// lowerThresholds lowers a threshold of one model, where people would, and has Prometheus read it.
func (w *world) lowerThresholds() {
	w.t.Helper()
	if got := w.notices("firing"); slices.ContainsFunc(got, func(n string) bool { return strings.Contains(n, "tuned") }) {
		w.t.Errorf("the shipped thresholds are exceeded already: %v", got)
	}
	w.setThreshold("tuned", "mean_shift", 0.05)
	w.reload()
}

// setThreshold writes a threshold of a model where people would.
func (w *world) setThreshold(model, statistic string, value float64) {
	w.t.Helper()
	file, err := os.OpenFile(w.l.path("rules", "thresholds.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	fmt.Fprintf(file, `
      - record: drift_threshold
        expr: vector(%g)
        labels: {model: %s, severity: warning, statistic: %s}
`, value, model, statistic)
	if err := file.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// checkGroups holds the notifications against the route: what is known of a model is one message.
func (w *world) checkGroups() {
	w.mu.Lock()
	defer w.mu.Unlock()
	together := false
	for _, n := range w.told {
		columns := map[string]bool{}
		for _, a := range n.Alerts {
			columns[a.Labels["column"]] = true
			if a.Labels["model"] != n.GroupLabels["model"] {
				w.t.Errorf("a message about %s has an alert about %s", n.GroupLabels["model"], a.Labels["model"])
			}
			if a.Annotations["description"] == "" || a.Fingerprint == "" {
				w.t.Errorf("%s lacks a description or fingerprint: %+v", notice(n.To, a), a)
			}
		}
		together = together || n.GroupLabels["model"] == "tuned" && columns["distance"] && columns["recent_delay_origin"]
	}
	if !together {
		w.t.Error("two columns of one model that drifted at once were told in two messages")
	}
}

// checkDashboards has the test of the dashboards query every panel here, where all that they show has happened.
func (w *world) checkDashboards() {
	command := exec.CommandContext(w.t.Context(), "go", "test", "-count=1", "-v", "-run=TestEveryPanelHasDataOnTheDemo",
		"../../dashboards")
	command.Env = append(os.Environ(), "DRIFT_EXPORTER_PROMETHEUS=http://"+w.l.prometheus)
	if output, err := command.CombinedOutput(); err != nil || !strings.Contains(string(output), "--- PASS") {
		w.t.Errorf("a panel of the dashboards is empty: %v\n%s", err, output)
	}
}

// checkSteady checks that nothing was ever said of a model of which nothing changes, and that the exporter had no part
// in the change of thresholds.
func (w *world) checkSteady(model string) {
	for _, never := range []string{
		fmt.Sprintf(`count_over_time(ALERTS{alertstate="firing", model=%q}[1h])`, model),
		`count_over_time(ALERTS{alertstate="firing", alertname=~"DriftExporter.*"}[1h])`,
		`changes(process_start_time_seconds{job="drift_exporter"}[1h]) > 0`,
		`changes(drift_exporter_config_last_reload_success_timestamp_seconds[1h]) > 0`,
	} {
		if got, err := w.query(never, "alertname"); err != nil || len(got) != 0 {
			w.t.Errorf("%s has values: %v (%v)", never, got, err)
		}
	}
	labels := fmt.Sprintf(`sum(drift_labeled_predictions_total{model=%q})`, model)
	if got, err := w.query(labels, "model"); err != nil || got[""] < 1000 {
		w.t.Errorf("of %s there are too few labels to say anything: %v (%v)", model, got, err)
	}
}
