package profile

import "github.com/drift-exporter/drift_exporter/exporter/outcome"

// tallies count more outcomes than are kept one by one, while it is not known yet how they will be judged.
type tallies struct {
	classes *outcome.Classes
	// plain has no positive class. binary has the first and the second class as the positive one, as long as there are
	// no more than two; or the configured one, if there is one.
	plain  *outcome.Tally
	binary []*outcome.Tally
	// configured says that binary is that of the configured class. reserved says that its name had not been met when its
	// code was given out, and met that it has been since.
	configured, reserved, met bool
	positive                  uint32
	// numbers has the configured tolerance. Without one it does not know what an error is, and misses tells.
	numbers *outcome.Tally
	misses  *sketch
}

func newTallies(r *results) *tallies {
	t := &tallies{
		classes: r.classes, plain: outcome.NewTally(outcome.Rules{}),
		numbers: outcome.NewTally(outcome.Rules{Task: outcome.Regression, Tolerance: r.b.options.Tolerance}),
		misses:  newSketch(),
	}
	codes := []uint32{0, 1}
	if name := []byte(r.b.options.PositiveClass); len(name) > 0 {
		_, known := r.classes.Lookup(name)
		t.configured, t.reserved = true, !known
		t.positive = r.classes.Code(name)
		codes = []uint32{t.positive}
	}
	for _, code := range codes {
		t.binary = append(t.binary, outcome.NewTally(outcome.Rules{HasPositive: true, Positive: code}))
	}
	return t
}

// hasPositive reports whether the configured positive class is among the predictions or the labels.
func (t *tallies) hasPositive() bool { return !t.reserved || t.met }

func (t *tallies) add(j *judged) {
	if o, ok := j.outcome(outcome.Classification); ok {
		t.plain.Add(o, 1)
		if !t.configured && t.classes.Len() > 2 {
			t.binary = nil
		}
		for _, tally := range t.binary {
			tally.Add(o, 1)
		}
	}
	if o, ok := j.outcome(outcome.Regression); ok {
		t.numbers.Add(o, 1)
		t.misses.add(miss(o), 1)
	}
}

// finish sets the profile's performance and, of a regression, its tolerance.
func (t *tallies) finish(p *Profile, configured float64) (err error) {
	if p.Rules.Task == outcome.Classification {
		p.Performance = t.plain
		for _, tally := range t.binary {
			if tally.Rules() == p.Rules {
				p.Performance = tally
			}
		}
		return nil
	}
	p.Rules.Tolerance, p.Performance = configured, t.numbers
	if configured > 0 || t.misses.n == 0 {
		return nil
	}
	d := newDistribution(t.misses.items())
	p.Rules.Tolerance, p.ToleranceError = d.quantile(0.9), t.misses.rankError(1)
	state := t.numbers.State()
	state.Wrong = 0
	for _, item := range d.items {
		if item.value > p.Rules.Tolerance {
			state.Wrong += item.weight
		}
	}
	state.Wrong = min(state.Wrong, state.N)
	p.Performance, err = outcome.FromState(p.Rules, state)
	return err
}
