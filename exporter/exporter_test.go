package exporter

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// site is a folder with a reference, logs and a configuration of one model called m.
type site struct {
	t   testing.TB
	dir string
}

// start is the event time at which the logs of a site begin.
var start = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

func newSite(t testing.TB, more string) *site {
	t.Helper()
	s := &site{t, t.TempDir()}
	var reference strings.Builder
	reference.WriteString("age,city,prediction,score,label\n")
	for i := range 200 {
		class := []string{"no", "yes"}[i%4/3]
		label := class
		if i%10 == 0 {
			label = "yes"
		}
		fmt.Fprintf(&reference, "%d,%s,%s,%.2f,%s\n", 20+i%50, []string{"Rome", "Oslo"}[i%2], class, 0.2+0.6*float64(i%4/3), label)
	}
	s.write("reference.csv", reference.String())
	s.configure(more)
	return s
}

func (s *site) configure(more string) {
	s.write("config.yaml", `models:
  - name: m
    reference: {path: reference.csv}
    predictions: {path: "predictions*.jsonl"}
`+more)
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *site) add(name, text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) exporter(now func() time.Time) *Exporter {
	s.t.Helper()
	return s.exporterWith(now, slog.New(slog.DiscardHandler))
}

func (s *site) exporterWith(now func() time.Time, logger *slog.Logger) *Exporter {
	s.t.Helper()
	e, err := New(Options{ConfigFile: s.path("config.yaml"), Now: now, Logger: logger})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// once runs the site to the end of its logs at a wall-clock time a day after start.
func (s *site) once() served {
	s.t.Helper()
	e := s.exporter(func() time.Time { return start.Add(24 * time.Hour) })
	if err := e.Once(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return gather(s.t, e)
}

// follow starts an exporter in a bubble, where it is the year 2000, and tells it that it is half a day after start.
func (s *site) follow(t *testing.T) (e *Exporter, stop func()) {
	return s.followWith(t, slog.New(slog.DiscardHandler))
}

func (s *site) followWith(t *testing.T, logger *slog.Logger) (e *Exporter, stop func()) {
	ahead := time.Until(start.Add(12 * time.Hour))
	e = s.exporterWith(func() time.Time { return time.Now().Add(ahead) }, logger)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	return e, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}
}

// dataFolder returns the folder of a data set. Data that may not be part of the project lie beside it, if they are there
// at all: else the test says so and is skipped.
func dataFolder(t *testing.T, folder string) string {
	t.Helper()
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the data are not here: %v; they may not be part of the project", err)
	}
	return folder
}

// modelOf builds the first model of a configuration file, which does not follow its logs.
func modelOf(t testing.TB, config string) (*Exporter, *model) {
	t.Helper()
	e, err := New(Options{ConfigFile: config, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	models, err := e.build(e.config.Load(), false)
	if err != nil {
		t.Fatal(err)
	}
	return e, models[0]
}

// dropFloors leaves the model without noise floors, which take most of the time of a short run.
func (m *model) dropFloors() {
	for i := range m.general.noise {
		m.general.noise[i] = stat.NewFloors([]uint64{0}, nil, nil, 0)
	}
}

// prediction is a line of a log, one minute after the other.
func prediction(i int, more string) string {
	return fmt.Sprintf(`{"id":"p%d","timestamp":%q,"features":{"age":%d,"city":"Rome"},"prediction":"no","score":0.2%s}`+"\n",
		i, start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), 20+i%50, more)
}

func label(i int, value string) string {
	return fmt.Sprintf(`{"id":"p%d","timestamp":%q,"label":%q}`+"\n",
		i, start.Add(time.Duration(i)*time.Minute+time.Hour).Format(time.RFC3339), value)
}

func (s served) want(t *testing.T, value float64, d metric.Def, labels ...string) {
	t.Helper()
	if got, ok := s.find(d, labels...); !ok || got != value {
		t.Errorf("%s%v is %g (there: %t), want %g", d.Name, labels, got, ok, value)
	}
}

func (s served) wantNone(t *testing.T, d metric.Def) {
	t.Helper()
	for key := range s {
		if strings.HasPrefix(key, d.Name+"{") {
			t.Errorf("%s is served as %s, want none", d.Name, key)
		}
	}
}

func TestEveryBadLineIsCountedAndTheRestCounts(t *testing.T) {
	s := newSite(t, "")
	var log strings.Builder
	for i := range 40 {
		log.WriteString(prediction(i, ""))
	}
	for _, bad := range []string{
		`{"id":"c1","timestamp":"2026-01-02T00:00:00Z","features":{"age":3`, // cut
		`not JSON at all`,
		`[1,2,3]`,
		`{"id":"c2","features":{"age":33}}`, // no time
		`{"id":"c3","timestamp":"2036-01-02T00:00:00Z"}`,       // the future
		strings.TrimSpace(prediction(3, "")),                   // a duplicate
		`{"id":"c4","x":"` + strings.Repeat("x", 2<<20) + `"}`, // too long
	} {
		log.WriteString(bad + "\n")
	}
	log.WriteString(`{"id":"n","timestamp":"2026-01-02T01:00:00Z","features":{"age":NaN,"city":7}}` + "\n")
	log.WriteString(`{"id":"w","timestamp":"2026-01-02T01:00:00Z","features":{"age":"old","city":["x"]}}` + "\n")
	log.WriteString(strings.TrimSuffix(prediction(59, ""), "\n")) // a last line without an end
	s.write("predictions.jsonl", log.String())
	got := s.once()
	got.want(t, 43, metric.Predictions)
	got.want(t, 43, metric.SourceRecords)
	got.want(t, 43, metric.WindowPredictions, "window=24h")
	for reason, n := range map[string]float64{
		"malformed": 2, "wrong_type": 1, "timestamp": 1, "future": 1, "duplicate": 1, "too_long": 1,
		"late": 0, "id": 0, "label": 0,
	} {
		got.want(t, n, metric.SourceErrors, "reason="+reason)
	}
	got.want(t, 1.0/43, metric.MissingRatio, "column=age", "window=24h")
	got.want(t, 1.0/43, metric.InvalidRatio, "column=age", "window=24h")
	got.want(t, 1.0/43, metric.InvalidRatio, "column=city", "window=24h")
	got.want(t, 1.0/42, metric.UnseenRatio, "column=city", "window=24h")
}

func TestScoresAreAbsentBelowMinRecords(t *testing.T) {
	s := newSite(t, "    min_records: 50\n")
	for i := range 49 {
		s.add("predictions.jsonl", prediction(i, ""))
	}
	got := s.once()
	got.want(t, 49, metric.WindowPredictions, "window=1h")
	got.wantNone(t, metric.Score)
	got.wantNone(t, metric.MissingRatio)
	s.add("predictions.jsonl", prediction(49, ""))
	if _, ok := s.once().find(metric.Score, "column=age", "statistic=psi", "window=1h"); !ok {
		t.Error("the psi of age is absent at 50 records")
	}
}

func TestLabelsAreJoinedWhicheverComesFirst(t *testing.T) {
	const withLabels = "    labels: {path: labels.jsonl}\n"
	for _, order := range []string{"labels in order", "labels reversed"} {
		t.Run(order, func(t *testing.T) {
			s := newSite(t, withLabels)
			var lines []string
			for i := range 40 {
				s.add("predictions.jsonl", prediction(i, ""))
				value := "no"
				if i < 10 {
					value = "yes"
				}
				lines = append(lines, label(i, value))
			}
			if order == "labels reversed" {
				slices.Reverse(lines)
			}
			s.add("labels.jsonl", strings.Join(lines, ""))
			// A correction an hour later: prediction 0 was right after all. An unknown id, and a label without one.
			s.add("labels.jsonl", `{"id":"p0","timestamp":"2026-01-02T05:00:00Z","label":"no"}`+"\n")
			s.add("labels.jsonl", `{"id":"nobody","timestamp":"2026-01-02T05:00:00Z","label":"no"}`+"\n")
			s.add("labels.jsonl", `{"timestamp":"2026-01-02T05:00:00Z","label":"no"}`+"\n")
			s.add("labels.jsonl", `{"id":"p1","timestamp":"2026-01-02T05:00:00Z"}`+"\n")
			got := s.once()
			got.want(t, 40, metric.LabeledPredictions)
			got.want(t, 9.0/40, metric.ErrorRatio, "window=24h")
			got.want(t, 31.0/40, metric.Performance, "window=24h", "metric=accuracy")
			got.want(t, 1, metric.LabeledRatio, "window=24h")
			got.want(t, 40, metric.WindowLabels, "window=24h")
			got.want(t, 1, metric.SourceErrors, "source="+s.path("labels.jsonl"), "reason=id")
			got.want(t, 1, metric.SourceErrors, "source="+s.path("labels.jsonl"), "reason=label")
		})
	}
}

func TestVersionsAreServedApartUpToTheLimit(t *testing.T) {
	s := newSite(t, "    max_versions: 2\n    min_records: 5\n")
	for i := range 40 {
		s.add("predictions.jsonl", prediction(i, fmt.Sprintf(`,"model_version":"v%d"`, i%4)))
	}
	got := s.once()
	got.want(t, 10, metric.Predictions, "version=v0")
	got.want(t, 10, metric.Predictions, "version=v1")
	got.want(t, 20, metric.Predictions, "version=other")
	if _, ok := got.find(metric.Score, "version=other", "column=age", "statistic=ks", "window=1h"); !ok {
		t.Error("the versions beyond the limit have no scores")
	}
}

func TestOnceNeedsNoMoreThanItsLogs(t *testing.T) {
	s := newSite(t, "")
	got := s.once() // no log is there at all
	got.want(t, 0, metric.SourceUp)
	got.wantNone(t, metric.WindowPredictions)
}

func TestFollowingCountsWhatIsAddedAndForgetsWhatIsOld(t *testing.T) {
	s := newSite(t, "    labels: {path: labels.jsonl}\n")
	for i := range 30 {
		s.add("predictions.jsonl", prediction(i, ""))
	}
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)

		time.Sleep(time.Minute)
		synctest.Wait()
		if !e.Ready() {
			t.Error("not ready after a minute")
		}
		got := gather(t, e)
		got.want(t, 30, metric.WindowPredictions, "window=1h")
		got.wantNone(t, metric.LastLabelRead)

		for i := 30; i < 60; i++ {
			s.add("predictions.jsonl", prediction(i, ""))
			s.add("labels.jsonl", label(i, "yes"))
		}
		s.add("predictions.jsonl", `{"id":"late","timestamp":"2026-01-01T20:00:00Z"}`+"\n"+`{"id":"torn","timest`)
		time.Sleep(time.Minute)
		synctest.Wait()
		got = gather(t, e)
		got.want(t, 60, metric.WindowPredictions, "window=1h")
		got.want(t, 1, metric.SourceErrors, "source="+s.path("predictions*.jsonl"), "reason=late")
		got.want(t, 1, metric.ErrorRatio, "window=1h")
		got.want(t, 0.5, metric.LabeledRatio, "window=1h")
		got.want(t, 30, metric.PendingPredictions)
		if read, ok := got.find(metric.LastLabelRead); !ok || read < float64(time.Now().Add(-time.Minute).Unix()) {
			t.Errorf("labels were last read at %f (present: %t)", read, ok)
		}

		s.add("predictions.jsonl", `amp":"2026-01-02T01:00:00Z"}`+"\n") // the torn line is completed
		time.Sleep(time.Minute)
		synctest.Wait()
		gather(t, e).want(t, 61, metric.Predictions)

		time.Sleep(2 * time.Hour) // nothing comes, so the hour is over
		synctest.Wait()
		got = gather(t, e)
		if _, ok := got.find(metric.WindowPredictions, "window=1h"); ok {
			t.Error("the window of an hour is served two hours after the last prediction")
		}
		got.want(t, 61, metric.WindowPredictions, "window=24h")
		got.want(t, 61, metric.Predictions)

		stop()
	})
}

func TestReloadKeepsWhatDidNotChange(t *testing.T) {
	s := newSite(t, "")
	for i := range 30 {
		s.add("predictions.jsonl", prediction(i, ""))
	}
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		time.Sleep(time.Minute)
		synctest.Wait()

		s.write("predictions.jsonl", "") // what was read is gone, so only a model that goes on knows it
		const second = "  - name: second\n    reference: {path: reference.csv}\n    predictions: {path: \"second.jsonl\"}\n"
		s.configure(second)
		s.write("second.jsonl", prediction(1, ""))
		if err := e.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got := gather(t, e)
		got.want(t, 30, metric.Predictions, "model=m")
		got.want(t, 1, metric.Predictions, "model=second")
		got.want(t, 1, metric.ConfigReloadSuccess)

		s.configure("    windows: [soon]\n")
		if err := e.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "config.yaml:5:15:") {
			t.Errorf("reloading a broken configuration gives %v", err)
		}
		s.configure("    columns: {nonesuch: {ignore: true}}\n")
		if err := e.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), `no column "nonesuch"`) {
			t.Errorf("reloading with a wrong column gives %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got = gather(t, e)
		got.want(t, 0, metric.ConfigReloadSuccess)
		got.want(t, 30, metric.Predictions, "model=m")
		got.want(t, 1, metric.Predictions, "model=second")

		s.configure("    min_records: 5\n")
		if err := e.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got = gather(t, e)
		got.want(t, 1, metric.ConfigReloadSuccess)
		if _, ok := got.find(metric.Predictions); ok {
			t.Error("a changed model did not begin anew, or a removed one is still there")
		}
		stop()
	})
}

func TestHandler(t *testing.T) {
	s := newSite(t, "")
	e := s.exporter(nil)
	registry := prometheus.NewRegistry()
	handler, err := e.Handler(HTTPOptions{TelemetryPath: "/metrics", Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		has          string
	}{
		{"GET", "/", 200, "<li>m, compared with"},
		{"GET", "/metrics", 200, "drift_exporter_evaluation_interval_seconds 15"},
		{"GET", "/-/healthy", 200, "healthy"},
		{"HEAD", "/-/healthy", 200, ""},
		{"GET", "/-/ready", 503, "catching up"},
		{"POST", "/-/reload", 403, "--web.enable-lifecycle"},
		{"GET", "/-/reload", 405, ""},
		{"GET", "/config", 200, "name: m"},
		{"GET", "/nonesuch", 404, ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			body, err := io.ReadAll(w.Result().Body)
			if err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || !strings.Contains(string(body), c.has) {
				t.Errorf("got %d and %q, want %d and %q", w.Code, body, c.status, c.has)
			}
		})
	}
}

func TestReloadOverHTTP(t *testing.T) {
	s := newSite(t, "")
	e := s.exporter(nil)
	handler, err := e.Handler(HTTPOptions{TelemetryPath: "/metrics", Registry: prometheus.NewRegistry(), Lifecycle: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	reload := func() (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/-/reload", nil))
		return w.Code, w.Body.String()
	}
	if code, body := reload(); code != http.StatusOK {
		t.Errorf("got %d and %q", code, body)
	}
	s.configure("    nonesuch: 1\n")
	if code, body := reload(); code != http.StatusInternalServerError || !strings.Contains(body, "config.yaml:5:5:") {
		t.Errorf("got %d and %q", code, body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestAllModelsThatCannotBeBuiltAreNamed(t *testing.T) {
	s := newSite(t, `  - name: second
    reference: {path: nowhere.csv}
    predictions: {path: x.jsonl}
`)
	s.write("reference.csv", "age\n1,2\n")
	err := s.exporter(nil).Once(t.Context())
	if err == nil || !strings.Contains(err.Error(), `model "m"`) || !strings.Contains(err.Error(), `model "second"`) {
		t.Errorf("got %v, want both models", err)
	}
}

func TestFeaturesAreFoundHoweverDeepTheyStand(t *testing.T) {
	s := newSite(t, "    min_records: 1\n")
	var reference strings.Builder
	for i := range 50 {
		fmt.Fprintf(&reference, `{"features":{"user":{"age":%d}},"prediction":"no"}`+"\n", i)
	}
	s.write("reference.jsonl", reference.String())
	s.write("config.yaml", strings.Replace(s.read("config.yaml"), "reference.csv", "reference.jsonl", 1))
	for i, features := range []string{
		`"features":{"user":{"age":5}}`, `"features":{"user.age":5}`, `"user":{"age":5}`, `"user.age":5`, `"features":{}`,
	} {
		s.add("predictions.jsonl", fmt.Sprintf(`{"id":"%d","timestamp":%q,%s}`+"\n", i, start.Format(time.RFC3339), features))
	}
	got := s.once()
	got.want(t, 0.2, metric.MissingRatio, "column=user.age", "window=1h")
	got.want(t, 5, metric.ColumnMean, "column=user.age", "window=1h")
}

func TestVersionsAreComparedWithTheirOwnReference(t *testing.T) {
	const reference = "age,city\n50,Bern\n51,Bern\n52,Bern\n53,Bern\n54,Bern\n55,Bern\n"
	s := newSite(t, "    references: {v2: {path: reference-2.csv}}\n    min_records: 5\n")
	s.write("reference-2.csv", reference)
	for i := range 60 {
		s.add("predictions.jsonl", fmt.Sprintf(`{"id":"%d","timestamp":%q,"model_version":"v%d","features":{"age":%d,"city":"Bern"}}`+"\n",
			i, start.Format(time.RFC3339), 1+i%2, 50+i/2%6))
	}
	got := s.once()
	got.want(t, 0, metric.UnseenRatio, "version=v2", "column=city", "window=1h")
	got.want(t, 1, metric.UnseenRatio, "version=v1", "column=city", "window=1h")
	got.want(t, 0, metric.Score, "version=v2", "column=age", "statistic=ks", "window=1h")
	if ks, ok := got.find(metric.Score, "version=v1", "column=age", "statistic=ks", "window=1h"); !ok || ks < 0.4 {
		t.Errorf("the first version's ks is %g (there: %t), want it far from the general reference", ks, ok)
	}
	got.want(t, 0, metric.ReferenceFallback, "version=v2")
	got.want(t, 1, metric.ReferenceFallback, "version=v1")
	got.want(t, 6, metric.ReferencePredictions, "version=v2")
	got.want(t, 200, metric.ReferencePredictions, "version=v1")
}

func TestReferencesOfOneModelMustBeOfOneTask(t *testing.T) {
	s := newSite(t, "    references: {v2: {path: reference-2.csv}}\n")
	s.write("reference-2.csv", "age,prediction,label\n50,1.5,2.5\n51,2.5,3.5\n")
	err := s.exporter(nil).Once(t.Context())
	if err == nil || !strings.Contains(err.Error(), `model "m": references.v2: `) || !strings.Contains(err.Error(), "set the task") {
		t.Errorf("got %v", err)
	}
}

func TestMovingReferenceComparesWithTheWindowBefore(t *testing.T) {
	s := newSite(t, "    moving_reference: true\n    windows: [1h]\n")
	for i := range 60 { // an hour of cities that the reference has, then an hour of others
		s.add("predictions.jsonl", prediction(i, ""))
	}
	for i := range 60 {
		line := strings.Replace(prediction(60+i, ""), "Rome", "Bern", 1)
		s.add("predictions.jsonl", line)
	}
	got := s.once()
	got.want(t, 1, metric.MovingScore, "column=city", "statistic=total_variation")
	got.want(t, 0, metric.MovingScore, "column=prediction", "statistic=psi")
	if p, ok := got.find(metric.MovingPValue, "column=city", "test=chi_squared"); !ok || p > 1e-9 {
		t.Errorf("the p-value of the city is %g (there: %t), want next to none", p, ok)
	}
	if d, ok := got.find(metric.MovingScore, "column=age", "statistic=ks"); !ok || d > 0.3 {
		t.Errorf("the ks of the age is %g (there: %t), want little", d, ok)
	}
}

func TestAColumnMayBeOfTwoKindsInTwoReferences(t *testing.T) {
	s := newSite(t, "    references: {v2: {path: reference-2.csv}}\n    min_records: 5\n")
	s.write("reference-2.csv", "age\n30\nold\nyoung\n30\n30\n30\n")
	for i, features := range []string{`"features":{"age":30}`, `"age":30`} {
		for k := range 10 {
			s.add("predictions.jsonl", fmt.Sprintf(`{"id":"%d-%d","timestamp":%q,"model_version":"v%d",%s}`+"\n",
				i, k, start.Format(time.RFC3339), 1+k%2, features))
		}
	}
	got := s.once()
	for _, version := range []string{"version=v1", "version=v2"} {
		got.want(t, 0, metric.MissingRatio, version, "column=age", "window=1h")
	}
	got.want(t, 0, metric.UnseenRatio, "version=v2", "column=age", "window=1h")
}

// One request has many rows, and a label names the request and the row.
func TestIDsOfSeveralFields(t *testing.T) {
	s := newSite(t, `    fields: {id: "{request.id}_{row}"}
    labels: [{path: "labels*.jsonl", id: row_id}, {path: "labels*.csv", id: "{request}_{number}"}]
`)
	s.write("labels.csv", "request,number,timestamp,label\n")
	for i := range 60 {
		at := start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
		s.add("predictions.jsonl", fmt.Sprintf(`{"request":{"id":"r%d"},"row":%d,"timestamp":%q,"age":30,"prediction":"no","score":0.1}`+"\n",
			i/10, i%10, at))
		if i < 30 {
			s.add("labels.jsonl", fmt.Sprintf(`{"row_id":"r%d_%d","timestamp":%q,"label":"yes"}`+"\n", i/10, i%10, at))
		} else {
			s.add("labels.csv", fmt.Sprintf("r%d,%d,%s,no\n", i/10, i%10, at))
		}
	}
	s.add("predictions.jsonl", `{"row":3,"timestamp":"2026-01-02T00:30:00Z","prediction":"no"}`+"\n") // without an id
	s.add("predictions.jsonl", `{"request":{"id":"r\u0035"},"row":9,"timestamp":"2026-01-02T00:30:00Z","prediction":"no"}`+"\n")
	s.add("labels.jsonl", `{"timestamp":"2026-01-02T00:30:00Z","label":"no"}`+"\n")
	got := s.once()
	got.want(t, 61, metric.Predictions)
	got.want(t, 1, metric.SourceErrors, "source="+s.path("predictions*.jsonl"), "reason=duplicate")
	got.want(t, 1, metric.SourceErrors, "source="+s.path("labels*.jsonl"), "reason=id")
	got.want(t, 60, metric.LabeledPredictions)
	got.want(t, 0.5, metric.ErrorRatio, "window=24h")
}

// A label may stand in the record of its prediction, with an id or without one.
func TestLabelsInTheLogOfPredictions(t *testing.T) {
	s := newSite(t, "    labels: [{in_predictions: true}, {path: \"labels*.jsonl\"}]\n")
	for i := range 60 {
		more := `,"label":"yes"`
		if i%3 == 0 {
			more = "" // it comes later
		}
		line := prediction(i, more)
		if i%3 == 1 {
			line = strings.Replace(line, fmt.Sprintf(`"id":"p%d",`, i), "", 1)
		}
		s.add("predictions.jsonl", line)
	}
	s.add("labels.jsonl", label(0, "yes")+label(2, "no")) // the second one corrects what the record said
	got := s.once()
	got.want(t, 60, metric.Predictions)
	got.want(t, 41, metric.LabeledPredictions)
	got.want(t, 41, metric.Labels, "outcome=joined")
	got.want(t, 1, metric.Labels, "outcome=corrected")
	got.want(t, 40.0/41, metric.ErrorRatio, "window=24h")
	got.want(t, 19, metric.PendingPredictions)
}

// A shadow deployment predicts the same ids as the version that serves. A label is about both.
func TestVersionsThatPredictTheSameIDs(t *testing.T) {
	for _, labels := range []string{"    labels: {path: \"labels*.jsonl\"}\n", ""} {
		s := newSite(t, labels)
		for i := range 40 {
			s.add("predictions.jsonl", prediction(i, `,"model_version":"1"`))
			s.add("predictions.jsonl", strings.Replace(prediction(i, `,"model_version":"2"`), `"no"`, `"yes"`, 1))
			s.add("labels.jsonl", label(i, "yes"))
		}
		s.add("predictions.jsonl", prediction(7, `,"model_version":"2"`)) // really a repetition
		got := s.once()
		got.want(t, 40, metric.Predictions, "version=1")
		got.want(t, 40, metric.Predictions, "version=2")
		got.want(t, 1, metric.SourceErrors, "reason=duplicate", "source="+s.path("predictions*.jsonl"))
		if labels != "" {
			got.want(t, 1, metric.ErrorRatio, "version=1", "window=1h")
			got.want(t, 0, metric.ErrorRatio, "version=2", "window=1h")
			got.want(t, 40, metric.Labels, "outcome=joined")
		}
	}
}

func TestConfusionAndCalibrationAreServed(t *testing.T) {
	s := newSite(t, "    labels: {path: \"labels*.jsonl\"}\n")
	for i := range 90 {
		line := prediction(i, "") // no, at 0.2
		if i%3 == 2 {
			line = strings.Replace(strings.Replace(line, `"no"`, `"yes"`, 1), "0.2", "0.85", 1)
		}
		s.add("predictions.jsonl", line)
		s.add("labels.jsonl", label(i, []string{"no", "yes"}[i%3/2])) // as predicted
	}
	s.add("labels.jsonl", strings.Replace(label(3, "yes"), "04:03", "05:00", 1)) // corrected: only windows can take back
	got := s.once()
	got.want(t, 60, metric.Confusion, "predicted=no", "actual=no")
	got.want(t, 30, metric.Confusion, "predicted=yes", "actual=yes")
	for _, test := range []struct {
		scores             string // up to the comma, at which find divides
		score, positive    float64
		reference, refTrue float64
	}{
		{"(0.1", 0.2, 1.0 / 60, 0.2, 20.0 / 150}, {"(0.8", 0.85, 1, 0, 0}, {"(0.7", 0, 0, 0.8, 1},
	} {
		for _, value := range []struct {
			want float64
			def  metric.Def
			more []string
		}{
			{test.score, metric.CalibrationScore, []string{"window=24h"}}, {test.reference, metric.ReferenceCalibrationScore, nil},
		} {
			if x, ok := got.find(value.def, append(value.more, "scores="+test.scores)...); ok != (value.want > 0) || math.Abs(x-value.want) > 1e-12 {
				t.Errorf("%s of %s is %g (there: %t), want %g", value.def.Name, test.scores, x, ok, value.want)
			}
		}
		if test.score > 0 {
			got.want(t, test.positive, metric.CalibrationPositiveRatio, "scores="+test.scores, "window=24h")
		}
		if test.reference > 0 {
			got.want(t, test.refTrue, metric.ReferenceCalibrationPositiveRatio, "scores="+test.scores)
		}
	}
}
