package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// Column is one column of a version in the reported window.
type Column struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Scores are sorted by how far they exceed their noise floor: first those that exceed their threshold too, then the
	// others that have one.
	Scores  []Score  `json:"scores,omitempty"`
	PValues []PValue `json:"p_values,omitempty"`

	Missing          *float64 `json:"missing_ratio,omitempty"`
	ReferenceMissing *float64 `json:"reference_missing_ratio,omitempty"`
	Unseen           *float64 `json:"unseen_ratio,omitempty"`
	// Drifted says that a score exceeds both its threshold and its noise floor, Unsound that a ratio exceeds its
	// threshold.
	Drifted bool `json:"drifted"`
	Unsound bool `json:"unsound"`
}

// Score is the distance of a column from its reference.
type Score struct {
	Statistic string  `json:"statistic"`
	Value     float64 `json:"value"`
	// Floor is nil where none is known, and then nothing tells whether the score is more than chance.
	Floor *float64 `json:"noise_floor,omitempty"`
	// Threshold is nil where the statistic never alerts.
	Threshold *float64 `json:"threshold,omitempty"`
}

// PValue is the result of a test.
type PValue struct {
	Test  string  `json:"test"`
	Value float64 `json:"value"`
}

// excess is how many times its noise floor a score is.
func (s *Score) excess() float64 {
	switch {
	case s.Floor == nil:
		return 0
	case *s.Floor == 0 && s.Value == 0:
		return 0
	case *s.Floor == 0:
		return math.Inf(1)
	}
	return s.Value / *s.Floor
}

// judged reports whether the score can be said to have drifted or not.
func (s *Score) judged() bool { return s.Floor != nil && s.Threshold != nil }

// exceeds reports whether the score is beyond its threshold and its noise floor.
func (s *Score) exceeds() bool { return s.judged() && s.Value > *s.Threshold && s.Value > *s.Floor }

// rank is 2 for a score that exceeds, 1 for one that can be judged otherwise, and else 0.
func (s *Score) rank() int {
	switch {
	case s.exceeds():
		return 2
	case s.judged():
		return 1
	}
	return 0
}

func compareScores(s, o Score) int {
	return cmp.Or(cmp.Compare(o.rank(), s.rank()), cmp.Compare(o.excess(), s.excess()))
}

// columns adds the columns and judges them.
func (b *builder) columns(v *Version, model, window string) {
	columns := make(map[[2]string]*Column)
	var order []*Column
	find := func(labels []string) *Column {
		at := [2]string{labels[2], labels[3]}
		if columns[at] == nil {
			columns[at] = &Column{Name: labels[2], Role: labels[3]}
			order = append(order, columns[at])
		}
		return columns[at]
	}
	every := func(d metric.Def, add func(c *Column, s sample)) {
		for _, s := range b.series.of(d, model, v.Name) {
			if s.labels[4] == window {
				add(find(s.labels), s)
			}
		}
	}
	every(metric.MissingRatio, func(c *Column, s sample) {
		c.Missing = &s.value
		c.ReferenceMissing = b.series.value(metric.ReferenceMissingRatio, model, v.Name, c.Name, c.Role)
	})
	every(metric.UnseenRatio, func(c *Column, s sample) { c.Unseen = &s.value })
	every(metric.Score, func(c *Column, s sample) {
		score := Score{Statistic: s.labels[5], Value: s.value, Floor: b.series.value(metric.NoiseFloor, s.labels...)}
		if threshold, ok := b.threshold(score.Statistic, model, c.Name); ok && !math.IsInf(threshold, 1) {
			score.Threshold = &threshold
		}
		c.Scores = append(c.Scores, score)
	})
	every(metric.PValue, func(c *Column, s sample) { c.PValues = append(c.PValues, PValue{s.labels[5], s.value}) })
	for _, c := range order {
		slices.SortStableFunc(c.Scores, compareScores)
		b.judgeColumn(v, model, window, c)
	}
	slices.SortStableFunc(order, func(c, o *Column) int { return cmp.Compare(o.excess(), c.excess()) })
	listed := order[:b.listed(len(order))]
	v.Columns, v.MoreColumns = make([]Column, len(listed)), len(order)-len(listed)
	for i, c := range listed {
		v.Columns[i] = *c
	}
}

// excess is how many times its noise floor the highest of the scores is that can be judged; -1 without one.
func (c *Column) excess() float64 {
	most := -1.0
	for i := range c.Scores {
		if s := &c.Scores[i]; s.judged() {
			most = max(most, s.excess())
		}
	}
	return most
}

// listed is how many of n are listed.
func (b *builder) listed(n int) int {
	if b.options.Top == 0 {
		return n
	}
	return min(n, b.options.Top)
}
