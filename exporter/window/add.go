package window

import (
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Add counts some rows of a batch, at least one, all of one pane, in ascending order.
func (s *Set) Add(b *record.Batch, rows []uint32, pane int64) { s.AddPart(b, rows, pane, record.Whole) }

// AddPart is Add of rows that have only one part of a prediction. The columns that belong to the other part are not
// missing: they count nothing.
func (s *Set) AddPart(b *record.Batch, rows []uint32, pane int64, part record.Part) {
	s.changes++
	d := s.delta(pane)
	d.records += uint64(len(rows))
	for i := range s.read {
		c := &s.columns[i]
		if part != record.Whole && (part == record.Request) != (c.Role == profile.Feature) {
			continue
		}
		switch values := &b.Columns[c.field]; c.Kind {
		case record.Numeric:
			s.addNumbers(c, values, rows, d.counts, &d.sums[i])
		case record.Categorical:
			s.spans = slices.Grow(s.spans[:0], len(rows))
			c.addCategories(b, pick(values.Spans, rows, s.spans), d.counts[c.open:c.open+len(c.Cells)], &d.sums[i])
		default:
			s.addTexts(c, b, values.Spans, rows, d, &d.sums[i])
		}
	}
}

// pick returns the values of some rows, in ascending order: as they are where the rows follow one another, and else in
// the memory of buf, which has room for them.
func pick[T any](values []T, rows []uint32, buf []T) []T {
	if follow(rows) {
		return values[rows[0] : rows[len(rows)-1]+1]
	}
	buf = buf[:len(rows)]
	for i, row := range rows {
		buf[i] = values[row]
	}
	return buf
}

// follow reports whether rows, in ascending order, follow one another.
func follow(rows []uint32) bool { return int(rows[len(rows)-1]-rows[0]) == len(rows)-1 }

func (s *Set) addNumbers(c *column, values *record.Column, rows []uint32, counts []uint32, sum *sums) {
	s.numbers, s.found = slices.Grow(s.numbers[:0], len(rows)), slices.Grow(s.found[:0], len(rows))
	numbers := finite(values.Numbers, rows, s.numbers)
	found := s.found[:len(numbers)]
	c.FindSlots(numbers, found, uint32(c.open), uint32(c.points))
	first, last := c.open, c.open+len(c.Points)
	beyond := counts[first] + counts[last]
	for _, slot := range found {
		counts[slot]++
	}
	if counts[first]+counts[last] != beyond && first < last {
		sum.addTail(numbers, c.Points[0], c.Points[len(c.Points)-1])
	}
	if c.located != nil {
		for i, slot := range found {
			if int(slot) > last {
				continue
			}
			if at, ok := c.located.slot(numbers[i]); ok {
				counts[at]++
			}
		}
	}
	sum.moments.Add(numbers)
	invalid := common(values.Wrong, rows)
	sum.invalid += invalid
	sum.missing += uint64(len(rows)-len(numbers)) - invalid
}

// finite returns the numbers of some rows but for those that are NaN, as pick does.
func finite(numbers []float64, rows []uint32, buf []float64) []float64 {
	if follow(rows) {
		all := numbers[rows[0] : rows[len(rows)-1]+1]
		if !slices.ContainsFunc(all, isNaN) {
			return all
		}
	}
	buf = buf[:len(rows)]
	n := 0
	for _, row := range rows {
		x := numbers[row]
		buf[n] = x
		if x == x {
			n++
		}
	}
	return buf[:n]
}

func isNaN(x float64) bool { return x != x }

// common counts what two ascending lists have in common.
func common(a, b []uint32) uint64 {
	var n uint64
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			n++
			a, b = a[1:], b[1:]
		}
	}
	return n
}

// addCategories counts most categories without a call for each of them: that is 2 % of a whole run.
func (c *column) addCategories(b *record.Batch, spans []record.Span, counts []uint32, sum *sums) {
	for {
		spans = spans[c.cache.count(b, spans, counts):]
		if len(spans) == 0 {
			return
		}
		switch span := spans[0]; {
		case span.IsString():
			counts[c.cache.code(c.Column, b.Text(span))]++
		case span == record.Absent:
			sum.missing++
		default:
			sum.invalid++
		}
		spans = spans[1:]
	}
}

// addTexts counts the tokens of texts in the cells of their column, and the numbers of tokens in those of its lengths.
func (s *Set) addTexts(c *column, b *record.Batch, spans []record.Span, rows []uint32, d *delta, sum *sums) {
	counts := d.counts[c.open : c.open+len(c.Cells)]
	s.lengths.Numbers = slices.Grow(s.lengths.Numbers[:0], b.Rows)[:b.Rows]
	s.lengths.Wrong = s.lengths.Wrong[:0]
	for _, row := range rows {
		length := math.NaN()
		switch span := spans[row]; span {
		case record.Absent:
			sum.missing++
		case record.Wrong:
			sum.invalid++
			s.lengths.Wrong = append(s.lengths.Wrong, row)
		default:
			length = float64(c.CountTokens(b.Text(span), counts))
		}
		s.lengths.Numbers[row] = length
	}
	l := &s.columns[c.length]
	s.addNumbers(l, &s.lengths, rows, d.counts, &d.sums[c.length])
}

// addTail adds how far values lie beyond the outermost cut points.
func (s *sums) addTail(values []float64, low, high float64) {
	for _, x := range values {
		if x < low {
			s.tail.Below += low - x
		}
		if x > high {
			s.tail.Above += x - high
		}
	}
}
