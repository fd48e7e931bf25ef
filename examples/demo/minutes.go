package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// minuteFlights are the flights of a model that tells by how many minutes a flight will be late. It is given what the
// classifier is given; late_score, the classifier's score of the same flight, so it depends on that model; and remark,
// a sentence made of the other columns, since the example has no text.
type minuteFlights struct {
	reference, stable []flight
}

// readMinuteFlights reads examples/flights-minutes and the scores of examples/flights.
func readMinuteFlights(examples string) (m minuteFlights, err error) {
	minutes, classes := filepath.Join(examples, "flights-minutes"), filepath.Join(examples, "flights")
	rows, err := readRows(filepath.Join(minutes, "reference.csv"))
	if err != nil {
		return m, err
	}
	scored, err := readRows(filepath.Join(classes, "reference.csv"))
	if err != nil {
		return m, err
	}
	// A reference has no ids, but both have the same flights in the same order.
	for i, row := range rows {
		if i >= len(scored) || scored[i]["timestamp"] != row["timestamp"] || scored[i]["origin"] != row["origin"] {
			return m, fmt.Errorf("%s and %s differ at row %d", minutes, classes, i+1)
		}
		row["late_score"] = scored[i]["score"]
		m.reference = append(m.reference, minuteFlight(row))
	}
	scoreOf, labelOf := map[string]any{}, map[string]string{}
	type line struct {
		ID    string
		Score float64
	}
	err = eachLine(filepath.Join(classes, "predictions-"+stable+".jsonl"), func(l *line) { scoreOf[l.ID] = l.Score })
	if err != nil {
		return m, err
	}
	labels, err := readRows(filepath.Join(minutes, "labels-"+stable+".csv"))
	if err != nil {
		return m, err
	}
	for _, row := range labels {
		labelOf[row["id"]] = row["label"] // the last one holds
	}
	rows, err = readRows(filepath.Join(minutes, "predictions-"+stable+".csv"))
	if err != nil {
		return m, err
	}
	for _, row := range rows {
		row["label"], row["late_score"] = labelOf[row["id"]], fmt.Sprint(scoreOf[row["id"]])
		m.stable = append(m.stable, minuteFlight(row))
	}
	return m, nil
}

func minuteFlight(row map[string]string) flight {
	row["remark"] = remark(row)
	return flightOf(row)
}

// remark is what a dispatcher may write about a flight.
func remark(row map[string]string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s to %s, %s miles, %s at %s.", row["origin"], row["destination"], row["distance"], row["weekday"],
		row["hour"])
	if n := row["flights_last_hour_origin"]; n == "0" {
		text.WriteString(" First to leave this hour.")
	} else {
		fmt.Fprintf(&text, " After %s others in the last hour.", n)
	}
	if row["recent_delay_origin"] == "" {
		text.WriteString(" No delays known yet.")
	} else if strings.HasPrefix(row["recent_delay_origin"], "-") {
		text.WriteString(" All ahead of their times.")
	}
	return text.String()
}
