package exporter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// shownClasses is how many classes of a model are told apart in drift_confusion_total, the reference's first.
const shownClasses = 20

// confusion counts labeled predictions by predicted and actual class, for ever, so that counts of replicas add up.
type confusion map[classPair]uint64

type classPair struct{ predicted, actual uint32 }

// shown returns the class as it is told apart.
func shown(class uint32) uint32 {
	if class >= shownClasses {
		return outcome.Other
	}
	return class
}

func (c confusion) add(o outcome.Outcome) {
	c[classPair{shown(o.Prediction.Class), shown(o.Label.Class)}]++
}

// pairs lists the pairs that were counted, in the order of their codes.
func (c confusion) pairs() []classPair {
	return slices.SortedFunc(maps.Keys(c), func(a, b classPair) int {
		return cmp.Or(cmp.Compare(a.predicted, b.predicted), cmp.Compare(a.actual, b.actual))
	})
}

func (c confusion) save(e *state.Encoder) {
	e.Uint(uint64(len(c)))
	for _, pair := range c.pairs() {
		e.Uint(uint64(pair.predicted))
		e.Uint(uint64(pair.actual))
		e.Uint(c[pair])
	}
}

// load reads what save wrote, of a model that knows so many classes.
func (c confusion) load(d *state.Decoder, classes int) {
	for range d.Count(3) {
		pair := classPair{uint32(d.Uint()), uint32(d.Uint())}
		for _, class := range []uint32{pair.predicted, pair.actual} {
			if class != shown(class) || class != outcome.Other && int(class) >= classes {
				d.Fail("a confused class has the code %d", class)
				return
			}
		}
		c[pair] = d.Uint()
	}
}

// confusion writes the confusion counters of a version of a classification.
func (e *evaluation) confusion(mon *monitor) {
	for _, pair := range mon.confusion.pairs() {
		e.out.Add(metric.Confusion, float64(mon.confusion[pair]), e.config.Name, mon.version,
			e.classes.Name(pair.predicted), e.classes.Name(pair.actual))
	}
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
