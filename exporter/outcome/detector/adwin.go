package detector

import (
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// ADWIN is adaptive windowing of Bifet and Gavaldà, Learning from time-changing data with adaptive windowing (SIAM
// SDM 2007).
//
// The window holds all n outcomes since the last drift. With p its error rate, and n_0 outcomes of the rate p_0 in its
// old and n_1 of the rate p_1 in its new part, there is a drift if for any way to part it
//
//	|p_0 − p_1| > √(2 h p(1 − p) d) + ⅔ h d,   d = ln(2 ln(n) / Delta),   h = 1/(n_0 − m + 1) + 1/(n_1 − m + 1)
//
// where m is MinPart and neither part is smaller than that. Rates that rise and that fall count alike. There are no
// warnings.
//
// The window is kept as buckets of 1, 2, 4, … outcomes, at most Buckets of each size: if there is one more, the two
// oldest become one of twice the size. Memory is so 8 · Buckets bytes and a little for each doubling of n: some 1 kB
// for a billion outcomes. The parts are made of buckets. As in river, and unlike in the paper, the newest bucket of
// each size never counts to the old part, also where newer and smaller buckets do, and a drift empties the window,
// where the paper drops its old part only.
type ADWIN struct {
	// Delta bounds the probability of a false alarm at one test. It is above 0 and below 1.
	Delta float64
	// Clock is the number of outcomes between two tests, 1 or more.
	Clock uint64
	// Buckets is the largest number of buckets of one size, 2 or more: with 1, no bucket counts to the old part.
	Buckets int
	// MinPart is the smallest number of outcomes in a part, 1 or more.
	MinPart uint64
	// Grace is the number of outcomes that only count: a window has to be longer to be tested.
	Grace uint64

	window window
}

type window struct {
	all counts
	// rows hold the numbers of wrong outcomes in the buckets of 1, 2, 4, … outcomes, the oldest first. The last row is
	// not empty.
	rows [][]uint64
}

// NewADWIN returns a detector with the parameters 0.002, 32, 5, 5 and 10.
func NewADWIN() *ADWIN { return &ADWIN{Delta: 0.002, Clock: 32, Buckets: 5, MinPart: 5, Grace: 10} }

// Add implements Detector.
func (a *ADWIN) Add(wrong bool) State {
	a.window.add(wrong, a.Buckets)
	if n := a.window.all.n; n%a.Clock == 0 && n > max(a.Grace, 1) && a.changed() {
		a.window = window{}
		return Drift
	}
	return Stable
}

// add puts an outcome into a bucket of its own and merges buckets until no row has too many.
func (w *window) add(wrong bool, limit int) {
	w.all.add(wrong)
	newest := uint64(0)
	if wrong {
		newest = 1
	}
	for i := 0; ; i++ {
		if i == len(w.rows) {
			w.rows = append(w.rows, make([]uint64, 0, limit+1))
		}
		row := append(w.rows[i], newest)
		if len(row) <= limit {
			w.rows[i] = row
			return
		}
		newest = row[0] + row[1]
		w.rows[i] = row[:copy(row, row[2:])]
	}
}

// changed reports whether the window can be parted into two that differ by more than chance.
func (a *ADWIN) changed() bool {
	w := &a.window
	p := w.all.rate()
	variance := p * (1 - p)
	d := math.Log(2 * math.Log(float64(w.all.n)) / a.Delta)
	var old counts
	for i, row := range slices.Backward(w.rows) {
		for _, wrong := range row[:max(len(row)-1, 0)] {
			old.n += 1 << i
			old.wrong += wrong
			rest := counts{n: w.all.n - old.n, wrong: w.all.wrong - old.wrong}
			if old.n < a.MinPart || rest.n < a.MinPart {
				continue
			}
			h := 1/float64(old.n-a.MinPart+1) + 1/float64(rest.n-a.MinPart+1)
			if math.Abs(old.rate()-rest.rate()) > math.Sqrt(2*h*variance*d)+2.0/3*h*d {
				return true
			}
		}
	}
	return false
}

// Save implements Detector.
func (a *ADWIN) Save(e *state.Encoder) {
	e.Uint(uint64(len(a.window.rows)))
	for _, row := range a.window.rows {
		e.Uint(uint64(len(row)))
		for _, wrong := range row {
			e.Uint(wrong)
		}
	}
}

// mostRows is the number of sizes of buckets that hold no more than most outcomes each.
const mostRows = 54

// Load implements Detector.
func (a *ADWIN) Load(from *state.Decoder) {
	var w window
	rows := from.Count(1)
	if rows > mostRows {
		from.Fail("adwin has buckets of %d sizes", rows)
	}
	for i := 0; i < rows && from.Err() == nil; i++ {
		n := from.Count(1)
		if n > a.Buckets || n == 0 && i == rows-1 {
			from.Fail("adwin has %d buckets of one size", n)
			break
		}
		row := make([]uint64, 0, a.Buckets+1)
		for range n {
			wrong := from.Uint()
			if wrong > 1<<i {
				from.Fail("adwin has %d wrong outcomes in a bucket of %d", wrong, uint64(1)<<i)
			}
			row = append(row, wrong)
			w.all.n += 1 << i
			w.all.wrong += wrong
			if w.all.n > most {
				from.Fail("adwin holds more outcomes than there can be")
				return
			}
		}
		w.rows = append(w.rows, row)
	}
	if from.Err() == nil {
		a.window = w
	}
}
