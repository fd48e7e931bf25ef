package outcome

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// step is one call of a Join in a test, times in seconds.
type step struct {
	do    string // "predict", "label" or "expire"
	id    uint64
	time  int64
	value uint32
	want  Result
	// added and takenBack are the label times, in seconds, of the outcomes to add and to take back; -1 for none.
	added, takenBack int64
}

func seconds(n int64) int64 { return n * int64(time.Second) }

func TestJoin(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"a label after its prediction", []step{
			{"predict", 1, 10, 0, Pending, -1, -1}, {"label", 1, 20, 1, Matched, 20, -1},
		}},
		{"a label before its prediction", []step{
			{"label", 1, 20, 1, Unmatched, -1, -1}, {"predict", 1, 10, 0, Matched, 20, -1},
		}},
		{"a prediction read twice, waiting and joined", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"predict", 1, 11, 1, Duplicate, -1, -1},
			{"label", 1, 20, 1, Matched, 20, -1},
			{"predict", 1, 10, 0, Duplicate, -1, -1},
		}},
		{"a correction moves the outcome", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"label", 1, 20, 1, Matched, 20, -1},
			{"label", 1, 30, 2, Corrected, 30, 20},
			{"label", 1, 40, 1, Corrected, 40, 30},
		}},
		{"of equal times the later one read holds", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"label", 1, 20, 1, Matched, 20, -1},
			{"label", 1, 20, 2, Corrected, 20, 20},
		}},
		{"an outdated label changes nothing", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"label", 1, 20, 1, Matched, 20, -1},
			{"label", 1, 19, 2, Duplicate, -1, -1},
		}},
		{"a repeat keeps the first time", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"label", 1, 20, 1, Matched, 20, -1},
			{"label", 1, 30, 1, Duplicate, -1, -1},
			{"label", 1, 40, 2, Corrected, 40, 20},
		}},
		{"a label older than a repeat is outdated though newer than the first", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"label", 1, 20, 1, Matched, 20, -1},
			{"label", 1, 40, 1, Duplicate, -1, -1},
			{"label", 1, 30, 2, Duplicate, -1, -1},
		}},
		{"waiting labels follow the same rules", []step{
			{"label", 1, 20, 1, Unmatched, -1, -1},
			{"label", 1, 30, 1, Duplicate, -1, -1},
			{"label", 1, 25, 2, Duplicate, -1, -1},
			{"label", 1, 35, 2, Corrected, -1, -1},
			{"predict", 1, 10, 0, Matched, 35, -1},
		}},
		{"an expired prediction is not joined", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"expire", 0, 112, 0, 0, 0, 0},
			{"label", 1, 112, 1, Unmatched, -1, -1},
		}},
		{"a prediction stays until the timeout", []step{
			{"predict", 1, 10, 0, Pending, -1, -1},
			{"expire", 0, 110, 0, 0, 0, 0},
			{"label", 1, 110, 1, Matched, 110, -1},
		}},
		{"a label that waited in vain is forgotten", []step{
			{"label", 1, 10, 1, Unmatched, -1, -1},
			{"expire", 0, 112, 0, 0, 0, 0},
			{"predict", 1, 10, 0, Pending, -1, -1},
		}},
		{"a waiting label that was replaced waits anew", []step{
			{"label", 1, 10, 1, Unmatched, -1, -1},
			{"label", 1, 60, 2, Corrected, -1, -1},
			{"expire", 0, 112, 0, 0, 0, 0},
			{"predict", 1, 10, 0, Matched, 60, -1},
		}},
		{"an id with both halves is forgotten with its prediction", []step{
			{"label", 1, 50, 1, Unmatched, -1, -1},
			{"predict", 1, 10, 0, Matched, 50, -1},
			{"expire", 0, 112, 0, 0, 0, 0},
			{"label", 1, 112, 2, Unmatched, -1, -1},
		}},
		{"times before 1970 and out of order", []step{
			{"predict", 1, -500, 0, Pending, -1, -1},
			{"predict", 2, -900, 0, Pending, -1, -1},
			{"predict", 3, -700, 0, Pending, -1, -1},
			{"expire", 0, -590, 0, 0, 0, 0},
			{"label", 1, -450, 1, Matched, -450, -1},
			{"label", 2, -450, 1, Unmatched, -1, -1},
			{"label", 3, -450, 1, Unmatched, -1, -1},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := NewJoin(100*time.Second, 100)
			for n, s := range test.steps {
				checkStep(t, j, n, s)
			}
		})
	}
}

func checkStep(t *testing.T, j *Join, n int, s step) {
	t.Helper()
	var result Result
	var pair Joined
	var ok bool
	switch s.do {
	case "predict":
		result, pair = j.AddPrediction(Prediction{ID: s.id, Time: seconds(s.time), Value: Value{Class: s.value}})
		ok = result == Matched
	case "label":
		result, pair, ok = j.AddLabel(Label{ID: s.id, Time: seconds(s.time), Value: Value{Class: s.value}})
	default:
		j.Expire(seconds(s.time))
		return
	}
	if result != s.want || ok != (s.added != -1) {
		t.Fatalf("step %d: result %v, pair %v, want %v, %v", n, result, ok, s.want, s.added != -1)
	}
	if ok && (pair.Label.Time != seconds(s.added) || pair.Label.ID != s.id || pair.Prediction.ID != s.id) {
		t.Errorf("step %d: joined %+v, want a label of %d s", n, pair, s.added)
	}
	if ok && result == Corrected && pair.Previous.Time != seconds(s.takenBack) {
		t.Errorf("step %d: previous label %+v, want one of %d s", n, pair.Previous, s.takenBack)
	}
}

func TestJoinedPairHasAllOfItsRecords(t *testing.T) {
	p := Prediction{ID: 7, Time: 5, Version: 3, Value: Value{Number: 2.5}, Score: 0.25}
	first, second := Label{ID: 7, Time: 8, Value: Value{Number: 2}}, Label{ID: 7, Time: 9, Value: Value{Number: 3}}
	j := NewJoin(time.Hour, 10)
	j.AddPrediction(p)
	if _, pair, _ := j.AddLabel(first); pair != (Joined{Prediction: p, Label: first}) {
		t.Errorf("joined %+v", pair)
	}
	if _, pair, _ := j.AddLabel(second); pair != (Joined{Prediction: p, Label: second, Previous: first}) {
		t.Errorf("corrected %+v", pair)
	}
	want := Outcome{Prediction: Value{Number: 2.5}, Label: Value{Number: 3}, Score: 0.25}
	if got := p.Outcome(second); got != want {
		t.Errorf("outcome %+v, want %+v", got, want)
	}
}

func TestJoinEvictsTheOldest(t *testing.T) {
	j := NewJoin(time.Hour, 3)
	for _, at := range []int64{3000, 1000, 2000} {
		j.AddPrediction(Prediction{ID: uint64(at), Time: seconds(at)})
	}
	j.AddLabel(Label{ID: 3000, Time: seconds(3100)})
	j.AddLabel(Label{ID: 1500, Time: seconds(1500)})
	if want := (Counts{EvictedPredictions: 1}); j.Counts() != want || j.Len() != 3 {
		t.Errorf("%+v, %d ids, want %+v, 3", j.Counts(), j.Len(), want)
	}
	if result, _, _ := j.AddLabel(Label{ID: 1000, Time: seconds(3100)}); result != Unmatched {
		t.Errorf("the label of the evicted prediction was %v", result)
	}
	// That label evicted the waiting one of 1500 s. The next two go with 2000 s, and with 3000 s, which is not counted
	// as it had its label.
	j.AddPrediction(Prediction{ID: 4000, Time: seconds(4000)})
	j.AddPrediction(Prediction{ID: 5000, Time: seconds(5000)})
	if want := (Counts{EvictedPredictions: 2, EvictedLabels: 1}); j.Counts() != want || j.Len() != 3 {
		t.Errorf("%+v, %d ids, want %+v, 3", j.Counts(), j.Len(), want)
	}
	if j.Pending() != 2 || j.Waiting() != 1 {
		t.Errorf("%d predictions and %d labels wait, want 2 and 1", j.Pending(), j.Waiting())
	}
}

func TestJoinCountsWhatExpires(t *testing.T) {
	j := NewJoin(100*time.Second, 100)
	for id := range uint64(10) {
		j.AddPrediction(Prediction{ID: id, Time: seconds(int64(id))})
	}
	for id := range uint64(4) {
		j.AddLabel(Label{ID: id, Time: seconds(50)})
		j.AddLabel(Label{ID: id + 100, Time: seconds(5)})
	}
	j.Expire(seconds(1000))
	if want := (Counts{ExpiredPredictions: 6, ExpiredLabels: 4}); j.Counts() != want {
		t.Errorf("%+v, want %+v", j.Counts(), want)
	}
	if j.Len() != 0 || j.Pending() != 0 || j.Waiting() != 0 || len(j.queue.buckets) != 0 || len(j.queue.heap) != 0 {
		t.Errorf("%d ids, %d pending, %d waiting, %d buckets are left",
			j.Len(), j.Pending(), j.Waiting(), len(j.queue.buckets))
	}
}

func TestJoinReusesItsMemory(t *testing.T) {
	j := NewJoin(100*time.Second, 1000)
	for id := range uint64(100000) {
		// Times far apart and out of order, labels before predictions: whatever moves ids between buckets.
		j.AddLabel(Label{ID: id, Time: seconds(int64(id*7919%100000) * 1000)})
		j.AddPrediction(Prediction{ID: id, Time: seconds(int64(id*104729%100000) * 1000)})
	}
	if len(j.queue.slots) > 1001 || len(j.queue.buckets) > 1000 || len(j.queue.heap) > 1000 || j.Len() != 1000 {
		t.Errorf("%d slots, %d buckets, %d ids, want no more than the limit of 1000",
			len(j.queue.slots), len(j.queue.buckets), j.Len())
	}
}

func TestJoinDoesNotDependOnWhichLogIsReadFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	var predictions []Prediction
	var labels []Label
	for id := range uint64(2000) {
		predictions = append(predictions, Prediction{
			ID: id, Time: seconds(int64(id)), Value: Value{Class: random.Uint32N(3)}, Score: random.Float64(),
		})
		for range random.IntN(4) {
			labels = append(labels, Label{
				ID: id, Time: seconds(int64(id) + random.Int64N(50)), Value: Value{Class: random.Uint32N(3)},
			})
		}
	}
	random.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
	want := joinAll(predictions, labels, nil, binaryRules, nil)
	sameTally(t, joinAll(nil, labels, predictions, binaryRules, nil), want)
	for range 5 {
		// Predictions anywhere among the labels, which keep their order because labels of one id may have equal times.
		sameTally(t, joinAll(predictions, labels, nil, binaryRules, random), want)
	}
	if _, n := want.Errors(); n < 1000 {
		t.Errorf("only %d pairs", n)
	}
}

// joinAll joins predictions, labels and late predictions in that order, or, given a source of randomness, predictions
// and labels interleaved at random. It returns the tally of all pairs.
func joinAll(first []Prediction, labels []Label, last []Prediction, rules Rules, random *rand.Rand) *Tally {
	tally, j := NewTally(rules), NewJoin(10000*time.Hour, 1<<20)
	predict := func(p Prediction) {
		if result, pair := j.AddPrediction(p); result == Matched {
			tally.Add(pair.Prediction.Outcome(pair.Label), 1)
		}
	}
	label := func(l Label) {
		result, pair, ok := j.AddLabel(l)
		if ok {
			tally.Add(pair.Prediction.Outcome(pair.Label), 1)
		}
		if ok && result == Corrected {
			tally.Add(pair.Prediction.Outcome(pair.Previous), -1)
		}
	}
	for random != nil && len(first) > 0 && len(labels) > 0 {
		if random.IntN(len(first)+len(labels)) < len(first) {
			predict(first[0])
			first = first[1:]
		} else {
			label(labels[0])
			labels = labels[1:]
		}
	}
	for _, p := range first {
		predict(p)
	}
	for _, l := range labels {
		label(l)
	}
	for _, p := range last {
		predict(p)
	}
	return tally
}

func TestResultsAreNamedAsInMetrics(t *testing.T) {
	for result, want := range map[Result]string{
		Pending: "pending", Unmatched: "unmatched", Matched: "joined", Corrected: "corrected", Duplicate: "duplicate",
	} {
		if got := result.String(); got != want {
			t.Errorf("result %d is %q, want %q", result, got, want)
		}
	}
}

// model is a Join as its documentation says it: a list of ids that is searched, with all labels of each.
type model struct {
	timeout, width int64
	limit          int
	ids            []modelID
	counts         Counts
}

type modelID struct {
	id          uint64
	predictions []Prediction
	labels      []Label
	// holds is the label that holds with the time at which its value was first read.
	holds Label
}

func (m *model) find(id uint64) *modelID {
	for i := range m.ids {
		if m.ids[i].id == id {
			return &m.ids[i]
		}
	}
	return nil
}

func (e *modelID) bucket(width int64) int64 {
	at := e.holds.Time
	if len(e.predictions) > 0 {
		at = e.predictions[0].Time
	}
	return int64(math.Floor(float64(at) / float64(width)))
}

// toEnd makes an id the youngest of its bucket.
func (m *model) toEnd(id uint64) *modelID {
	i := slices.IndexFunc(m.ids, func(e modelID) bool { return e.id == id })
	e := m.ids[i]
	m.ids = append(slices.Delete(m.ids, i, i+1), e)
	return &m.ids[len(m.ids)-1]
}

func (m *model) drop(i int, predictions, labels *uint64) {
	if len(m.ids[i].labels) == 0 {
		*predictions++
	} else if len(m.ids[i].predictions) == 0 {
		*labels++
	}
	m.ids = slices.Delete(m.ids, i, i+1)
}

func (m *model) evict() {
	if len(m.ids) <= m.limit {
		return
	}
	oldest := 0
	for i := range m.ids {
		if m.ids[i].bucket(m.width) < m.ids[oldest].bucket(m.width) {
			oldest = i
		}
	}
	m.drop(oldest, &m.counts.EvictedPredictions, &m.counts.EvictedLabels)
}

func (m *model) expire(now int64) {
	for i := 0; i < len(m.ids); {
		if (m.ids[i].bucket(m.width)+1)*m.width <= now-m.timeout {
			m.drop(i, &m.counts.ExpiredPredictions, &m.counts.ExpiredLabels)
		} else {
			i++
		}
	}
}

func (m *model) addPrediction(p Prediction) (Result, Joined) {
	e := m.find(p.ID)
	switch {
	case e == nil:
		m.ids = append(m.ids, modelID{id: p.ID, predictions: []Prediction{p}})
		m.evict()
		return Pending, Joined{}
	case len(e.predictions) > 0:
		return Duplicate, Joined{}
	}
	e = m.toEnd(p.ID)
	e.predictions = append(e.predictions, p)
	return Matched, Joined{Prediction: p, Label: e.holds}
}

func (m *model) addLabel(l Label) (Result, Joined, bool) {
	e := m.find(l.ID)
	if e == nil {
		m.ids = append(m.ids, modelID{id: l.ID, labels: []Label{l}, holds: l})
		m.evict()
		return Unmatched, Joined{}, false
	}
	e.labels = append(e.labels, l)
	if len(e.labels) == 1 {
		e.holds = l
		return Matched, Joined{Prediction: e.predictions[0], Label: l}, true
	}
	winner := e.labels[0]
	for _, other := range e.labels {
		if other.Time >= winner.Time {
			winner = other
		}
	}
	previous := e.holds
	if winner.Value == previous.Value {
		return Duplicate, Joined{}, false
	}
	e.holds = winner
	if len(e.predictions) == 0 {
		m.toEnd(l.ID)
		return Corrected, Joined{}, false
	}
	return Corrected, Joined{Prediction: e.predictions[0], Label: winner, Previous: previous}, true
}

// FuzzJoin runs a script of four bytes a step, what to do, id, time and value, on a Join and on the model.
func FuzzJoin(f *testing.F) {
	f.Add([]byte{0, 1, 10, 0, 1, 1, 20, 1, 1, 1, 30, 2, 2, 0, 255, 0})
	f.Add([]byte{1, 1, 20, 1, 1, 1, 40, 1, 1, 1, 30, 2, 0, 1, 200, 0, 3, 1, 0, 0})
	random := rand.New(rand.NewPCG(19, 20))
	for range 50 {
		script := make([]byte, 2000)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		const timeout, limit = 100 * time.Second, 12
		j := NewJoin(timeout, limit)
		m := &model{timeout: int64(timeout), width: int64(time.Second), limit: limit}
		for n := 0; len(script) >= 4; n, script = n+1, script[4:] {
			id, at, value := uint64(script[1]%24), int64(script[2]), Value{Class: uint32(script[3] % 3)}
			// Half a second apart, some of them before 1970, and slowly moving on.
			at = (at-20+int64(n)/4)*int64(time.Second) + int64(script[3]>>7)*int64(time.Second)/2
			switch script[0] % 8 {
			case 0, 1, 2:
				p := Prediction{ID: id, Time: at, Version: uint16(n), Value: value, Score: 0.5}
				got, pair := j.AddPrediction(p)
				want, wantPair := m.addPrediction(p)
				if got != want || pair != wantPair {
					t.Fatalf("step %d, %+v: %v %+v, want %v %+v", n, p, got, pair, want, wantPair)
				}
			case 3, 4, 5, 6:
				l := Label{ID: id, Time: at, Value: value}
				got, pair, ok := j.AddLabel(l)
				want, wantPair, wantOK := m.addLabel(l)
				if got != want || pair != wantPair || ok != wantOK {
					t.Fatalf("step %d, %+v: %v %+v %v, want %v %+v %v", n, l, got, pair, ok, want, wantPair, wantOK)
				}
			default:
				j.Expire(at)
				m.expire(at)
			}
			pending, waiting := 0, 0
			for _, e := range m.ids {
				if len(e.labels) == 0 {
					pending++
				} else if len(e.predictions) == 0 {
					waiting++
				}
			}
			if j.Counts() != m.counts || j.Len() != len(m.ids) || j.Pending() != pending || j.Waiting() != waiting {
				t.Fatalf("step %d: %+v, %d ids, %d pending, %d waiting, want %+v, %d, %d, %d", n,
					j.Counts(), j.Len(), j.Pending(), j.Waiting(), m.counts, len(m.ids), pending, waiting)
			}
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	j := NewJoin(time.Hour, 1<<20)
	b.ReportAllocs()
	var id uint64
	for b.Loop() {
		id++
		hash := id * 0x9e3779b97f4a7c15
		at := int64(id) * int64(10*time.Millisecond)
		j.AddPrediction(Prediction{ID: hash, Time: at})
		j.AddLabel(Label{ID: hash, Time: at + int64(time.Minute)})
		if id%1000 == 0 {
			j.Expire(at)
		}
	}
}
