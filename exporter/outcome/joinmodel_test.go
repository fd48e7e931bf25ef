package outcome

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// joinModel is a Join as its documentation says it: a list that is searched, with all labels of each prediction.
type joinModel struct {
	timeout, width int64
	limit          int
	list           []modelEntry
	counts         Counts
}

// modelEntry is a prediction with its labels, or labels that wait.
type modelEntry struct {
	id         uint64
	prediction *Prediction
	labels     []Label
	// holds is the label that holds with the time at which its value was first read.
	holds Label
}

func (e *modelEntry) bucket(width int64) int64 {
	at := e.holds.Time
	if e.prediction != nil {
		at = e.prediction.Time
	}
	return int64(math.Floor(float64(at) / float64(width)))
}

func (m *joinModel) drop(i int, predictions, labels *uint64) {
	if len(m.list[i].labels) == 0 {
		*predictions++
	} else if m.list[i].prediction == nil {
		*labels++
	}
	m.list = slices.Delete(m.list, i, i+1)
}

// evict drops, if there is one too many, the one of the oldest that the join has dropped: those with both halves come
// before the others.
func (m *joinModel) evict(t *testing.T, j *Join) {
	if len(m.list) <= m.limit {
		return
	}
	var oldest []int
	for _, both := range []bool{true, false} {
		for i := range m.list {
			e := &m.list[i]
			if both && (e.prediction == nil || len(e.labels) == 0) {
				continue
			}
			if len(oldest) > 0 && e.bucket(m.width) < m.list[oldest[0]].bucket(m.width) {
				oldest = nil
			}
			if len(oldest) == 0 || e.bucket(m.width) == m.list[oldest[0]].bucket(m.width) {
				oldest = append(oldest, i)
			}
		}
		if len(oldest) > 0 {
			break
		}
	}
	for _, i := range oldest {
		if !j.has(m.list[i]) {
			m.drop(i, &m.counts.EvictedPredictions, &m.counts.EvictedLabels)
			return
		}
	}
	t.Fatalf("none of the %d oldest was given up", len(oldest))
}

// has reports whether a join has an entry of the model.
func (j *Join) has(e modelEntry) bool {
	var f search
	f.begin(&j.index, e.id)
	for {
		_, entry, ok := j.find(&f, e.id)
		if !ok {
			return false
		}
		if e.prediction == nil && entry[atVersion] == noPrediction ||
			e.prediction != nil && uint16(entry[atVersion]) == e.prediction.Version {
			return true
		}
	}
}

func (m *joinModel) expire(now int64) {
	for i := 0; i < len(m.list); {
		if (m.list[i].bucket(m.width)+1)*m.width <= now-m.timeout {
			m.drop(i, &m.counts.ExpiredPredictions, &m.counts.ExpiredLabels)
		} else {
			i++
		}
	}
}

func (m *joinModel) addPrediction(p Prediction) (Result, []Joined) {
	var sibling *modelEntry
	for i := range m.list {
		e := &m.list[i]
		switch {
		case e.id != p.ID:
		case e.prediction == nil:
			e.prediction = &p
			return Matched, []Joined{{Result: Matched, Prediction: p, Label: e.holds}}
		case e.prediction.Version == p.Version:
			return Duplicate, nil
		default:
			sibling = e
		}
	}
	e := modelEntry{id: p.ID, prediction: &p}
	result, pairs := Pending, []Joined(nil)
	if sibling != nil && len(sibling.labels) > 0 {
		e.labels, e.holds = slices.Clone(sibling.labels), sibling.holds
		result, pairs = Matched, []Joined{{Result: Matched, Prediction: p, Label: e.holds}}
	}
	m.list = append(m.list, e)
	return result, pairs
}

func (m *joinModel) addLabel(l Label) (Result, []Joined) {
	result, pairs := Unmatched, []Joined(nil)
	for i := range m.list {
		if e := &m.list[i]; e.id == l.ID {
			r, pair := e.add(l)
			result = max(result, r)
			if r >= Corrected && e.prediction != nil {
				pairs = append(pairs, pair)
			}
		}
	}
	if result == Unmatched {
		m.list = append(m.list, modelEntry{id: l.ID, labels: []Label{l}, holds: l})
	}
	return result, pairs
}

func (e *modelEntry) add(l Label) (Result, Joined) {
	e.labels = append(e.labels, l)
	if len(e.labels) == 1 {
		e.holds = l
		return Matched, Joined{Result: Matched, Prediction: *e.prediction, Label: l}
	}
	winner := e.labels[0]
	for _, other := range e.labels {
		if other.Time >= winner.Time {
			winner = other
		}
	}
	previous := e.holds
	if winner.Value == previous.Value {
		return Duplicate, Joined{}
	}
	e.holds = winner
	if e.prediction == nil {
		return Corrected, Joined{}
	}
	return Corrected, Joined{Result: Corrected, Prediction: *e.prediction, Label: winner, Previous: previous}
}

// byVersion brings pairs into an order that does not depend on where they were found.
func byVersion(pairs []Joined) []Joined {
	return slices.SortedFunc(slices.Values(pairs), func(a, b Joined) int {
		return int(a.Prediction.Version) - int(b.Prediction.Version)
	})
}

// FuzzJoin runs a script of four bytes a step, what to do, id, time and value, on a Join and on the model. Now and then
// the join is dumped while the script goes on, and goes on as what is loaded from that.
func FuzzJoin(f *testing.F) {
	f.Add([]byte{0, 1, 10, 0, 1, 1, 20, 1, 1, 1, 30, 2, 2, 0, 255, 0})
	f.Add([]byte{1, 1, 20, 1, 1, 1, 40, 1, 1, 1, 30, 2, 0, 1, 200, 0, 3, 1, 0, 0})
	random := rand.New(rand.NewPCG(19, 20))
	for range 50 {
		script := make([]byte, 4000)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		const timeout = 100 * time.Second
		r := &joinRun{
			t: t, join: NewJoin(testLayout, timeout, 12),
			model: &joinModel{timeout: int64(timeout), width: int64(time.Second), limit: 12},
		}
		for n := 0; len(script) >= 4; n, script = n+1, script[4:] {
			r.step(n, [4]byte(script))
			r.dump(script[0] >> 3)
			r.compare(n)
		}
	})
}

// joinRun is a join and the model of it, in a test.
type joinRun struct {
	t      *testing.T
	join   *Join
	model  *joinModel
	dumped *Dump
	parts  [][]byte
}

func (r *joinRun) step(n int, script [4]byte) {
	r.t.Helper()
	id, at, value := uint64(script[1]%24), int64(script[2]), Value{Class: uint32(script[3] % 3)}
	// Half a second apart, some of them before 1970, and slowly moving on.
	at = (at-20+int64(n)/4)*int64(time.Second) + int64(script[3]>>7)*int64(time.Second)/2
	switch script[0] % 8 {
	case 0, 1, 2:
		p := Prediction{ID: id, Time: at, Version: uint16(script[3] >> 5 % 3), Value: value, Score: 0.5}
		got, pairs := r.join.AddPrediction(&p)
		want, wantPairs := r.model.addPrediction(p)
		if got != want || !slices.Equal(pairs, wantPairs) {
			r.t.Fatalf("step %d, %+v: %v %+v, want %v %+v", n, p, got, pairs, want, wantPairs)
		}
	case 3, 4, 5, 6:
		l := Label{ID: id, Time: at, Value: value}
		got, pairs := r.join.AddLabel(l)
		want, wantPairs := r.model.addLabel(l)
		if got != want || !slices.Equal(byVersion(pairs), byVersion(wantPairs)) {
			r.t.Fatalf("step %d, %+v: %v %+v, want %v %+v", n, l, got, pairs, want, wantPairs)
		}
	default:
		r.join.Expire(at)
		r.model.expire(at)
	}
	r.model.evict(r.t, r.join)
}

// dump goes on with a dump, or begins one, or goes over to what was dumped.
func (r *joinRun) dump(what byte) {
	r.t.Helper()
	switch {
	case r.dumped == nil && what%8 == 0:
		r.dumped, r.parts = r.join.BeginDump(), nil
	case r.dumped == nil || what%4 != 1:
	case what < 8:
		part, _ := r.dumped.Next(nil, 50)
		r.parts = append(r.parts, part)
	case what > 24:
		r.dumped.Abort()
		r.dumped = nil
	default:
		for more := true; more; {
			var part []byte
			part, more = r.dumped.Next(nil, 100)
			r.parts = append(r.parts, part)
		}
		r.parts = append(r.parts, r.dumped.Last(nil))
		r.dumped = nil
		r.join = NewJoin(testLayout, time.Duration(r.model.timeout), r.model.limit)
		for _, part := range r.parts {
			if err := r.join.Load(part); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

func (r *joinRun) compare(n int) {
	r.t.Helper()
	pending, waiting := 0, 0
	for _, e := range r.model.list {
		if len(e.labels) == 0 {
			pending++
		} else if e.prediction == nil {
			waiting++
		}
	}
	j, m := r.join, r.model
	if j.Counts() != m.counts || j.Len() != len(m.list) || j.Pending() != pending || j.Waiting() != waiting {
		r.t.Fatalf("step %d: %+v, %d ids, %d pending, %d waiting, want %+v, %d, %d, %d", n,
			j.Counts(), j.Len(), j.Pending(), j.Waiting(), m.counts, len(m.list), pending, waiting)
	}
	joined := 0
	for _, b := range j.entries.buckets {
		joined += b.joined
	}
	if joined != j.Len()-pending-waiting {
		r.t.Fatalf("step %d: the buckets have %d joined ids, want %d", n, joined, j.Len()-pending-waiting)
	}
}

// Nothing that can stand in a file makes loading it panic or take much memory.
func FuzzJoinLoad(f *testing.F) {
	j := NewJoin(testLayout, time.Hour, 100)
	for id := range uint64(20) {
		j.AddPrediction(&Prediction{ID: id, Time: seconds(int64(id * 30))})
		j.AddLabel(Label{ID: 2 * id, Time: seconds(int64(id * 40))})
	}
	d := j.BeginDump()
	j.AddLabel(Label{ID: 3, Time: seconds(2000)})
	part, _ := d.Next(nil, 1<<20)
	f.Add(part)
	f.Add(d.Last(nil))
	f.Fuzz(func(t *testing.T, part []byte) {
		loaded := NewJoin(testLayout, time.Hour, 100)
		if err := loaded.Load(part); err == nil {
			loaded.AddLabel(Label{ID: 1, Time: seconds(5000)})
			loaded.Expire(seconds(1 << 31))
		}
		if n := len(loaded.entries.blocks); n > len(part)/loaded.entries.stride+1 {
			t.Errorf("%d blocks from %d bytes", n, len(part))
		}
	})
}

// While parts are not asked for, changes do not fill the memory: all is written once more then.
func TestDumpThatIsHardlyRead(t *testing.T) {
	j := NewJoin(testLayout, 1000*time.Hour, 100)
	for id := range uint64(90) {
		j.AddPrediction(&Prediction{ID: id, Time: seconds(int64(id))})
	}
	d := j.BeginDump()
	part, _ := d.Next(nil, 100)
	parts := [][]byte{part}
	for n := range uint64(manyChanges + 10) {
		j.AddLabel(Label{ID: n % 90, Time: seconds(int64(n)), Value: Value{Class: uint32(n % 2)}})
	}
	if cap(d.changed) > 2*manyChanges {
		t.Errorf("%d changed ids are remembered", cap(d.changed))
	}
	for more := true; more; {
		part, more = d.Next(nil, 1<<16)
		parts = append(parts, part)
	}
	parts = append(parts, d.Last(nil))
	loaded := NewJoin(testLayout, 1000*time.Hour, 100)
	for _, part := range parts {
		if err := loaded.Load(part); err != nil {
			t.Fatal(err)
		}
	}
	l := Label{ID: 5, Time: seconds(1 << 31), Value: Value{Class: 7}}
	_, got := loaded.AddLabel(l)
	_, want := j.AddLabel(l)
	if !slices.Equal(got, want) || loaded.Len() != j.Len() {
		t.Errorf("loaded, a label gives %+v, want %+v", got, want)
	}
}
