package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/config"
)

// What the demo writes is all that its configuration names, and each version finds in its reference what it says itself.
func TestModelsOfTheDemo(t *testing.T) {
	l := &layout{folder: t.TempDir(), exporter: "127.0.0.1:1", kafka: freeAddress(t), factor: 60}
	content, err := templates.ReadFile("exporter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.write(content); err != nil {
		t.Fatal(err)
	}
	streams, err := newStreams(l, "..", l.kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, s := range streams {
			if err := s.close(); err != nil {
				t.Error(err)
			}
		}
	}()
	c, err := config.Load(l.path("exporter.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range c.Models {
		if m.Name != streams[i].model {
			t.Errorf("model %d is %s, its stream that of %s", i, m.Name, streams[i].model)
		}
		if _, err := os.Stat(m.Reference.Path); err != nil {
			t.Error(err)
		}
		for _, r := range m.References {
			if _, err := os.Stat(r.File.Path); err != nil {
				t.Errorf("version %s: %v", r.Version, err)
			}
		}
	}
	for name, want := range map[string]struct{ wrong, late float64 }{
		"reference-challenger.jsonl": {0.18, 0.09}, // one in eleven flights has a score of 0.4
		"reference-retrained.jsonl":  {0.18, 0.95},
	} {
		type row struct{ Prediction, Label string }
		rows := lines[row](t, l.path("flights", name))
		wrong, late := 0.0, 0.0
		for _, r := range rows {
			if r.Prediction != r.Label {
				wrong++
			}
			if r.Prediction == "late" {
				late++
			}
		}
		n := float64(len(rows))
		if max(wrong/n-want.wrong, want.wrong-wrong/n) > 0.01 || max(late/n-want.late, want.late-late/n) > 0.02 {
			t.Errorf("%s: %.3f wrong and %.3f late, want %g and %g", name, wrong/n, late/n, want.wrong, want.late)
		}
	}
}

func TestMinuteFlightsHaveScoresAndRemarks(t *testing.T) {
	m, err := readMinuteFlights("..")
	if err != nil {
		t.Fatal(err)
	}
	// See ../README.md.
	if len(m.reference) != 6000 || len(m.stable) != 2842+2746+2850 {
		t.Fatalf("%d flights in the reference and %d of the log", len(m.reference), len(m.stable))
	}
	for _, f := range append(m.reference, m.stable...) {
		score, ok := f.features["late_score"].(float64)
		if _, minutes := f.prediction.(float64); !ok || !minutes || score <= 0 || score >= 1 || f.score != nil {
			t.Fatalf("%+v", f)
		}
	}
	want := "MDW to DTW, 229 miles, Mon at 5. First to leave this hour. No delays known yet."
	if got := m.reference[0].features["remark"]; got != want {
		t.Errorf("remark %q, want %q", got, want)
	}
}

// An odd log has torn lines and tests among its records, and loses none of them.
func TestOddLog(t *testing.T) {
	folder := t.TempDir()
	s, err := newStream(folder, "m", atRandom(exampleFlights(t), 1))
	if err != nil {
		t.Fatal(err)
	}
	s.odd = true
	var times []time.Time
	for i := range 3 * oddOneIn {
		times = append(times, time.Unix(int64(i), 0))
	}
	if err := errors.Join(s.send(times), s.close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, "logs", "m", "predictions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range bytes.Lines(content) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			got["torn"]++
		}
		got[r.Environment]++
	}
	if got["torn"] != 3 || got["test"] != 3 || got["production"] != len(times) {
		t.Errorf("%v", got)
	}
}

// What a receiver does not take is sent again, in order, and what it never will is an error.
func TestSender(t *testing.T) {
	answer := http.StatusServiceUnavailable
	var taken []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch []event
		if err := errors.Join(err, json.Unmarshal(body, &batch)); err != nil || r.URL.Path != "/ingest/m" {
			t.Errorf("%s: %v", r.URL, err)
		}
		for _, e := range batch {
			if answer == http.StatusAccepted {
				taken = append(taken, e.ID+string(e.Data))
			}
		}
		w.WriteHeader(answer)
	}))
	s := newSender(strings.TrimPrefix(server.URL, "http://"), "m")
	for i, step := range []struct {
		answer  int
		waiting int
		fails   bool
	}{
		{http.StatusServiceUnavailable, 1, false},
		{http.StatusTooManyRequests, 2, false},
		{http.StatusAccepted, 0, false},
		{http.StatusBadRequest, 1, true},
	} {
		answer = step.answer
		if err := s.write([][]byte{[]byte(`{}`)}); (err != nil) != step.fails || len(s.waiting) != step.waiting {
			t.Errorf("step %d: %d wait (%v)", i, len(s.waiting), err)
		}
	}
	server.Close()
	if err := s.write(nil); err != nil || len(s.waiting) != 1 {
		t.Errorf("while nothing listens %d wait (%v)", len(s.waiting), err)
	}
	if got := strings.Join(taken, " "); got != "1{} 2{} 3{}" {
		t.Errorf("taken were %s", got)
	}
}

// A broker is found by the address that it is known by.
func TestTopic(t *testing.T) {
	known := freeAddress(t)
	topic, err := newTopic("arrivals", known, known)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := topic.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := topic.write([][]byte{[]byte(`{"label":3}`)}); err != nil {
		t.Fatal(err)
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(known), kgo.ConsumeTopics("arrivals"))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fetches := consumer.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	records := fetches.Records()
	want := `{"specversion":"1.0","type":"arrival","source":"/flights/arrivals","id":"1","data":{"label":3}}`
	if len(records) != 1 || string(records[0].Value) != want {
		t.Errorf("%d messages, the first %s", len(records), records[0].Value)
	}
}
