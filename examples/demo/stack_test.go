package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// stackConfig is what the exporter watches in TestStack. What is done to each model is said there.
const stackConfig = `
evaluation_interval: 1s
state: {path: state, checkpoint_interval: 5s}
models:
  - name: drifting
    reference: {path: flights/reference.csv}
    predictions: {path: logs/drifting/predictions.jsonl}
    labels: {path: logs/drifting/labels.jsonl}
    windows: [1m, 2m]
    positive_class: late
    slices: [origin]
  - name: dependent
    depends_on: [drifting]
    reference: {path: flights/reference.csv}
    predictions: {path: logs/dependent/predictions.jsonl}
    windows: [1m, 2m]
  - name: broken
    reference: {path: flights/reference.csv}
    predictions: {path: logs/broken/predictions.jsonl}
    windows: [1m, 2m]
  - name: tuned
    reference: {path: flights/reference.csv}
    predictions: {path: logs/tuned/predictions.jsonl}
    windows: [1m, 2m]
  - name: steady
    reference: {path: steady/reference.csv}
    predictions: {path: logs/steady/predictions.jsonl}
    labels: {path: logs/steady/labels.jsonl}
    windows: [1m, 2m]
    positive_class: late
`

// world is a stack that runs, and what it has told so far.
type world struct {
	t       *testing.T
	l       *layout
	streams map[string]*stream
	started time.Time

	mu   sync.Mutex
	told []notification
}

// awaitTimeout is how long any one thing may take: more than twice what it takes on a machine that does nothing else.
const awaitTimeout = 2 * time.Minute

// await polls until the condition holds. It says how long the test has run then, and gives up after awaitTimeout with
// what the condition said last.
func (w *world) await(what string, holds func() (bool, string)) {
	w.t.Helper()
	deadline := time.Now().Add(awaitTimeout)
	for {
		ok, state := holds()
		if ok {
			w.t.Logf("%4.0f s: %s", time.Since(w.started).Seconds(), what)
			return
		}
		if time.Now().After(deadline) || w.t.Context().Err() != nil {
			w.t.Fatalf("not within %v: %s; %s", awaitTimeout, what, state)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// get decodes what an address answers.
func (w *world) get(address string, into any) error {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	err = json.NewDecoder(response.Body).Decode(into)
	return errors.Join(err, response.Body.Close())
}

// query returns what Prometheus answers: the values by the label given, which must tell the series apart.
func (w *world) query(expr, label string) (map[string]float64, error) {
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	err := w.get("http://"+w.l.prometheus+"/api/v1/query?"+url.Values{"query": {expr}}.Encode(), &answer)
	if err != nil || answer.Error != "" {
		return nil, fmt.Errorf("%s: %s (%w)", expr, answer.Error, err)
	}
	values := map[string]float64{}
	for _, r := range answer.Data.Result {
		value, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		if _, ok := values[r.Metric[label]]; ok {
			return nil, fmt.Errorf("%s: two series have the same %s", expr, label)
		}
		values[r.Metric[label]] = value
	}
	return values, nil
}

// awaitQuery polls until the only value of an expression is the wanted one.
func (w *world) awaitQuery(what, expr string, want float64) {
	w.t.Helper()
	w.await(what, func() (bool, string) {
		values, err := w.query(expr, "model")
		if err != nil {
			return false, err.Error()
		}
		for _, v := range values {
			return len(values) == 1 && v == want, fmt.Sprintf("%s is %v, want %g", expr, values, want)
		}
		return false, expr + " has no value"
	})
}

// inform takes a notification.
func (w *world) inform(n notification) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, n)
}

// notice says in one line who was told of an alert, and of which.
func notice(to string, a alert) string {
	words := []string{to, a.Labels["alertname"], a.Labels["severity"], a.Labels["action"]}
	for _, label := range []string{"model", "column"} {
		if a.Labels[label] != "" {
			words = append(words, a.Labels[label])
		}
	}
	return strings.Join(words, " ")
}

// notices returns all alerts of the status that were told, each once, sorted.
func (w *world) notices(status string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, n := range w.told {
		for _, a := range n.Alerts {
			if a.Status == status {
				all = append(all, notice(n.To, a))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// awaitNotices polls until all these are among the notices, in whatever order they came.
func (w *world) awaitNotices(what, status string, want ...string) {
	w.t.Helper()
	w.await(what, func() (bool, string) {
		got := w.notices(status)
		missing := slices.DeleteFunc(slices.Clone(want), func(n string) bool { return slices.Contains(got, n) })
		return len(missing) == 0, fmt.Sprintf("missing is\n  %s\nof\n  %s",
			strings.Join(missing, "\n  "), strings.Join(got, "\n  "))
	})
}

// awaitSilenced polls until Alertmanager holds back an alert of the model and column because of another one.
func (w *world) awaitSilenced(name, model, column string) {
	w.t.Helper()
	w.await(fmt.Sprintf("%s of %s %s is silent", name, model, column), func() (bool, string) {
		var alerts []struct {
			Labels map[string]string
			Status struct {
				State       string
				InhibitedBy []string
			}
		}
		if err := w.get("http://"+w.l.alertmanager+"/api/v2/alerts", &alerts); err != nil {
			return false, err.Error()
		}
		for _, a := range alerts {
			if a.Labels["alertname"] == name && a.Labels["model"] == model && a.Labels["column"] == column {
				return len(a.Status.InhibitedBy) > 0, "it is " + a.Status.State
			}
		}
		return false, "Alertmanager does not know it"
	})
}

// reload has Prometheus read its rules again.
func (w *world) reload() {
	w.t.Helper()
	response, err := http.Post("http://"+w.l.prometheus+"/-/reload", "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatalf("reload of Prometheus: %s (%v)", response.Status, err)
	}
}

// freeAddress returns an address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// requirePrograms skips the test where a program is missing, or lets it fail where REQUIRE_TOOLS is 1. The exporter is
// built.
func requirePrograms(t *testing.T) {
	t.Helper()
	for _, name := range []string{"prometheus", "alertmanager"} {
		if _, err := find(name); err != nil && os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		} else if err != nil {
			t.Skip(err)
		}
	}
	if os.Getenv("DRIFT_EXPORTER") != "" {
		return
	}
	binary := filepath.Join(t.TempDir(), "drift_exporter")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/drift_exporter").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Setenv("DRIFT_EXPORTER", binary)
}

// readControl reads flights of which any number drawn at random is like the reference beside them.
func readControl(t *testing.T) []flight {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "flights-control", "live.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var flights []flight
	for _, row := range rows[1:] {
		f := flight{features: map[string]any{}}
		for i, name := range rows[0] {
			number, err := strconv.ParseFloat(row[i], 64)
			switch {
			case name == "prediction":
				f.prediction = row[i]
			case name == "label":
				f.label = row[i]
			case name == "score":
				f.score = number
			case row[i] == "":
				f.features[name] = nil
			case err != nil:
				f.features[name] = row[i]
			default:
				f.features[name] = number
			}
		}
		flights = append(flights, f)
	}
	return flights
}

// newWorld starts everything and replays the logs until the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	requirePrograms(t)
	w := &world{t: t, streams: map[string]*stream{}, started: time.Now()}
	server := &http.Server{Handler: receiver(w.inform), ReadHeaderTimeout: time.Minute}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	w.l = &layout{
		folder: t.TempDir(), receiver: listener.Addr().String(), factor: 60,
		exporter: freeAddress(t), prometheus: freeAddress(t), alertmanager: freeAddress(t),
	}
	if err := w.l.write([]byte(stackConfig)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		filepath.Join("..", "flights", "reference.csv"):               w.l.path("flights", "reference.csv"),
		filepath.Join("testdata", "flights-control", "reference.csv"): w.l.path("steady", "reference.csv"),
	} {
		if err := copyFile(from, to); err != nil {
			t.Fatal(err)
		}
	}
	flights, err := readStableFlights(filepath.Join("..", "flights"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*stream
	for i, model := range []string{"drifting", "dependent", "broken", "tuned", "steady"} {
		from := flights
		if model == "steady" {
			from = readControl(t)
		}
		s, err := newStream(w.l.folder, model, atRandom(from, uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		w.streams[model] = s
		all = append(all, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	written := make(chan error)
	go func() { written <- replay(ctx, all, 50, history) }()
	programs, startErr := startStack(t.Context(), w.l, false)
	t.Cleanup(func() {
		err := programs.stop()
		cancel()
		if err := errors.Join(err, <-written); err != nil {
			t.Error(err)
		}
		for _, p := range programs {
			if t.Failed() {
				t.Logf("%s said last:\n%s", p.name, p.tail())
			}
		}
	})
	if startErr != nil {
		t.Fatal(startErr)
	}
	return w
}

// TestStack runs the exporter, Prometheus and Alertmanager, and holds what people are told against what is done to five
// models. One drifts in one column, and errs later. One depends on it and drifts with it. One drifts too, but then its
// log is lost. One moves so little that only lower thresholds see it. Of one, nothing changes at all.
func TestStack(t *testing.T) {
	if os.Getenv("E2E") != "1" {
		t.Skip("takes minutes and wants a machine of its own: run `make e2e`, or set E2E to 1")
	}
	w := newWorld(t)
	w.awaitQuery("every column has a verdict", `count(column:drift_score:drifted{role="feature"} == 0)`, 35)

	w.streams["drifting"].begin(delaysInSeconds)
	w.streams["dependent"].begin(delaysInSeconds)
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
		"model-owners ModelFeatureDrift warning investigate drifting recent_delay_origin",
		"data-owners ModelOutOfRangeHigh warning fix_data drifting recent_delay_origin",
	}
	w.awaitNotices("the owners of the model and of its data are told of the drift", "firing", expected...)
	w.awaitSilenced("ModelFeatureDrift", "dependent", "recent_delay_origin")
	w.awaitSilenced("ModelFeatureDrift", "broken", "recent_delay_origin")
	expected = append(expected, "platform DriftSourceDown warning fix_pipeline broken")
	w.awaitNotices("those who run the platform are told of the lost log", "firing", expected...)

	w.streams["drifting"].begin(delaysInSeconds, outcomesTurn)
	w.lowerThresholds()
	expected = append(expected,
		"model-owners ModelFeatureDrift warning investigate tuned distance",
		"model-owners ModelFeatureDrift warning investigate tuned recent_delay_origin")
	w.awaitNotices("lower thresholds find what moved a little", "firing", expected...)
	expected = append(expected,
		"model-owners ModelErrorDrift warning investigate drifting",
		"model-owners ModelErrorRatioHigh warning investigate drifting",
		"model-owners ModelLabelDrift warning investigate drifting",
		"on-call ModelErrorRatioHigh critical investigate drifting",
		"model-owners ModelRetrainingRecommended warning retrain drifting",
		"retrain ModelRetrainingRecommended warning retrain drifting")
	w.awaitNotices("errors are told, and then that the model should be retrained", "firing", expected...)
	w.awaitSilenced("ModelFeatureDrift", "drifting", "recent_delay_origin")

	slices.Sort(expected)
	if got := w.notices("firing"); !slices.Equal(got, expected) {
		t.Errorf("people were told of\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(expected, "\n  "))
	}
	w.checkGroups()
	w.checkSteady()
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

// checkSteady checks that nothing was ever said of the model of which nothing changes, and that the exporter had no part
// in the change of thresholds.
func (w *world) checkSteady() {
	for _, never := range []string{
		`count_over_time(ALERTS{alertstate="firing", model="steady"}[1h])`,
		`count_over_time(ALERTS{alertstate="firing", alertname=~"DriftExporter.*"}[1h])`,
		`changes(process_start_time_seconds{job="drift_exporter"}[1h]) > 0`,
		`changes(drift_exporter_config_last_reload_success_timestamp_seconds[1h]) > 0`,
	} {
		if got, err := w.query(never, "alertname"); err != nil || len(got) != 0 {
			w.t.Errorf("%s has values: %v (%v)", never, got, err)
		}
	}
	if got, err := w.query(`sum(drift_labeled_predictions_total{model="steady"})`, "model"); err != nil || got[""] < 1000 {
		w.t.Errorf("of the steady model there are too few labels to say anything: %v (%v)", got, err)
	}
}
