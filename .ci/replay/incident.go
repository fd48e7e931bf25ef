package replay

import "time"

// Incident changes what is logged from a day on.
type Incident struct {
	From time.Time
	// Prediction and Label change the text of a record, nil if there is nothing to change. A label has the prediction that
	// it is about.
	Prediction func(text []byte) []byte
	Label      func(prediction, text []byte) []byte
}

// change changes all records that were written from the day on.
func (i *Incident) change(predictions, labels []line) {
}
