package report

import (
	"cmp"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// Slice is a part of the predictions of the reported window that has enough labels for an error ratio.
type Slice struct {
	// Column and Value are the labels of its metrics.
	Column string `json:"column"`
	Value  string `json:"value"`
	// Predictions is nil if all labels are of predictions before the window.
	Predictions *float64 `json:"predictions,omitempty"`
	Labels      float64  `json:"labels"`
	ErrorRatio  float64  `json:"error_ratio"`
	Lower       float64  `json:"lower"`
	Upper       float64  `json:"upper"`
	// Excess is the lower end less the error ratio of all.
	Excess float64 `json:"excess"`
}

// slices adds the slices, the worst ones first.
func (b *builder) slices(v *Version, model, window string) {
	var overall float64
	if x := b.series.value(metric.ErrorRatio, model, v.Name, window); x != nil {
		overall = *x
	}
	for _, s := range b.series.of(metric.SliceErrorRatio, model, v.Name) {
		if s.labels[4] != window {
			continue
		}
		lower := b.series.value(metric.SliceErrorRatioLower, s.labels...)
		upper := b.series.value(metric.SliceErrorRatioUpper, s.labels...)
		labels := b.series.value(metric.SliceLabels, s.labels...)
		if lower == nil || upper == nil || labels == nil {
			continue
		}
		v.Slices = append(v.Slices, Slice{
			Column: s.labels[2], Value: s.labels[3], Predictions: b.series.value(metric.SlicePredictions, s.labels...),
			Labels: *labels, ErrorRatio: s.value, Lower: *lower, Upper: *upper, Excess: *lower - overall,
		})
	}
	slices.SortStableFunc(v.Slices, func(s, o Slice) int { return cmp.Compare(o.Excess, s.Excess) })
	listed := b.listed(len(v.Slices))
	v.Slices, v.MoreSlices = v.Slices[:listed], len(v.Slices)-listed
}
