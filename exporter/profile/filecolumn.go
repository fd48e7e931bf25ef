package profile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// stored returns the column as a file has it.
func (c *Column) stored() storedColumn {
	s := storedColumn{
		Name: text(c.Name), Role: c.Role, Kind: c.Kind.String(), Why: c.Why, Missing: c.Missing, Invalid: c.Invalid,
		Exact: c.Exact, RankError: c.RankError, Edges: c.Edges, Points: c.Points,
		Categories: texts(c.Categories), Cells: c.Cells,
	}
	if c.Kind == record.Numeric {
		s.Mean, s.M2 = new(number(c.Moments.Mean)), new(number(c.Moments.M2))
	}
	for _, name := range slices.Sorted(maps.Keys(c.codes)) {
		if c.codes[name] == uint32(c.OtherCell()) {
			s.Rare = append(s.Rare, text(name))
		}
	}
	s.Beyond = packHashes(c.beyond)
	if t := c.Text; t != nil {
		s.Text = &storedText{
			Tokens: packHashes(t.Tokens), Rare: packHashes(t.Rare), Texts: t.Texts, Lone: t.Lone, Forgotten: t.Forgotten,
			Length: t.Length.stored(), Noise: t.Noise,
		}
	}
	return s
}

func packHashes(hashes []uint64) (packed []byte) {
	for _, hash := range hashes {
		packed = binary.LittleEndian.AppendUint64(packed, hash)
	}
	return packed
}

func unpackHashes(packed []byte) (hashes []uint64) {
	for ; len(packed) >= 8; packed = packed[8:] {
		hashes = append(hashes, binary.LittleEndian.Uint64(packed))
	}
	return hashes
}

// column returns the column of a reference of so many rows, after it has been checked.
func (s *storedColumn) column(rows uint64) (Column, error) {
	c := Column{
		Name: string(s.Name), Role: s.Role, Why: s.Why, Rows: rows, Missing: s.Missing, Invalid: s.Invalid,
		Exact: s.Exact, RankError: s.RankError, Edges: s.Edges, Points: s.Points,
		Categories: stringsOf(s.Categories), Cells: s.Cells,
	}
	if c.Missing > rows || c.Invalid > rows-c.Missing {
		return c, errors.New("more values are missing or invalid than there are rows")
	}
	if !(c.RankError >= 0 && c.RankError <= 1) {
		return c, fmt.Errorf("a rank error of %g", c.RankError)
	}
	values := rows - c.Missing - c.Invalid
	switch s.Kind {
	case record.Numeric.String():
		c.Kind = record.Numeric
		return c, s.restoreNumbers(&c, values)
	case record.Categorical.String():
		c.Kind = record.Categorical
		return c, s.restoreCategories(&c, values)
	case record.Text.String():
		c.Kind = record.Text
		return c, s.restoreText(&c, values)
	default:
		return c, fmt.Errorf("unknown kind %q", s.Kind)
	}
}

func (s *storedColumn) restoreNumbers(c *Column, values uint64) error {
	if len(s.Categories)+len(s.Rare)+len(s.Beyond) > 0 || s.Mean == nil || s.M2 == nil || *s.M2 < 0 {
		return errors.New("lacks moments, or has categories though it is numeric")
	}
	c.Moments = stat.Moments{N: values, Mean: float64(*s.Mean), M2: float64(*s.M2)}
	if !rising(c.Points) || !rising(c.Edges) || len(c.Points) == 0 {
		return errors.New("its points or edges do not rise")
	}
	for _, e := range c.Edges {
		if _, ok := slices.BinarySearch(c.Points, e); !ok {
			return fmt.Errorf("the edge %g is no point", e)
		}
	}
	if err := checkCells(c.Cells, 2*len(c.Points)+1, values); err != nil {
		return err
	}
	c.index()
	c.Bins = c.Coarse(c.Cells, nil)
	return nil
}

// rising reports whether numbers are finite and each is greater than the one before.
func rising(x []float64) bool {
	for i := range x {
		if math.IsNaN(x[i]) || math.IsInf(x[i], 0) || i > 0 && x[i] <= x[i-1] {
			return false
		}
	}
	return true
}

// checkCells checks that there are as many cells as there should be, and that they count as many values, at least one.
func checkCells(cells []uint64, want int, values uint64) error {
	if len(cells) != want {
		return fmt.Errorf("has %d cells, not %d", len(cells), want)
	}
	var sum, carry uint64
	for _, n := range cells {
		if sum, carry = bits.Add64(sum, n, 0); carry > 0 {
			return errors.New("its cells count too many values")
		}
	}
	if sum != values || sum == 0 {
		return fmt.Errorf("its cells count %d values of %d", sum, values)
	}
	return nil
}

func (s *storedColumn) restoreCategories(c *Column, values uint64) error {
	if len(s.Points)+len(s.Edges) > 0 || s.Mean != nil || s.M2 != nil || s.Exact {
		return errors.New("has numbers though it is categorical")
	}
	if err := checkCells(c.Cells, len(c.Categories)+2, values); err != nil {
		return err
	}
	if c.Cells[c.UnseenCell()] != 0 || len(s.Beyond)%8 != 0 {
		return errors.New("has values of its reference that are unseen, or broken hashes")
	}
	c.codes = make(map[string]uint32, len(s.Categories)+len(s.Rare))
	for i, name := range c.Categories {
		c.codes[name] = uint32(i)
	}
	for _, name := range s.Rare {
		c.codes[string(name)] = uint32(c.OtherCell())
	}
	if c.rare = len(s.Rare); len(c.codes) != len(s.Categories)+len(s.Rare) {
		return errors.New("has a category twice")
	}
	c.beyond = unpackHashes(s.Beyond)
	slices.Sort(c.beyond)
	c.indexCategories()
	c.Bins = c.Cells
	return nil
}

// restoreText restores a column of so many texts.
func (s *storedColumn) restoreText(c *Column, texts uint64) error {
	t := s.Text
	if t == nil || s.Mean != nil || len(s.Points)+len(s.Categories) > 0 {
		return errors.New("lacks its texts, or has numbers or categories though it is text")
	}
	c.Text = &Text{
		Tokens: unpackHashes(t.Tokens), Rare: unpackHashes(t.Rare),
		Texts: t.Texts, Lone: t.Lone, Forgotten: t.Forgotten, Noise: t.Noise,
	}
	var tokens uint64
	for _, n := range c.Cells {
		tokens += n
	}
	if len(c.Cells) != len(c.Text.Tokens)+2 || len(t.Tokens)%8+len(t.Rare)%8 > 0 || t.Texts != texts ||
		t.Lone > tokens || t.Forgotten > tokens || c.Cells[len(c.Cells)-1] != 0 {
		return errors.New("its tokens contradict each other")
	}
	for _, noise := range t.Noise {
		if !(noise.Tokens > 0 && noise.Rest > 0) {
			return errors.New("its noise is of no tokens")
		}
	}
	length, err := t.Length.column(c.Rows)
	if err != nil {
		return fmt.Errorf("its length: %w", err)
	}
	if length.Kind != record.Numeric || length.Missing != c.Missing || length.Invalid != c.Invalid {
		return errors.New("its length is no column of numbers that fits it")
	}
	length.nameLength(c.Name)
	c.Text.Length = &length
	c.Bins = c.Cells
	c.Text.index()
	return nil
}

// apply holds what was said about the reference against a profile that was built before. Columns can still be ignored;
// anything else was settled when it was built.
func (p *Profile) apply(o Options) error {
	if o.HasTask && o.Task != p.Rules.Task {
		return fmt.Errorf("holds a %s: build it again, or remove the task", taskNames[p.Rules.Task])
	}
	if o.PositiveClass != "" && o.PositiveClass != p.PositiveClass {
		return fmt.Errorf("has the positive class %q: build it again, or remove positive_class", p.PositiveClass)
	}
	if o.Tolerance > 0 && o.Tolerance != p.Rules.Tolerance {
		return fmt.Errorf("has an error tolerance of %g: build it again, or remove error_tolerance", p.Rules.Tolerance)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Columns)) {
		if err := p.applyColumn(name, o.Columns[name]); err != nil {
			return err
		}
	}
	if len(p.Columns) == 0 {
		return errors.New("has no column that is not ignored")
	}
	return nil
}

func (p *Profile) applyColumn(name string, says ColumnOptions) error {
	i := slices.IndexFunc(p.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		left := slices.ContainsFunc(p.LeftOut, func(l LeftOut) bool { return l.Name == name })
		switch {
		case !left:
			return fmt.Errorf("has no column %q, which the configuration names: build it again, or remove the column", name)
		case !says.Ignore:
			return fmt.Errorf("has left column %q out: build it again, or remove what the configuration says of it", name)
		}
		return nil
	}
	c := &p.Columns[i]
	switch {
	case says.Ignore && c.Role != Feature:
		return fmt.Errorf("column %q: cannot be ignored, for it is the %s", name, name)
	case says.Ignore:
		p.Columns = slices.Delete(p.Columns, i, i+1)
		if p.Errors != nil && slices.Contains(p.Errors.Features, name) {
			p.Errors = nil // its trees cannot do without the column
		}
		p.LeftOut = append(p.LeftOut, LeftOut{name, "is ignored by the configuration"})
	case says.HasKind && says.Kind != c.Kind:
		return fmt.Errorf("column %q: is %s there: build the profile again, or remove the kind", name, c.Kind)
	case says.Edges != nil && !slices.Equal(says.Edges, c.Edges):
		return fmt.Errorf("column %q: has other edges there: build the profile again, or remove the edges", name)
	}
	return nil
}
