package window

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// Without drift, PSI of B bins is (B − 1)(1/m + 1/n) in the mean, for m values of the reference and n live ones. Over
// the cells of 1024 cut points that would be a hundred times what it is over the deciles, which it must be taken over.
func TestPSIOfManyCutPointsIsThatOfTheCoarseBins(t *testing.T) {
	const n, trials = 2000, 200
	columns, fields := wideColumns(t, 1, 1024)
	c := columns[0]
	if len(c.Points) < 1000 || len(c.Bins) != 10 {
		t.Fatalf("the column has %d cut points and %d bins", len(c.Points), len(c.Bins))
	}
	var m uint64
	for _, count := range c.Bins {
		m += count
	}
	r := rand.New(rand.NewPCG(21, 22))
	batch := record.Batch{Rows: n, Columns: make([]record.Column, 1)}
	rows := make([]uint32, n)
	var mean float64
	for range trials {
		numbers := batch.Columns[0].Numbers[:0]
		for i := range n {
			numbers = append(numbers, r.NormFloat64())
			rows[i] = uint32(i)
		}
		batch.Columns[0].Numbers = numbers
		s := New(columns, fields, []time.Duration{time.Hour}, 1024, false)
		s.Add(&batch, rows, 0)
		psi, ok := stat.PSI(c.Bins, c.Coarse(s.View(0).Columns[0].Cells, nil))
		if !ok {
			t.Fatal("there is no PSI")
		}
		mean += psi / trials
	}
	// The one reference is as far from the truth as it happens to be, which all trials share: hence the width.
	if want := 9 * (1/float64(m) + 1./n); mean < want/2 || mean > 2*want {
		t.Errorf("PSI without drift is %.5f in the mean of %d trials, want about %.5f", mean, trials, want)
	}
}
