package profile

import (
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const (
	// maxSampleRows bounds the rows of a sample, and maxSampleValues its values, of which each takes 16 bytes.
	maxSampleRows, maxSampleValues = 20_000, 2_000_000
)

// sample keeps whole rows of a reference that have a prediction and a label which are numbers, as far as it may turn
// out to be that of a regression: between half of the limit and all of it, if there are so many. Which rows depends on
// nothing but their numbers: those whose hash is below a bound, which is halved whenever they become too many. Each row
// is as likely to be kept as any other.
type sample struct {
	bound  uint64
	hashes []uint64 // of the rows that are kept, in the order of the reference
	values map[*sighting]*sampled
	kept   []int // rows of a batch
}

// sampled is what a sample keeps of a column, as far as it may be numeric and categorical.
type sampled struct {
	numbers []float64
	// names are the categories by the index of their counts: noName for a missing value, otherName for one that is not
	// counted.
	names []int32
}

const noName, otherName = -1, -2

func newSample() *sample {
	return &sample{bound: math.MaxUint64, values: make(map[*sighting]*sampled)}
}

// add takes in the rows of a chunk, of which before were read already.
func (s *sample) add(p *pass, before int) {
	if !p.results.mayBeRegression() {
		*s = *newSample()
		return
	}
	b := p.batch
	predictions := b.Columns[p.results.prediction.numberField].Numbers
	labels := b.Columns[p.results.label.numberField].Numbers
	s.kept = s.kept[:0]
	known := len(s.hashes)
	for row := range b.Rows {
		if h := rowHash(before + row); h <= s.bound && summable(predictions[row]) && summable(labels[row]) {
			s.kept = append(s.kept, row)
			s.hashes = append(s.hashes, h)
		}
	}
	if len(s.kept) == 0 {
		return
	}
	for _, c := range p.survey.order {
		if c.asNumbers == nil || c.numberField < 0 {
			continue
		}
		v := s.column(c)
		for len(v.numbers) < known {
			v.numbers = append(v.numbers, math.NaN())
		}
		for _, row := range s.kept {
			v.numbers = append(v.numbers, b.Columns[c.numberField].Numbers[row])
		}
	}
	for _, c := range p.survey.order {
		if c.asNames == nil {
			continue
		}
		v := s.column(c)
		for len(v.names) < known {
			v.names = append(v.names, noName)
		}
		for _, row := range s.kept {
			v.names = append(v.names, c.asNames.find(b, b.Columns[c.nameField].Spans[row]))
		}
	}
	for limit := min(maxSampleRows, maxSampleValues/len(s.values)); len(s.hashes) > limit; {
		s.halve()
	}
}

// mayBeRegression reports whether the reference may turn out to be that of a regression with labels.
func (r *results) mayBeRegression() bool {
	o := &r.b.options
	if r.prediction == nil || r.label == nil || o.HasTask && o.Task != outcome.Regression {
		return false
	}
	return o.HasTask || r.score == nil // what has scores is a classification
}

// summable reports whether the square of a number can be summed, as outcome.Tally wants it; NaN is none.
func summable(x float64) bool { return math.Abs(x) <= 1e140 }

// rowHash hashes a row's number, as SplitMix64 does.
func rowHash(row int) uint64 {
	z := uint64(row+1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s *sample) column(c *sighting) *sampled {
	if s.values[c] == nil {
		s.values[c] = &sampled{}
	}
	return s.values[c]
}

// find returns the index of a value, for sample.names.
func (n *names) find(b *record.Batch, span record.Span) int32 {
	if !span.IsString() {
		return noName
	}
	if i, ok := n.index.find(b, span); ok {
		return i
	}
	return otherName
}

// halve drops about half of the rows.
func (s *sample) halve() {
	s.bound /= 2
	for _, v := range s.values {
		v.numbers, v.names = below(s, v.numbers), below(s, v.names)
	}
	s.hashes = below(s, s.hashes)
}

// below returns the values of the rows that stay. A column that is short of some is not read as that kind any more.
func below[T any](s *sample, values []T) []T {
	if len(values) < len(s.hashes) {
		return nil
	}
	kept := values[:0]
	for i, h := range s.hashes {
		if h <= s.bound {
			kept = append(kept, values[i])
		}
	}
	return kept
}

// numbersOf returns the rows' values of a column that turned out to be numeric.
func (s *sample) numbersOf(c *sighting) []float64 {
	values := s.column(c).numbers
	for len(values) < len(s.hashes) {
		values = append(values, math.NaN())
	}
	return values
}

// codesOf returns the rows' cells of a column that turned out to be categorical, NaN for missing values.
func (s *sample) codesOf(c *sighting, column *Column) []float64 {
	cells := make([]float64, len(c.asNames.counts))
	c.asNames.index.each(func(name string, i int32) { cells[i] = float64(column.Category([]byte(name))) })
	codes := make([]float64, len(s.hashes))
	for i := range codes {
		codes[i] = math.NaN()
	}
	for i, name := range s.column(c).names {
		switch name {
		case noName:
		case otherName:
			codes[i] = float64(column.OtherCell())
		default:
			codes[i] = cells[name]
		}
	}
	return codes
}
