package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// labelDelay is the time from a prediction to its label.
const labelDelay = 2 * time.Second

// stream writes the logs of one model: predictions with the times at which they are written, and later their labels.
type stream struct {
	model               string
	next                func() flight
	predictions, labels *os.File
	sent                int
	due                 []dueLabel

	mu sync.Mutex
	// incidents are what is done to each flight from now on.
	incidents []func(*flight)
	// lost says that nothing is written any more.
	lost bool
}

type dueLabel struct {
	at        time.Time
	id, label string
}

// newStream makes the logs in a folder named after the model.
func newStream(folder, model string, next func() flight) (*stream, error) {
	dir := filepath.Join(folder, "logs", model)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	predictions, err := os.Create(filepath.Join(dir, "predictions.jsonl"))
	if err != nil {
		return nil, err
	}
	labels, err := os.Create(filepath.Join(dir, "labels.jsonl"))
	if err != nil {
		return nil, err
	}
	return &stream{model: model, next: next, predictions: predictions, labels: labels}, nil
}

func (s *stream) close() error {
	if err := s.predictions.Close(); err != nil {
		return err
	}
	return s.labels.Close()
}

// begin lets the incidents happen, and no others.
func (s *stream) begin(incidents ...func(*flight)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incidents = incidents
}

// lose removes the predictions' log as if its disk had gone.
func (s *stream) lose() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	return os.Remove(s.predictions.Name())
}

// record is a line of a log of predictions.
type record struct {
	ID         string         `json:"id"`
	Timestamp  time.Time      `json:"timestamp"`
	Version    string         `json:"model_version"`
	Features   map[string]any `json:"features"`
	Prediction string         `json:"prediction"`
	Score      float64        `json:"score"`
}

// labelRecord is a line of a log of labels.
type labelRecord struct {
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
	Label     string    `json:"label"`
}

// send writes the predictions of the times, which increase, and the labels that are due by the last of them.
func (s *stream) send(times []time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return nil
	}
	var predictions, labels bytes.Buffer
	p, l := json.NewEncoder(&predictions), json.NewEncoder(&labels)
	for _, at := range times {
		f := s.next()
		f.features = maps.Clone(f.features)
		for _, change := range s.incidents {
			change(&f)
		}
		s.sent++
		id := fmt.Sprintf("%s-%d", s.model, s.sent)
		if err := p.Encode(record{id, at, "1.0.0", f.features, f.prediction, f.score}); err != nil {
			return err
		}
		if f.label != "" {
			s.due = append(s.due, dueLabel{at.Add(labelDelay), id, f.label})
		}
	}
	for len(s.due) > 0 && len(times) > 0 && !s.due[0].at.After(times[len(times)-1]) {
		if err := l.Encode(labelRecord{s.due[0].id, s.due[0].at, s.due[0].label}); err != nil {
			return err
		}
		s.due = s.due[1:]
	}
	if _, err := s.predictions.Write(predictions.Bytes()); err != nil {
		return err
	}
	_, err := s.labels.Write(labels.Bytes())
	return err
}

// replay writes so many records a second of every stream until the context ends, and before that what would have been
// written in the time before now, so that windows of that length are full from the start.
func replay(ctx context.Context, streams []*stream, rate int, before time.Duration) error {
	interval := time.Second / time.Duration(rate)
	next := time.Now().Add(-before)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		var times []time.Time
		for now := time.Now(); next.Before(now); next = next.Add(interval) {
			times = append(times, next)
		}
		for _, s := range streams {
			if err := s.send(times); err != nil {
				return fmt.Errorf("logs of %s: %w", s.model, err)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
