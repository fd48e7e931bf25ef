package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// flight is a prediction of a log, with the label that came for it.
type flight struct {
	features   map[string]any
	prediction string
	score      float64
	// label is empty where none came.
	label string
}

// readFlights reads the predictions of a log in JSON Lines, in its order, with the last label of each.
func readFlights(predictions, labels string) ([]flight, error) {
	labelOf := map[string]string{}
	type line struct {
		ID, Label, Prediction string
		Features              map[string]any
		Score                 float64
	}
	err := eachLine(labels, func(l *line) { labelOf[l.ID] = l.Label })
	if err != nil {
		return nil, err
	}
	var flights []flight
	err = eachLine(predictions, func(l *line) {
		flights = append(flights, flight{l.Features, l.Prediction, l.Score, labelOf[l.ID]})
	})
	if err == nil && len(flights) == 0 {
		err = fmt.Errorf("%s: no predictions", predictions)
	}
	return flights, err
}

// readStableFlights reads the part of the flights of examples/flights in which nothing drifts, up to 25 April.
func readStableFlights(folder string) ([]flight, error) {
	return readFlights(
		filepath.Join(folder, "predictions-2001-0[23]-*.jsonl"), filepath.Join(folder, "labels-2001-0[23]-*.jsonl"))
}

// eachLine decodes the JSON Lines of the files that match the pattern.
func eachLine[T any](pattern string, use func(*T)) error {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("no files match %s: %w", pattern, os.ErrNotExist)
	}
	slices.Sort(paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for decoder := json.NewDecoder(bytes.NewReader(content)); ; {
			var value T
			if err := decoder.Decode(&value); err == io.EOF {
				break
			} else if err != nil {
				return fmt.Errorf("%s: byte %d: %w", path, decoder.InputOffset(), err)
			}
			use(&value)
		}
	}
	return nil
}

// atRandom returns one of the flights each time, so that nothing changes in time, not even by day and night.
func atRandom(flights []flight, seed uint64) func() flight {
	random := rand.New(rand.NewPCG(seed, 0))
	return func() flight { return flights[random.IntN(len(flights))] }
}

// delaysInSeconds is an incident: the mean delay at the origin, which was in minutes, comes in seconds.
func delaysInSeconds(f *flight) {
	if minutes, ok := f.features["recent_delay_origin"].(float64); ok {
		f.features["recent_delay_origin"] = minutes * 60
	}
}

// outcomesTurn is an incident: flights that used to be late are on time, and the other way round.
func outcomesTurn(f *flight) {
	switch f.label {
	case "late":
		f.label = "on_time"
	case "on_time":
		f.label = "late"
	}
}
