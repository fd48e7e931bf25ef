package replay

import (
	"encoding/json"
	"fmt"
	"time"
)

// Incident changes what is logged from a time on, in logs of JSON Lines.
type Incident struct {
	From time.Time
	// Features changes the features of a prediction.
	Features func(map[string]any)
	// Label returns the label of a prediction with these features.
	Label func(features map[string]any, label string) string
}

// change changes all records that are written from the time on.
func (i *Incident) change(predictions, labels []line) error {
	features := make(map[any]map[string]any) // by id
	for k := range predictions {
		record, err := decode(&predictions[k])
		if err != nil {
			return err
		}
		own, ok := record["features"].(map[string]any)
		if !ok {
			return fmt.Errorf("a prediction has no features: %s", predictions[k].text)
		}
		features[record["id"]] = own
		if predictions[k].written.Before(i.From) {
			continue
		}
		i.Features(own)
		if err := encode(&predictions[k], record); err != nil {
			return err
		}
	}
	for k := range labels {
		if labels[k].written.Before(i.From) {
			continue
		}
		record, err := decode(&labels[k])
		if err != nil {
			return err
		}
		label, ok := record["label"].(string)
		if !ok {
			return fmt.Errorf("a label is no text: %s", labels[k].text)
		}
		record["label"] = i.Label(features[record["id"]], label)
		if err := encode(&labels[k], record); err != nil {
			return err
		}
	}
	return nil
}

func decode(l *line) (record map[string]any, err error) {
	if err := json.Unmarshal(l.text, &record); err != nil {
		return nil, fmt.Errorf("reading a record to change it: %w", err)
	}
	return record, nil
}

func encode(l *line, record map[string]any) error {
	text, err := json.Marshal(record)
	l.text = append(text, '\n')
	return err
}
