package window

// In a pane's counts every cell has a slot. First come the open cells of all columns and all cells of those that are
// not numeric, then the cells of all cut points, then the located values. Values of continuous columns hardly ever hit
// a cut point, so most blocks of slots are nearly full or empty, and both are gone through fast.

// arrange gives all columns their slots, and returns how many there are, rounded up to whole blocks.
func arrange(columns []column) int {
	n, shown := 0, 0
	for i := range columns {
		c := &columns[i]
		c.open = n
		n += len(c.Cells) - len(c.Points)
		c.shown = shown
		shown += c.size()
	}
	for i := range columns {
		columns[i].points = n
		n += len(columns[i].Points)
	}
	for i := range columns {
		if l := columns[i].located; l != nil {
			l.first = n
			n += l.limit
		}
	}
	return padded(n)
}

// size is how many slots a column has.
func (c *column) size() int {
	if c.located != nil {
		return len(c.Cells) + c.located.limit
	}
	return len(c.Cells)
}

// addTo adds what the slots of a column hold to its cells, in the order of its profile. Behind these it adds the
// located values, if there is room for them.
func addTo[T uint32 | uint64](cells []uint64, c *column, slots []T) {
	located := cells[len(c.Cells):]
	cells = cells[:len(c.Cells)]
	if k := len(c.Points); k > 0 {
		for i, n := range slots[c.open : c.open+k+1] {
			cells[2*i] += uint64(n)
		}
		for i, n := range slots[c.points : c.points+k] {
			cells[2*i+1] += uint64(n)
		}
	} else {
		for i, n := range slots[c.open : c.open+len(cells)] {
			cells[i] += uint64(n)
		}
	}
	if len(located) > 0 {
		for i, n := range slots[c.located.first : c.located.first+len(located)] {
			located[i] += uint64(n)
		}
	}
}
