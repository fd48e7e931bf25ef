package report

import (
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// Detector is what watches the stream of a version's errors.
type Detector struct {
	Name string `json:"name"`
	// State is what it said of the label that arrived last: stable, warning or drift.
	State string `json:"state"`
	// Drifts is how many changes it found; LastDrift is the time of the label at which it found the last one.
	Drifts    float64   `json:"drifts"`
	LastDrift time.Time `json:"last_drift,omitzero"`
}

// Comparison is how a version errs beside the champion in the reported window.
type Comparison struct {
	Champion string `json:"champion"`
	// Difference is the version's error ratio less the champion's, with its 95% interval; above 0 is worse.
	Difference float64  `json:"error_ratio_difference"`
	Lower      *float64 `json:"lower,omitempty"`
	Upper      *float64 `json:"upper,omitempty"`
	// PValue is the probability of ratios at least as far apart if the versions do not differ.
	PValue *float64 `json:"p_value,omitempty"`
}

// detectors adds the detectors of a version.
func (b *builder) detectors(v *Version, model string) {
	states := [...]string{"stable", "warning", "drift"}
	for _, s := range b.series.of(metric.DetectorState, model, v.Name) {
		d := Detector{Name: s.labels[2], State: states[min(max(int(s.value), 0), len(states)-1)]}
		if n := b.series.value(metric.DetectorDrifts, s.labels...); n != nil {
			d.Drifts = *n
		}
		d.LastDrift = instant(b.series.value(metric.DetectorLastDrift, s.labels...))
		v.Detectors = append(v.Detectors, d)
	}
}

// comparisons adds how a version compares with the champion.
func (b *builder) comparisons(v *Version, model, window string) {
	for _, s := range b.series.of(metric.VersionDifference, model, v.Name) {
		if s.labels[3] != window {
			continue
		}
		v.Comparisons = append(v.Comparisons, Comparison{
			Champion: s.labels[2], Difference: s.value,
			Lower:  b.series.value(metric.VersionDifferenceLower, s.labels...),
			Upper:  b.series.value(metric.VersionDifferenceUpper, s.labels...),
			PValue: b.series.value(metric.VersionPValue, s.labels...),
		})
	}
}
