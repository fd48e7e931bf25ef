package exporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/receive"
)

// receiving is a model whose predictions and labels are sent, as structured events and as they are.
const receiving = `models:
  - name: m
    reference: {path: reference.csv}
    predictions: {receive: {name: events, max_body: 64KiB, max_spool: 1MiB%s}}
    labels: {receive: {name: truth%s}}
    fields: {features: data.features, prediction: data.prediction, score: data.score, timestamp: time}
`

func newReceivingSite(t *testing.T, receiver, more string) *site {
	t.Helper()
	s := newSite(t, "")
	s.write("config.yaml", fmt.Sprintf(receiving, receiver, receiver)+more)
	return s
}

const receivingState = "state: {path: state, checkpoint_interval: 10s}\n"

func sentEvent(i int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"p%d","type":"t","source":"s","time":%q,`+
		`"data":{"features":{"age":%d,"city":"Rome"},"prediction":"no","score":0.2}}`,
		i, start.Add(time.Duration(i)*time.Second).Format(time.RFC3339), 20+i%50)
}

func sentLabel(i int) string {
	return fmt.Sprintf(`{"id":"p%d","time":%q,"label":"no"}`, i,
		start.Add(time.Duration(i)*time.Second+time.Hour).Format(time.RFC3339))
}

// sender sends records to an exporter, without a network in between.
type sender struct {
	t *testing.T
	http.Handler
}

func (e *Exporter) sender(t *testing.T) *sender {
	t.Helper()
	h, err := e.Handler(HTTPOptions{TelemetryPath: "/metrics", Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return &sender{t, h}
}

func (s *sender) send(receiver, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/ingest/"+receiver, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *sender) mustSend(receiver, body string) {
	s.t.Helper()
	if w := s.send(receiver, body); w.Code != http.StatusAccepted {
		s.t.Fatalf("%s answers %d: %s", receiver, w.Code, w.Body)
	}
}

// segments lists the files of a spool.
func (s *site) segments(receiver string) []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.path("state/spool"), receiver, receive.Pattern))
	if err != nil {
		s.t.Fatal(err)
	}
	return paths
}

// wantCounted checks that predictions and labels have been counted once each.
func wantCounted(t *testing.T, got served, predictions, labels int) {
	t.Helper()
	for receiver, n := range map[string]int{"events": predictions, "truth": labels} {
		got.want(t, float64(n), metric.SourceRecords, "source="+receiver)
		for _, reason := range []string{"duplicate", "malformed", "too_long"} {
			got.want(t, 0, metric.SourceErrors, "source="+receiver, "reason="+reason)
		}
	}
	got.want(t, float64(predictions), metric.Predictions)
	got.want(t, float64(min(predictions, labels)), metric.LabeledPredictions)
}

// What is sent counts once: before, between and after restarts, alone and in arrays.
func TestReceivedRecordsCountOnceOverRestarts(t *testing.T) {
	s := newReceivingSite(t, "", receivingState)
	sent := 0
	synctest.Test(t, func(t *testing.T) {
		for life := range 4 {
			e, stop := s.follow(t)
			synctest.Wait()
			to := e.sender(t)
			for range 50 {
				to.mustSend("events", sentEvent(sent))
				to.mustSend("truth", sentLabel(sent))
				to.mustSend("events", "["+sentEvent(sent+1)+",\n"+sentEvent(sent+2)+"]")
				to.mustSend("truth", "["+sentLabel(sent+1)+","+sentLabel(sent+2)+"]")
				sent += 3
				if life%2 == 0 {
					time.Sleep(400 * time.Millisecond)
				}
			}
			if life == 3 {
				settle()
				got := gather(t, e)
				wantCounted(t, got, sent, sent)
				got.want(t, 1, metric.SourceUp, "source=events")
				got.want(t, 0, metric.SourceLagBytes, "source=events")
				got.want(t, 100, metric.ReceiverRequests, "source=events", "code=202")
				if n := len(s.segments("events")); n != 1 {
					t.Errorf("%d segments are left", n)
				}
			}
			stop()
			if w := to.send("events", sentEvent(sent)); w.Code != http.StatusServiceUnavailable {
				t.Errorf("after its end the exporter answers %d", w.Code)
			}
		}
	})
}

// A spool that is full takes records again when checkpoints cover what it holds, and only then.
func TestSpoolThatIsFullRecovers(t *testing.T) {
	s := newReceivingSite(t, "", "state: {path: state, checkpoint_interval: 10m}\n")
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		synctest.Wait()
		to := e.sender(t)
		sent := 0
		fill := func() {
			t.Helper()
			for before := sent; ; sent += 100 {
				var all []string
				for i := range 100 {
					all = append(all, sentEvent(sent+i))
				}
				w := to.send("events", "["+strings.Join(all, ",")+"]")
				if w.Code == http.StatusTooManyRequests {
					if sent-before < 1000 {
						t.Errorf("only %d records were taken", sent-before)
					}
					return
				}
				if w.Code != http.StatusAccepted {
					t.Fatalf("the answer is %d: %s", w.Code, w.Body)
				}
			}
		}
		fill()
		time.Sleep(11 * time.Minute) // one checkpoint
		synctest.Wait()
		gather(t, e).want(t, float64(sent), metric.SourceRecords, "source=events")
		if w := to.send("events", "["+strings.Repeat(sentEvent(0)+",", 100)+sentEvent(0)+"]"); w.Code != http.StatusTooManyRequests {
			t.Errorf("after one checkpoint the answer is %d", w.Code)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		fill()
		time.Sleep(21 * time.Minute)
		synctest.Wait()
		got := gather(t, e)
		wantCounted(t, got, sent, 0)
		got.want(t, 3, metric.ReceiverRequests, "source=events", "code=429")
		got.want(t, 1<<20, metric.ReceiverSpoolLimit, "source=events")
		got.want(t, 600, metric.CheckpointInterval)
		if size, ok := got.find(metric.ReceiverSpoolBytes, "source=events"); !ok || size > 512<<10 {
			t.Errorf("the spool has %v bytes", size)
		}
		stop()
	})
}

// A checkpoint that is broken costs nothing: what the one before does not cover is still there.
func TestBrokenCheckpointLosesNothingReceived(t *testing.T) {
	s := newReceivingSite(t, "", receivingState)
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		synctest.Wait()
		to := e.sender(t)
		sent := 0
		deleted := false
		for range 60 {
			before := len(s.segments("events"))
			for range 100 {
				to.mustSend("events", sentEvent(sent))
				to.mustSend("truth", sentLabel(sent))
				sent++
			}
			time.Sleep(3 * time.Second)
			deleted = deleted || len(s.segments("events")) < before
		}
		if !deleted {
			t.Error("no segment was deleted on the way")
		}
		// Nothing but the last checkpoint, at the end, covers these; they fill more than one segment.
		time.Sleep(11 * time.Second)
		for range 3000 {
			to.mustSend("events", sentEvent(sent))
			to.mustSend("truth", sentLabel(sent))
			sent++
		}
		time.Sleep(2 * time.Second)
		stop()
		whole := s.read("state/checkpoint")
		s.write("state/checkpoint", whole[:len(whole)/2])
		e, stop = s.follow(t)
		settle()
		got := gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		wantCounted(t, got, sent, sent)
		stop()
	})
}

// Records that are all the same fill segments that are all the same, but for what tells them apart.
func TestRecordsThatAreTheSameAllCount(t *testing.T) {
	s := newReceivingSite(t, "", receivingState)
	record := strings.Replace(sentEvent(0), `"id":"p0",`, "", 1)
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		for range 3 {
			e, stop := s.follow(t)
			synctest.Wait()
			to := e.sender(t)
			for range 40 {
				to.mustSend("events", "["+strings.Repeat(record+",", 99)+record+"]")
				sent += 100
				time.Sleep(time.Second)
			}
			settle()
			wantCounted(t, gather(t, e), sent, 0)
			stop()
		}
	})
}

// The payload logger of KServe sends requests and responses apart, each in binary mode and with the Content-Type of the
// request. Halves wait for each other in checkpoints too.
func TestEventsOfKServe(t *testing.T) {
	s := newSite(t, "")
	s.write("config.yaml", `models:
  - name: m
    reference: {path: reference.csv}
    predictions: {receive: {name: iris}, preset: kserve}
`+receivingState)
	send := func(to *sender, i int, kind, body string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/ingest/iris", strings.NewReader(body))
		for name, value := range map[string]string{
			"ce-specversion": "1.0", "ce-id": fmt.Sprintf("req-%d", i), "ce-source": "http://localhost:9081/",
			"ce-type": "org.kubeflow.serving.inference." + kind, "ce-component": "predictor", "ce-endpoint": "default",
			"ce-time": start.Add(time.Duration(i) * time.Second).Format(time.RFC3339Nano), "ce-inferenceservicename": "m",
			"content-type": "application/octet-stream",
		} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		if to.ServeHTTP(w, r); w.Code != http.StatusAccepted {
			t.Fatalf("the answer is %d: %s", w.Code, w.Body)
		}
	}
	const sent = 200
	synctest.Test(t, func(t *testing.T) {
		for life := range 2 {
			e, stop := s.follow(t)
			synctest.Wait()
			to := e.sender(t)
			for i := range sent {
				if life == 0 {
					send(to, i, "request", fmt.Sprintf(`{"inputs":[{"name":"age","shape":[1],"datatype":"INT64","data":[%d]},`+
						`{"name":"city","shape":[1],"datatype":"BYTES","data":["Rome"]}]}`, 20+i%50))
				}
				if life == i%2 { // half of the requests wait for their response over the restart
					send(to, i, "response", `{"model_version":"3","outputs":[{"name":"predict","shape":[1],"datatype":"BYTES","data":["no"]}]}`)
				}
			}
			settle()
			if life == 1 {
				got := gather(t, e)
				got.want(t, sent, metric.Predictions, "version=3")
				for series, n := range got {
					if strings.HasPrefix(series, metric.SourceErrors.Name) && n != 0 {
						t.Errorf("%s is %v", series, n)
					}
				}
			}
			stop()
		}
	})
}

func TestReceiverWithoutState(t *testing.T) {
	s := newReceivingSite(t, ", spool: spool", "")
	const sent = 5000
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		synctest.Wait()
		to := e.sender(t)
		for i := range sent {
			to.mustSend("events", sentEvent(i))
		}
		files := func() int {
			paths, err := filepath.Glob(filepath.Join(s.path("spool/events"), receive.Pattern))
			if err != nil {
				t.Fatal(err)
			}
			return len(paths)
		}
		if files() < 3 {
			t.Errorf("there are %d segments", files())
		}
		settle()
		wantCounted(t, gather(t, e), sent, 0)
		if files() != 1 {
			t.Errorf("%d segments are left", files())
		}
		stop()
	})
	// What is left is read again, for nothing else is known of it. Other commands read it and leave it as it is.
	count, _ := s.once().find(metric.SourceRecords, "source=events")
	if count < 1 || count >= sent {
		t.Errorf("%v records are left", count)
	}
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		gather(t, e).want(t, count, metric.SourceRecords, "source=events")
		stop()
	})
}

func TestReceiversChangeWithTheConfiguration(t *testing.T) {
	s := newReceivingSite(t, "", receivingState)
	synctest.Test(t, func(t *testing.T) {
		if w := s.exporter(time.Now).sender(t).send("events", sentEvent(0)); w.Code != http.StatusServiceUnavailable {
			t.Errorf("before it runs the exporter answers %d", w.Code)
		}
		e, stop := s.follow(t)
		to := e.sender(t)
		synctest.Wait()
		to.mustSend("events", sentEvent(0))
		if w := to.send("other", sentEvent(0)); w.Code != http.StatusNotFound {
			t.Errorf("an unknown receiver answers %d", w.Code)
		}
		// A reload that fails changes nothing.
		s.write("config.yaml", strings.ReplaceAll(s.read("config.yaml"), "name: events", "name: events, token_file: token"))
		if err := e.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), s.path("token")) {
			t.Errorf("without the file of the token the reload gives %v", err)
		}
		s.write("blocked", "a file, not a folder")
		good := s.read("config.yaml")
		s.write("config.yaml", strings.ReplaceAll(good, "token_file: token", "spool: blocked"))
		if err := e.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), s.path("blocked")) {
			t.Errorf("with a folder that cannot be made the reload gives %v", err)
		}
		to.mustSend("events", sentEvent(1))
		s.write("config.yaml", good)
		s.write("token", "secret")
		if err := e.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w := to.send("events", sentEvent(2)); w.Code != http.StatusUnauthorized {
			t.Errorf("without the token the answer is %d", w.Code)
		}
		// The model begins anew, and what the spool holds with it.
		settle()
		gather(t, e).want(t, 2, metric.SourceRecords, "source=events")
		s.write("config.yaml", strings.ReplaceAll(good, "name: events, token_file: token", "name: renamed"))
		if err := e.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w := to.send("events", sentEvent(2)); w.Code != http.StatusNotFound {
			t.Errorf("a receiver that is no more answers %d", w.Code)
		}
		to.mustSend("renamed", sentEvent(3))
		settle()
		got := gather(t, e)
		got.want(t, 1, metric.SourceRecords, "source=renamed")
		got.want(t, 2, metric.ReceiverRequests, "source=", "code=404")
		stop()
		if text := s.read("config.yaml"); strings.Contains(text, "secret") {
			t.Error("the secret is in the configuration")
		}
	})
}

func TestSpoolThatCannotBeWritten(t *testing.T) {
	s := newReceivingSite(t, ", spool: spool", "")
	s.write("spool", "a file, not a folder")
	e := s.exporter(time.Now)
	if err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), s.path("spool")) {
		t.Errorf("Run gives %v", err)
	}
	if err := os.Remove(s.path("spool")); err != nil {
		t.Fatal(err)
	}
	other, err := receive.OpenSpool(s.path("spool/events"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := s.exporter(time.Now).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another exporter") {
		t.Errorf("with a spool of another exporter Run gives %v", err)
	}
}

func TestTheTokenIsNotShown(t *testing.T) {
	s := newReceivingSite(t, ", token_file: token", receivingState)
	s.write("token", "very-secret")
	w := httptest.NewRecorder()
	s.exporter(time.Now).sender(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/config", nil))
	if text := w.Body.String(); strings.Contains(text, "very-secret") || !strings.Contains(text, "token_file: "+s.path("token")) {
		t.Errorf("/config shows\n%s", text)
	}
}
