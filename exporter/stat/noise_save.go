package stat

import (
	"maps"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// FloorsVersion changes whenever floors of the same reference do. What Save wrote under another version must not be
// loaded.
const FloorsVersion = 2

// Save writes what has been simulated so far, which depends on nothing but the reference. Of floors that share their
// bins only one has to write those.
func (f *Floors) Save(e *state.Encoder, withBins bool) {
	constant := 0.0
	if f.numeric != nil {
		f.numeric.mu.Lock()
		constant = f.numeric.constant
		f.numeric.mu.Unlock()
	}
	if !isFinite(constant) {
		constant = 0
	}
	e.Float(constant)
	withBins = withBins && f.bins != nil
	e.Bool(withBins)
	if withBins {
		f.bins.save(e)
	}
}

// Load reads what Save wrote of floors of the same reference, so that it need not be simulated again.
func (f *Floors) Load(d *state.Decoder) {
	if constant := loadFloor(d); f.numeric != nil {
		f.numeric.mu.Lock()
		f.numeric.constant = constant
		f.numeric.mu.Unlock()
	}
	if d.Bool() {
		if f.bins == nil {
			d.Fail("noise floors of bins that there are not")
			return
		}
		f.bins.load(d)
	}
}

func (b *binNoise) save(e *state.Encoder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Bool(b.limits != nil)
	if l := b.limits; l != nil {
		e.Float(l.chiSquared)
		e.Float(l.totalVariation)
		e.Float(l.chebyshev)
	}
	e.Uint(uint64(len(b.simulated)))
	for _, step := range slices.Sorted(maps.Keys(b.simulated)) {
		e.Uint(step)
		values := b.simulated[step]
		for _, bound := range values.ofBins() {
			e.Float(bound.Value)
		}
	}
}

func (b *binNoise) load(d *state.Decoder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.Bool() {
		b.limits = &binLimits{loadFloor(d), loadFloor(d), loadFloor(d)}
	}
	for range d.Count(41) {
		step := d.Uint()
		var values FloorValues
		for _, bound := range values.ofBins() {
			*bound = Bound{loadFloor(d), true}
		}
		b.simulated[step] = values
	}
}

// ofBins are the floors that bins have.
func (v *FloorValues) ofBins() []*Bound {
	return []*Bound{&v.PSI, &v.JensenShannon, &v.Hellinger, &v.TotalVariation, &v.Chebyshev}
}

func loadFloor(d *state.Decoder) float64 {
	x := d.Float()
	if !(x >= 0) || math.IsInf(x, 1) {
		d.Fail("a noise floor is %g", x)
	}
	return x
}
