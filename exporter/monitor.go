package exporter

import (
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// monitor counts the records of one version of a model.
type monitor struct {
	version  string
	set      *window.Set
	outcomes *outcome.Windows // nil without labels
	// labeled counts the predictions that have a label, by the time of the prediction.
	labeled *window.Counter

	predictions, labeledTotal, errors uint64
	newest                            int64
	lastRead                          time.Time
}

func newMonitor(version string, m *model) *monitor {
	lengths := lengths(m.config)
	mon := &monitor{
		version: version,
		set:     window.New(m.live, lengths, m.config.CutPoints, m.config.MovingReference),
		labeled: window.NewCounter(lengths), newest: never,
	}
	if m.join != nil {
		mon.outcomes = outcome.NewWindows(lengths, m.profile.Rules)
	}
	return mon
}
