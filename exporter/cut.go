package exporter

import (
	"fmt"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// cutPart is how many bytes of the join are written at a time.
const cutPart = 1 << 20

// The kinds of parts of a model's state, the first byte of each.
const (
	headPart  = iota // the fingerprint
	joinPart         // some ids
	lastPart         // all the rest
	noisePart        // noise floors, which may be missing
)

// cut is a picture of a model at one moment, on its way to a checkpoint. The many ids of the join are written part by
// part while the model goes on counting; what changes meanwhile is written again at the end, together with all the
// rest, and that end is the moment. So counting never stops for long.
type cut struct {
	// parts takes the pieces of one part after the other, and is closed behind the last one.
	parts chan [][]byte
	// stop is closed by who wants no more parts.
	stop <-chan struct{}

	// The rest belongs to the model until parts is closed.
	queue [][][]byte    // parts that can be written
	dump  *outcome.Dump // nil once all of it is in the queue
	done  bool          // nothing more will come into the queue
	whole bool          // all parts have been written
	pause time.Duration // the longest time that the model did not count because of the cut
	spool *counted      // what has been counted of spools at the moment of the cut
	read  []readTopic   // what has been counted of topics then
}

// newCut returns a cut that is still to be begun by the model.
func newCut(stop <-chan struct{}) *cut {
	return &cut{parts: make(chan [][]byte), stop: stop}
}

// begin begins a cut.
func (m *model) begin(c *cut) {
	m.cut = c
	var e state.Encoder
	e.Uint(headPart)
	e.Fixed(m.identity)
	c.queue = append(c.queue, e.Parts(), m.noise())
	if m.join != nil {
		c.dump = m.join.BeginDump()
	}
}

// noise returns the part of the noise floors.
func (m *model) noise() [][]byte {
	var e state.Encoder
	e.Uint(noisePart)
	e.Uint(stat.FloorsVersion)
	for _, b := range m.baselines() {
		b.saveNoise(&e)
	}
	return e.Parts()
}

// loadNoise reads what noise wrote, unless that was under other rules.
func (m *model) loadNoise(d *state.Decoder) error {
	if version := d.Uint(); d.Err() == nil && version != stat.FloorsVersion {
		return nil
	}
	for _, b := range m.baselines() {
		b.loadNoise(d)
	}
	return d.End()
}

// proceed is called when the first part of the queue has been written: it makes the next ones, or ends the cut.
func (m *model) proceed() {
	c := m.cut
	c.queue = c.queue[1:]
	if len(c.queue) > 0 {
		return
	}
	if c.done {
		c.whole = true
		m.endCut()
		return
	}
	started := time.Now()
	if c.dump != nil {
		part, more := c.dump.Next([]byte{joinPart}, cutPart)
		c.queue = append(c.queue, [][]byte{part})
		if !more {
			c.queue = append(c.queue, [][]byte{c.dump.Last([]byte{joinPart})})
			c.dump = nil
		}
	}
	if c.dump == nil {
		var e state.Encoder
		e.Uint(lastPart)
		m.save(&e)
		c.spool, c.read = m.spools(), m.topics()
		c.queue = append(c.queue, e.Parts())
		c.done = true
	}
	c.pause = max(c.pause, time.Since(started))
}

// endCut ends a cut, be it whole or given up.
func (m *model) endCut() {
	if m.cut.dump != nil {
		m.cut.dump.Abort()
	}
	close(m.cut.parts)
	m.cut = nil
}

// write writes a cut of a model that counts no more.
func (m *model) write(c *cut, put func(parts ...[]byte) error) error {
	m.begin(c)
	for m.cut != nil {
		if err := put(c.queue[0]...); err != nil {
			m.endCut()
			return err
		}
		m.proceed()
	}
	return nil
}

// restoration brings a model back to where a cut was made.
type restoration struct {
	*model
	begun, complete bool
	// foreign says that the cut was made under another configuration or with another reference.
	foreign bool
	err     error
}

// add takes in the next part of a cut.
func (r *restoration) add(part []byte) {
	if r.err != nil || r.foreign {
		return
	}
	d := state.NewDecoder(part)
	switch kind := d.Uint(); {
	case d.Err() != nil:
		r.err = d.Err()
	case kind == headPart && !r.begun:
		r.begun = true
		r.foreign = d.Fixed() != r.identity
		r.err = d.End()
	case kind == noisePart && r.begun:
		r.err = r.loadNoise(d)
	case kind == joinPart && r.begun && !r.complete && r.join != nil:
		r.err = r.join.Load(part[1:])
	case kind == lastPart && r.begun && !r.complete:
		r.complete = true
		r.load(d)
		r.err = d.End()
	default:
		r.err = fmt.Errorf("a part of kind %d is out of place", kind)
	}
}

// usable reports whether the model may go on from the cut; the reason is for the log.
func (r *restoration) usable() (ok bool, reason string) {
	switch {
	case r.foreign:
		return false, "its configuration or its reference has changed"
	case r.err != nil:
		return false, r.err.Error()
	case r.begun && !r.complete:
		return false, "its state is not complete"
	}
	return r.complete, ""
}
