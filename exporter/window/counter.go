package window

import "time"

// Counter counts events of several windows, in the panes that a Set of the same lengths has. As most come in the finest
// pane of the one before, those of one such pane enter the windows together.
type Counter struct {
	finest int64
	levels []counterLevel
	// open is the begin of the finest pane whose events are still collected, in nanoseconds.
	open, collected int64
}

type counterLevel struct {
	ratio, panes, newest int64
	counts               map[int64]int64
}

// NewCounter returns a counter of nothing. lengths are the windows', ascending.
func NewCounter(lengths []time.Duration) *Counter {
	finest, ratios, panes := layOut(lengths)
	c := &Counter{finest: finest}
	for i := range lengths {
		c.levels = append(c.levels, counterLevel{ratios[i], panes[i], -1 << 62, make(map[int64]int64)})
	}
	return c
}

// Add counts n events at a time in nanoseconds. Events that are older than a window are not in it.
func (c *Counter) Add(t, n int64) {
	if uint64(t-c.open) >= uint64(c.finest) {
		c.collect()
		c.open = floorDiv(t, c.finest) * c.finest
	}
	c.collected += n
}

// collect counts what was collected in the panes of all windows.
func (c *Counter) collect() {
	if c.collected == 0 {
		return
	}
	finest := floorDiv(c.open, c.finest)
	for i := range c.levels {
		l := &c.levels[i]
		if pane := floorDiv(finest, l.ratio); pane > l.newest-l.panes {
			l.counts[pane] += c.collected
		}
	}
	c.collected = 0
}

// Advance says that time has reached now.
func (c *Counter) Advance(now int64) {
	finest := floorDiv(now, c.finest)
	for i := range c.levels {
		l := &c.levels[i]
		newest := floorDiv(finest, l.ratio)
		if newest <= l.newest {
			continue
		}
		l.newest = newest
		for pane := range l.counts {
			if pane <= newest-l.panes {
				delete(l.counts, pane)
			}
		}
	}
}

// Total returns the events in the i-th window.
func (c *Counter) Total(i int) int64 {
	c.collect()
	var sum int64
	for _, n := range c.levels[i].counts {
		sum += n
	}
	return sum
}
