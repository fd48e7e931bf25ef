package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// labelDelay is the time from a prediction to its label.
const labelDelay = 2 * time.Second

// stream is what one model says: predictions with the times at which they are made, and later their labels.
type stream struct {
	model               string
	next                func() flight
	predictions, labels output
	// habits are what is done to each flight all the time.
	habits []func(*flight)
	// odd says that the log of predictions has what real ones have, now and then: a torn line, and a record of somebody
	// who tries the model out.
	odd  bool
	sent int
	due  []dueLabel

	mu sync.Mutex
	// incidents are what is done to each flight from now on.
	incidents []func(*flight)
	// lost says that nothing is written any more.
	lost bool
}

type dueLabel struct {
	at    time.Time
	id    string
	label any
}

// newStream makes a stream of which both logs are files in a folder named after the model.
func newStream(folder, model string, next func() flight) (*stream, error) {
	predictions, err := createLog(folder, "logs", model, "predictions.jsonl")
	if err != nil {
		return nil, err
	}
	labels, err := createLog(folder, "logs", model, "labels.jsonl")
	if err != nil {
		return nil, err
	}
	return &stream{model: model, next: next, predictions: predictions, labels: labels}, nil
}

func (s *stream) close() error {
	return errors.Join(s.predictions.close(), s.labels.close())
}

// begin lets the incidents happen, and no others.
func (s *stream) begin(incidents ...func(*flight)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incidents = incidents
}

// lose removes the predictions' log, which is a file, as if its disk had gone.
func (s *stream) lose() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	return os.Remove(s.predictions.(logFile).Name())
}

// record is a prediction as models log it.
type record struct {
	ID          string         `json:"id"`
	Timestamp   time.Time      `json:"timestamp"`
	Version     string         `json:"model_version"`
	Environment string         `json:"environment"`
	Features    map[string]any `json:"features"`
	Prediction  any            `json:"prediction"`
	Score       any            `json:"score,omitempty"`
}

// labelRecord is what became of a prediction.
type labelRecord struct {
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
	Label     any       `json:"label"`
}

// Of an odd log, one in so many records follows a torn line, and as many follow one that is no prediction for anybody.
const oddOneIn = 400

// send writes the predictions of the times, which increase, and the labels that are due by the last of them.
func (s *stream) send(times []time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return nil
	}
	var predictions, labels [][]byte
	for _, at := range times {
		f := s.next()
		f.features = maps.Clone(f.features)
		for _, change := range slices.Concat(s.habits, s.incidents) {
			change(&f)
		}
		s.sent++
		// The time makes ids new in every run: what was kept of another one does not know them.
		id := fmt.Sprintf("%s-%d", s.model, at.UnixMicro())
		r := record{id, at, f.version, "production", f.features, f.prediction, f.score}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if s.odd && s.sent%oddOneIn == 0 {
			r.ID, r.Environment = id+"-test", "test"
			test, err := json.Marshal(r)
			if err != nil {
				return err
			}
			predictions = append(predictions, test, line[:len(line)/2])
		}
		predictions = append(predictions, line)
		if f.label != nil {
			s.due = append(s.due, dueLabel{at.Add(labelDelay), id, f.label})
		}
	}
	for len(s.due) > 0 && len(times) > 0 && !s.due[0].at.After(times[len(times)-1]) {
		line, err := json.Marshal(labelRecord{s.due[0].id, s.due[0].at, s.due[0].label})
		if err != nil {
			return err
		}
		labels = append(labels, line)
		s.due = s.due[1:]
	}
	return errors.Join(s.predictions.write(predictions), s.labels.write(labels))
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
