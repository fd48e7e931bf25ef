package outcome

import (
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

// testLayout remembers all there is of a classification.
var testLayout = Layout{Scores: true, Slices: 2}

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
			j := NewJoin(testLayout, 100*time.Second, 100)
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
	var pairs []Joined
	switch s.do {
	case "predict":
		result, pairs = j.AddPrediction(&Prediction{ID: s.id, Time: seconds(s.time), Value: Value{Class: s.value}})
	case "label":
		result, pairs = j.AddLabel(Label{ID: s.id, Time: seconds(s.time), Value: Value{Class: s.value}})
	default:
		j.Expire(seconds(s.time))
		return
	}
	ok := len(pairs) > 0
	if ok {
		pair = pairs[0]
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
	ms := int64(time.Millisecond)
	p := Prediction{ID: 7, Time: -5 * ms, Version: 3, Value: Value{Number: 2.5}, Score: 0.25, Slices: [MaxSlices]uint16{8, 9}}
	first, second := Label{ID: 7, Time: 8, Value: Value{Number: 2}}, Label{ID: 7, Time: 9, Value: Value{Number: 3}}
	j := NewJoin(Layout{Numbers: true, Scores: true, Slices: 2}, time.Hour, 10)
	j.AddPrediction(&p)
	if _, pairs := j.AddLabel(first); !slices.Equal(pairs, []Joined{{Result: Matched, Prediction: p, Label: first}}) {
		t.Errorf("joined %+v", pairs)
	}
	corrected := Joined{Result: Corrected, Prediction: p, Label: second, Previous: first}
	if _, pairs := j.AddLabel(second); !slices.Equal(pairs, []Joined{corrected}) {
		t.Errorf("corrected %+v", pairs)
	}
	want := Outcome{Prediction: Value{Number: 2.5}, Label: Value{Number: 3}, Score: 0.25}
	if got := p.Outcome(second); got != want {
		t.Errorf("outcome %+v, want %+v", got, want)
	}
}

func TestJoinEvictsTheOldest(t *testing.T) {
	j := NewJoin(testLayout, time.Hour, 3)
	for _, at := range []int64{3000, 1000, 2000} {
		j.AddPrediction(&Prediction{ID: uint64(at), Time: seconds(at)})
	}
	j.AddLabel(Label{ID: 3000, Time: seconds(3100)})
	// The joined one goes first, though it is the youngest, and is not counted.
	j.AddLabel(Label{ID: 1500, Time: seconds(1500)})
	if want := (Counts{}); j.Counts() != want || j.Len() != 3 {
		t.Errorf("%+v, %d ids, want %+v, 3", j.Counts(), j.Len(), want)
	}
	if result, _ := j.AddLabel(Label{ID: 3000, Time: seconds(3200)}); result != Unmatched {
		t.Errorf("the label of the evicted prediction was %v", result)
	}
	// That label evicted the prediction of 1000 s. Next go the waiting label of 1500 s and the prediction of 2000 s.
	j.AddPrediction(&Prediction{ID: 4000, Time: seconds(4000)})
	j.AddPrediction(&Prediction{ID: 5000, Time: seconds(5000)})
	if want := (Counts{EvictedPredictions: 2, EvictedLabels: 1}); j.Counts() != want || j.Len() != 3 {
		t.Errorf("%+v, %d ids, want %+v, 3", j.Counts(), j.Len(), want)
	}
	if j.Pending() != 2 || j.Waiting() != 1 {
		t.Errorf("%d predictions and %d labels wait, want 2 and 1", j.Pending(), j.Waiting())
	}
}

func TestJoinCountsWhatExpires(t *testing.T) {
	j := NewJoin(testLayout, 100*time.Second, 100)
	for id := range uint64(10) {
		j.AddPrediction(&Prediction{ID: id, Time: seconds(int64(id))})
	}
	for id := range uint64(4) {
		j.AddLabel(Label{ID: id, Time: seconds(50)})
		j.AddLabel(Label{ID: id + 100, Time: seconds(5)})
	}
	j.Expire(seconds(1000))
	if want := (Counts{ExpiredPredictions: 6, ExpiredLabels: 4}); j.Counts() != want {
		t.Errorf("%+v, want %+v", j.Counts(), want)
	}
	if j.Len() != 0 || j.Pending() != 0 || j.Waiting() != 0 || len(j.entries.buckets) != 0 {
		t.Errorf("%d ids, %d pending, %d waiting, %d buckets are left",
			j.Len(), j.Pending(), j.Waiting(), len(j.entries.buckets))
	}
}

func TestJoinReusesItsMemory(t *testing.T) {
	j := NewJoin(testLayout, 100*time.Second, 1000)
	for id := range uint64(100000) {
		// Times far apart and out of order, labels before predictions: whatever moves ids between buckets.
		j.AddLabel(Label{ID: id, Time: seconds(int64(id*7919%100000) * 1000)})
		j.AddPrediction(&Prediction{ID: id, Time: seconds(int64(id*104729%100000) * 1000)})
	}
	if len(j.entries.blocks) > 1001 || len(j.entries.buckets) > 1000 || j.labels.used > 1001 || j.Len() != 1000 {
		t.Errorf("%d blocks, %d buckets, %d labels, %d ids, want no more than the limit of 1000",
			len(j.entries.blocks), len(j.entries.buckets), j.labels.used, j.Len())
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
	layout := Layout{Numbers: rules.Task == Regression, Scores: true}
	tally, j := NewTally(rules), NewJoin(layout, 10000*time.Hour, 1<<20)
	predict := func(p Prediction) {
		_, pairs := j.AddPrediction(&p)
		for i := range pairs {
			tally.Add(pairs[i].Prediction.Outcome(pairs[i].Label), 1)
		}
	}
	label := func(l Label) {
		_, pairs := j.AddLabel(l)
		for i := range pairs {
			tally.Add(pairs[i].Prediction.Outcome(pairs[i].Label), 1)
			if pairs[i].Result == Corrected {
				tally.Add(pairs[i].Prediction.Outcome(pairs[i].Previous), -1)
			}
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
