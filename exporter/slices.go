package exporter

import (
	"fmt"
	"io"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/slice"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// addSlicers gives every baseline the slicer of its versions.
func (m *model) addSlicers() {
	if len(m.config.Slices) == 0 {
		return
	}
	for _, b := range m.baselines() {
		b.slicer = slice.New(slicesBy(m.config), b.live, b.fields, m.config.MaxSliceValues)
	}
}

// slicesBy are the columns of the configured slices.
func slicesBy(c *config.Model) [][]string {
	by := make([][]string, len(c.Slices))
	for i, s := range c.Slices {
		by[i] = s
	}
	return by
}

// describeSlices prints how many values a slice has, for --config.check.
func describeSlices(w io.Writer, s *slice.Slicer) {
	for _, each := range s.Slices() {
		if n := each.Apart(); n > 0 {
			fmt.Fprintf(w, "  slice %s: %d values", each.Name, n)
		} else {
			fmt.Fprintf(w, "  slice %s: none, for the reference lacks a column", each.Name)
		}
		if each.Left > 0 {
			fmt.Fprintf(w, " and %d rarer ones as other", each.Left)
		}
		fmt.Fprintln(w)
	}
}

// checkSlices reports slices by a column that none of the references has. A version whose own reference lacks one is
// not divided by it.
func checkSlices(c *config.Model, general *baseline, own map[string]*baseline) error {
	for _, s := range c.Slices {
		for _, column := range s {
			divides := func(c *profile.Column) bool { return c.Name == column && c.Kind != record.Text }
			found := slices.ContainsFunc(general.live, divides)
			for _, b := range own {
				found = found || slices.ContainsFunc(b.live, divides)
			}
			if !found {
				return fmt.Errorf("model %q: slices: %w", c.Name, whyNot(general.profile, column))
			}
		}
	}
	return nil
}

// whyNot says why nothing can be divided by a column of a profile.
func whyNot(p *profile.Profile, column string) error {
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Name == column && c.Role == profile.Label {
			return fmt.Errorf("%q is the label, which comes after the prediction; slice by another column", column)
		} else if c.Name == column {
			return fmt.Errorf("the column %q is text (%s); slice by another one", column, c.Why)
		}
	}
	for _, l := range p.LeftOut {
		if l.Name == column {
			return fmt.Errorf("the column %q is left out: it %s; slice by another one", column, l.Why)
		}
	}
	return fmt.Errorf("the reference %s has no column %q; slice by one that --config.check prints", p.Path, column)
}

// newSlices returns the windows of a version's slices; nil if none are configured.
func (b *baseline) newSlices(c *config.Model, labels bool) *slice.Windows {
	if b.slicer == nil {
		return nil
	}
	return slice.NewWindows(b.slicer, lengths(c), labels)
}

// beginSlicing makes room for the codes of a batch.
func (m *model) beginSlicing(b *record.Batch) {
	m.codes = slices.Grow(m.codes[:0], b.Rows)[:b.Rows]
}

// sliceRow finds out the codes of a row.
func (m *model) sliceRow(mon *monitor, b *record.Batch, row int) {
	if mon.slicer != nil {
		m.codes[row] = mon.slicer.Codes(b, row)
	}
}

// slicePredictions counts rows of a batch, all of one pane.
func (mon *monitor) slicePredictions(codes []slice.Codes, b *record.Batch, rows []uint32) {
	if mon.slices != nil {
		mon.slices.AddPredictions(codes, rows, b.Times[rows[0]])
	}
}

// addOutcome counts a prediction with its label, or takes it back.
func (mon *monitor) addOutcome(p *outcome.Prediction, l outcome.Label, sign int) {
	mon.outcomes.Add(p, l, sign)
	if mon.slices != nil {
		mon.slices.AddLabel(p, l, mon.rules, sign)
	}
}

// advanceSlices tells the newest event times.
func (mon *monitor) advanceSlices(predictions, labels int64) {
	if mon.slices != nil {
		mon.slices.Advance(predictions, labels)
	}
}

// sliceValues writes how many values are not served apart.
func (e *evaluation) sliceValues(mon *monitor) {
	if mon.slices == nil {
		return
	}
	for _, s := range mon.slices.Slices() {
		if len(s.Values) > 0 {
			e.out.Add(metric.SliceOtherValues, float64(s.Left), e.config.Name, mon.version, s.Name)
		}
	}
}

// slicedPredictions writes the volume of each slice in one window of predictions.
func (e *evaluation) slicedPredictions(mon *monitor, i int, w config.Window) {
	if mon.slices == nil {
		return
	}
	predictions := mon.slices.Predictions(i)
	for k, s := range mon.slices.Slices() {
		for code, n := range predictions[k] {
			if n > 0 {
				e.out.Add(metric.SlicePredictions, float64(n), e.config.Name, mon.version, s.Name, s.Values[code], w.Name)
			}
		}
	}
}

// slicedErrors writes the errors of each slice in one window of labels.
func (e *evaluation) slicedErrors(mon *monitor, i int, w config.Window) {
	if mon.slices == nil {
		return
	}
	labels := mon.slices.Labels(i)
	for k, s := range mon.slices.Slices() {
		for code, r := range labels[k] {
			add := func(d metric.Def, value float64) {
				e.out.Add(d, value, e.config.Name, mon.version, s.Name, s.Values[code], w.Name)
			}
			if r.Labels > 0 {
				add(metric.SliceLabels, float64(r.Labels))
			}
			if r.Labels < uint64(e.config.MinRecords) {
				continue
			}
			add(metric.SliceErrorRatio, float64(r.Errors)/float64(r.Labels))
			if low, high, ok := stat.Wilson(r.Errors, r.Labels); ok {
				add(metric.SliceErrorRatioLower, low)
				add(metric.SliceErrorRatioUpper, high)
			}
		}
	}
}
