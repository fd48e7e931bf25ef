package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asExporter is the environment variable that makes the test program the exporter itself, so that it can be killed.
const asExporter = "DRIFT_EXPORTER_IN_A_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asExporter) != "" {
		main()
	}
	code := m.Run()
	if dir := filepath.Dir(program()); raced {
		_ = os.RemoveAll(dir) // it was made for the program
	}
	os.Exit(code)
}

// program is the path of a program that is the exporter if asExporter is set: the test program itself, or under the race
// detector one without that, since a process that is started fifty times has a minute's work each time with it. What the
// processes do is looked at for races by all other tests.
var program = sync.OnceValue(func() string {
	if !raced {
		return os.Args[0]
	}
	dir, err := os.MkdirTemp("", "drift_exporter")
	if err != nil {
		panic(err)
	}
	path := filepath.Join(dir, "drift_exporter")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("building the exporter: %v\n%s", err, out))
	}
	return path
})

// process is an exporter in a process of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	url     chan string // gets the address once it listens
	address string
	log     strings.Builder
	read    chan struct{} // closed when its log has been read
}

func startProcess(t *testing.T, config string, args ...string) *process {
	t.Helper()
	p := &process{t: t, url: make(chan string, 1), read: make(chan struct{})}
	args = append(args, "--config.file="+config, "--web.listen-address=127.0.0.1:0", "--log.format=json")
	p.command = exec.CommandContext(t.Context(), program(), args...)
	p.command.Env = append(os.Environ(), asExporter+"=1")
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.read)
		defer close(p.url)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.log.Write(append(lines.Bytes(), '\n'))
			var entry struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "Listening on" {
				p.url <- "http://" + entry.Address
			}
		}
	}()
	return p
}

// metrics scrapes the exporter, which it waits for if it has just been started.
func (p *process) metrics() string {
	p.t.Helper()
	if p.address == "" {
		if p.address = <-p.url; p.address == "" {
			<-p.read
			p.t.Fatalf("the exporter ended before it listened:\n%s", p.log.String())
		}
	}
	response, err := http.Get(p.address + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// kill ends the exporter at once.
func (p *process) kill() {
	p.t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.read
	_ = p.command.Wait() // it was killed
}

// end stops the exporter as a service manager would.
func (p *process) end() {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.read
	if err := p.command.Wait(); err != nil {
		p.t.Errorf("the exporter ended with %v:\n%s", err, p.log.String())
	}
}

// samples returns the values of an exposition by series.
func samples(t *testing.T, text string) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "drift_") {
			series, value := sample(t, strings.TrimSuffix(line, "\n"))
			all[series] = value
		}
	}
	return all
}

// total sums up a metric.
func total(all map[string]float64, name string) float64 {
	sum := 0.0
	for series, value := range all {
		if strings.HasPrefix(series, name+"{") {
			sum += value
		}
	}
	return sum
}

// writer writes logs as a model server and its log rotation do, and knows what an exporter must have counted.
type writer struct {
	t      *testing.T
	random *rand.Rand
	dir    string

	begun    int               // predictions begun
	cut      string            // the rest of a prediction whose beginning is written
	versions map[string]int    // predictions by version
	values   map[int]bool      // predictions by number: is it yes
	labels   map[int]bool      // the label that holds
	labelled map[int]int       // in which life of the log an id was labelled first
	told     int               // labels written
	rejected map[string]int    // records that are not counted, by reason
	lives    map[string]int    // how often a log was begun
	header   map[string]string // the first line of a log
}

const faultReferenceRows = 400

func newWriter(t *testing.T, seed uint64) *writer {
	t.Helper()
	w := &writer{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir(),
		versions: make(map[string]int), values: make(map[int]bool), labels: make(map[int]bool),
		labelled: make(map[int]int), rejected: make(map[string]int), lives: make(map[string]int),
		header: map[string]string{"labels.csv": "id,timestamp,label\n"},
	}
	var reference strings.Builder
	reference.WriteString("age,city,prediction,score,label\n")
	for i := range faultReferenceRows {
		fmt.Fprintf(&reference, "%d,%s,%s,%.2f,%s\n", 20+i*7%50, city(i), word(i%4 == 3), 0.2+0.6*float64(i%4/3), word(i%5 == 0))
	}
	w.write("reference.csv", reference.String())
	for name, state := range map[string]string{
		"undisturbed.yaml": "", "killed.yaml": "state: {path: state, checkpoint_interval: 1s}\n",
	} {
		w.write(name, "evaluation_interval: 1s\n"+state+`models:
  - name: m
    reference: {path: reference.csv}
    predictions: {path: "predictions.jsonl*"}
    labels: {path: "labels.csv*", timeout: 365d}
    windows: [1h, 24h, 60d]
    allowed_lateness: 30d
    slices: [city, [city, prediction]]
    detectors: [adwin, hddm_a]
`)
	}
	return w
}

func city(i int) string { return []string{"Rome", "Oslo", "Bern", "Cork"}[i%4] }

func word(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (w *writer) path(name string) string { return filepath.Join(w.dir, name) }

func (w *writer) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) write(name, text string) {
	w.t.Helper()
	w.check(os.WriteFile(w.path(name), []byte(text), 0o600))
}

// add appends to a log, which it begins with its header if it has to.
func (w *writer) add(name, text string) {
	w.t.Helper()
	f, err := os.OpenFile(w.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	w.check(err)
	info, err := f.Stat()
	w.check(err)
	if info.Size() == 0 {
		text = w.header[name] + text
	}
	_, err = f.WriteString(text)
	w.check(errors.Join(err, f.Close()))
}

// when is the event time of prediction i.
func when(i int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
}

func (w *writer) prediction(i int) string {
	version := "1"
	if i%3 == 0 {
		version = "2"
	}
	yes := (i*i+i/7)%4 == 0
	w.versions[version]++
	w.values[i] = yes
	return fmt.Sprintf(`{"id":"p%d","timestamp":%q,"model_version":%q,"age":%d,"city":%q,"prediction":%q,"score":%.3f}`+"\n",
		i, when(i).Format(time.RFC3339), version, 20+i*13%60, city(i/3), word(yes), 0.1+0.8*float64(i%97)/97)
}

// predict appends predictions, the last of them perhaps in part.
func (w *writer) predict() {
	text := w.cut
	w.cut = ""
	for range 1 + w.random.IntN(60) {
		switch w.random.IntN(40) {
		case 0:
			text += "{\"id\": not JSON\n"
			w.rejected["malformed"]++
		case 1:
			if w.begun > 0 {
				i := w.random.IntN(w.begun)
				kept := w.versions
				w.versions = maps.Clone(kept)
				text += w.prediction(i)
				w.versions = kept
				w.rejected["duplicate"]++
			}
		default:
			text += w.prediction(w.begun)
			w.begun++
		}
	}
	if w.random.IntN(2) == 0 {
		at := len(text) - 1 - w.random.IntN(30)
		text, w.cut = text[:at], text[at:]
	}
	w.add("predictions.jsonl", text)
}

// label appends labels, right and wrong ones, late and early ones, some of them corrected.
func (w *writer) label() {
	var text strings.Builder
	for range 1 + w.random.IntN(40) {
		i := w.random.IntN(w.begun + 20)
		if w.random.IntN(50) == 0 {
			i += 10_000_000 // of a prediction that never comes
		}
		if life, ok := w.labelled[i]; ok && life != w.lives["labels.csv"] {
			continue // Which label was read first is certain only within one file.
		}
		w.labelled[i] = w.lives["labels.csv"]
		yes := w.random.IntN(3) == 0
		fmt.Fprintf(&text, "p%d,%s,%s\n", i, when(w.told).Add(time.Hour).Format(time.RFC3339), word(yes))
		w.told++
		w.labels[i] = yes
	}
	w.add("labels.csv", text.String())
}

// archives moves name.1, name.2.gz and so on by one, so that name.1 is free.
func (w *writer) archives(name string) {
	for n := w.lives[name]; n > 0; n-- {
		for _, end := range []string{"", ".gz"} {
			from := w.path(fmt.Sprintf("%s.%d%s", name, n, end))
			if _, err := os.Stat(from); err == nil {
				w.check(os.Rename(from, w.path(fmt.Sprintf("%s.%d%s", name, n+1, end))))
			}
		}
	}
	w.lives[name]++
}

// finish writes the rest of a prediction.
func (w *writer) finish() {
	if w.cut != "" {
		w.add("predictions.jsonl", w.cut)
		w.cut = ""
	}
}

// rotate renames a log.
func (w *writer) rotate(name string) {
	w.finish()
	if _, err := os.Stat(w.path(name)); err != nil {
		return
	}
	w.archives(name)
	w.check(os.Rename(w.path(name), w.path(name+".1")))
}

// copyAndTruncate copies a log and empties it.
func (w *writer) copyAndTruncate(name string) {
	w.finish()
	if _, err := os.Stat(w.path(name)); err != nil {
		return
	}
	w.archives(name)
	data, err := os.ReadFile(w.path(name))
	w.check(err)
	w.write(name+".1", string(data))
	w.check(os.Truncate(w.path(name), 0))
}

// pack replaces an archive by its compressed form.
func (w *writer) pack(name string) {
	n := 1 + w.random.IntN(w.lives[name]+1)
	from := w.path(fmt.Sprintf("%s.%d", name, n))
	data, err := os.ReadFile(from)
	if err != nil {
		return // it is packed already
	}
	f, err := os.Create(from + ".gz")
	w.check(err)
	z := gzip.NewWriter(f)
	for part := range slices.Chunk(data, 4096) {
		_, err = z.Write(part)
		w.check(err)
		w.check(z.Flush())
	}
	w.check(errors.Join(z.Close(), f.Close(), os.Remove(from)))
}

func (w *writer) step() {
	name := []string{"predictions.jsonl", "labels.csv"}[w.random.IntN(2)]
	switch w.random.IntN(24) {
	case 0:
		w.rotate(name)
	case 1:
		w.copyAndTruncate(name)
	case 2, 3:
		w.pack(name)
	case 4, 5, 6, 7, 8, 9:
		w.label()
	default:
		w.predict()
	}
}

// joined returns how many predictions have a label, and how many of those are wrong.
func (w *writer) joined() (n, wrong int) {
	for i, label := range w.labels {
		if value, ok := w.values[i]; ok {
			n++
			if value != label {
				wrong++
			}
		}
	}
	return n, wrong
}

// await scrapes until all that was written has been counted. The exporter's own clock paces it: every scrape before the
// next evaluation shows the same.
func (w *writer) await(p *process) map[string]float64 {
	w.t.Helper()
	limit := time.Now().Add(2 * time.Minute)
	n, _ := w.joined()
	for {
		all := samples(w.t, p.metrics())
		done := total(all, "drift_predictions_total") >= float64(len(w.values)) &&
			total(all, "drift_labeled_predictions_total") >= float64(n) && total(all, "drift_source_lag_bytes") == 0
		if done {
			// What is read in the same poll may be evaluated a moment later.
			again := samples(w.t, p.metrics())
			for again["drift_exporter_last_evaluation_timestamp_seconds{model=\"m\"}"] <=
				all["drift_exporter_last_evaluation_timestamp_seconds{model=\"m\"}"] {
				again = samples(w.t, p.metrics())
			}
			return again
		}
		if time.Now().After(limit) {
			w.t.Fatalf("after two minutes %v of %d predictions and %v of %d joined labels are counted; the log:\n%s",
				total(all, "drift_predictions_total"), len(w.values),
				total(all, "drift_labeled_predictions_total"), n, p.log.String())
		}
	}
}

// changing has the metrics that tell of a run and not of the logs, beside notCompared.
//
// The counters of errors, of confused classes and of the bins of labels and the delays are of the first label of each
// prediction, and detectors see labels one by one: of a prediction and its corrected label, read from two logs, either
// may come first.
var changing = []string{
	"drift_source_read_bytes_total", "drift_window_end_timestamp_seconds", "drift_exporter_", "drift_detector_",
	"drift_prediction_errors_total", "drift_label_delay_seconds_bucket", "drift_label_delay_seconds_sum",
	"drift_confusion_total",
}

// Whenever the exporter is killed, and whatever happens to its logs meanwhile, in the end it has counted what one has
// that was never disturbed, and what was written.
func TestKilledAtRandomMoments(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute; run it without -short")
	}
	kills := 50
	w := newWriter(t, 1)
	w.predict()
	w.label()
	undisturbed := startProcess(t, w.path("undisturbed.yaml"))
	undisturbed.metrics()
	for kill := range kills {
		p := startProcess(t, w.path("killed.yaml"))
		for range w.random.IntN(8) {
			w.step()
		}
		if kill%5 != 0 { // else while it starts
			checkpoint := ""
			for range w.random.IntN(400) {
				p.metrics()
				if w.random.IntN(20) == 0 {
					w.step()
				}
				// Some are killed while they write a checkpoint, or just after.
				if now, err := os.Stat(w.path("state/checkpoint.new")); err == nil && kill%5 == 1 {
					checkpoint = now.Name()
				}
				if checkpoint != "" {
					break
				}
			}
		}
		p.kill()
		for range w.random.IntN(8) {
			w.step()
		}
	}
	w.finish()
	p := startProcess(t, w.path("killed.yaml"))
	got, want := w.await(p), w.await(undisturbed)
	w.compare("after 50 kills", got, want)
	p.end()
	p = startProcess(t, w.path("killed.yaml"))
	w.compare("after an orderly end", w.await(p), want)
	p.end()
	undisturbed.end()

	n, wrong := w.joined()
	for series, value := range map[string]float64{
		`drift_predictions_total{model="m",version="1"}`: float64(w.versions["1"]),
		`drift_predictions_total{model="m",version="2"}`: float64(w.versions["2"]),
	} {
		if got[series] != value {
			t.Errorf("%s is %v, but %v were written", series, got[series], value)
		}
	}
	if labelled := total(got, "drift_labeled_predictions_total"); labelled != float64(n) {
		t.Errorf("%v predictions are joined, want %d", labelled, n)
	}
	errors := 0.0
	for _, version := range []string{"1", "2"} {
		in := fmt.Sprintf(`{model="m",version=%q,window="60d"}`, version)
		errors += got["drift_error_ratio"+in] * got["drift_window_labels"+in]
	}
	if math.Abs(errors-float64(wrong)) > 1e-6 {
		t.Errorf("%v predictions are wrong in the longest window, want %d", errors, wrong)
	}
	for reason, count := range w.rejected {
		found := 0.0
		for series, value := range got {
			if strings.HasPrefix(series, "drift_source_errors_total{") && strings.Contains(series, fmt.Sprintf("reason=%q", reason)) {
				found += value
			}
		}
		if found != float64(count) {
			t.Errorf("%v records are rejected as %s, but %d were written", found, reason, count)
		}
	}
	if kills < 50 || w.begun < 1000 || n < 500 {
		t.Errorf("%d kills, %d predictions and %d joined labels are too few to show anything", kills, w.begun, n)
	}
	t.Logf("%d predictions, %d joined labels, logs begun anew: %v", w.begun, n, w.lives)
}

// compare compares what two exporters serve of the same logs.
func (w *writer) compare(when string, got, want map[string]float64) {
	w.t.Helper()
	skip := func(series string) bool {
		name, _, _ := strings.Cut(series, "{")
		firstLabels := name == "drift_column_bin_values_total" && strings.Contains(series, `role="label"`)
		return firstLabels || slices.Contains(notCompared, name) ||
			slices.ContainsFunc(changing, func(start string) bool { return strings.HasPrefix(series, start) })
	}
	compared, different := 0, 0
	for series, value := range want {
		if skip(series) {
			continue
		}
		compared++
		other, ok := got[series]
		if !ok || math.Abs(other-value) > 1e-9*max(1, math.Abs(value)) {
			if different++; different <= 20 {
				w.t.Errorf("%s: %s is %v (served: %v), undisturbed it is %v", when, series, other, ok, value)
			}
		}
	}
	for series := range got {
		if _, ok := want[series]; !ok && !skip(series) {
			w.t.Errorf("%s: %s is served only after the faults", when, series)
		}
	}
	if compared < 200 {
		w.t.Errorf("%s: only %d series were compared", when, compared)
	}
}
