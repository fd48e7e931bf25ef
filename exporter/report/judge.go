package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// Kind is what a finding is about.
type Kind string

// The kinds.
const (
	// Drift findings are scores beyond their threshold and their noise floor.
	Drift Kind = "drift"
	// Data findings are columns that are missing more often than in the reference, or have values that it lacks.
	Data Kind = "data"
	// Errors findings are error ratios whose lower end is beyond the reference's by a threshold.
	Errors Kind = "errors"
)

// Kinds are all of them.
var Kinds = []Kind{Drift, Data, Errors}

// Finding is a value that exceeds its threshold, as the shipped alerts would find it if this window were the only one.
type Finding struct {
	Kind    Kind   `json:"kind"`
	Model   string `json:"model"`
	Version string `json:"version"`
	Window  string `json:"window"`
	// Column is "" for findings about errors.
	Column string `json:"column,omitempty"`
	// Statistic is the name that the threshold has.
	Statistic string  `json:"statistic"`
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
	// Floor is the noise floor, of drift only.
	Floor *float64 `json:"noise_floor,omitempty"`
	// Severity is the highest one whose threshold is exceeded: warning or critical.
	Severity string `json:"severity"`
}

const (
	warning  = "warning"
	critical = "critical"
)

func (b *builder) threshold(statistic, model, column string) (float64, bool) {
	return b.options.Thresholds.Find(warning, statistic, model, column)
}

// judgeColumn finds what is wrong with a column.
func (b *builder) judgeColumn(v *Version, model, window string, c *Column) {
	found := func(kind Kind, statistic string, value, threshold float64, floor *float64) {
		b.report.Findings = append(b.report.Findings, Finding{
			Kind: kind, Model: model, Version: v.Name, Window: window, Column: c.Name, Statistic: statistic,
			Value: value, Threshold: threshold, Floor: floor, Severity: warning,
		})
	}
	for _, s := range c.Scores {
		v.drift = v.drift || s.judged()
		if s.exceeds() {
			c.Drifted = true
			found(Drift, s.Statistic, s.Value, *s.Threshold, s.Floor)
		}
	}
	ratio := func(statistic string, value, expected *float64) {
		threshold, ok := b.threshold(statistic, model, c.Name)
		if value == nil || !ok {
			return
		}
		v.data = true
		x := *value
		if expected != nil {
			x -= *expected
		}
		if x > threshold {
			c.Unsound = true
			found(Data, statistic, x, threshold, nil)
		}
	}
	if c.ReferenceMissing != nil {
		ratio("missing_ratio_increase", c.Missing, c.ReferenceMissing)
	}
	ratio("unseen_ratio", c.Unseen, b.expectedUnseen(model, v.Name, c))
}

// expectedUnseen is the share of tokens that are always new, of a text column.
func (b *builder) expectedUnseen(model, version string, c *Column) *float64 {
	return b.series.value(metric.ReferenceUnseenRatio, model, version, c.Name, c.Role)
}

// judgeErrors finds error ratios that are too high.
func (b *builder) judgeErrors(v *Version, model, window string, ratio Performance) {
	judge := func(statistic string, value float64) {
		finding := Finding{Kind: Errors, Model: model, Version: v.Name, Window: window, Statistic: statistic, Value: value}
		for _, severity := range []string{warning, critical} {
			threshold, ok := b.options.Thresholds.Find(severity, statistic, model, "")
			v.errors = v.errors || ok
			if ok && value > threshold {
				finding.Severity, finding.Threshold = severity, threshold
			}
		}
		if finding.Severity != "" {
			b.report.Findings = append(b.report.Findings, finding)
		}
	}
	if ratio.Lower == nil {
		return
	}
	judge("error_ratio", *ratio.Lower)
	if ratio.Reference != nil {
		judge("error_ratio_increase", *ratio.Lower-*ratio.Reference)
	}
}

// String describes the finding in a line.
func (f *Finding) String() string {
	text := fmt.Sprintf("model %s version %s window %s: ", shown(f.Model), shown(f.Version), f.Window)
	if f.Column != "" {
		text += "column " + shown(f.Column) + ": "
	}
	value := func(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
	switch f.Kind {
	case Drift:
		return text + fmt.Sprintf("%s is %s, above its threshold %s and its noise floor %s", f.Statistic,
			value(f.Value), value(f.Threshold), value(*f.Floor))
	case Errors:
		return text + fmt.Sprintf("%s is at least %s, above its %s threshold %s", f.Statistic, value(f.Value),
			f.Severity, value(f.Threshold))
	}
	return text + fmt.Sprintf("%s is %s, above its threshold %s", f.Statistic, value(f.Value), value(f.Threshold))
}

// Failed returns the findings of these kinds.
func (r *Report) Failed(kinds []Kind) []Finding {
	var failed []Finding
	for _, f := range r.Findings {
		if slices.Contains(kinds, f.Kind) {
			failed = append(failed, f)
		}
	}
	return failed
}

// Unjudged says, for each of these kinds and each model, if there is nothing to judge: a gate that is open because a
// log was not found is none. Errors are not asked of a model without labels.
func (r *Report) Unjudged(kinds []Kind) []string {
	var all []string
	for _, m := range r.Models {
		judged := map[Kind]bool{}
		for _, v := range m.Versions {
			judged[Drift] = judged[Drift] || v.drift
			judged[Data] = judged[Data] || v.data
			judged[Errors] = judged[Errors] || v.errors
		}
		reasons := map[Kind]string{
			Drift:  "no column has a score, a threshold and a noise floor; are there min_records predictions?",
			Data:   "no column has ratios of missing or unseen values; are there min_records predictions?",
			Errors: "there is no error ratio to compare; are there min_records labels, and predictions in the reference?",
		}
		for _, kind := range kinds {
			if !judged[kind] && (kind != Errors || m.labeled) {
				all = append(all, fmt.Sprintf("model %s window %s: %s", shown(m.Name), m.Window, reasons[kind]))
			}
		}
	}
	return all
}
