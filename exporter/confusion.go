package exporter

import (
	"fmt"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// shownClasses is how many classes of a model are told apart in drift_confusion_total, the reference's first.
const shownClasses = 20

// confusion counts labeled predictions by predicted and actual class, for ever, so that counts of replicas add up. All
// classes that are not told apart have the last row and column.
type confusion [shownClasses + 1][shownClasses + 1]uint64

// shown returns the row or column of a class.
func shown(class uint32) int { return int(min(class, shownClasses)) }

// shownClass returns the class of a row or column.
func shownClass(i int) uint32 {
	if i == shownClasses {
		return outcome.Other
	}
	return uint32(i)
}

func (c *confusion) add(o outcome.Outcome) { c[shown(o.Prediction.Class)][shown(o.Label.Class)]++ }

// each calls f for the pairs that were counted, in the order of their codes.
func (c *confusion) each(f func(predicted, actual uint32, n uint64)) {
	for i := range c {
		for k, n := range c[i] {
			if n > 0 {
				f(shownClass(i), shownClass(k), n)
			}
		}
	}
}

func (c *confusion) save(e *state.Encoder) {
	used := 0
	c.each(func(uint32, uint32, uint64) { used++ })
	e.Uint(uint64(used))
	c.each(func(predicted, actual uint32, n uint64) {
		e.Uint(uint64(predicted))
		e.Uint(uint64(actual))
		e.Uint(n)
	})
}

// load reads what save wrote, of a model that knows so many classes.
func (c *confusion) load(d *state.Decoder, classes int) {
	for range d.Count(3) {
		predicted, actual := uint32(d.Uint()), uint32(d.Uint())
		for _, class := range []uint32{predicted, actual} {
			if class != shownClass(shown(class)) || class != outcome.Other && int(class) >= classes {
				d.Fail("a confused class has the code %d", class)
				return
			}
		}
		c[shown(predicted)][shown(actual)] = d.Uint()
	}
}

// confusion writes the confusion counters of a version, if it is one of a classification.
func (e *evaluation) confusion(mon *monitor) {
	if mon.confusion == nil {
		return
	}
	mon.confusion.each(func(predicted, actual uint32, n uint64) {
		e.out.Add(metric.Confusion, float64(n), e.config.Name, mon.version, e.classes.Name(predicted), e.classes.Name(actual))
	})
}

// calibration writes how scores compare with what came of them, of the bins that have enough of them.
func (e *evaluation) calibration(tally *outcome.Tally, score, positives metric.Def, labels ...string) {
	for _, bin := range tally.Calibration() {
		if bin.N < uint64(e.config.MinRecords) {
			continue
		}
		opening := "("
		if bin.Low == 0 {
			opening = "["
		}
		of := append(slices.Clip(labels), fmt.Sprintf("%s%g,%g]", opening, bin.Low, bin.High))
		e.out.Add(score, bin.Score, of...)
		e.out.Add(positives, float64(bin.Positives)/float64(bin.N), slices.Clone(of)...)
	}
}
