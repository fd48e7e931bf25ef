package exporter

// recentIDs remembers about the last hundred thousand ids, so that a record that was delivered twice counts once even where no
// labels are joined. It is a table of small sets that each forget their oldest id, small enough for a processor's cache.
type recentIDs struct {
	sets [][idsPerSet]uint64
	next []uint8
}

const (
	idsPerSet = 8 // a cache line
	idSets    = 1 << 14
)

func newRecentIDs() *recentIDs {
	return &recentIDs{sets: make([][idsPerSet]uint64, idSets), next: make([]uint8, idSets)}
}

// add remembers an id, a hash other than 0, and reports whether it was remembered already.
func (r *recentIDs) add(id uint64) bool {
	i := id % idSets
	set := &r.sets[i]
	for _, known := range set {
		if known == id {
			return true
		}
	}
	set[r.next[i]] = id
	r.next[i] = (r.next[i] + 1) % idsPerSet
	return false
}
