package outcome

import (
	"math"
	"time"
)

// panesPerWindow is how many panes a window has where its length allows.
const panesPerWindow = 60

// Windows keeps the outcomes of several windows over the time at which labels arrived. All windows end with the newest
// time seen. Time is cut into panes, a sixtieth of the window long but whole seconds; pane k covers the times from k
// panes after the epoch to just before k+1. A window holds the pane of the newest time and as many before it as fit
// into its length: sixty, if the length is whole minutes.
//
// Every pane is a whole number of stretches. What belongs to the newest stretch is collected apart, and enters the
// panes of all windows when the stretch is over, something is taken back, or somebody asks.
type Windows struct {
	rules  Rules
	newest int64
	list   []window
	// stretch is the length of a stretch in nanoseconds, open when the one begins that collects now.
	stretch, open int64
	collected     pane
}

type window struct {
	// pane is the length of a pane in nanoseconds, count how many of them the window has.
	pane, count int64
	panes       map[int64]*pane
}

type pane struct {
	tally  *Tally
	delays Delays
	saved  []byte // the encoded pane, nil if it has changed since it was saved
}

// NewWindows returns empty windows of the given lengths, which must be at least a second each.
func NewWindows(lengths []time.Duration, rules Rules) *Windows {
	w := &Windows{rules: rules, newest: math.MinInt64, list: make([]window, len(lengths))}
	panes, numbers := Panes(lengths)
	for i := range w.list {
		w.list[i] = window{pane: int64(panes[i]), count: numbers[i], panes: make(map[int64]*pane)}
		w.stretch = commonDivisor(w.list[i].pane, w.stretch)
	}
	w.open = math.MinInt64
	w.collected.tally = NewTally(rules)
	return w
}

// Panes returns, for each window of these lengths, how long its panes are and how many of them it has.
func Panes(lengths []time.Duration) (panes []time.Duration, numbers []int64) {
	for _, length := range lengths {
		if length < time.Second {
			panic("bug: a window is shorter than a second")
		}
		width := max((length / panesPerWindow).Truncate(time.Second), time.Second)
		panes = append(panes, width)
		numbers = append(numbers, int64(length/width))
	}
	return panes, numbers
}

// commonDivisor returns the greatest number that divides both, by Euclid's algorithm.
func commonDivisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Add adds the outcome of a prediction and its label at the label's time if sign is +1, and takes back one that was
// added before if it is -1. A time newer than all before moves the windows. Outcomes older than a window are not in it.
func (w *Windows) Add(p *Prediction, l Label, sign int) {
	outcome, delay := p.Outcome(l), delayBucket(time.Duration(l.Time-p.Time))
	score := w.rules.scored(outcome)
	switch {
	case sign < 0:
		w.collect() // What is taken back must have been added, for a tally of no outcomes forgets what it holds.
	case w.isOpen(l.Time):
		w.newest = max(w.newest, l.Time) // Windows move by whole stretches.
	default:
		w.Advance(l.Time)
		if l.Time > w.open {
			w.collect()
			w.open = floorDivide(l.Time, w.stretch) * w.stretch
		}
	}
	if sign > 0 && w.isOpen(l.Time) {
		w.collected.add(outcome, &score, delay, sign)
		return
	}
	for i := range w.list {
		if at := w.list[i].at(l.Time, w.newest, sign > 0, w.rules); at != nil {
			at.add(outcome, &score, delay, sign)
		}
	}
}

// isOpen says whether a time belongs to the stretch that collects.
func (w *Windows) isOpen(time int64) bool { return uint64(time-w.open) < uint64(w.stretch) }

// add adds an outcome or takes it back.
func (p *pane) add(o Outcome, score *scored, delay int, sign int) {
	p.tally.addScored(o, score, sign)
	p.delays.count(delay, int64(sign))
	p.saved = nil
}

// collect moves what was collected of the open stretch into the panes.
func (w *Windows) collect() {
	if w.collected.delays.n == 0 {
		return
	}
	for i := range w.list {
		if at := w.list[i].at(w.open, w.newest, true, w.rules); at != nil {
			at.tally.Merge(w.collected.tally)
			at.delays.Merge(&w.collected.delays)
			at.saved = nil
		}
	}
	ranks := w.collected.tally.scores.ranks
	ranks.clear()
	w.collected = pane{tally: NewTally(w.rules)}
	w.collected.tally.scores.ranks = ranks
}

// at returns the pane of a time, nil if the window has none, which it makes if asked to.
func (w *window) at(time, newest int64, create bool, rules Rules) *pane {
	number := floorDivide(time, w.pane)
	if number <= floorDivide(newest, w.pane)-w.count {
		return nil
	}
	at := w.panes[number]
	if at == nil && create {
		at = &pane{tally: NewTally(rules)}
		w.panes[number] = at
	}
	return at
}

// Advance moves the end of the windows to now, in nanoseconds since the epoch, if that is newer than all times before,
// and drops the panes that are out of their window then.
func (w *Windows) Advance(now int64) {
	if now <= w.newest {
		return
	}
	for i := range w.list {
		each := &w.list[i]
		current := floorDivide(now, each.pane)
		if current == floorDivide(w.newest, each.pane) {
			continue
		}
		for number := range each.panes {
			if number <= current-each.count {
				delete(each.panes, number)
			}
		}
	}
	w.newest = now
}

// Tally returns the tally of window i, in the order of the lengths. It is the caller's own.
func (w *Windows) Tally(i int) *Tally {
	w.collect()
	merged := NewTally(w.rules)
	w.list[i].each(w.newest, func(p *pane) { merged.Merge(p.tally) })
	return merged
}

// Delays returns the label delays of window i. They are the caller's own.
func (w *Windows) Delays(i int) *Delays {
	w.collect()
	merged := new(Delays)
	w.list[i].each(w.newest, func(p *pane) { merged.Merge(&p.delays) })
	return merged
}

// each calls f for the panes of the window from the oldest to the newest.
func (w *window) each(newest int64, f func(*pane)) {
	last := floorDivide(newest, w.pane)
	for number := last - w.count + 1; number <= last; number++ {
		if p := w.panes[number]; p != nil {
			f(p)
		}
	}
}
