package outcome

import "time"

// Prediction is a prediction record as far as its label and its tally need it.
type Prediction struct {
	// ID is a 64-bit hash of the record's id. Records without an id cannot be joined and must not be added.
	ID uint64
	// Time is the event time in nanoseconds since the epoch.
	Time int64
	// Version is the index of the model version.
	Version uint16
	Value   Value
	// Score is the predicted probability of the positive class, NaN if there is none.
	Score float64
}

// Outcome returns the outcome that a label makes of the prediction.
func (p Prediction) Outcome(l Label) Outcome {
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

// The results.
const (
	// Pending is a prediction that waits for its label.
	Pending Result = iota
	// Unmatched is a label that waits for its prediction.
	Unmatched
	// Matched is a record that completed a pair: the outcome is to be added.
	Matched
	// Corrected is a label that replaced an earlier one: the outcome of that is to be taken back, the new one to be
	// added. If the prediction is still to come, there is nothing to do.
	Corrected
	// Duplicate is a record that changed nothing: a prediction of a known id, or a label that is a repeat or outdated.
	Duplicate
)

// String returns the result as a value of the label outcome of drift_labels_total; "pending" is for predictions only.
func (r Result) String() string {
	return [...]string{"pending", "unmatched", "joined", "corrected", "duplicate"}[r]
}

// Joined is a prediction with its label.
type Joined struct {
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
// oldest go first.
//
// Of several labels of one id the one with the newest time holds, of several with the same time the one that was read
// last. Which value holds does not depend on the order in which labels of different times are read. A label that
// repeats the value which holds is a duplicate, and the time at which that value was first read stays.
type Join struct {
	timeout int64
	limit   int
	queue   queue
	index   map[uint64]uint32
	// pending and waiting are the numbers of predictions without label and of labels without prediction.
	pending, waiting int
	counts           Counts
}

// steps is in how many steps ids expire over a timeout. More steps let less outlive it and make more buckets.
const steps = 128

// NewJoin returns an empty join that remembers an id for the timeout, and at most limit ids. Both must be positive.
func NewJoin(timeout time.Duration, limit int) *Join {
	if timeout <= 0 || limit <= 0 {
		panic("bug: a join without timeout or limit")
	}
	width := max(timeout/steps, time.Second)
	return &Join{
		timeout: int64(timeout), limit: limit,
		queue: newQueue(int64(width)), index: make(map[uint64]uint32),
	}
}

// AddPrediction takes a prediction in. The result is Pending, Duplicate, or Matched if a label was waiting; only then
// is the pair filled.
func (j *Join) AddPrediction(p Prediction) (Result, Joined) {
	i, known := j.index[p.ID]
	if !known {
		j.pending++
		j.insert(slot{
			id: p.ID, time: p.Time, version: p.Version, predicted: p.Value, score: p.Score, hasPrediction: true,
		}, p.Time)
		return Pending, Joined{}
	}
	s := &j.queue.slots[i]
	if s.hasPrediction {
		return Duplicate, Joined{}
	}
	j.waiting--
	s.time, s.version, s.predicted, s.score, s.hasPrediction = p.Time, p.Version, p.Value, p.Score, true
	j.queue.move(i, p.Time)
	return Matched, s.joined()
}

// AddLabel takes a label in. The result is Unmatched, Matched, Corrected or Duplicate. The pair is filled if it is
// Matched, or Corrected and the prediction is there, which ok says: then the outcome of the pair is to be added.
func (j *Join) AddLabel(l Label) (result Result, pair Joined, ok bool) {
	i, known := j.index[l.ID]
	if !known {
		j.waiting++
		j.insert(slot{id: l.ID, label: l.Value, labelTime: l.Time, newest: l.Time, hasLabel: true}, l.Time)
		return Unmatched, Joined{}, false
	}
	s := &j.queue.slots[i]
	if !s.hasLabel {
		j.pending--
		s.label, s.labelTime, s.newest, s.hasLabel = l.Value, l.Time, l.Time, true
		return Matched, s.joined(), true
	}
	if l.Time < s.newest {
		return Duplicate, Joined{}, false
	}
	s.newest = l.Time
	if l.Value == s.label {
		return Duplicate, Joined{}, false
	}
	previous := Label{ID: s.id, Time: s.labelTime, Value: s.label}
	s.label, s.labelTime = l.Value, l.Time
	if !s.hasPrediction {
		j.queue.move(i, l.Time)
		return Corrected, Joined{}, false
	}
	pair = s.joined()
	pair.Previous = previous
	return Corrected, pair, true
}

func (s *slot) joined() Joined {
	return Joined{
		Prediction: Prediction{ID: s.id, Time: s.time, Version: s.version, Value: s.predicted, Score: s.score},
		Label:      Label{ID: s.id, Time: s.labelTime, Value: s.label},
	}
}

// insert adds a new id and evicts the oldest one if that is one too many.
func (j *Join) insert(s slot, time int64) {
	j.index[s.id] = j.queue.add(s, time)
	if len(j.index) > j.limit {
		oldest, _ := j.queue.oldest()
		j.forget(oldest, &j.counts.EvictedPredictions, &j.counts.EvictedLabels)
	}
}

// Expire forgets the ids that are older than the timeout at the event time now, in nanoseconds since the epoch: those
// whose prediction, or as long as there is none, whose label, is older. An id may stay for another 1/128 of the
// timeout, at least a second. To lose nothing while logs are caught up with, now must not run ahead of what was read
// of either log.
func (j *Join) Expire(now int64) {
	keep := floorDivide(now-j.timeout, j.queue.width)
	for len(j.index) > 0 {
		oldest, number := j.queue.oldest()
		if number >= keep {
			return
		}
		j.forget(oldest, &j.counts.ExpiredPredictions, &j.counts.ExpiredLabels)
	}
}

// forget drops an id and counts it in the counter of the half that it had, if it had only one.
func (j *Join) forget(i uint32, predictions, labels *uint64) {
	s := &j.queue.slots[i]
	switch {
	case !s.hasLabel:
		j.pending--
		*predictions++
	case !s.hasPrediction:
		j.waiting--
		*labels++
	}
	delete(j.index, s.id)
	j.queue.remove(i)
}

// Counts returns what was given up so far.
func (j *Join) Counts() Counts { return j.counts }

// Pending returns the number of predictions that wait for their label.
func (j *Join) Pending() int { return j.pending }

// Waiting returns the number of labels that wait for their prediction.
func (j *Join) Waiting() int { return j.waiting }

// Len returns the number of ids that are remembered, with one half or both.
func (j *Join) Len() int { return len(j.index) }
