package outcome

import (
	"encoding/binary"
	"slices"
	"time"
)

// MaxSlices is the most slices that a prediction can be in.
const MaxSlices = 10

// Prediction is a prediction record as far as its label and its tally need it.
type Prediction struct {
	// ID is a 64-bit hash of the record's id. Records without an id cannot be joined and must not be added.
	ID uint64
	// Time is the event time in nanoseconds since the epoch. A Join keeps it in whole milliseconds.
	Time int64
	// Version is the index of the model version.
	Version uint16
	Value   Value
	// Score is the predicted probability of the positive class, NaN if there is none.
	Score float64
	// Slices are the codes of the values by which the model's predictions are divided.
	Slices [MaxSlices]uint16
}

// Outcome returns the outcome that a label makes of the prediction.
func (p *Prediction) Outcome(l Label) Outcome {
	return Outcome{Prediction: p.Value, Label: l.Value, Score: p.Score}
}

// Label is a label record.
type Label struct {
	// ID is the hash of the id of the prediction that it belongs to.
	ID uint64
	// Time is the event time at which the label arrived, in nanoseconds since the epoch.
	Time  int64
	Value Value
}

// Result is what became of a record that was added to a Join.
type Result uint8

// The results, those of labels in the order in which they take precedence where an id has several predictions.
const (
	// Pending is a prediction that waits for its label.
	Pending Result = iota
	// Unmatched is a label that waits for its prediction.
	Unmatched
	// Duplicate is a record that changed nothing: a prediction of a known id and version, or a label that is a repeat or
	// outdated.
	Duplicate
	// Corrected is a label that replaced an earlier one: the outcome of that is to be taken back, the new one to be
	// added. If the prediction is still to come, there is nothing to do.
	Corrected
	// Matched is a record that completed a pair: the outcome is to be added.
	Matched
)

// String returns the result as a value of the label outcome of drift_labels_total; "pending" is for predictions only.
func (r Result) String() string {
	return [...]string{"pending", "unmatched", "duplicate", "corrected", "joined"}[r]
}

// Joined is a prediction with its label.
type Joined struct {
	// Result is Matched or Corrected.
	Result     Result
	Prediction Prediction
	Label      Label
	// Previous is the label that Label replaces, with the time at which it was added. Only corrections have one.
	Previous Label
}

// Counts are the numbers of records that a Join gave up. Ids that had both halves are given up as well, but as nothing
// is lost then, they are not counted.
type Counts struct {
	ExpiredPredictions, EvictedPredictions uint64
	ExpiredLabels, EvictedLabels           uint64
}

// Join brings predictions and labels together by id, in whatever order they come. It remembers an id until the timeout,
// with both halves too, so that repeats and corrections are recognised. Where those are more ids than the limit, the
// oldest go first, of those that have both halves before the others.
//
// Several versions of a model may predict the same id, as a shadow deployment does. Each of those predictions gets the
// id's label.
//
// Of several labels of one id the one with the newest time holds, of several with the same time the one that was read
// last. Which value holds does not depend on the order in which labels of different times are read. A label that
// repeats the value which holds is a duplicate, and the time at which that value was first read stays.
type Join struct {
	timeout int64
	limit   int
	entries *entries
	labels  labelSlots
	index   index
	// pending and waiting are the numbers of predictions without label and of labels without prediction, joined that of
	// predictions with label.
	pending, waiting, joined int
	counts                   Counts
	pairs                    []Joined
	dump                     *Dump // nil while there is none
	// places is memory of Touch, and touched keeps the compiler from leaving it out.
	places  []uint32
	touched uint32
}

// steps is in how many steps ids expire over a timeout. More steps let less outlive it and make more buckets.
const steps = 128

// NewJoin returns an empty join that remembers an id for the timeout, and at most limit ids. Both must be positive.
func NewJoin(layout Layout, timeout time.Duration, limit int) *Join {
	if timeout <= 0 || limit <= 0 || layout.Slices > MaxSlices {
		panic("bug: a join without timeout or limit, or with too many slices")
	}
	width := max((timeout / steps).Truncate(time.Millisecond), time.Second)
	j := &Join{timeout: int64(timeout), limit: limit}
	j.clear(layout, int64(width))
	return j
}

// clear forgets everything.
func (j *Join) clear(layout Layout, width int64) {
	*j = Join{timeout: j.timeout, limit: j.limit, entries: newEntries(layout, width)}
	j.index.hash = j.entries.hash
}

// Touch brings what the join knows of many ids into the processor's cache. Waiting for memory for all of them at once
// is several times faster than for one after the other.
func (j *Join) Touch(ids []uint64) {
	touched := uint32(0)
	for _, id := range ids {
		touched += j.index.touch(id)
	}
	j.places = j.places[:0]
	for _, id := range ids {
		var f search
		f.begin(&j.index, id)
		if place, ok := f.next(); ok {
			j.places = append(j.places, place)
		}
	}
	for _, place := range j.places {
		entry := j.entries.at(place)
		touched += uint32(entry[0]) + uint32(entry[len(entry)-1]) // An entry may stand in two lines of memory.
	}
	j.touched += touched
}

// find goes on to the next entry of an id.
func (j *Join) find(f *search, id uint64) (place uint32, entry []byte, ok bool) {
	for {
		place, ok := f.next()
		if !ok {
			return 0, nil, false
		}
		if entry := j.entries.at(place); binary.LittleEndian.Uint64(entry) == id {
			return place, entry, true
		}
	}
}

// AddPrediction takes a prediction in. The result is Pending, Duplicate, or Matched if there is a label; only then
// is there a pair, whose outcome is to be added. It is valid until the next call.
func (j *Join) AddPrediction(p *Prediction) (Result, []Joined) {
	j.pairs = j.pairs[:0]
	label := uint32(0)
	var f search
	f.begin(&j.index, p.ID)
	for {
		_, entry, ok := j.find(&f, p.ID)
		if !ok {
			break
		}
		switch at := binary.LittleEndian.Uint32(entry[atLabel:]); {
		case uint16(entry[atVersion]) == p.Version:
			return Duplicate, nil
		case entry[atVersion] == noPrediction:
			j.adopt(f, p)
			return Matched, j.pairs
		case at != 0:
			label = at
		}
	}
	b := j.entries.bucketAt(p.Time)
	place, entry := j.insert(b, p.ID, p.Time)
	j.entries.putPrediction(entry, p)
	if label == 0 {
		j.pending++
		j.evict()
		return Pending, nil
	}
	// Another version has been told the label already.
	at := j.labels.add(*j.labels.at(label - 1))
	binary.LittleEndian.PutUint32(entry[atLabel:], at+1)
	b.joined++
	j.joined++
	j.pair(place, entry, Matched)
	j.evict()
	return Matched, j.pairs
}

// adopt gives the prediction to the entry of a label that waited for it, which is then kept by the prediction's time.
func (j *Join) adopt(f search, p *Prediction) {
	place := f.place()
	label := binary.LittleEndian.Uint32(j.entries.at(place)[atLabel:])
	j.entries.remove(place)
	b := j.entries.bucketAt(p.Time)
	place, entry := j.fill(b, p.ID, p.Time)
	f.set(place)
	binary.LittleEndian.PutUint32(entry[atLabel:], label)
	j.entries.putPrediction(entry, p)
	b.joined++
	j.joined++
	j.waiting--
	j.pair(place, entry, Matched)
}

// insert makes an entry and puts it into the index.
func (j *Join) insert(b *bucket, id uint64, time int64) (place uint32, entry []byte) {
	place, entry = j.fill(b, id, time)
	if !j.index.add(id, place) {
		panic("bug: thousands of predictions have one id")
	}
	return place, entry
}

// fill makes an entry without prediction and label.
func (j *Join) fill(b *bucket, id uint64, time int64) (place uint32, entry []byte) {
	j.changed(id)
	place, entry = j.entries.add(b)
	binary.LittleEndian.PutUint64(entry, id)
	j.entries.putTime(entry, b, time)
	binary.LittleEndian.PutUint32(entry[atLabel:], 0)
	entry[atVersion] = noPrediction
	return place, entry
}

// AddLabel takes a label in. The result is Unmatched, Matched, Corrected or Duplicate. The pairs are those whose
// outcome is to be added, one for each version that has predicted the id: none if the prediction is still to come. They
// are valid until the next call.
func (j *Join) AddLabel(l Label) (Result, []Joined) {
	j.pairs = j.pairs[:0]
	result := Unmatched
	var f search
	f.begin(&j.index, l.ID)
	for {
		place, entry, ok := j.find(&f, l.ID)
		if !ok {
			break
		}
		result = max(result, j.label(f, place, entry, l))
	}
	if result == Unmatched {
		j.waiting++
		_, entry := j.insert(j.entries.bucketAt(l.Time), l.ID, l.Time)
		at := j.labels.add(labelSlot{value: l.Value, time: l.Time, newest: l.Time})
		binary.LittleEndian.PutUint32(entry[atLabel:], at+1)
		j.evict()
	}
	return result, j.pairs
}

// label gives a label to one entry of its id, which the search has found.
func (j *Join) label(f search, place uint32, entry []byte, l Label) Result {
	at := binary.LittleEndian.Uint32(entry[atLabel:])
	if at == 0 {
		j.changed(l.ID)
		slot := j.labels.add(labelSlot{value: l.Value, time: l.Time, newest: l.Time})
		binary.LittleEndian.PutUint32(entry[atLabel:], slot+1)
		j.entries.bucketOf(place).joined++
		j.joined++
		j.pending--
		j.pair(place, entry, Matched)
		return Matched
	}
	slot := j.labels.at(at - 1)
	if l.Time < slot.newest {
		return Duplicate
	}
	j.changed(l.ID)
	slot.newest = l.Time
	if l.Value == slot.value {
		return Duplicate
	}
	previous := Label{ID: l.ID, Time: slot.time, Value: slot.value}
	slot.value, slot.time = l.Value, l.Time
	if entry[atVersion] == noPrediction {
		// It waits anew.
		j.entries.remove(place)
		place, entry = j.fill(j.entries.bucketAt(l.Time), l.ID, l.Time)
		f.set(place)
		binary.LittleEndian.PutUint32(entry[atLabel:], at)
		return Corrected
	}
	j.pair(place, entry, Corrected).Previous = previous
	return Corrected
}

// pair appends what an entry with both halves holds to the pairs.
func (j *Join) pair(place uint32, entry []byte, result Result) *Joined {
	n := len(j.pairs)
	j.pairs = slices.Grow(j.pairs, 1)[:n+1]
	pair := &j.pairs[n]
	pair.Result, pair.Previous = result, Label{}
	j.entries.prediction(entry, j.entries.bucketOf(place), &pair.Prediction)
	slot := j.labels.at(binary.LittleEndian.Uint32(entry[atLabel:]) - 1)
	pair.Label = Label{ID: pair.Prediction.ID, Time: slot.time, Value: slot.value}
	return pair
}

// evict gives up the oldest ids if there are more than the limit, and some more at once, for it takes a search.
func (j *Join) evict() {
	if j.index.len <= j.limit {
		return
	}
	n := j.index.len - j.limit + j.limit/1024
	for i := 0; i < len(j.entries.buckets) && n > 0 && j.joined > 0; {
		b := j.entries.buckets[i]
		if b.joined > 0 {
			n -= j.giveUp(b, n, true)
		}
		if i < len(j.entries.buckets) && j.entries.buckets[i] == b {
			i++ // else it was the last of its entries
		}
	}
	for n > 0 {
		n -= j.giveUp(j.entries.buckets[0], n, false)
	}
}

// giveUp evicts up to n entries of a bucket, only those with both halves if that is said, and returns how many.
func (j *Join) giveUp(b *bucket, n int, joined bool) int {
	given := 0
	j.entries.each(b, func(place uint32, entry []byte) bool {
		if joined && (entry[atVersion] == noPrediction || binary.LittleEndian.Uint32(entry[atLabel:]) == 0) {
			return true
		}
		given++
		j.forget(place, entry, &j.counts.EvictedPredictions, &j.counts.EvictedLabels)
		return given < n && b.live > 0
	})
	return given
}

// Expire forgets the ids that are older than the timeout at the event time now, in nanoseconds since the epoch: those
// whose prediction, or as long as there is none, whose label, is older. An id may stay for another 1/128 of the
// timeout, at least a second. To lose nothing while logs are caught up with, now must not run ahead of what was read
// of either log.
func (j *Join) Expire(now int64) {
	keep := floorDivide(now-j.timeout, j.entries.width)
	for len(j.entries.buckets) > 0 && j.entries.buckets[0].number < keep {
		b := j.entries.buckets[0]
		j.entries.each(b, func(place uint32, entry []byte) bool {
			j.forget(place, entry, &j.counts.ExpiredPredictions, &j.counts.ExpiredLabels)
			return b.live > 0
		})
	}
}

// forget drops an entry and counts it in the counter of the half that it had, if it had only one.
func (j *Join) forget(place uint32, entry []byte, predictions, labels *uint64) {
	id := binary.LittleEndian.Uint64(entry)
	j.changed(id)
	switch label := binary.LittleEndian.Uint32(entry[atLabel:]); {
	case label == 0:
		j.pending--
		*predictions++
	case entry[atVersion] == noPrediction:
		j.waiting--
		*labels++
		j.labels.remove(label - 1)
	default:
		j.joined--
		j.entries.bucketOf(place).joined--
		j.labels.remove(label - 1)
	}
	j.unindex(id, place)
	j.entries.remove(place)
}

// unindex takes an entry out of the index.
func (j *Join) unindex(id uint64, place uint32) {
	var f search
	f.begin(&j.index, id)
	for {
		at, ok := f.next()
		if !ok {
			panic("bug: an entry of a join is not in its index")
		}
		if at == place {
			j.index.remove(f)
			return
		}
	}
}

// Counts returns what was given up so far.
func (j *Join) Counts() Counts { return j.counts }

// Pending returns the number of predictions that wait for their label.
func (j *Join) Pending() int { return j.pending }

// Waiting returns the number of labels that wait for their prediction.
func (j *Join) Waiting() int { return j.waiting }

// Len returns the number of ids that are remembered, with one half or both; those of several versions count for each.
func (j *Join) Len() int { return j.index.len }

// floorDivide returns a/b rounded down, also for times before 1970. b must be positive.
func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
