package main

import (
	"compress/gzip"
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

// control is the folder of flights of which nothing changes: any number of them drawn at random is like the reference.
// The replays of months have them too.
var control = filepath.Join("..", "..", ".ci", "replay", "testdata", "flights-control")

// readTable reads a CSV file that is packed by gzip, each row by the names of columns.
func readTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join(control, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return named(rows)
}

// readControl reads the flights of which nothing changes.
func readControl(t *testing.T) []flight {
	t.Helper()
	labels := map[string]string{}
	for _, row := range readTable(t, "labels.csv.gz") {
		labels[row["id"]] = row["label"]
	}
	var flights []flight
	for _, row := range readTable(t, "predictions.csv.gz") {
		row["label"] = labels[row["id"]]
		flights = append(flights, flightOf(row))
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
		exporter: freeAddress(t), prometheus: freeAddress(t), alertmanager: freeAddress(t), kafka: freeAddress(t),
	}
	config, err := templates.ReadFile("exporter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.l.write(append(config, stackConfig...)); err != nil {
		t.Fatal(err)
	}
	all, err := newStreams(w.l, "..", w.l.kafka)
	if err != nil {
		t.Fatal(err)
	}
	training, err := os.ReadFile(filepath.Join(control, "reference.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFile(w.l.path("control", "reference.csv.gz"), training); err != nil {
		t.Fatal(err)
	}
	flights, err := readStableFlights(filepath.Join("..", "flights"))
	if err != nil {
		t.Fatal(err)
	}
	for model, from := range map[string][]flight{"broken": flights, "control": readControl(t), "tuned": flights} {
		s, err := newStream(w.l.folder, model, atRandom(from, uint64(len(model))))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for _, s := range all {
		w.streams[s.model] = s
	}
	ctx, cancel := context.WithCancel(context.Background())
	written := make(chan error)
	go func() { written <- replay(ctx, all, 50, history) }()
	programs, startErr := startStack(t.Context(), w.l, false)
	t.Cleanup(func() {
		err := programs.stop()
		cancel()
		err = errors.Join(err, <-written)
		for _, s := range all {
			err = errors.Join(err, s.close())
		}
		if err != nil {
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
