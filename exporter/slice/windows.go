package slice

import (
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// Windows counts the predictions, labels and errors of each value of the slices of one model version. Predictions are
// counted over their own time, in the panes of a window.Set of the same lengths, labels over the time of their
// arrival, in the panes of outcome.Windows.
type Windows struct {
	slicer      *Slicer
	predictions *counts
	// labels has two cells for each code: labels and errors. It is nil without labels.
	labels *counts
}

// NewWindows returns windows that hold nothing. lengths are the windows', ascending.
func NewWindows(s *Slicer, lengths []time.Duration, labels bool) *Windows {
	panes, numbers := window.Panes(lengths)
	w := &Windows{slicer: s, predictions: newCounts(s.cells, panes, numbers)}
	if labels {
		panes, numbers = outcome.Panes(lengths)
		w.labels = newCounts(2*s.cells, panes, numbers)
	}
	return w
}

// Slices returns the slices, in the order of a prediction's codes.
func (w *Windows) Slices() []Slice { return w.slicer.slices }

// AddPredictions counts predictions of one pane of the shortest window: of all codes, those of these rows. The time is
// that of any of them, in nanoseconds; one that is newer than all before moves the windows.
func (w *Windows) AddPredictions(codes []Codes, rows []uint32, time int64) {
	w.predictions.advance(time)
	for i := range w.predictions.rings {
		cells := w.predictions.at(i, time)
		if cells == nil {
			continue
		}
		for k := range w.slicer.slices {
			s := &w.slicer.slices[k]
			if len(s.Values) == 0 {
				continue
			}
			own := cells[s.offset : s.offset+len(s.Values)]
			for _, row := range rows {
				own[codes[row][k]]++
			}
		}
	}
}

// AddLabel counts the outcome of a prediction at its label's time if sign is +1, and takes back one that was counted
// before if it is -1. A time newer than all before moves the windows. Outcomes older than a window are not in it.
func (w *Windows) AddLabel(p *outcome.Prediction, l outcome.Label, rules outcome.Rules, sign int) {
	o := p.Outcome(l)
	if !rules.Counts(o) {
		return
	}
	if sign > 0 {
		w.labels.advance(l.Time)
	}
	wrong := rules.Wrong(o)
	for i := range w.labels.rings {
		cells := w.labels.at(i, l.Time)
		if cells == nil {
			continue
		}
		for k := range w.slicer.slices {
			s := &w.slicer.slices[k]
			if len(s.Values) == 0 {
				continue
			}
			at := 2 * (s.offset + int(p.Slices[k]))
			cells[at] += uint64(sign)
			if wrong {
				cells[at+1] += uint64(sign)
			}
		}
	}
}

// Advance says that the newest event time of predictions, and that of labels, have been reached, in nanoseconds.
func (w *Windows) Advance(predictions, labels int64) {
	w.predictions.advance(predictions)
	if w.labels != nil {
		w.labels.advance(labels)
	}
}

// Predictions returns, for each slice, how many predictions the i-th window holds of each value.
func (w *Windows) Predictions(i int) [][]uint64 {
	total := w.predictions.sum(i)
	all := make([][]uint64, len(w.slicer.slices))
	for k := range all {
		s := &w.slicer.slices[k]
		all[k] = total[s.offset : s.offset+len(s.Values)]
	}
	return all
}

// Ratio is how many labels there are of a value, and how many of them show an error.
type Ratio struct{ Labels, Errors uint64 }

// Labels returns, for each slice, what the i-th window holds of each value. The windows must have labels.
func (w *Windows) Labels(i int) [][]Ratio {
	total := w.labels.sum(i)
	all := make([][]Ratio, len(w.slicer.slices))
	for k := range all {
		s := &w.slicer.slices[k]
		all[k] = make([]Ratio, len(s.Values))
		for code := range all[k] {
			at := 2 * (s.offset + code)
			all[k][code] = Ratio{Labels: total[at], Errors: total[at+1]}
		}
	}
	return all
}

// Save writes what the windows hold.
func (w *Windows) Save(e *state.Encoder) {
	w.predictions.save(e)
	if w.labels != nil {
		w.labels.save(e)
	}
}

// Load reads what Save wrote into new windows of the same slicer and lengths.
func (w *Windows) Load(d *state.Decoder) {
	w.predictions.load(d)
	if w.labels != nil {
		w.labels.load(d)
		w.labels.check(d)
	}
}

// check reports panes with more errors than labels.
func (c *counts) check(d *state.Decoder) {
	for i := range c.rings {
		for _, p := range c.rings[i].panes {
			for cell := 0; cell+1 < len(p.counts); cell += 2 {
				if p.counts[cell+1] > p.counts[cell] {
					d.Fail("a slice has more errors than labels")
					return
				}
			}
		}
	}
}
