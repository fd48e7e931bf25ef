package outcome

// index finds the places of entries by the hashes of their ids: a hash table with open addressing. It has as many
// places of one hash as are put in. Where an entry stands is told by ten bytes or so: neither the hash nor the id is
// in the table, only eight bits of the hash, which rule out nearly all entries of other ids without looking at them.
//
// Probing is linear, with the rule of "Robin Hood" (Celis, 1986): what is farther from its home stands first. So a
// search ends soon, no slot is farther from home than a byte tells, and a removed entry leaves nothing behind.
//
// It is divided into shards by the hash, so that it grows in small steps, none of which takes long.
type index struct {
	shards [shardCount]shard
	// hash returns the hash of the entry at a place, for a shard that grows.
	hash func(place uint32) uint64
	len  int
}

const (
	shardBits  = 6
	shardCount = 1 << shardBits
	firstSlots = 64
	// farthest is the largest distance from home that is allowed; a shard in which it would be exceeded grows.
	farthest = 250
)

// shard is a part of an index. Its length is a power of two.
type shard struct {
	slots []slot
	used  int
	// longest is the largest distance from home, plus one, that there ever was.
	longest uint16
}

// slot is a place in six bytes that stand together, so that looking at one waits for memory once.
type slot struct {
	low, high uint16
	// mark tells how far the slot is from the home of what is in it, plus one, in the upper byte, and some bits of the
	// hash in the lower one; 0 is a free slot.
	mark uint16
}

func newSlot(place uint32, mark uint16) slot { return slot{uint16(place), uint16(place >> 16), mark} }

func (s slot) place() uint32 { return uint32(s.low) | uint32(s.high)<<16 }

func (x *index) shard(mixed uint64) *shard { return &x.shards[mixed>>(64-shardBits)] }

func (s *shard) home(mixed uint64) int { return int(mixed>>8) & (len(s.slots) - 1) }

// mix spreads hashes whose bits are not as good as they should be; different ones stay different.
func mix(hash uint64) uint64 {
	hash *= 0x9e3779b97f4a7c15
	return hash ^ hash>>32
}

// add puts in a place under a hash. It returns false, and has put in nothing, if there are too many of one hash.
func (x *index) add(hash uint64, place uint32) bool {
	mixed := mix(hash)
	s := x.shard(mixed)
	if s.used >= len(s.slots)*3/4 {
		x.grow(s)
	}
	for !s.put(mixed, place) {
		if len(s.slots) > 64*(s.used+firstSlots) {
			return false
		}
		x.grow(s)
	}
	x.len++
	return true
}

// put puts in a place, unless an entry might come too far from its home; then nothing has changed.
func (s *shard) put(mixed uint64, place uint32) bool {
	if s.longest > farthest {
		return false // Each entry that makes room goes one farther.
	}
	mask := len(s.slots) - 1
	i, own := s.home(mixed), newSlot(place, 1<<8|uint16(mixed&0xff))
	for ; s.slots[i].mark != 0; i, own.mark = (i+1)&mask, own.mark+1<<8 {
		// What is farther from home takes the slot.
		if s.slots[i].mark>>8 < own.mark>>8 {
			s.longest = max(s.longest, own.mark>>8)
			s.slots[i], own = own, s.slots[i]
		}
	}
	s.longest = max(s.longest, own.mark>>8)
	s.slots[i] = own
	s.used++
	return true
}

func (x *index) grow(s *shard) {
	old := *s
	for size := max(2*len(old.slots), firstSlots); ; size *= 2 {
		*s = shard{slots: make([]slot, size)}
		if x.refill(s, old.slots) {
			return
		}
	}
}

// reserve makes an empty index large enough for so many places.
func (x *index) reserve(places int) {
	if x.len > 0 {
		return
	}
	size := firstSlots
	for size*3/4 < places/shardCount {
		size *= 2
	}
	for i := range x.shards {
		x.shards[i] = shard{slots: make([]slot, size)}
	}
}

// refill puts all places of a shard into another one, and reports whether that was possible. The hashes stand far apart
// in memory: they are asked for many at a time, so that the processor waits for all of them at once.
func (x *index) refill(s *shard, old []slot) bool {
	var places [64]uint32
	var hashes [64]uint64
	for from := 0; from < len(old); from += len(places) {
		n := 0
		for _, slot := range old[from:min(from+len(places), len(old))] {
			if slot.mark != 0 {
				places[n] = slot.place()
				n++
			}
		}
		for i, place := range places[:n] {
			hashes[i] = mix(x.hash(place))
		}
		for i, place := range places[:n] {
			if !s.put(hashes[i], place) {
				return false
			}
		}
	}
	return true
}

// search goes through the entries that a hash may have. The zero value finds nothing.
type search struct {
	shard *shard
	slot  int
	mark  uint16
}

func (x *index) search(hash uint64) search {
	mixed := mix(hash)
	s := x.shard(mixed)
	if len(s.slots) == 0 {
		return search{}
	}
	return search{shard: s, slot: s.home(mixed) - 1, mark: uint16(mixed & 0xff)}
}

// touch reads the slot where a hash belongs, and returns something of it.
func (x *index) touch(hash uint64) uint32 {
	mixed := mix(hash)
	s := x.shard(mixed)
	if len(s.slots) == 0 {
		return 0
	}
	return uint32(s.slots[s.home(mixed)].mark)
}

// next finds the next entry. The hash is still to be compared.
func (f *search) next() (place uint32, ok bool) {
	if f.shard == nil {
		return 0, false
	}
	mask := len(f.shard.slots) - 1
	for {
		f.slot = (f.slot + 1) & mask
		f.mark += 1 << 8
		switch slot := f.shard.slots[f.slot]; {
		case slot.mark == f.mark:
			return slot.place(), true
		case slot.mark>>8 < f.mark>>8:
			return 0, false
		}
	}
}

// place returns the place that was found last.
func (f *search) place() uint32 { return f.shard.slots[f.slot].place() }

// set changes the place that was found last.
func (f *search) set(place uint32) {
	f.shard.slots[f.slot] = newSlot(place, f.shard.slots[f.slot].mark)
}

// remove takes out the place that was found last. The search must not go on.
func (x *index) remove(f search) {
	s := f.shard
	mask := len(s.slots) - 1
	i := f.slot
	for {
		next := s.slots[(i+1)&mask]
		if next.mark>>8 <= 1 {
			break
		}
		next.mark -= 1 << 8
		s.slots[i] = next
		i = (i + 1) & mask
	}
	s.slots[i] = slot{}
	s.used--
	x.len--
}
