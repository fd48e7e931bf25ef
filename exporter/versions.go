package exporter

import (
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// versionErrors are the errors of a version among its labels of a window.
type versionErrors struct {
	*monitor

	wrong, labels uint64
}

// versions compares the versions that have enough labels in a window, in the order in which they were first seen, with
// the champion. Without the champion among them there is nothing to compare.
func (e *evaluation) versions(w config.Window, all []versionErrors) {
	at := slices.IndexFunc(all, func(v versionErrors) bool {
		return e.config.Champion == "" || e.config.Champion == v.version
	})
	if at < 0 {
		return
	}
	champion := all[at]
	for i, v := range all {
		// What one tolerance takes for an error, another may not, and references have tolerances of their own.
		if i == at || v.rules.Tolerance != champion.rules.Tolerance {
			continue
		}
		labels := []string{e.config.Name, v.version, champion.version, w.Name}
		if d, ok := stat.ProportionDifference(champion.wrong, champion.labels, v.wrong, v.labels); ok {
			e.out.Add(metric.VersionDifference, d.Value, labels...)
			e.out.Add(metric.VersionDifferenceLower, d.Lower, labels...)
			e.out.Add(metric.VersionDifferenceUpper, d.Upper, labels...)
		}
		if test, ok := stat.ProportionZ(champion.wrong, champion.labels, v.wrong, v.labels); ok {
			e.out.Add(metric.VersionPValue, test.P, labels...)
		}
	}
}
