package outcome

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
)

// Layout says what a Join has to remember of the predictions of a model.
type Layout struct {
	// Numbers says that predictions and labels are numbers and not classes.
	Numbers bool
	// Scores says that predictions have scores.
	Scores bool
	// Slices is how many of a prediction's slices are in use, at most MaxSlices.
	Slices int
}

// An entry is what is known about one id and one version of the model. Entries have no pointers and stand in blocks of
// bytes: the garbage collector does not look at millions of them, and each takes only as much as the layout needs.
//
//	8 bytes  hash of the id
//	4 bytes  milliseconds since the beginning of the bucket; of a free entry, the next free one
//	4 bytes  place of the label, plus one; 0 if there is none
//	1 byte   version, or noPrediction, or free
//	         class (2 bytes) or number (8 bytes), score (8 bytes), slices (2 bytes each)
const (
	atHash    = 0
	atTime    = 8
	atLabel   = 12
	atVersion = 16
	atValue   = 17
)

const (
	noPrediction = math.MaxUint8
	free         = math.MaxUint8 - 1
	// maxVersion is the highest version that an entry can have.
	maxVersion = math.MaxUint8 - 2
	otherClass = math.MaxUint16
	// maxClass is the highest class below Other that an entry can have.
	maxClass = math.MaxUint16 - 1
)

// blockEntries is how many entries a block has. Small blocks waste little where times are far apart.
const blockEntries = 256

// entries keeps entries by time: in buckets, each for a stretch of time and with blocks of its own, so that what is old
// is given up as a whole.
type entries struct {
	layout  Layout
	stride  int
	width   int64 // of a bucket, in nanoseconds
	blocks  []block
	unused  []uint32  // blocks
	buckets []*bucket // by number
	last    *bucket   // the one that was asked for last
}

// block has entries of one bucket, nil while it is unused. What is asked of a block stands together.
type block struct {
	entries []byte
	bucket  *bucket
}

// bucket has the entries whose times, rounded down, are the same multiple of the width.
type bucket struct {
	number int64
	blocks []uint32
	used   int    // entries in use of the last block
	free   uint32 // the first of the entries that were given back, plus one; 0 if there is none
	live   int
	joined int // entries that have both halves
}

func newEntries(layout Layout, width int64) *entries {
	e := &entries{layout: layout, width: width, stride: atValue + 2*layout.Slices}
	e.stride += 2
	if layout.Numbers {
		e.stride += 6
	}
	if layout.Scores {
		e.stride += 8
	}
	return e
}

// at returns the bytes of an entry.
func (e *entries) at(place uint32) []byte {
	from := int(place%blockEntries) * e.stride
	return e.blocks[place/blockEntries].entries[from : from+e.stride : from+e.stride]
}

func (e *entries) hash(place uint32) uint64 { return binary.LittleEndian.Uint64(e.at(place)) }

// bucketOf returns the bucket of an entry.
func (e *entries) bucketOf(place uint32) *bucket { return e.blocks[place/blockEntries].bucket }

// bucket returns the bucket of a number, which it makes if there is none.
func (e *entries) bucket(number int64) *bucket {
	i := sort.Search(len(e.buckets), func(i int) bool { return e.buckets[i].number >= number })
	if i == len(e.buckets) || e.buckets[i].number != number {
		e.buckets = slices.Insert(e.buckets, i, &bucket{number: number, used: blockEntries})
	}
	e.last = e.buckets[i]
	return e.last
}

// bucketAt returns the bucket of a time, which it makes if there is none.
func (e *entries) bucketAt(time int64) *bucket {
	if e.last != nil && uint64(time-e.last.number*e.width) < uint64(e.width) {
		return e.last // without a division
	}
	return e.bucket(floorDivide(time, e.width))
}

// add makes room for an entry in a bucket.
func (e *entries) add(b *bucket) (place uint32, entry []byte) {
	b.live++
	if b.free != 0 {
		place = b.free - 1
		entry = e.at(place)
		b.free = binary.LittleEndian.Uint32(entry[atTime:])
		return place, entry
	}
	if b.used == blockEntries {
		b.blocks = append(b.blocks, e.block(b))
		b.used = 0
	}
	place = b.blocks[len(b.blocks)-1]*blockEntries + uint32(b.used)
	b.used++
	return place, e.at(place)
}

// block returns a block for a bucket.
func (e *entries) block(b *bucket) uint32 {
	if last := len(e.unused) - 1; last >= 0 {
		number := e.unused[last]
		e.unused = e.unused[:last]
		e.blocks[number].bucket = b
		return number
	}
	e.blocks = append(e.blocks, block{make([]byte, blockEntries*e.stride), b})
	return uint32(len(e.blocks) - 1)
}

// remove gives an entry back, and with the last one of a bucket all of the bucket.
func (e *entries) remove(place uint32) {
	b, entry := e.bucketOf(place), e.at(place)
	b.live--
	if b.live == 0 {
		e.drop(b)
		return
	}
	entry[atVersion] = free
	binary.LittleEndian.PutUint32(entry[atTime:], b.free)
	b.free = place + 1
}

// drop gives a bucket's blocks back.
func (e *entries) drop(b *bucket) {
	for _, number := range b.blocks {
		e.blocks[number].bucket = nil
	}
	e.unused = append(e.unused, b.blocks...)
	e.buckets = slices.DeleteFunc(e.buckets, func(o *bucket) bool { return o == b })
	if e.last == b {
		e.last = nil
	}
}

// each calls f for the entries of a bucket in the order of their places, until it returns false.
func (e *entries) each(b *bucket, f func(place uint32, entry []byte) bool) {
	for i, number := range slices.Clone(b.blocks) {
		used := blockEntries
		if i == len(b.blocks)-1 {
			used = b.used
		}
		for k := range uint32(used) {
			place := number*blockEntries + k
			if entry := e.at(place); entry[atVersion] != free && !f(place, entry) {
				return
			}
		}
	}
}

// putTime writes a time of the bucket.
func (e *entries) putTime(entry []byte, b *bucket, time int64) {
	binary.LittleEndian.PutUint32(entry[atTime:], uint32((time-b.number*e.width)/1e6))
}

func (e *entries) time(entry []byte, b *bucket) int64 {
	return b.number*e.width + int64(binary.LittleEndian.Uint32(entry[atTime:]))*1e6
}

// putPrediction writes what is the prediction's but for id and time.
func (e *entries) putPrediction(entry []byte, p *Prediction) {
	if p.Version > maxVersion {
		panic("bug: more versions than a join can tell apart")
	}
	entry[atVersion] = byte(p.Version)
	rest := entry[atValue:]
	if e.layout.Numbers {
		binary.LittleEndian.PutUint64(rest, math.Float64bits(p.Value.Number))
		rest = rest[8:]
	} else {
		binary.LittleEndian.PutUint16(rest, shortClass(p.Value.Class))
		rest = rest[2:]
	}
	if e.layout.Scores {
		binary.LittleEndian.PutUint64(rest, math.Float64bits(p.Score))
		rest = rest[8:]
	}
	for i := range e.layout.Slices {
		binary.LittleEndian.PutUint16(rest[2*i:], p.Slices[i])
	}
}

// prediction reads the prediction of an entry that has one.
func (e *entries) prediction(entry []byte, b *bucket, p *Prediction) {
	*p = Prediction{}
	p.ID, p.Time = binary.LittleEndian.Uint64(entry), e.time(entry, b)
	p.Version, p.Score = uint16(entry[atVersion]), math.NaN()
	rest := entry[atValue:]
	if e.layout.Numbers {
		p.Value.Number = math.Float64frombits(binary.LittleEndian.Uint64(rest))
		rest = rest[8:]
	} else {
		p.Value.Class = longClass(binary.LittleEndian.Uint16(rest))
		rest = rest[2:]
	}
	if e.layout.Scores {
		p.Score = math.Float64frombits(binary.LittleEndian.Uint64(rest))
		rest = rest[8:]
	}
	for i := range e.layout.Slices {
		p.Slices[i] = binary.LittleEndian.Uint16(rest[2*i:])
	}
}

// shortClass returns a class in two bytes.
func shortClass(class uint32) uint16 {
	switch {
	case class == Other:
		return otherClass
	case class > maxClass:
		panic("bug: more classes than a join can tell apart")
	}
	return uint16(class)
}

func longClass(class uint16) uint32 {
	if class == otherClass {
		return Other
	}
	return uint32(class)
}

// labelSlot is a label, and what is needed to correct it.
type labelSlot struct {
	value Value
	// time is when the value that holds first came.
	time int64
	// newest is the newest time of all labels of the id, repeats included. What is older is outdated.
	newest int64
}

// labelSlots keeps labels in chunks that never move.
type labelSlots struct {
	chunks [][]labelSlot
	used   int
	free   []uint32
}

const chunkLabels = 1024

func (s *labelSlots) at(place uint32) *labelSlot {
	return &s.chunks[place/chunkLabels][place%chunkLabels]
}

func (s *labelSlots) add(l labelSlot) uint32 {
	var place uint32
	if last := len(s.free) - 1; last >= 0 {
		place = s.free[last]
		s.free = s.free[:last]
	} else {
		if s.used == len(s.chunks)*chunkLabels {
			s.chunks = append(s.chunks, make([]labelSlot, chunkLabels))
		}
		place = uint32(s.used)
		s.used++
	}
	*s.at(place) = l
	return place
}

func (s *labelSlots) remove(place uint32) { s.free = append(s.free, place) }
