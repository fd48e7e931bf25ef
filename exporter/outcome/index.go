package outcome

// index finds the places of entries by the hashes of their ids: a hash table with open addressing. It has as many
// places of one hash as are put in. Where an entry stands is told by eleven bytes or so: neither the hash nor the id is
// in the table, only eight bits of the hash, which rule out nearly all entries of other ids without looking at them.
//
// Probing is linear, with the rule of "Robin Hood" (Celis, 1986): what is farther from its home stands first. So a search
// ends soon, no slot is farther from home than a byte tells, and a removed entry leaves nothing behind.
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
	places []uint32
	// marks tell of each slot how far it is from home, plus one, in the upper byte, and some bits of the hash in the
	// lower one; 0 is a free slot.
	marks []uint16
	used  int
}

func (x *index) shard(mixed uint64) *shard { return &x.shards[mixed>>(64-shardBits)] }

func (s *shard) home(mixed uint64) int { return int(mixed>>8) & (len(s.places) - 1) }

// mix spreads hashes whose bits are not as good as they should be; different ones stay different.
func mix(hash uint64) uint64 {
	hash *= 0x9e3779b97f4a7c15
	return hash ^ hash>>32
}

// add puts in a place under a hash. It returns false, and has put in nothing, if there are too many of one hash.
func (x *index) add(hash uint64, place uint32) bool {
	mixed := mix(hash)
	s := x.shard(mixed)
	if s.used >= len(s.places)*3/4 {
		x.grow(s)
	}
	for !s.put(mixed, place) {
		if len(s.places) > 64*(s.used+firstSlots) {
			return false
		}
		x.grow(s)
	}
	x.len++
	return true
}

// put puts in a place, unless an entry would come too far from its home; then nothing has changed.
func (s *shard) put(mixed uint64, place uint32) bool {
	mask := len(s.places) - 1
	i, mark := s.home(mixed), 1<<8|uint16(mixed&0xff)
	// What is poorer than its neighbour takes its place, and so on. First it is found out whether that ends well.
	for at, m := i, mark; s.marks[at] != 0; at, m = (at+1)&mask, m+1<<8 {
		if s.marks[at]>>8 < m>>8 {
			m = s.marks[at]
		}
		if m>>8 > farthest {
			return false
		}
	}
	for ; s.marks[i] != 0; i, mark = (i+1)&mask, mark+1<<8 {
		if s.marks[i]>>8 < mark>>8 {
			s.marks[i], mark = mark, s.marks[i]
			s.places[i], place = place, s.places[i]
		}
	}
	s.marks[i], s.places[i] = mark, place
	s.used++
	return true
}

func (x *index) grow(s *shard) {
	old := *s
	for size := max(2*len(old.places), firstSlots); ; size *= 2 {
		*s = shard{places: make([]uint32, size), marks: make([]uint16, size)}
		whole := true
		for i, mark := range old.marks {
			if mark != 0 && whole {
				whole = s.put(mix(x.hash(old.places[i])), old.places[i])
			}
		}
		if whole {
			return
		}
	}
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
	if len(s.places) == 0 {
		return search{}
	}
	return search{shard: s, slot: s.home(mixed) - 1, mark: uint16(mixed & 0xff)}
}

// touch returns something of the slot where a hash belongs, and its place if the first entry there may be the one.
func (x *index) touch(hash uint64) (place uint32, ok bool) {
	mixed := mix(hash)
	s := x.shard(mixed)
	if len(s.places) == 0 {
		return 0, false
	}
	home := s.home(mixed)
	return s.places[home], s.marks[home] == 1<<8|uint16(mixed&0xff)
}

// next finds the next entry. The hash is still to be compared.
func (f *search) next() (place uint32, ok bool) {
	if f.shard == nil {
		return 0, false
	}
	mask := len(f.shard.places) - 1
	for {
		f.slot = (f.slot + 1) & mask
		f.mark += 1 << 8
		switch mark := f.shard.marks[f.slot]; {
		case mark == f.mark:
			return f.shard.places[f.slot], true
		case mark>>8 < f.mark>>8:
			return 0, false
		}
	}
}

// set changes the place that was found last.
func (f *search) set(place uint32) { f.shard.places[f.slot] = place }

// remove takes out the place that was found last. The search must not go on.
func (x *index) remove(f search) {
	s := f.shard
	mask := len(s.places) - 1
	i := f.slot
	for {
		next := (i + 1) & mask
		if s.marks[next]>>8 <= 1 {
			break
		}
		s.marks[i], s.places[i] = s.marks[next]-1<<8, s.places[next]
		i = next
	}
	s.marks[i] = 0
	s.used--
	x.len--
}
