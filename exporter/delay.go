package exporter

import (
	"sort"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// delayBounds are the upper bounds, in seconds, of the buckets of label delays: from models that learn the truth at
// once to those that wait for months.
var delayBounds = [...]float64{
	1, 60, 600, 3600, 6 * 3600, 86400, 3 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400,
}

// delayHistogram counts the delays of all labels, for ever, so that histograms of replicas add up.
type delayHistogram struct {
	counts [len(delayBounds) + 1]uint64
	sum    float64 // in seconds
}

// add counts a delay; a negative one, of a label that is older than its prediction, counts as 0.
func (h *delayHistogram) add(delay time.Duration) {
	seconds := max(delay, 0).Seconds()
	h.counts[sort.SearchFloat64s(delayBounds[:], seconds)]++
	h.sum += seconds
}

func (h *delayHistogram) save(e *state.Encoder) {
	for _, n := range h.counts {
		e.Uint(n)
	}
	e.Float(h.sum)
}

func (h *delayHistogram) load(d *state.Decoder) {
	for i := range h.counts {
		h.counts[i] = d.Uint()
	}
	h.sum = d.Float()
}
