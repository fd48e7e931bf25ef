package window

import "github.com/drift-exporter/drift_exporter/exporter/stat"

// Refined returns cut points and counts of both sides in which every located value is a cut point of its own, wherever
// all values of its open cell are located, so that Wasserstein's distance is exact there. Without located values it
// returns what the profile and the window have.
func (v *ColumnView) Refined() (points []float64, reference, live []uint64, tail stat.Tail) {
	located, from := v.Located, 0
	if len(located) == 0 {
		return v.Points, v.Column.Cells, v.Cells, v.Tail
	}
	tail = v.Tail
	for cell, n := range v.Cells {
		if cell%2 == 1 {
			points = append(points, v.Points[cell/2])
			reference = append(reference, v.Column.Cells[cell])
			live = append(live, n)
			continue
		}
		to := from
		var known uint64
		for to < len(located) && (cell == len(v.Cells)-1 || located[to].Value < v.Points[cell/2]) {
			known += located[to].Count
			to++
		}
		reference = append(reference, v.Column.Cells[cell])
		if known != n || v.Column.Cells[cell] != 0 {
			live = append(live, n)
			from = to
			continue
		}
		live = append(live, 0)
		for _, l := range located[from:to] {
			points = append(points, l.Value)
			reference = append(reference, 0, 0)
			live = append(live, l.Count, 0)
		}
		from = to
		switch cell {
		case 0:
			tail.Below = 0
		case len(v.Cells) - 1:
			tail.Above = 0
		}
	}
	return points, reference, live, tail
}
