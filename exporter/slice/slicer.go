// Package slice divides predictions by the values of columns: it gives a record a small code for each slice, and counts
// predictions, labels and errors by these codes in panes of time.
//
// Nothing in it but a Slicer, which never changes, may be used by two goroutines at once.
package slice

import (
	"cmp"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Codes are a record's codes, one for each slice. What is behind the last slice is 0.
type Codes = [outcome.MaxSlices]uint16

// Slicer gives records their codes.
type Slicer struct {
	axes   []*axis
	slices []Slice
	// cells is the number of codes of all slices together.
	cells int
}

// Slice is one way of dividing predictions: by one column or by two.
type Slice struct {
	// Name is the label "column" of the slice's metrics: the column's name, or both with a comma between them.
	Name string
	// Values are what the codes stand for, as the label "value" has it: the values that are served apart, then other,
	// unseen and missing. There are none if the profile lacks a column of the slice.
	Values []string
	// Left is how many values, or pairs of values, of the reference are not served apart but counted as other.
	Left int

	first, second int // axes; second is -1 if there is only one
	// pairs has the code for each code of the first axis and each of the second.
	pairs  []uint16
	offset int // of the slice's codes among all
}

// Apart is how many values are served apart.
func (s *Slice) Apart() int { return max(len(s.Values)-len(words), 0) }

// New returns a slicer by columns, and pairs of columns, of a profile. columns are those that batches have, and
// fields says which of a batch's they are. limit is how many values of a slice, and how many pairs, have a code of
// their own. A slice by a column that is not there, or is text, has no values.
//
// A value's frequency is that in the reference. Which pairs are frequent a profile cannot know: those that have codes
// are those that would be the most frequent if the two columns were independent.
func New(by [][]string, columns []*profile.Column, fields []int, limit int) *Slicer {
	if len(by) > outcome.MaxSlices {
		panic("bug: there are more slices than a prediction has room for")
	}
	s := &Slicer{}
	for _, names := range by {
		each := Slice{Name: joined(names), first: -1, second: -1, offset: s.cells}
		each.first = s.axis(names[0], columns, fields, limit)
		if len(names) > 1 {
			each.second = s.axis(names[1], columns, fields, limit)
		}
		switch {
		case each.first < 0 || len(names) > 1 && each.second < 0:
		case len(names) == 1:
			each.alone(s.axes[each.first])
		default:
			each.cross(s.axes[each.first], s.axes[each.second], limit)
		}
		s.cells += len(each.Values)
		s.slices = append(s.slices, each)
	}
	return s
}

// joined returns the name of a slice by these columns.
func joined(columns []string) string {
	names := slices.Clone(columns)
	for i, name := range names {
		if strings.ContainsAny(name, `,"`) {
			names[i] = quoted(name)
		}
	}
	return strings.Join(names, ",")
}

// axis returns the number of a column's axis, which it makes if it is new; -1 if there is no such column.
func (s *Slicer) axis(name string, columns []*profile.Column, fields []int, limit int) int {
	if i := slices.IndexFunc(s.axes, func(a *axis) bool { return a.column.Name == name }); i >= 0 {
		return i
	}
	i := slices.IndexFunc(columns, func(c *profile.Column) bool { return c.Name == name && c.Kind != record.Text })
	if i < 0 {
		return -1
	}
	s.axes = append(s.axes, newAxis(columns[i], fields[i], limit))
	return len(s.axes) - 1
}

// alone makes a slice of one axis, whose codes are its own.
func (s *Slice) alone(a *axis) {
	for code := range a.names {
		s.Values = append(s.Values, a.name(code, false))
	}
	s.Values = append(s.Values, words[:]...)
	s.Left = a.left
}

// pair is a value of one axis with one of another, and how frequent the two would be if they were independent.
type pair struct {
	first, second int
	weight        float64
}

// cross makes a slice of two axes. A pair with a missing value is missing, any other with an unseen one is unseen.
func (s *Slice) cross(a, b *axis, limit int) {
	pairs := likely(a.counts, b.counts, limit)
	other := uint16(len(pairs))
	s.pairs = make([]uint16, a.size()*b.size())
	for i := range a.size() {
		for k := range b.size() {
			code := other
			switch {
			case i == int(a.missing()) || k == int(b.missing()):
				code = other + 2
			case i == int(a.unseen()) || k == int(b.unseen()):
				code = other + 1
			}
			s.pairs[i*b.size()+k] = code
		}
	}
	for code, p := range pairs {
		s.pairs[p.first*b.size()+p.second] = uint16(code)
		s.Values = append(s.Values, a.name(p.first, true)+","+b.name(p.second, true))
	}
	s.Values = append(s.Values, words[:]...)
	s.Left = (len(a.names)+a.left)*(len(b.names)+b.left) - len(pairs)
}

// likely returns the pairs of largest weight, limit at most, the likeliest first; of equal ones those of earlier
// values.
// Both lists of counts descend.
func likely(a, b []uint64, limit int) []pair {
	var pairs []pair
	for i := range a {
		// Pairs of two values that are both as frequent, or more, come before: with (i+1)(k+1) of them none is left.
		for k := 0; k < len(b) && (i+1)*(k+1) <= limit; k++ {
			pairs = append(pairs, pair{i, k, float64(a[i]) * float64(b[k])})
		}
	}
	slices.SortStableFunc(pairs, func(p, q pair) int { return cmp.Compare(q.weight, p.weight) })
	return pairs[:min(len(pairs), limit)]
}

// Slices returns all slices, in the order in which they were asked for.
func (s *Slicer) Slices() []Slice { return s.slices }

// Codes returns the codes of a row of a batch. Slices that have no values have the code 0. It takes constant time and
// does not allocate, but where Column.Category does, for a text among numbers that the reference lacks.
func (s *Slicer) Codes(b *record.Batch, row int) (codes Codes) {
	var values [2 * outcome.MaxSlices]uint16
	for i, a := range s.axes {
		values[i] = a.code(b, row)
	}
	for i := range s.slices {
		switch each := &s.slices[i]; {
		case len(each.Values) == 0:
		case each.pairs == nil:
			codes[i] = values[each.first]
		default:
			codes[i] = each.pairs[int(values[each.first])*s.axes[each.second].size()+int(values[each.second])]
		}
	}
	return codes
}
