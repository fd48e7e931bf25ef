package window

import (
	"cmp"
	"slices"
)

// locator gives live values that are no cut point a slot of their own, as long as there are few of them. Where a
// column's cut points are all distinct values of the reference, this keeps the Wasserstein distance exact. A
// located value is counted in its open cell too, so cells still mean the same everywhere.
//
// Once there are more than the limit none is located any more: which ones came first would depend on the order in which
// logs are read.
type locator struct {
	first int // slot of the first located value
	limit int
	cells map[float64]uint32 // from first on; nil beyond the limit
}

func newLocator(limit int) *locator {
	return &locator{limit: limit, cells: make(map[float64]uint32)}
}

// slot returns the slot of a value, if it has one or there is room for one more.
func (l *locator) slot(x float64) (int, bool) {
	if l.cells == nil {
		return 0, false
	}
	i, ok := l.cells[x]
	if !ok {
		if len(l.cells) == l.limit {
			l.cells = nil
			return 0, false
		}
		i = uint32(len(l.cells))
		l.cells[x] = i
	}
	return l.first + int(i), true
}

// counts returns the located values that occur, ascending, from how often each does.
func (l *locator) counts(counts []uint64) []Located {
	all := make([]Located, 0, len(l.cells))
	for x, i := range l.cells {
		if n := counts[i]; n > 0 {
			all = append(all, Located{x, n})
		}
	}
	slices.SortFunc(all, func(a, b Located) int { return cmp.Compare(a.Value, b.Value) })
	return all
}
