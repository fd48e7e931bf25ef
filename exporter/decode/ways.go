package decode

import "slices"

// ways are the ways that records of JSON Lines were seen to go: a tree of steps. The path from its root to a step is
// what stood between the values of a record up to that one. A record that goes a known way has the keys of one before
// it, in the same order; so none of them is there twice, and what the record lacks is known.
type ways struct {
	root step
	// steps are those of the tree, and behind them some to be used again; ends are those at the end of records.
	steps []*step
	used  int
	ends  []*step
	// loose is the step at hand of a record whose way cannot be remembered, and lost counts such records of the batch.
	loose step
	lost  int
	// bad counts the batches, one behind the other, most records of which were lost. At patience of them all ways are
	// forgotten.
	bad, patience int
}

// step is a value of a record, or its end, with the bytes that stand before it.
type step struct {
	literal literal
	role    role
	slot    *slot // of roles that have one
	place   *place
	// next is one of the steps that were taken next. other is another one that was taken instead of this one.
	next, other *step

	above *step
	// enters are the objects that the bytes open.
	enters []*object
	// lacks are the slots for which a record that ends here has no value; records counts those of the batch.
	lacks   []int
	records int
}

const (
	// maxWays bounds the steps of the tree, which take 0.4 MB then, and maxOthers those that are taken from one: logs
	// whose optional keys come and go need a few.
	maxWays, maxOthers = 2048, 4
	// maxLiteral bounds the bytes of a step.
	maxLiteral = 256
)

// add remembers the loose step, whose bytes are given, as one that is taken from another, and returns it. If it cannot
// be remembered, it stays the loose one.
func (w *ways) add(from *step, text []byte) *step {
	others := 0
	for s := from.next; s != nil; s = s.other {
		others++
	}
	if from == &w.loose || others >= maxOthers || w.used == maxWays || len(text) > maxLiteral {
		return &w.loose
	}
	if w.used == len(w.steps) {
		w.steps = append(w.steps, new(step))
	}
	s := w.steps[w.used]
	w.used++
	*s = w.loose
	s.literal, s.enters, s.lacks = newLiteral(text), slices.Clone(s.enters), slices.Clone(s.lacks)
	s.above, s.other, from.next = from, from.next, s
	if s.role == roleEnd {
		w.ends = append(w.ends, s)
	}
	return s
}

// instead returns the step that goes on at b[i:] of those that may be taken instead of one, nil if none does.
func (s *step) instead(b []byte, i int) *step {
	for s = s.other; s != nil && !s.literal.at(b, i); {
		s = s.other
	}
	return s
}

// forget forgets all ways.
func (w *ways) forget() { w.root.next, w.used, w.ends = nil, 0, w.ends[:0] }

// explore reads the rest of a record, which goes no known way from a step on, and remembers its way. It returns the
// index behind the record's newline, or -1 if the line needs care.
func (d *JSONL) explore(from *step, i int) int {
	for s := from; s != &d.ways.root; s = s.above {
		for _, o := range s.enters {
			o.row = d.row
		}
		d.note(s.place)
	}
	for {
		s, at := d.find(from, i)
		if at < 0 {
			return -1
		}
		if s.role == roleEnd {
			if s == &d.ways.loose {
				d.ways.lost++
			}
			d.finishRow(s.lacks)
			return at
		}
		if i = d.readAll(s.place, at); i <= 0 {
			return -1
		}
		from = s
	}
}

// note notes that the record has the key of a place. It reports whether no other key serves one of its slots.
func (d *JSONL) note(p *place) bool {
	if p.slots == nil {
		d.visit(p)
	}
	for _, k := range p.slots {
		if d.slots[k].row == d.row {
			return false
		}
		d.slots[k].row = d.row
	}
	return true
}

// find finds the next value of a record behind a step by parsing, and remembers the step there. It returns the index of
// the value, or that behind the record; -1 where the line needs care.
func (d *JSONL) find(from *step, start int) (*step, int) {
	b, i := d.data, blanks(d.data, start)
	o, opened := d.root, false
	if from != &d.ways.root {
		o = from.place.object
	}
	s := &d.ways.loose
	*s = step{enters: s.enters[:0], lacks: s.lacks[:0]}
	if from == &d.ways.root {
		if b[i] != '{' {
			return nil, -1
		}
		s.enters = append(s.enters, o)
		opened, i = true, blanks(b, i+1)
	}
	for {
		switch {
		case b[i] == '}':
			i = blanks(b, i+1)
			if o = o.parent; o != nil {
				opened = false
				continue
			}
			if b[i] != '\n' {
				return nil, -1
			}
			s.role = roleEnd
			for k := range d.slots {
				if d.slots[k].row != d.row {
					s.lacks = append(s.lacks, k)
				}
			}
			return d.ways.add(from, b[start:i+1]), i + 1
		case opened:
		case b[i] == ',':
			i = blanks(b, i+1)
		default:
			return nil, -1
		}
		if b[i] != '"' {
			return nil, -1
		}
		end, wide := stringEnd(b, i+1)
		if end < 0 || !validText(b[i+1:end], wide) {
			return nil, -1
		}
		p := o.at(b[i+1 : end])
		if i = blanks(b, end+1); b[i] != ':' {
			return nil, -1
		}
		i = blanks(b, i+1)
		if p.child == nil {
			// A key given twice is not for here: the careful way knows which one counts.
			if !d.note(p) {
				return nil, -1
			}
			s.place, s.role = p, roleUnknown
			if len(p.slots) > 0 {
				s.slot = &d.slots[p.slots[0]]
				s.role = s.slot.role
			}
			if len(p.slots) > 1 {
				s.role = roleSeveral
			}
			return d.ways.add(from, b[start:i]), i
		}
		// A scalar or an array where wanted values should be below is rare, and the careful way knows what to do.
		if b[i] != '{' || p.child.row == d.row {
			return nil, -1
		}
		p.child.row = d.row
		s.enters = append(s.enters, p.child)
		o, opened, i = p.child, true, blanks(b, i+1)
	}
}

// countWays counts the records of the batch that went known ways, for what they had beside the wanted values.
func (d *JSONL) countWays() {
	w := &d.ways
	for _, end := range w.ends {
		if end.records == 0 {
			continue
		}
		d.row++
		for s := end; s != &w.root; s = s.above {
			for _, o := range s.enters {
				o.row = d.row
			}
			if p := s.place; s.role == roleUnknown && p.row != d.row {
				p.row = d.row
				p.records += end.records
			}
		}
		end.records = 0
	}
	w.end(d.batch.Rows)
}

// end ends a batch of so many records. If most of them are lost, the log has become another one since its ways were
// learned. Or it has more of them than can be remembered: then it becomes ever longer until they are forgotten again.
func (w *ways) end(records int) {
	switch {
	case w.lost <= records/8:
		w.bad, w.patience = 0, 0
	case w.lost > records/2:
		w.bad++
	}
	if w.bad > w.patience {
		w.forget()
		w.bad, w.patience = 0, 2*w.patience+1
	}
	w.lost = 0
}
