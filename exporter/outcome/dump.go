package outcome

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// Dump writes all that a Join remembers, part by part, while the join goes on. What changes meanwhile is written again,
// and so on until that is little; the last part then holds the rest. So the parts together are the join as it is when
// the last one is made, and no part takes long.
type Dump struct {
	join    *Join
	block   int      // the next one to be written
	changed []uint64 // ids that have changed, more than once perhaps
	rewrite []uint64 // ids that are being written again
	anew    bool     // nothing that was written counts
}

const (
	// fewChanges is how many changed ids may be left for the last part: some milliseconds of work.
	fewChanges = 20_000
	// manyChanges is how many changed ids are remembered at most. With more, because parts are hardly asked for, all is
	// written once more.
	manyChanges = 4_000_000
	// rewrittenIDs is how many ids are written again together: what is known of them is fetched from memory at once.
	rewrittenIDs = 256
)

// The kinds of records in a part.
const (
	dumpEntries = iota // a bucket's number, how many entries, and those
	dumpForget         // an id of which all is out of date
	dumpAnew           // all before is out of date
	dumpExpect         // about how many entries there will be
	dumpCounts         // what was given up, in the last part
)

// BeginDump begins a dump. There can be one at a time; Last or Abort ends it.
func (j *Join) BeginDump() *Dump {
	if j.dump != nil {
		panic("bug: two dumps of a join at the same time")
	}
	j.dump = &Dump{join: j}
	return j.dump
}

// changed notes that an id changes or goes.
func (j *Join) changed(id uint64) {
	if j.dump == nil {
		return
	}
	if len(j.dump.changed) == manyChanges {
		*j.dump = Dump{join: j, anew: true}
	}
	j.dump.changed = append(j.dump.changed, id)
}

// Abort ends a dump that is not wanted any more.
func (d *Dump) Abort() { d.join.dump = nil }

// Next appends the next part, of at least size bytes if there is so much, to the given bytes. more says whether Next
// is to be called again; else it is Last's turn.
func (d *Dump) Next(part []byte, size int) (_ []byte, more bool) {
	j := d.join
	size += len(part)
	if d.anew {
		d.anew = false
		part = append(part, dumpAnew)
	}
	if d.block == 0 {
		part = binary.AppendUvarint(append(part, dumpExpect), uint64(j.index.len))
	}
	for ; d.block < len(j.entries.blocks) && len(part) < size; d.block++ {
		part = d.writeBlock(part, d.block)
	}
	for len(part) < size {
		if len(d.rewrite) == 0 {
			if len(d.changed) <= fewChanges {
				return part, false
			}
			d.rewrite, d.changed = d.changed, d.rewrite
		}
		rest := max(len(d.rewrite)-rewrittenIDs, 0)
		part = d.writeIDs(part, d.rewrite[rest:])
		d.rewrite = d.rewrite[:rest]
	}
	return part, true
}

// Last appends the last part to the given bytes and ends the dump.
func (d *Dump) Last(part []byte) []byte {
	for _, ids := range [][]uint64{d.rewrite, d.changed} {
		for some := range slices.Chunk(ids, rewrittenIDs) {
			part = d.writeIDs(part, some)
		}
	}
	j := d.join
	j.dump = nil
	part = append(part, dumpCounts)
	for _, n := range []uint64{
		j.counts.ExpiredPredictions, j.counts.EvictedPredictions, j.counts.ExpiredLabels, j.counts.EvictedLabels,
		uint64(j.index.len),
	} {
		part = binary.AppendUvarint(part, n)
	}
	return part
}

// writeBlock appends the entries of a block.
func (d *Dump) writeBlock(part []byte, number int) []byte {
	e := d.join.entries
	b := e.blocks[number].bucket
	if b == nil {
		return part
	}
	used := blockEntries
	if uint32(number) == b.blocks[len(b.blocks)-1] {
		used = b.used
	}
	n := 0
	first := uint32(number * blockEntries)
	for k := range uint32(used) {
		if e.at(first + k)[atVersion] != free {
			n++
		}
	}
	if n == 0 {
		return part
	}
	part = appendGroup(part, b, n)
	for k := range uint32(used) {
		if entry := e.at(first + k); entry[atVersion] != free {
			part = d.join.appendEntry(part, entry)
		}
	}
	return part
}

// writeIDs appends what holds of some ids now.
func (d *Dump) writeIDs(part []byte, ids []uint64) []byte {
	j := d.join
	j.Touch(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		part = binary.LittleEndian.AppendUint64(append(part, dumpForget), id)
	}
	for _, id := range ids {
		var f search
		f.begin(&j.index, id)
		for {
			place, entry, ok := j.find(&f, id)
			if !ok {
				break
			}
			part = appendGroup(part, j.entries.bucketOf(place), 1)
			part = j.appendEntry(part, entry)
		}
	}
	return part
}

func appendGroup(part []byte, b *bucket, n int) []byte {
	part = append(part, dumpEntries)
	part = binary.AppendVarint(part, b.number)
	return binary.AppendUvarint(part, uint64(n))
}

// labelSize is the length of a label in a dump.
const labelSize = 24

// appendEntry appends an entry, and behind it its label if it has one.
func (j *Join) appendEntry(part, entry []byte) []byte {
	at := binary.LittleEndian.Uint32(entry[atLabel:])
	part = append(part, entry...)
	if at == 0 {
		return part
	}
	slot := j.labels.at(at - 1)
	value := math.Float64bits(slot.value.Number)
	if !j.entries.layout.Numbers {
		value = uint64(slot.value.Class)
	}
	part = binary.LittleEndian.AppendUint64(part, value)
	part = binary.LittleEndian.AppendUint64(part, uint64(slot.time))
	return binary.LittleEndian.AppendUint64(part, uint64(slot.newest))
}

// Load takes in one part of a dump. The join must have been new at the first one, with the same layout and timeout as
// the one that was dumped.
func (j *Join) Load(part []byte) error {
	for len(part) > 0 {
		kind := part[0]
		part = part[1:]
		var err error
		switch kind {
		case dumpEntries:
			part, err = j.loadGroup(part)
		case dumpForget:
			part, err = j.loadForget(part)
		case dumpExpect:
			part, err = j.loadExpect(part)
		case dumpAnew:
			j.clear(j.entries.layout, j.entries.width)
		case dumpCounts:
			return j.loadCounts(part)
		default:
			err = fmt.Errorf("a part of the joined ids has a record of kind %d", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errCut = errors.New("a part of the joined ids ends too early")

// loadExpect makes room at once for what is to come, which halves the time that loading takes.
func (j *Join) loadExpect(part []byte) (rest []byte, err error) {
	expected, n := binary.Uvarint(part)
	if n <= 0 {
		return nil, errCut
	}
	j.index.reserve(int(min(expected, uint64(j.limit))))
	return part[n:], nil
}

func (j *Join) loadGroup(part []byte) (rest []byte, err error) {
	e := j.entries
	number, n := binary.Varint(part)
	if n <= 0 || number > math.MaxInt64/e.width || number < math.MinInt64/e.width {
		return nil, errCut
	}
	part = part[n:]
	count, n := binary.Uvarint(part)
	if n <= 0 || count > uint64(len(part))/uint64(e.stride) {
		return nil, errCut
	}
	part = part[n:]
	if count == 0 {
		return part, nil
	}
	for i, rest := uint64(0), part; i < count && len(rest) >= e.stride; i++ {
		j.touched += j.index.touch(binary.LittleEndian.Uint64(rest))
		if labelled := binary.LittleEndian.Uint32(rest[atLabel:]) != 0; labelled && len(rest) >= e.stride+labelSize {
			rest = rest[labelSize:]
		}
		rest = rest[e.stride:]
	}
	b := e.bucket(number)
	for range count {
		if len(part) < e.stride {
			return nil, errCut
		}
		if part, err = j.loadEntry(b, part); err != nil {
			return nil, err
		}
	}
	return part, nil
}

// loadEntry takes in the entry that a part begins with.
func (j *Join) loadEntry(b *bucket, part []byte) (rest []byte, err error) {
	e := j.entries
	saved, rest := part[:e.stride], part[e.stride:]
	hasLabel, hasPrediction := binary.LittleEndian.Uint32(saved[atLabel:]) != 0, saved[atVersion] != noPrediction
	switch {
	case saved[atVersion] == free || !hasLabel && !hasPrediction:
		return nil, errors.New("a joined id has neither prediction nor label")
	case hasLabel && len(rest) < labelSize:
		return nil, errCut
	}
	place, entry := e.add(b)
	copy(entry, saved)
	if !j.index.add(binary.LittleEndian.Uint64(entry), place) {
		return nil, errors.New("thousands of predictions have one id")
	}
	if !hasLabel {
		j.pending++
		return rest, nil
	}
	slot := labelSlot{
		time: int64(binary.LittleEndian.Uint64(rest[8:])), newest: int64(binary.LittleEndian.Uint64(rest[16:])),
	}
	if value := binary.LittleEndian.Uint64(rest); e.layout.Numbers {
		slot.value.Number = math.Float64frombits(value)
	} else {
		slot.value.Class = uint32(value)
	}
	binary.LittleEndian.PutUint32(entry[atLabel:], j.labels.add(slot)+1)
	if hasPrediction {
		b.joined++
		j.joined++
	} else {
		j.waiting++
	}
	return rest[labelSize:], nil
}

// loadForget takes back what earlier parts said of an id, and of those that are to be forgotten right behind it.
func (j *Join) loadForget(part []byte) (rest []byte, err error) {
	ids := make([]uint64, 0, rewrittenIDs)
	for {
		if len(part) < 8 {
			return nil, errCut
		}
		ids = append(ids, binary.LittleEndian.Uint64(part))
		part = part[8:]
		if len(ids) == rewrittenIDs || len(part) == 0 || part[0] != dumpForget {
			break
		}
		part = part[1:]
	}
	j.Touch(ids)
	var none uint64
	for _, id := range ids {
		for {
			var f search
			f.begin(&j.index, id)
			place, entry, ok := j.find(&f, id)
			if !ok {
				break
			}
			j.forget(place, entry, &none, &none)
		}
	}
	return part, nil
}

func (j *Join) loadCounts(part []byte) error {
	d := state.NewDecoder(part)
	j.counts = Counts{
		ExpiredPredictions: d.Uint(), EvictedPredictions: d.Uint(), ExpiredLabels: d.Uint(), EvictedLabels: d.Uint(),
	}
	if n := d.Uint(); n != uint64(j.index.len) && d.Err() == nil {
		d.Fail("%d ids are joined or wait, want %d", j.index.len, n)
	}
	return d.End()
}
