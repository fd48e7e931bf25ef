package mapping

import (
	"hash/crc32"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// leastSlot is the fewest bytes that a half takes in a state.
const leastSlot = 12

// shape tells schemas apart whose rows would be packed otherwise.
func (h *halves) shape() uint64 {
	var text []byte
	for i := range h.schema.Columns {
		c := &h.schema.Columns[i]
		text = append(append(text, c.Name...), 0, byte(c.Kind), byte(c.Role))
	}
	return uint64(crc32.ChecksumIEEE(text))
}

// Save writes what waits, the oldest first. Ids are hashes: who saves an assembler saves their seed too.
func (a *Assembler) Save(e *state.Encoder) {
	e.Uint(a.halves.shape())
	e.Int(a.clock)
	e.Uint(uint64(len(a.waiting)))
	for at := a.oldest; at != none; at = a.slots[at].next {
		s := &a.slots[at]
		e.Fixed(s.request)
		e.Bool(s.part == record.Response)
		e.Bool(s.flat)
		e.Uint(uint64(s.rows))
		e.Int(s.until)
		e.Bytes(s.data)
	}
}

// Load replaces what waits by what Save wrote. If the columns are others now, nothing waits. After an error, which the
// decoder tells, nothing waits either.
func (a *Assembler) Load(d *state.Decoder) {
	fresh := &Assembler{
		spec: a.spec, join: a.join, halves: a.halves, answer: a.answer,
		waiting: make(map[uint64]int32), oldest: none, latest: none, clock: never,
	}
	*a = *fresh
	same := d.Uint() == a.halves.shape()
	clock := d.Int()
	for range d.Count(leastSlot) {
		s := slot{request: d.Fixed(), part: record.Request}
		if d.Bool() {
			s.part = record.Response
		}
		s.flat = d.Bool()
		rows := d.Uint()
		s.until = d.Int()
		data := d.Bytes()
		if d.Err() != nil {
			break
		}
		if !same {
			continue
		}
		_, known := a.waiting[s.request]
		if known || rows > maxRows || !a.halves.check(data, uint32(rows), s.part) {
			d.Fail("a half prediction that waited is broken")
			break
		}
		s.rows, s.data = uint32(rows), data
		a.link(s)
	}
	if d.Err() != nil {
		*a = *fresh
		a.waiting = make(map[uint64]int32)
		return
	}
	if same {
		a.clock, a.stood = clock, true // before all else the logs are caught up with
	}
}
