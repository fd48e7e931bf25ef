package exporter

import (
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// moving compares a column with what it was in the window of the same length just before. The cells are the
// profile's, so Kolmogorov-Smirnov and Wasserstein distances are within the documented bounds for cells and not
// exact.
func (c *columnEvaluation) moving(previous *window.ColumnView) {
	if c.view.Kind == record.Text || min(previous.Counted(), c.view.Counted()) < uint64(c.config.MinRecords) {
		return
	}
	v := c.view
	p, q := v.Coarse(previous.Cells, nil), v.Coarse(v.Cells, c.bins)
	c.bins = q
	for _, s := range binScores {
		if x, ok := s.f(p, q); ok {
			c.add(metric.MovingScore, x, s.name)
		}
	}
	if test, ok := stat.ChiSquared(p, q); ok {
		c.add(metric.MovingPValue, test.P, "chi_squared")
	}
	if v.Kind != record.Numeric {
		return
	}
	if d, ok := stat.KolmogorovSmirnov(previous.Cells, v.Cells); ok {
		c.add(metric.MovingScore, d, "ks")
		c.add(metric.MovingPValue, stat.KolmogorovSmirnovP(d, previous.Moments.N, v.Moments.N), "ks")
	}
	if sd, ok := previous.Moments.StandardDeviation(); ok && sd > 0 {
		if distance, ok := stat.Wasserstein(v.Points, previous.Cells, v.Cells, previous.Tail, v.Tail); ok {
			c.add(metric.MovingScore, distance/sd, "wasserstein")
		}
	}
	if shift, ok := stat.MeanShift(previous.Moments, v.Moments); ok {
		c.add(metric.MovingScore, shift, "mean_shift")
	}
	if test, ok := stat.WelchZ(previous.Moments, v.Moments); ok {
		c.add(metric.MovingPValue, test.P, "z")
	}
}
