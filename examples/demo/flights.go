package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// flight is a prediction of a log, with the label that came for it.
type flight struct {
	// version is that of the model that predicts. Logs of the example all say firstVersion.
	version  string
	features map[string]any
	// prediction is a class or minutes.
	prediction any
	// score is nil where the model gives none.
	score any
	// label is nil where none came.
	label any
}

// The versions of models that serve in the demo.
const (
	firstVersion  = "1.0.0"
	secondVersion = "2.0.0"
)

// readFlights reads the predictions of a log in JSON Lines, in its order, with the last label of each.
func readFlights(predictions, labels string) ([]flight, error) {
	labelOf := map[string]any{}
	type line struct {
		ID                       string
		Label, Prediction, Score any
		Features                 map[string]any
	}
	err := eachLine(labels, func(l *line) { labelOf[l.ID] = l.Label })
	if err != nil {
		return nil, err
	}
	var flights []flight
	err = eachLine(predictions, func(l *line) {
		flights = append(flights, flight{firstVersion, l.Features, l.Prediction, l.Score, labelOf[l.ID]})
	})
	if err == nil && len(flights) == 0 {
		err = fmt.Errorf("%s: no predictions", predictions)
	}
	return flights, err
}

// stable matches the names of the logs of the example up to 25 April, in which nothing drifts.
const stable = "2001-0[23]-*"

// readStableFlights reads the part of the flights of examples/flights in which nothing drifts.
func readStableFlights(folder string) ([]flight, error) {
	return readFlights(
		filepath.Join(folder, "predictions-"+stable+".jsonl"), filepath.Join(folder, "labels-"+stable+".jsonl"))
}

// eachLine decodes the JSON Lines of the files that match the pattern.
func eachLine[T any](pattern string, use func(*T)) error {
	return eachFile(pattern, func(path string, content []byte) error {
		for decoder := json.NewDecoder(bytes.NewReader(content)); ; {
			var value T
			if err := decoder.Decode(&value); err == io.EOF {
				break
			} else if err != nil {
				return fmt.Errorf("%s: byte %d: %w", path, decoder.InputOffset(), err)
			}
			use(&value)
		}
		return nil
	})
}

// eachFile reads the files that match the pattern, of which there has to be one, in the order of their names.
func eachFile(pattern string, use func(path string, content []byte) error) error {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("no files match %s: %w", pattern, os.ErrNotExist)
	}
	slices.Sort(paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err == nil {
			err = use(path, content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readRows reads CSV files that match the pattern, each row by the names of columns.
func readRows(pattern string) ([]map[string]string, error) {
	var all []map[string]string
	err := eachFile(pattern, func(path string, content []byte) error {
		rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, named(rows)...)
		return nil
	})
	return all, err
}

// named returns each row by the names of columns, which the first row has.
func named(rows [][]string) []map[string]string {
	var all []map[string]string
	for _, row := range rows[min(1, len(rows)):] {
		values := make(map[string]string, len(row))
		for i, column := range rows[0] {
			values[column] = row[i]
		}
		all = append(all, values)
	}
	return all
}

// flightOf makes a flight of a row of a CSV file.
func flightOf(row map[string]string) flight {
	f := flight{version: firstVersion, features: map[string]any{}}
	for column, text := range row {
		var value any = text
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			value = number
		} else if text == "" {
			value = nil
		}
		switch column {
		case "id", "timestamp", "model", "model_version":
		case "prediction":
			f.prediction = value
		case "score":
			f.score = value
		case "label":
			f.label = value
		default:
			f.features[column] = value
		}
	}
	return f
}

// writeReference writes flights as the reference of a model, in JSON Lines.
func writeReference(path string, flights []flight) error {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	for _, f := range flights {
		row := maps.Clone(f.features)
		row["prediction"], row["label"] = f.prediction, f.label
		if f.score != nil {
			row["score"] = f.score
		}
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return writeFile(path, content.Bytes())
}

// atRandom returns one of the flights each time, so that nothing changes in time, not even by day and night.
func atRandom(flights []flight, seed uint64) func() flight {
	random := rand.New(rand.NewPCG(seed, 0))
	return func() flight { return flights[random.IntN(len(flights))] }
}

// sometimes does something to one in so many flights, by chance.
func sometimes(oneIn int, random *rand.Rand, change func(*flight)) func(*flight) {
	return func(f *flight) {
		if random.IntN(oneIn) == 0 {
			change(f)
		}
	}
}

// challenge lets the second version answer, which takes a flight for late at a lower score than the first one.
func challenge(f *flight) {
	f.version = secondVersion
	f.prediction = "on_time"
	if score, ok := f.score.(float64); ok && score >= 0.4 {
		f.prediction = "late"
	}
}

// distanceAsText writes the distance as an old caller may do, who has only texts.
func distanceAsText(f *flight) {
	f.features["distance"] = fmt.Sprint(f.features["distance"])
}

// delaysInSeconds is an incident: the mean delay at the origin, which was in minutes, comes in seconds.
func delaysInSeconds(f *flight) {
	if minutes, ok := f.features["recent_delay_origin"].(float64); ok {
		f.features["recent_delay_origin"] = minutes * 60
	}
}

// outcomesTurn is an incident: flights that used to be late are on time, and the other way round.
func outcomesTurn(f *flight) {
	f.label = opposite(f.label)
}

// opposite returns the other class, and no class if there is none.
func opposite(class any) any {
	switch class {
	case "late":
		return "on_time"
	case "on_time":
		return "late"
	}
	return class
}

// retrained lets the second version of flight-delay answer: one that was trained on flights after outcomesTurn. It says
// the opposite of the first one.
func retrained(f *flight) {
	f.version = secondVersion
	f.prediction = opposite(f.prediction)
	if score, ok := f.score.(float64); ok {
		f.score = 1 - score
	}
}
