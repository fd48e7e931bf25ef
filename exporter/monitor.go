package exporter

import (
	"math"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/slice"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// monitor counts the records of one version of a model.
type monitor struct {
	*baseline
	version string
	// fallback says that other versions have a baseline of their own and this one has not.
	fallback bool
	set      *window.Set
	outcomes *outcome.Windows // nil without labels
	// labeled counts the predictions that have a label, by the time of the prediction.
	labeled *window.Counter
	watches []*watch // detectors; none without labels
	delays  delayHistogram
	// confusion is nil for a regression, and without labels.
	confusion   *confusion
	labelCounts *labelCounts   // nil where labels are compared with nothing
	slices      *slice.Windows // nil without slices
	// estimators estimate the performance without labels; none where the reference does not allow for that.
	estimators []estimator

	predictions, labeledTotal, errors uint64
	oldest, newest                    int64
	lastRead                          time.Time

	// evaluated holds what the last evaluation wrote of each window of predictions, at that many changes and labels.
	evaluated         []*metric.Snapshot
	changes, labelsAt uint64
}

func newMonitor(version string, m *model) *monitor {
	own, ok := m.own[version]
	if !ok {
		own = m.general
	}
	lengths := lengths(m.config)
	mon := &monitor{
		baseline: own,
		version:  version,
		fallback: !ok && len(m.own) > 0,
		set:      window.New(own.live, own.fields, lengths, m.config.CutPoints, m.config.MovingReference),
		labeled:  window.NewCounter(lengths), oldest: math.MaxInt64, newest: never,
		slices:     own.newSlices(m.config, m.join != nil),
		estimators: newEstimators(own, lengths),
	}
	if m.join != nil {
		mon.outcomes = outcome.NewWindows(lengths, own.rules)
		mon.watches = newWatches(m.config.Detectors)
		if own.rules.Task == outcome.Classification {
			mon.confusion = new(confusion)
		}
		mon.labelCounts = own.newLabelCounts(m.classes)
	}
	return mon
}
