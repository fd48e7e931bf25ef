package stat

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// saved are the bytes of floors, which have been asked for at some numbers of values.
func saved(f *Floors, withBins bool, at ...uint64) []byte {
	for _, n := range at {
		f.At(n)
	}
	var e state.Encoder
	f.Save(&e, withBins)
	return bytes.Join(e.Parts(), nil)
}

func TestFloorsGoOnFromWhatWasSaved(t *testing.T) {
	bins := []uint64{250, 3000, 2000}
	points, cells := []float64{1, 2, 5}, []uint64{0, 250, 0, 3000, 0, 2000, 0}
	build := func() *Floors { return NewFloors(bins, points, cells, 1) }
	f := build()
	data := saved(f, true, 40, 400, 1_000_000)
	got := build()
	d := state.NewDecoder(data)
	if got.Load(d); d.End() != nil {
		t.Fatal(d.End())
	}
	if len(got.bins.simulated) != 2 || got.bins.limits == nil || got.numeric.constant == 0 {
		t.Errorf("loaded %d simulations, limits %v, constant %g", len(got.bins.simulated), got.bins.limits,
			got.numeric.constant)
	}
	for _, n := range []uint64{40, 400, 1_000_000} {
		if got.At(n) != f.At(n) {
			t.Errorf("at %d: %+v, want %+v", n, got.At(n), f.At(n))
		}
	}
	if again := saved(got, true); !bytes.Equal(again, data) {
		t.Error("what was loaded is saved differently")
	}

	// Without the bins only the constant is there; before anything was asked for, nothing.
	got = build()
	if got.Load(state.NewDecoder(saved(f, false))); len(got.bins.simulated) > 0 || got.numeric.constant == 0 {
		t.Error("bins were saved that others have, or no constant")
	}
	got = build()
	if got.Load(state.NewDecoder(saved(build(), true))); got.At(400) != f.At(400) {
		t.Error("floors that were saved too early are different")
	}
	overflow := NewFloors(nil, []float64{-8e307, 8e307}, []uint64{0, 5, 0, 5, 0}, 8e307)
	d = state.NewDecoder(saved(overflow, true, 9))
	if overflow.Load(d); d.End() != nil {
		t.Errorf("a constant that overflows: %v", d.End())
	}
}

func TestBrokenFloorsAreNotLoaded(t *testing.T) {
	build := func() *Floors {
		return NewFloors([]uint64{50, 300}, []float64{1, 2}, []uint64{0, 50, 0, 300, 0}, 1)
	}
	data := saved(build(), true, 40, 1_000_000)
	for n := range len(data) {
		d := state.NewDecoder(data[:n])
		if build().Load(d); d.End() == nil {
			t.Errorf("%d bytes of %d were loaded", n, len(data))
		}
	}
	for _, x := range []float64{-1, math.NaN(), math.Inf(1)} {
		var e state.Encoder
		e.Float(x)
		broken := slices.Concat(bytes.Join(e.Parts(), nil), data[8:])
		d := state.NewDecoder(broken)
		if build().Load(d); d.End() == nil {
			t.Errorf("the constant %g was loaded", x)
		}
	}
	d := state.NewDecoder(data)
	if NewFloors(nil, nil, nil, 0).Load(d); d.End() == nil {
		t.Error("floors of bins were loaded into floors without")
	}
}

// What is simulated may change only together with FloorsVersion: checkpoints hold it. The last bits differ between
// processors.
func TestSimulatedFloorsBelongToTheirVersion(t *testing.T) {
	f := NewFloors([]uint64{50, 300}, []float64{1, 2}, []uint64{0, 50, 0, 300, 0}, 1)
	few, many := f.At(40), f.At(1_000_000)
	f = NewFloors([]uint64{500, 3000, 700, 800}, nil, nil, 0)
	limit := f.At(1_000_000)
	const version = 2
	want := []float64{
		1.0590708298579399, 0.272359872917815, 0.21736081213963457, 0.07228683050622098,
		0.07571341083603297, 0.023673221162767096, 0.022878624867682343,
	}
	for i, got := range []float64{
		few.PSI.Value, few.Hellinger.Value, few.Chebyshev.Value, many.JensenShannon.Value, many.Wasserstein.Value,
		limit.TotalVariation.Value, limit.Chebyshev.Value,
	} {
		if FloorsVersion != version || math.Abs(got-want[i]) > 1e-9*want[i] {
			t.Errorf("floor %d of version %d is %s, want %g: raise FloorsVersion, and enter the new floors and version here", i,
				FloorsVersion, strconv.FormatFloat(got, 'g', -1, 64), want[i])
		}
	}
}
