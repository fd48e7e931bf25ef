package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
)

// newStreams makes the references and the logs of the models in exporter.yaml, in their order. The broker that one of
// them writes to listens at the address.
func newStreams(l *layout, examples, broker string) ([]*stream, error) {
	flights, err := readStableFlights(filepath.Join(examples, "flights"))
	if err != nil {
		return nil, err
	}
	m, err := readMinuteFlights(examples)
	if err != nil {
		return nil, err
	}
	if err := writeReferences(l, examples, m); err != nil {
		return nil, err
	}

	late, err := newStream(l.folder, "flight-delay", atRandom(flights, 0))
	if err != nil {
		return nil, err
	}
	late.odd = true
	late.habits = append(late.habits, sometimes(50, rand.New(rand.NewPCG(0, 1)), distanceAsText))

	arrivals, err := newTopic("arrivals", broker, l.kafka)
	if err != nil {
		return nil, err
	}
	minutes := &stream{
		model: "flight-delay-minutes", next: atRandom(m.stable, 2),
		predictions: newSender(l.exporter, "flight-delay-minutes"), labels: arrivals,
	}

	steady, err := newStream(l.folder, "flight-delay-steady", atRandom(flights, 1))
	if err != nil {
		return nil, err
	}
	steady.habits = append(steady.habits, sometimes(4, rand.New(rand.NewPCG(1, 1)), challenge))
	return []*stream{late, minutes, steady}, nil
}

// writeReferences writes what exporter.yaml names: the classifier's reference as it is, what its other versions say of
// the same flights, and the one of the minutes.
func writeReferences(l *layout, examples string, m minuteFlights) error {
	trained := filepath.Join(examples, "flights", "reference.csv")
	content, err := os.ReadFile(trained)
	if err != nil {
		return err
	}
	if err := writeFile(l.path("flights", "reference.csv"), content); err != nil {
		return err
	}
	for name, changes := range map[string][]func(*flight){
		"reference-challenger.jsonl": {challenge},
		"reference-retrained.jsonl":  {outcomesTurn, retrained},
	} {
		rows, err := readRows(trained)
		if err != nil {
			return err
		}
		var reference []flight
		for _, row := range rows {
			f := flightOf(row)
			for _, change := range changes {
				change(&f)
			}
			reference = append(reference, f)
		}
		if err := writeReference(l.path("flights", name), reference); err != nil {
			return err
		}
	}
	return writeReference(l.path("flights-minutes", "reference.jsonl"), m.reference)
}
