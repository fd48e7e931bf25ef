package slice

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// The words for what is no value that is served apart, in the order of their codes behind the values'.
var words = [...]string{"other", "unseen", "missing"}

// axis gives the values of a column codes. The first are its most frequent values, then come those of words.
type axis struct {
	column *profile.Column
	field  int // of a batch
	// codes has the code of each cell of the column.
	codes []uint16
	// names and counts are what each value is called and how often the reference has it, the most frequent first.
	names  []string
	counts []uint64
	// left is how many of the reference's values have no code of their own.
	left int
}

// newAxis returns an axis of at most limit values.
func newAxis(c *profile.Column, field, limit int) *axis {
	a := &axis{column: c, field: field, codes: make([]uint16, len(c.Cells)), left: c.Rare()}
	values := len(c.Categories)
	if c.Kind == record.Numeric {
		values = len(c.Edges) + 1
	}
	order := make([]int, values)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, k int) int { return cmp.Compare(c.Bins[k], c.Bins[i]) })
	a.left += max(values-limit, 0)
	order = order[:min(values, limit)]
	names := namesOf(c)
	// Where it stays so, a value is one of the rest.
	other := uint16(len(order))
	codes := make([]uint16, values)
	for i := range codes {
		codes[i] = other
	}
	for code, i := range order {
		codes[i] = uint16(code)
		a.names = append(a.names, names[i])
		a.counts = append(a.counts, c.Bins[i])
	}
	if c.Kind == record.Numeric {
		a.spread(codes)
	} else {
		copy(a.codes, codes)
		a.codes[c.OtherCell()], a.codes[c.UnseenCell()] = other, a.unseen()
	}
	return a
}

// spread gives the cells of each coarse bin the bin's code.
func (a *axis) spread(codes []uint16) {
	cell := 0
	for bin, edge := range a.column.Edges {
		for last := a.column.Cell(edge); cell <= last; cell++ {
			a.codes[cell] = codes[bin]
		}
	}
	for ; cell < len(a.codes); cell++ {
		a.codes[cell] = codes[len(codes)-1]
	}
}

// namesOf returns the names of a column's coarse bins or categories.
func namesOf(c *profile.Column) []string {
	if c.Kind != record.Numeric {
		return c.Categories
	}
	names := make([]string, len(c.Edges)+1)
	seen := make(map[string]bool)
	for i := range names {
		names[i] = c.BinRange(i)
		seen[names[i]] = true
	}
	if len(seen) == len(names) {
		return names
	}
	// The edges lie too close for rounded numbers.
	number := func(i int) string { return strconv.FormatFloat(c.Edges[i], 'g', -1, 64) }
	for i := range names {
		switch i {
		case 0:
			names[i] = "(-Inf," + number(i) + "]"
		case len(c.Edges):
			names[i] = "(" + number(i-1) + ",+Inf)"
		default:
			names[i] = "(" + number(i-1) + "," + number(i) + "]"
		}
	}
	return names
}

// size is the number of codes.
func (a *axis) size() int { return len(a.names) + len(words) }

// Behind the names stands the code of what is not told apart, and behind that these two.
func (a *axis) unseen() uint16  { return uint16(len(a.names)) + 1 }
func (a *axis) missing() uint16 { return uint16(len(a.names)) + 2 }

// code returns the code of a row's value.
func (a *axis) code(b *record.Batch, row int) uint16 {
	values := &b.Columns[a.field]
	if a.column.Kind == record.Numeric {
		x := values.Numbers[row]
		if x != x {
			return a.missing()
		}
		return a.codes[a.column.Cell(x)]
	}
	span := values.Spans[row]
	if !span.IsString() {
		return a.missing()
	}
	return a.codes[a.column.Category(b.Text(span))]
}

// name returns a value's name as it is written alone, or beside another one. Names that could be taken for something
// else stand in quotation marks, and those inside of them are doubled as in CSV.
func (a *axis) name(code int, beside bool) string {
	name := a.names[code]
	if a.column.Kind == record.Numeric {
		return name // an interval has one comma, and is known by its brackets
	}
	if name == "" || name[0] == '"' || slices.Contains(words[:], name) || beside && strings.ContainsAny(name, `,"`) {
		return quoted(name)
	}
	return name
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
