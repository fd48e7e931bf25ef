package exporter

import (
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/state"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// watchLabel makes labels be compared with those of a reference, if it has any. As of other columns, up to as many
// labels are told apart that are no cut points as there may be cut points.
func (b *baseline) watchLabel(c *profile.Column, cutPoints int) {
	b.labelColumn = c
	if c == nil || c.Kind != record.Numeric {
		return
	}
	cells := &outcome.Cells{Points: c.Points, Find: c.Cell}
	if c.Exact {
		cells.Apart = cutPoints
	}
	b.rules.Cells = cells
}

// labelCounts counts the labels of a version in the cells of its reference's column of labels. What the windows hold is
// in the tallies of outcomes, which later labels correct.
type labelCounts struct {
	column *profile.Column
	// cells counts the first label of each prediction, for ever, so that counts of replicas add up.
	cells []uint64
	// known are the cells of the classes, as far as they have been looked up, other that of those without a code.
	known   []int
	other   int
	classes *outcome.Classes
}

// newLabelCounts returns counts of nothing; nil if the reference has no labels.
func (b *baseline) newLabelCounts(classes *outcome.Classes) *labelCounts {
	c := b.labelColumn
	if c == nil {
		return nil
	}
	l := &labelCounts{column: c, cells: make([]uint64, len(c.Cells)), classes: classes}
	if c.Kind == record.Categorical {
		l.other = c.UnseenCell()
		without := func(class string) bool { _, ok := classes.Lookup([]byte(class)); return !ok }
		// A class without a code is one of the reference's where those have not all got one.
		if len(b.profile.Classes) == maxClasses || slices.ContainsFunc(b.profile.Classes, without) {
			l.other = c.OtherCell()
		}
	}
	return l
}

// add counts the first label of a prediction.
func (l *labelCounts) add(v outcome.Value) {
	if l.column.Kind == record.Numeric {
		l.cells[l.column.Cell(v.Number)]++
	} else {
		l.cells[l.cell(v.Class)]++
	}
}

// cell returns the cell of a class.
func (l *labelCounts) cell(class uint32) int {
	if class == outcome.Other {
		return l.other
	}
	for code := uint32(len(l.known)); code <= class; code++ {
		l.known = append(l.known, int(l.column.Category([]byte(l.classes.Name(code)))))
	}
	return l.known[class]
}

// view returns the labels of a tally as a column of a window.
func (l *labelCounts) view(tally *outcome.Tally) window.ColumnView {
	v := window.ColumnView{Column: l.column}
	if l.column.Kind == record.Categorical {
		v.Cells = make([]uint64, len(l.cells))
		for class, n := range tally.LabelClasses() {
			v.Cells[l.cell(class)] += n
		}
		return v
	}
	labels := tally.Labels()
	v.Cells, v.Moments, v.Tail = labels.Cells, labels.Moments, labels.Tail
	for _, a := range labels.Apart {
		v.Located = append(v.Located, window.Located{Value: a.Value, Count: a.Count})
	}
	return v
}

func (l *labelCounts) save(e *state.Encoder) {
	for _, n := range l.cells {
		e.Uint(n)
	}
}

func (l *labelCounts) load(d *state.Decoder) {
	for i := range l.cells {
		l.cells[i] = d.Uint()
	}
}

// labelDrift writes how the n labels of one window differ from those of the reference.
func (e *evaluation) labelDrift(mon *monitor, tally *outcome.Tally, n uint64, w config.Window) {
	view := mon.labelCounts.view(tally)
	c := columnEvaluation{
		evaluation: e, view: &view, records: n,
		labels: []string{e.config.Name, mon.version, view.Name, string(view.Role), w.Name},
	}
	c.quality()
	c.drift(mon.labelFloors().At(n))
}
