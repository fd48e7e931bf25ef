package profile

import (
	"slices"
	"testing"
)

func TestPiecesHoldWhatIsAdded(t *testing.T) {
	for _, n := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize + 7} {
		var p pieces[int]
		for range 2 { // the second time in memory that is used again
			p.clear()
			var want, got []int
			for i := range n {
				want = append(want, i*i)
				p.add(i * i)
			}
			for x := range p.each() {
				got = append(got, *x)
			}
			if p.n != n || !slices.Equal(got, want) || !slices.Equal(p.joined(), want) {
				t.Errorf("of %d values there are %d: %d and %d that are those that were added",
					n, p.n, len(got), len(p.joined()))
			}
		}
	}
}
