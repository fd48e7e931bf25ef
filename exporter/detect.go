package exporter

import (
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome/detector"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// watch is a detector on the stream of a version's errors, and what it said.
type watch struct {
	detector.Detector
	name   string
	said   detector.State
	drifts uint64
	last   int64 // time of the label at the last drift
}

// newWatches makes the detectors of these names, which the configuration has checked.
func newWatches(names []string) []*watch {
	all := make([]*watch, len(names))
	for i, name := range names {
		d, err := detector.New(name)
		if err != nil {
			panic("bug: " + err.Error())
		}
		all[i] = &watch{Detector: d, name: name, last: never}
	}
	return all
}

// add takes in the next outcome, whose label has that time.
func (w *watch) add(wrong bool, time int64) {
	if w.said = w.Add(wrong); w.said == detector.Drift {
		w.drifts++
		w.last = time
	}
}

func (w *watch) save(e *state.Encoder) {
	w.Save(e)
	e.Uint(uint64(w.said))
	e.Uint(w.drifts)
	e.Int(w.last)
}

func (w *watch) load(d *state.Decoder) {
	w.Load(d)
	said := d.Uint()
	if said > uint64(detector.Drift) {
		d.Fail("a detector is in state %d", said)
	}
	w.said, w.drifts, w.last = detector.State(said), d.Uint(), d.Int()
}

// detectors writes what the detectors of a version have said. They are served once a label has arrived.
func (e *evaluation) detectors(mon *monitor) {
	if mon.labeledTotal == 0 {
		return
	}
	for _, w := range mon.watches {
		name := e.config.Name
		e.out.Add(metric.DetectorState, float64(w.said), name, mon.version, w.name)
		e.out.Add(metric.DetectorDrifts, float64(w.drifts), name, mon.version, w.name)
		if w.last != never {
			e.out.Add(metric.DetectorLastDrift, seconds(w.last), name, mon.version, w.name)
		}
	}
}
