package exporter

import "github.com/drift-exporter/drift_exporter/exporter/state"

// recentIDs remembers about the last hundred thousand ids, so that a record that was delivered twice counts once
// even where no labels are joined. It is a table of small sets that each forget their oldest id, small enough for a
// processor's cache.
type recentIDs struct {
	sets [][idsPerSet]uint64
	next []uint8
	// touched keeps the compiler from leaving touch out.
	touched uint64
}

const (
	idsPerSet = 8 // a cache line
	idSets    = 1 << 14
)

func newRecentIDs() *recentIDs {
	return &recentIDs{sets: make([][idsPerSet]uint64, idSets), next: make([]uint8, idSets)}
}

// touch brings the sets of many ids into the processor's cache. Waiting for memory for all of them at once is several
// times faster than for one after the other.
func (r *recentIDs) touch(ids []uint64) {
	for _, id := range ids {
		r.touched += r.sets[id%idSets][0] + uint64(r.next[id%idSets])
	}
}

// add remembers an id, a hash other than 0, and reports whether it was remembered already.
func (r *recentIDs) add(id uint64) bool {
	i := id % idSets
	set := &r.sets[i]
	if set[0] == id || set[1] == id || set[2] == id || set[3] == id ||
		set[4] == id || set[5] == id || set[6] == id || set[7] == id {
		return true
	}
	set[r.next[i]] = id
	r.next[i] = (r.next[i] + 1) % idsPerSet
	return false
}

// Save writes the ids that are remembered.
func (r *recentIDs) Save(e *state.Encoder) {
	for i := range r.sets {
		e.Uint(uint64(r.next[i]))
		for _, id := range r.sets[i] {
			e.Fixed(id)
		}
	}
}

// Load reads what Save wrote.
func (r *recentIDs) Load(d *state.Decoder) {
	for i := range r.sets {
		next := d.Uint()
		if next >= idsPerSet {
			d.Fail("a set of recent ids goes on at %d", next)
			return
		}
		r.next[i] = uint8(next)
		for k := range r.sets[i] {
			r.sets[i][k] = d.Fixed()
		}
	}
}
