package mapping

import (
	"fmt"
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Assembler brings requests and their responses together that are records of their own. It stands behind the decoders
// and belongs to the goroutine to which the batches come in the order of the log. What waits is bounded in event time,
// in number and in bytes; what is given up is counted by reason, and given out as the half that it is: a request still
// says something about the features, and a response about the predictions.
type Assembler struct {
	spec   *Spec
	join   Join
	halves halves
	answer *Decoder // judges the lists of responses that turn out to be of one row

	waiting map[uint64]int32 // places of slots, by request
	slots   []slot
	free    []int32
	// oldest and latest are the ends of the list of all that wait, none if nothing does.
	oldest, latest int32
	bytes          int
	clock          int64 // newest event time
	stood          bool  // it stood still
	current        []byte
}

// slot is a half that waits for the other one.
type slot struct {
	request      uint64
	part         record.Part
	flat         bool
	rows         uint32
	until        int64 // event time at which it is given up
	data         []byte
	before, next int32
}

const (
	// maxWaitingBytes bounds the values that wait.
	maxWaitingBytes = 64 << 20
	// keepSlot is the most memory that a slot without a half keeps.
	keepSlot = 4 << 10
)

// NewAssembler returns an assembler for a mapping and the schema of its decoders; nil if the mapping joins nothing.
func NewAssembler(spec *Spec, s *record.Schema) *Assembler {
	if spec.Join == nil {
		return nil
	}
	return &Assembler{
		spec: spec, join: *spec.Join, halves: newHalves(s), answer: newJudge(spec, s),
		waiting: make(map[uint64]int32), oldest: none, latest: none, clock: never,
	}
}

// Standing is the limit with which no time passes.
const Standing = math.MinInt64

const never = math.MinInt64

// Waiting returns the number of halves that wait.
func (a *Assembler) Waiting() int { return len(a.waiting) }

// Add takes the rows of a batch and puts into out, which it resets, those that are whole now, and the halves that have
// waited long enough. Halves of predictions that are made of more than one record carry the line of the later one.
// Event times beyond limit, in nanoseconds, do not make time pass, so that a wrong clock gives up nothing. With a limit
// of Standing time stands still, and what waits begins to wait when it moves again.
func (a *Assembler) Add(in, out *record.Batch, limit int64) {
	out.Reset(a.halves.schema)
	out.Lines, out.Skipped = in.Lines, in.Skipped
	out.Rejects, out.Unknown = append(out.Rejects, in.Rejects...), append(out.Unknown, in.Unknown...)
	out.Objects = append(out.Objects, in.Objects...)
	for i := range in.Columns {
		out.Columns[i].Lacking = in.Columns[i].Lacking
	}
	a.stood = a.stood || limit == Standing
	for row := 0; row < in.Rows; {
		if t := in.Times[row]; t <= limit {
			a.advance(t)
			a.expire(out)
		}
		row += a.take(in, row, out)
	}
}

// Expire puts into out, which it resets, the halves that have waited until an event time, as other logs tell it.
func (a *Assembler) Expire(now int64, out *record.Batch) {
	out.Reset(a.halves.schema)
	a.advance(now)
	a.expire(out)
}

// advance lets time pass. What came while it stood still begins to wait now.
func (a *Assembler) advance(now int64) {
	a.clock = max(a.clock, now)
	if a.stood {
		a.stood = false
		for at := a.oldest; at != none; at = a.slots[at].next {
			a.slots[at].until = a.deadline()
		}
	}
}

// deadline is until when something waits that begins to wait now.
func (a *Assembler) deadline() int64 {
	if a.clock > math.MaxInt64-int64(a.join.Wait) {
		return math.MaxInt64
	}
	return a.clock + int64(a.join.Wait)
}

// Flush puts into out, which it resets, all that waits: no more is to come.
func (a *Assembler) Flush(out *record.Batch) {
	out.Reset(a.halves.schema)
	for a.oldest != none {
		a.giveUp(out, record.JoinTimeout)
	}
}

func (a *Assembler) expire(out *record.Batch) {
	for a.oldest != none && a.slots[a.oldest].until < a.clock {
		a.giveUp(out, record.JoinTimeout)
	}
}

// take takes the record whose first row is given, and returns the number of its rows.
func (a *Assembler) take(in *record.Batch, row int, out *record.Batch) int {
	h := in.Halves[row]
	n := 1
	for h.Part != record.Whole && n < int(h.Rows) && row+n < in.Rows && in.Halves[row+n].Request == h.Request &&
		in.Halves[row+n].Part == h.Part {
		n++
	}
	line := in.RowLines[row]
	if h.Part == record.Whole {
		a.pass(in, row, out)
		return 1
	}
	a.current = a.current[:0]
	for i := range n {
		a.current = a.halves.pack(a.current, in, row+i, h.Part)
	}
	at, known := a.waiting[h.Request]
	switch {
	case !known:
		a.wait(h, n, out)
	case a.slots[at].part == h.Part:
		a.reject(out, line, record.Duplicate, "the %s came again while the other half was awaited", h.Part)
	default:
		s := &a.slots[at]
		half := slot{part: h.Part, flat: h.Flat, rows: uint32(n), data: a.current}
		if h.Part == record.Request {
			a.unite(&half, s, h.Request, line, out)
		} else {
			a.unite(s, &half, h.Request, line, out)
		}
		a.drop(at)
	}
	return n
}

// pass copies a row that is whole.
func (a *Assembler) pass(in *record.Batch, row int, out *record.Batch) {
	a.current = a.halves.pack(a.current[:0], in, row, record.Request)
	request := packed{a.current}
	id, time, version := request.head()
	a.halves.unpack(&request, out, record.Request)
	a.current = a.halves.pack(a.current[:0], in, row, record.Response)
	response := packed{a.current}
	_, _, _ = response.head()
	a.halves.unpack(&response, out, record.Response)
	finish(out, id, time, version, in.Halves[row], in.RowLines[row])
}

// finish adds what a row has beside its columns.
func finish(out *record.Batch, id uint64, time int64, version []byte, h record.Half, line uint32) {
	out.IDs, out.Times = append(out.IDs, id), append(out.Times, time)
	span := record.Absent
	if len(version) > 0 {
		span = addText(out, version)
	}
	out.Versions = append(out.Versions, span)
	out.Halves, out.RowLines = append(out.Halves, h), append(out.RowLines, line)
	out.Rows++
}

// wait keeps the current half, and gives up the oldest ones beyond the bounds.
func (a *Assembler) wait(h record.Half, n int, out *record.Batch) {
	for a.oldest != none && (len(a.waiting) >= a.join.Max || a.bytes+len(a.current) > maxWaitingBytes) {
		a.giveUp(out, record.JoinFull)
	}
	a.link(slot{
		request: h.Request, part: h.Part, flat: h.Flat, rows: uint32(n), until: a.deadline(), data: a.current,
	})
}

// link puts a half, whose values it copies, behind all that wait.
func (a *Assembler) link(s slot) {
	at := int32(len(a.slots))
	if last := len(a.free) - 1; last >= 0 {
		at, a.free = a.free[last], a.free[:last]
	} else {
		a.slots = append(a.slots, slot{})
	}
	s.data = append(a.slots[at].data[:0], s.data...)
	s.before, s.next = a.latest, none
	a.slots[at] = s
	if a.latest != none {
		a.slots[a.latest].next = at
	} else {
		a.oldest = at
	}
	a.latest = at
	a.waiting[s.request] = at
	a.bytes += len(s.data)
}

// drop takes a half out of those that wait.
func (a *Assembler) drop(at int32) {
	s := &a.slots[at]
	if s.before != none {
		a.slots[s.before].next = s.next
	} else {
		a.oldest = s.next
	}
	if s.next != none {
		a.slots[s.next].before = s.before
	} else {
		a.latest = s.before
	}
	a.bytes -= len(s.data)
	delete(a.waiting, s.request)
	if cap(s.data) > keepSlot {
		s.data = nil
	}
	a.free = append(a.free, at)
}

// giveUp gives the oldest half out alone.
func (a *Assembler) giveUp(out *record.Batch, why record.Reason) {
	at := a.oldest
	s := &a.slots[at]
	detail := fmt.Sprintf("no other half came within %s", a.join.Wait)
	if why == record.JoinFull {
		detail = fmt.Sprintf("more than %d halves, or %d MiB of them, are waiting", a.join.Max, maxWaitingBytes>>20)
	}
	a.reject(out, 0, why, "a %s is counted alone: %s", s.part, detail)
	a.alone(s, s.request, 0, out)
	a.drop(at)
}

func (a *Assembler) reject(out *record.Batch, line uint32, why record.Reason, format string, args ...any) {
	out.Rejects = append(out.Rejects, record.Reject{
		Line: int(line), Reason: why, Detail: fmt.Sprintf(format, args...),
	})
}

// alone gives out the rows of one half.
func (a *Assembler) alone(s *slot, request uint64, line uint32, out *record.Batch) {
	other := record.Response
	if s.part == record.Response {
		other = record.Request
	}
	rest := packed{s.data}
	for row := range s.rows {
		id, time, version := rest.head()
		a.halves.unpack(&rest, out, s.part)
		a.halves.leaveOut(out, other)
		h := record.Half{Request: request, Row: row, Rows: s.rows, Part: s.part, Flat: s.flat}
		finish(out, id, time, version, h, line)
	}
}

// unite gives out the rows of a request and its response.
func (a *Assembler) unite(request, response *slot, id uint64, line uint32, out *record.Batch) {
	vector := request.rows == 1 && response.rows > 1 && response.flat
	if request.rows != response.rows && !vector {
		a.reject(out, line, record.RowsMismatch,
			"the request has %d rows, the response %d; the request is counted alone", request.rows, response.rows)
		a.alone(request, id, line, out)
		return
	}
	one, other := packed{request.data}, packed{response.data}
	for row := range request.rows {
		rowID, time, version := one.head()
		a.halves.unpack(&one, out, record.Request)
		if vector {
			version = a.uniteVector(&other, response.rows, version, out)
		} else {
			_, _, later := other.head()
			if len(later) > 0 {
				version = later // a response knows what has answered
			}
			a.halves.unpack(&other, out, record.Response)
		}
		h := record.Half{Request: id, Row: row, Rows: request.rows, Part: record.Whole}
		finish(out, rowID, time, version, h, line)
	}
}
