package window

import "github.com/drift-exporter/drift_exporter/exporter/stat"

// Refined are cut points and counts of both sides in which every located value is a cut point of its own, wherever all
// values of its open cell are located, so that Wasserstein's distance is exact there.
type Refined struct {
	Points          []float64
	Reference, Live []uint64
	Tail            stat.Tail
	// memory that is used again
	points          []float64
	reference, live []uint64
}

// Refine makes r what the view refines to, in the memory that r has from the last time. Without located values that is
// what the profile and the window have.
func (v *ColumnView) Refine(r *Refined) {
	located := v.Located
	if len(located) == 0 {
		r.Points, r.Reference, r.Live, r.Tail = v.Points, v.Column.Cells, v.Cells, v.Tail
		return
	}
	points, reference, live, tail := r.points[:0], r.reference[:0], r.live[:0], v.Tail
	last := len(v.Cells) - 1
	for cell := 0; ; cell += 2 {
		n, of := v.Cells[cell], v.Column.Cells[cell]
		to := 0
		var known uint64
		for to < len(located) && (cell == last || located[to].Value < v.Points[cell/2]) {
			known += located[to].Count
			to++
		}
		reference = append(reference, of)
		if known != n || of != 0 {
			live = append(live, n)
		} else {
			live = append(live, 0)
			for _, l := range located[:to] {
				points = append(points, l.Value)
				reference = append(reference, 0, 0)
				live = append(live, l.Count, 0)
			}
			switch cell {
			case 0:
				tail.Below = 0
			case last:
				tail.Above = 0
			}
		}
		located = located[to:]
		if cell == last {
			break
		}
		points = append(points, v.Points[cell/2])
		reference = append(reference, v.Column.Cells[cell+1])
		live = append(live, v.Cells[cell+1])
	}
	r.points, r.reference, r.live = points, reference, live
	r.Points, r.Reference, r.Live, r.Tail = points, reference, live, tail
}
