package profile

import (
	"iter"
	"slices"
)

// pieceSize is how many values are together in memory.
const pieceSize = 4096

// pieces is a list that is not copied as it grows: what has been read of a reference is most of the memory that an
// exporter ever takes, and a slice that grows by append takes up to three times as much.
type pieces[T any] struct {
	all [][]T // of pieceSize values each, but the last
	n   int
}

func (p *pieces[T]) add(x T) {
	last := p.n / pieceSize
	if last == len(p.all) {
		p.all = append(p.all, make([]T, 0, pieceSize))
	}
	p.all[last] = append(p.all[last], x)
	p.n++
}

// clear makes the list empty and keeps its memory.
func (p *pieces[T]) clear() {
	for i := range p.all {
		p.all[i] = p.all[i][:0]
	}
	p.n = 0
}

// each goes through the list.
func (p *pieces[T]) each() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, piece := range p.all {
			for i := range piece {
				if !yield(&piece[i]) {
					return
				}
			}
		}
	}
}

// joined returns the list in one piece of its own.
func (p *pieces[T]) joined() []T { return slices.Concat(p.all...) }
