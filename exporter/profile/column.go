package profile

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// Role is what a column is to the model. It is a label value.
type Role string

// The roles.
const (
	Feature    Role = "feature"
	Prediction Role = "prediction"
	Score      Role = "score"
	Label      Role = "label"
)

// Column is the reference of one column. It never changes once it is built.
type Column struct {
	Name string
	Role Role
	Kind record.Kind
	// Why says how the kind was found.
	Why string
	// Rows counts the reference's rows; Missing and Invalid those of them without a value and with one of the wrong type.
	Rows, Missing, Invalid uint64

	// Cells counts the reference's values. For a numeric column with cut points c_0 < … < c_{k-1} there are 2k+1:
	// cell 2i lies strictly between c_{i-1} and c_i, cell 2i+1 is the point c_i itself. For a categorical column
	// there is one for each of Categories, then one for the other, rarer categories of the reference and one for
	// unseen ones. The cells of a text column are told by Text.
	Cells []uint64

	// Points are the cut points of a numeric column: sorted, distinct, finite. They include the smallest and the largest
	// value and the Edges.
	Points []float64
	// Exact says that every distinct value of the reference is a cut point, so that Kolmogorov-Smirnov and Wasserstein
	// distances lose nothing to the cells.
	Exact bool
	// RankError is the share of the reference's values by which the sum of Cells up to any of them may be off, with a
	// probability of 99.9%. It is 0 where all values have been counted.
	RankError float64
	// Edges bound the coarse bins: bin i is (e_{i-1}, e_i], the outer ones are open.
	Edges   []float64
	Moments stat.Moments

	// Categories are the reference's categories, the most frequent first.
	Categories []string

	// Text is what a text column has beside its Cells, which count tokens; nil for other columns.
	Text *Text
	// TextLength says that the column is the length of a text column, and so has no field of its own in a log.
	TextLength bool

	// Bins are the Cells summed up to coarse bins; for other columns they are the Cells.
	Bins []uint64
	// lastCell[i] is the last cell of coarse bin i.
	lastCell []int

	cuts    *cutIndex
	codes   map[string]uint32  // cells of categories, the rare ones too
	numbers map[float64]uint32 // the same for categories that are numbers, where only one cell has that value
	folded  map[string]uint32  // true and false in other spellings
	rare    int                // how many categories are beyond the cap
	// beyond are the sorted hashes (xxhash) of further categories in the other cell, of which there were too many.
	beyond []uint64
}

// newNumeric builds the column of sorted finite values. edges are the coarse edges; nil means deciles. k bounds the cut
// points before the edges are added.
func newNumeric(sorted, edges []float64, k int) Column {
	c := Column{Kind: record.Numeric}
	c.Moments.Add(sorted)
	if edges == nil {
		edges = stat.DecileEdges(sorted)
	}
	c.Edges = slices.Clone(edges)
	for i := range c.Edges {
		c.Edges[i] += 0 // turns -0 into 0
	}
	c.Points, c.Exact = cutPoints(sorted, edges, k)
	c.index()
	c.Cells = make([]uint64, 2*len(c.Points)+1)
	i := 0
	for _, x := range sorted {
		for c.Points[i] < x { // the last point is the largest value
			i++
		}
		if c.Points[i] == x {
			c.Cells[2*i+1]++
		} else {
			c.Cells[2*i]++
		}
	}
	c.Bins = c.Coarse(c.Cells, nil)
	return c
}

// index builds what lookups need from what a profile holds.
func (c *Column) index() {
	if len(c.Points) > 0 {
		c.cuts = newCutIndex(c.Points)
	}
	c.lastCell = c.lastCell[:0]
	for _, e := range c.Edges {
		c.lastCell = append(c.lastCell, c.Cell(e))
	}
	c.lastCell = append(c.lastCell, 2*len(c.Points))
}

// Cell returns the cell of a finite value of a numeric column.
func (c *Column) Cell(x float64) int {
	if c.cuts == nil {
		return 0
	}
	return c.cuts.cell(x)
}

// FindCells writes the cells of finite values of a numeric column to cells, which has room for as many.
func (c *Column) FindCells(values []float64, cells []uint32) {
	if c.cuts == nil {
		clear(cells[:len(values)])
		return
	}
	c.cuts.cells(values, cells)
}

// Coarse sums cells up to coarse bins, into dst if that is large enough. Those of other than numeric columns
// are bins.
func (c *Column) Coarse(cells, dst []uint64) []uint64 {
	if c.Kind != record.Numeric {
		return append(dst[:0], cells...)
	}
	dst = dst[:0]
	from := 0
	for _, last := range c.lastCell {
		var sum uint64
		for _, n := range cells[from : last+1] {
			sum += n
		}
		dst = append(dst, sum)
		from = last + 1
	}
	return dst
}

// BinRange names a coarse bin in interval notation, or the category.
func (c *Column) BinRange(i int) string {
	if c.Kind != record.Numeric {
		switch i - len(c.Categories) {
		case 0:
			return "other"
		case 1:
			return "unseen"
		}
		return c.Categories[i]
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	switch {
	case len(c.Edges) == 0:
		return "(-Inf,+Inf)"
	case i == 0:
		return "(-Inf," + number(c.Edges[0]) + "]"
	case i == len(c.Edges):
		return "(" + number(c.Edges[i-1]) + ",+Inf)"
	default:
		return "(" + number(c.Edges[i-1]) + "," + number(c.Edges[i]) + "]"
	}
}

// OtherCell is the cell of the reference's rarer categories or tokens, behind those that have a cell of their own.
func (c *Column) OtherCell() int { return len(c.Cells) - 2 }

// UnseenCell is the cell of categories or tokens that the reference lacks.
func (c *Column) UnseenCell() int { return len(c.Cells) - 1 }

// Rare is how many categories of the reference share the other cell, as far as they are remembered.
func (c *Column) Rare() int { return c.rare + len(c.beyond) }

// newCategorical builds a column of categories, the most frequent first. Those beyond limit share the cell "other".
func newCategorical(counts []categoryCount, limit int) Column {
	c := Column{Kind: record.Categorical}
	kept := counts[:min(len(counts), limit)]
	c.Cells = make([]uint64, len(kept)+2)
	for _, n := range kept {
		c.Categories = append(c.Categories, n.name)
	}
	c.rare = len(counts) - len(kept)
	c.codes = make(map[string]uint32, len(counts))
	for i, n := range counts {
		cell := min(i, c.OtherCell())
		c.codes[n.name] = uint32(cell)
		c.Cells[cell] += n.count
	}
	c.indexCategories()
	c.Bins = c.Cells
	return c
}

// indexCategories finds the other spellings of categories that can mean only one cell.
func (c *Column) indexCategories() {
	c.numbers = make(map[float64]uint32)
	c.folded = make(map[string]uint32)
	ambiguousNumbers, ambiguousWords := make(map[float64]bool), make(map[string]bool)
	for name, code := range c.codes {
		if x, err := strconv.ParseFloat(name, 64); err == nil && !math.IsNaN(x) {
			if before, twice := c.numbers[x]; twice && before != code {
				ambiguousNumbers[x] = true
			}
			c.numbers[x] = code
		}
		if lower := strings.ToLower(name); lower == "true" || lower == "false" {
			if before, twice := c.folded[lower]; twice && before != code {
				ambiguousWords[lower] = true
			}
			c.folded[lower] = code
		}
	}
	for x := range ambiguousNumbers {
		delete(c.numbers, x)
	}
	for word := range ambiguousWords {
		delete(c.folded, word)
	}
}

// Category returns the cell of a value of a categorical column. Values are compared byte for byte; only where that
// finds nothing, 1.0 also stands for a category 1, and true for True or True for true, if no other category could be
// meant.
func (c *Column) Category(value []byte) uint32 {
	if code, ok := c.codes[string(value)]; ok {
		return code
	}
	if len(c.beyond) > 0 {
		if _, ok := slices.BinarySearch(c.beyond, xxhash.Sum64(value)); ok {
			return uint32(c.OtherCell())
		}
	}
	if len(c.numbers) > 0 {
		if x, err := strconv.ParseFloat(string(value), 64); err == nil {
			if code, ok := c.numbers[x]; ok {
				return code
			}
		}
	}
	if len(c.folded) > 0 {
		if code, ok := c.folded[strings.ToLower(string(value))]; ok {
			return code
		}
	}
	return uint32(c.UnseenCell())
}

// HasNumbers reports whether a number would be nothing unusual among the column's values.
func (c *Column) HasNumbers() bool { return c.Kind == record.Numeric || len(c.numbers) > 0 }

// String describes the column in a line, for --config.check.
func (c *Column) String() string {
	missing := 0.0
	if c.Rows > 0 {
		missing = 100 * float64(c.Missing) / float64(c.Rows)
	}
	what := ""
	switch c.Kind {
	case record.Numeric:
		exact := "quantiles"
		if c.Exact {
			exact = "all distinct values"
		}
		what = fmt.Sprintf("%d cut points (%s), %d bins", len(c.Points), exact, len(c.Bins))
		if c.RankError > 0 {
			what += fmt.Sprintf(", ranks within %.2g%%", 100*c.RankError)
		}
	case record.Categorical:
		what = fmt.Sprintf("%d categories", len(c.Categories))
		if rare := c.Rare(); rare > 0 {
			what += fmt.Sprintf(" and %d rarer ones as other", rare)
		}
	default:
		what = c.Text.describe()
	}
	return fmt.Sprintf("%s: %s %s (%s), %s, %.2f%% missing", c.Name, c.Kind, c.Role, c.Why, what, missing)
}
