package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

func exampleFlights(t *testing.T) []flight {
	t.Helper()
	flights, err := readFlights(filepath.Join("..", "flights", "predictions-2001-02-01.jsonl"),
		filepath.Join("..", "flights", "labels-2001-02-01.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return flights
}

func TestFlightsAreReadWithTheirLabels(t *testing.T) {
	flights := exampleFlights(t)
	if len(flights) != 2842 { // see ../README.md
		t.Errorf("%d flights, want 2842", len(flights))
	}
	wrong, labels := 0, 0
	for _, f := range flights {
		if f.label != nil {
			labels++
			if f.label != f.prediction {
				wrong++
			}
		}
	}
	if ratio := float64(wrong) / float64(labels); ratio < 0.19 || ratio > 0.21 {
		t.Errorf("error ratio %.3f, want 0.200", ratio)
	}
	if _, err := readFlights(filepath.Join("..", "flights", "nothing-*"), "x"); err == nil {
		t.Error("a log that is not there is no error")
	}
}

// lines decodes a log.
func lines[T any](t *testing.T, path string) []T {
	t.Helper()
	var all []T
	if err := eachLine(path, func(r *T) { all = append(all, *r) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStreamWritesLabelsWhenTheyAreDue(t *testing.T) {
	folder := t.TempDir()
	s, err := newStream(folder, "m", atRandom(exampleFlights(t), 1))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var times []time.Time
	for i := range 100 {
		times = append(times, start.Add(time.Duration(i)*100*time.Millisecond))
	}
	if err := s.send(times[:50]); err != nil {
		t.Fatal(err)
	}
	s.begin(delaysInSeconds, outcomesTurn)
	if err := s.send(times[50:]); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	predictions := lines[record](t, filepath.Join(folder, "logs", "m", "predictions.jsonl"))
	labels := lines[labelRecord](t, filepath.Join(folder, "logs", "m", "labels.jsonl"))
	if len(predictions) != 100 || !predictions[99].Timestamp.Equal(times[99]) {
		t.Fatalf("%d predictions, the last %+v", len(predictions), predictions[len(predictions)-1])
	}
	// 3% of flights have none, and those of the last two seconds have not come.
	if len(labels) < 70 || len(labels) > 80 {
		t.Errorf("%d labels, want about 77 of 80", len(labels))
	}
	at := map[string]record{}
	for _, p := range predictions {
		at[p.ID] = p
	}
	if len(at) != 100 {
		t.Errorf("%d different ids, want 100", len(at))
	}
	wrongBefore, wrongAfter := 0, 0
	turned := times[50].Add(labelDelay)
	for _, l := range labels {
		if delay := l.Timestamp.Sub(at[l.ID].Timestamp); delay != labelDelay {
			t.Errorf("the label of %s comes after %v", l.ID, delay)
		}
		if wrong := l.Label != at[l.ID].Prediction; wrong && l.Timestamp.Before(turned) {
			wrongBefore++
		} else if wrong {
			wrongAfter++
		}
	}
	if wrongBefore > 20 || wrongAfter < 15 {
		t.Errorf("%d wrong before and %d wrong after outcomes turned", wrongBefore, wrongAfter)
	}
	mean := func(records []record) (sum float64) {
		for _, r := range records {
			minutes, _ := r.Features["recent_delay_origin"].(float64)
			sum += max(minutes, -minutes)
		}
		return sum / float64(len(records))
	}
	if ratio := mean(predictions[50:]) / mean(predictions[:50]); ratio < 20 {
		t.Errorf("delays grew by %.3g, want about 60", ratio)
	}
}

func TestLosingALogRemovesItAndEndsIt(t *testing.T) {
	folder := t.TempDir()
	s, err := newStream(folder, "m", atRandom(exampleFlights(t), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.lose(); err != nil {
		t.Fatal(err)
	}
	if err := s.send([]time.Time{time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if s.sent != 0 {
		t.Error("something was sent")
	}
	if _, err := os.Stat(filepath.Join(folder, "logs", "m", "predictions.jsonl")); !os.IsNotExist(err) {
		t.Errorf("the log is still there (%v)", err)
	}
}

func post(t *testing.T, url, token, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

func TestReceiverPrintsAndStartsARunOnce(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out)
	server := httptest.NewServer(receiver(p.print))
	defer server.Close()
	firing := notification{Status: "firing", Alerts: []alert{{
		Status: "firing", StartsAt: time.Unix(1000, 0), Fingerprint: "f1",
		Labels:      map[string]string{"alertname": "ModelRetrainingRecommended", "model": "churn", "action": "retrain"},
		Annotations: map[string]string{"description": "Retrain it."},
	}}}
	body, err := json.Marshal(firing)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code := post(t, server.URL+"/retrain", retrainToken, string(body)); code != http.StatusAccepted {
			t.Errorf("status %d", code)
		}
	}
	if n := strings.Count(out.String(), "would start the run retrain-f1-1000"); n != 1 {
		t.Errorf("%d runs were started:\n%s", n, out.String())
	}
	line := "retrain is told: ModelRetrainingRecommended firing, model churn, action retrain\n"
	if strings.Count(out.String(), line) != 1 {
		t.Errorf("the notification is not printed once:\n%s", out.String())
	}
	if code := post(t, server.URL+"/retrain", "wrong", string(body)); code != http.StatusUnauthorized {
		t.Errorf("with a wrong token the status is %d", code)
	}
	if code := post(t, server.URL+"/platform", "", "{"); code != http.StatusBadRequest {
		t.Errorf("of broken JSON the status is %d", code)
	}
}

// What the demo writes is what Prometheus and Alertmanager take.
func TestConfigurationsAreValid(t *testing.T) {
	l := layout{
		folder: t.TempDir(), exporter: "127.0.0.1:1", prometheus: "127.0.0.1:2", alertmanager: "127.0.0.1:3",
		receiver: "127.0.0.1:4", kafka: "127.0.0.1:5", factor: 60,
	}
	if err := l.write(nil); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"prometheus.yml", "alertmanager.yaml", "secrets/retrain-url", "grafana/datasources/datasources.yaml"} {
		content, err := os.ReadFile(l.path(filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, left := range []string{"/demo/", "/etc/", "exporter:10058", "prometheus:9090", "alertmanager:9093"} {
			if strings.Contains(string(content), left) {
				t.Errorf("%s still has %s", file, left)
			}
		}
	}
	for _, command := range [][]string{
		{"promtool", "check", "config", l.path("prometheus.yml")},
		{"promtool", "check", "config", "--syntax-only", "prometheus.yml"},
		{"amtool", "check-config", l.path("alertmanager.yaml")},
	} {
		tool, err := find(command[0])
		if err != nil && os.Getenv("REQUIRE_TOOLS") != "1" {
			t.Logf("not checked: %v", err)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if output, err := exec.CommandContext(t.Context(), tool, command[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", command, err, output)
		}
	}
}

// There is no engine for containers here, so what is checked of compose.yaml is that its parts fit to each other.
func TestComposeFileFitsTheDemo(t *testing.T) {
	content, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Command []string
			Ports   []string
			Volumes []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	demo := file.Services["demo"].Command
	if len(demo) < 4 || strings.Join(demo[:3], " ") != "go run ./examples/demo" {
		t.Fatalf("the command of demo is %v", demo)
	}
	o, err := parseOptions(demo[3:])
	if err != nil {
		t.Fatal(err)
	}
	if !o.external || o.folder != "/demo" || o.listenAddress(o.receiver) != ":9099" ||
		!strings.HasPrefix(o.receiver, "demo:") || o.kafka != "demo:9092" {
		t.Errorf("the command of demo means %+v", o)
	}
	defaults, err := parseOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string][2]string{
		"exporter": {o.exporter, defaults.exporter}, "prometheus": {o.prometheus, defaults.prometheus},
		"alertmanager": {o.alertmanager, defaults.alertmanager}, "grafana": {"grafana:3000", defaults.grafana},
	} {
		service := file.Services[name]
		host, port, _ := strings.Cut(at[0], ":")
		published := "127.0.0.1:" + port
		if host != name || published != at[1] || !slices.Equal(service.Ports, []string{published + ":" + port}) {
			t.Errorf("%s is at %s, by default %s, and publishes %v", name, at[0], at[1], service.Ports)
		}
		if !slices.ContainsFunc(service.Volumes, func(v string) bool { return strings.HasPrefix(v, "demo:/demo") }) {
			t.Errorf("%s does not see the folder", name)
		}
	}
	l := layout{folder: "/demo"}
	for name, want := range map[string]string{
		"exporter": l.path("exporter.yaml"), "prometheus": l.path("prometheus.yml"), "alertmanager": l.path("alertmanager.yaml"),
	} {
		if !slices.Contains(file.Services[name].Command, "--config.file="+want) {
			t.Errorf("the command of %s lacks its configuration: %v", name, file.Services[name].Command)
		}
	}
}
