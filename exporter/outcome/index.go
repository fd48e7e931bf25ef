package outcome

import "math/bits"

// index finds the places of entries by the hashes of their ids: a hash table with open addressing. It has as many
// places of one hash as are put in. Where an entry stands is told by 6 to 13 bytes: neither the hash nor the id is in
// the table, only eight bits of the hash, which rule out nearly all entries of other ids without looking at them.
//
// Places stand in lines of memory, each of which the processor fetches and looks through at once. One that finds its
// line full goes to the next that is not, and is counted by the lines that it passed: where none has passed, a search
// ends. This is how Bronson and Shi's F14 does it ("Open-sourcing F14 for faster, more memory-efficient hash tables",
// 2019). A removed place leaves nothing behind.
//
// The index is divided into shards by the hash, so that it grows in small steps, none of which takes long.
type index struct {
	shards [shardCount]shard
	// hash returns the hash of the entry at a place, for a shard that grows.
	hash func(place uint32) uint64
	len  int
}

const (
	shardBits  = 7
	shardCount = 1 << shardBits
	firstLines = 3 // 24 KiB in all
	linePlaces = 12
	// fullLine is how many places the lines of a shard have on average when it grows.
	fullLine = 10
	// farthest is how many lines a place may be from its home; a shard in which it would be farther grows.
	farthest = 250
)

// shard is a part of an index. Hashes have their homes in its lines in the order of what they are.
type shard struct {
	lines []line
	used  int
}

// line is 64 bytes long, as the processor's are, and never stands in two of those.
type line struct {
	// first and last have a byte of each place's hash, the tag; 0 is a free place.
	first uint64
	last  uint32
	// passed is how many places stand behind, but would not if there had been room here.
	passed uint32
	places [linePlaces]uint32
}

// The tags of a line are looked through all at once, byte by byte in a word.
const (
	eachByte  = 0x0101010101010101
	lowBits   = 0x7f * eachByte
	lastBytes = 0x01010101 << 1
)

// find returns the set of the places with a tag that is given in each byte: the bit 8k for the place k of the first
// eight, 8k+1 for the place 8+k.
func (l *line) find(tags uint64) uint64 {
	first, last := l.first^tags, uint64(l.last)^tags
	// In each byte, the highest bit stays 0 only if all bits are.
	first = ^((first&lowBits + lowBits) | first) >> 7 & eachByte
	last = ^((last&lowBits + lowBits) | last) >> 6 & lastBytes
	return first | last
}

// placeOf returns the number of the lowest place of a set.
func placeOf(set uint64) int {
	bit := bits.TrailingZeros64(set)
	return bit>>3 + bit&1<<3
}

// setTag sets the tag of a place, which must be free, or frees it.
func (l *line) setTag(place int, tag uint64) {
	if place < 8 {
		shift := 8 * place
		l.first = l.first&^(0xff<<shift) | tag<<shift
	} else {
		shift := 8 * (place - 8)
		l.last = l.last&^(0xff<<shift) | uint32(tag)<<shift
	}
}

// hashed is where a hash belongs: in a shard, there in the line that is a share of all, and under a tag.
type hashed struct {
	shard *shard
	share uint64
	tag   uint64
}

func (x *index) of(hash uint64) hashed {
	// Spreads hashes whose bits are not as good as they should be.
	hash *= 0x9e3779b97f4a7c15
	return hashed{&x.shards[hash>>(64-shardBits)], hash << shardBits, max((hash^hash>>32)&0xff, 1)}
}

// home returns the number of the line where a hash belongs.
func (s *shard) home(share uint64) int {
	home, _ := bits.Mul64(share, uint64(len(s.lines)))
	return int(home)
}

// add puts in a place under a hash. It returns false, and has put in nothing, if there are too many of one hash.
func (x *index) add(hash uint64, place uint32) bool {
	h := x.of(hash)
	s := h.shard
	if s.used >= fullLine*len(s.lines) {
		x.grow(s)
	}
	for !s.put(h, place) {
		if len(s.lines) > 8*(s.used+firstLines) {
			return false
		}
		x.grow(s)
	}
	x.len++
	return true
}

// put puts in a place, unless it would come too far from its home; then nothing has changed.
func (s *shard) put(h hashed, place uint32) bool {
	home := s.home(h.share)
	at := home
	free := s.lines[at].find(0)
	for passed := 0; free == 0; passed++ {
		if at = s.next(at); at == home || passed == farthest {
			return false
		}
		free = s.lines[at].find(0)
	}
	for i := home; i != at; i = s.next(i) {
		s.lines[i].passed++
	}
	l := &s.lines[at]
	k := placeOf(free)
	l.setTag(k, h.tag)
	l.places[k] = place
	s.used++
	return true
}

// next returns the number of the line behind a line.
func (s *shard) next(line int) int {
	if line++; line < len(s.lines) {
		return line
	}
	return 0
}

func (x *index) grow(s *shard) {
	old := *s
	for size := max(2*len(old.lines), firstLines); ; size *= 2 {
		*s = shard{lines: make([]line, size)}
		if x.refill(s, old.lines) {
			return
		}
	}
}

// reserve makes an empty index large enough for so many places.
func (x *index) reserve(places int) {
	if x.len > 0 {
		return
	}
	size := firstLines
	for size*fullLine*shardCount < places {
		size *= 2
	}
	for i := range x.shards {
		x.shards[i] = shard{lines: make([]line, size)}
	}
}

// refill puts all places of a shard into another one, and reports whether that was possible. The hashes stand far apart
// in memory: they are asked for many at a time, so that the processor waits for all of them at once.
func (x *index) refill(s *shard, old []line) bool {
	var places [8 * linePlaces]uint32
	var hashes [len(places)]uint64
	for len(old) > 0 {
		some := old[:min(8, len(old))]
		old = old[len(some):]
		n := 0
		for i := range some {
			l := &some[i]
			for taken := l.find(0) ^ (eachByte | lastBytes); taken != 0; taken &= taken - 1 {
				places[n] = l.places[placeOf(taken)]
				n++
			}
		}
		for i, place := range places[:n] {
			hashes[i] = x.hash(place)
		}
		for i, place := range places[:n] {
			if !s.put(x.of(hashes[i]), place) {
				return false
			}
		}
	}
	return true
}

// search goes through the places that a hash may have. The zero value finds nothing.
type search struct {
	shard *shard
	tags  uint64 // the tag in each byte
	// home and line are the numbers of lines, found is that of the place in the line that was found last.
	home, line, found int
	// left are the places of the line that are still to be looked at.
	left uint64
}

// begin makes it a search for a hash. To return one would cost more than a search takes.
func (f *search) begin(x *index, hash uint64) {
	h := x.of(hash)
	if len(h.shard.lines) == 0 {
		f.shard = nil
		return
	}
	f.shard, f.tags = h.shard, h.tag*eachByte
	f.home = h.shard.home(h.share)
	f.line = f.home
	f.left = h.shard.lines[f.home].find(f.tags)
}

// touch reads the line where a hash belongs, and returns something of it.
func (x *index) touch(hash uint64) uint32 {
	h := x.of(hash)
	if len(h.shard.lines) == 0 {
		return 0
	}
	return h.shard.lines[h.shard.home(h.share)].passed
}

// next finds the next place. The hash of what is there is still to be compared.
func (f *search) next() (place uint32, ok bool) {
	if f.shard == nil {
		return 0, false
	}
	for f.left == 0 {
		if f.shard.lines[f.line].passed == 0 {
			return 0, false
		}
		if f.line = f.shard.next(f.line); f.line == f.home {
			return 0, false
		}
		f.left = f.shard.lines[f.line].find(f.tags)
	}
	f.found = placeOf(f.left)
	f.left &= f.left - 1
	return f.place(), true
}

// place returns the place that was found last.
func (f *search) place() uint32 { return f.shard.lines[f.line].places[f.found] }

// set changes the place that was found last.
func (f *search) set(place uint32) { f.shard.lines[f.line].places[f.found] = place }

// remove takes out the place that was found last.
func (x *index) remove(f search) {
	for i := f.home; i != f.line; i = f.shard.next(i) {
		f.shard.lines[i].passed--
	}
	f.shard.lines[f.line].setTag(f.found, 0)
	f.shard.used--
	x.len--
}
