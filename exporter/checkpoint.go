package exporter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// modelKey is the key of a model's parts in a checkpoint.
const modelKey = "model/"

// checkpoints writes the checkpoints of an exporter, and knows how that went. It belongs to the goroutine of Run.
type checkpoints struct {
	store    *state.Store
	interval time.Duration
	// receivers have spools that checkpoints cover.
	receivers *receivers
	timer     *time.Timer // tells when the next checkpoint is to be begun; stopped while one is written
	loaded    state.Loaded
	restored  int // models that went on from the checkpoint

	// demands take who waits for a checkpoint: waiting those for one that is still to be begun, served those for the one
	// that is being written.
	demands         chan chan<- error
	waiting, served []chan<- error

	// running receives the result of the checkpoint that is being written, nil while none is.
	running   chan checkpointResult
	last      checkpointResult // the last one
	lastWhole checkpointResult // the last one without an error
	failures  uint64
	logged    time.Time
}

// checkpointResult is how a checkpoint went.
type checkpointResult struct {
	err   error
	at    time.Time
	took  time.Duration
	pause time.Duration
	bytes int64
	// counted is what the checkpoint covers of spools, read what it covers of topics.
	counted counted
	read    []readTopic
}

// errStopped ends a checkpoint that is not wanted any more.
var errStopped = errors.New("stopped before it was complete")

// openState opens the folder of the checkpoints, if one is configured.
func (e *Exporter) openState() error {
	c := e.config.Load().State
	if c.Path == "" {
		return nil
	}
	store, err := state.Open(c.Path)
	if err != nil {
		return err
	}
	e.checkpoints = &checkpoints{
		store: store, receivers: e.receivers, interval: c.CheckpointInterval, timer: time.NewTimer(c.CheckpointInterval),
		demands: make(chan chan<- error),
	}
	return nil
}

// restore brings models to where the last checkpoint was made. One for which that is not possible starts anew.
func (e *Exporter) restore(models []*model) error {
	c := e.checkpoints
	if c == nil {
		return nil
	}
	started := time.Now()
	byKey := make(map[string]*restoration)
	for _, m := range models {
		byKey[modelKey+m.config.Name] = &restoration{model: m}
	}
	c.loaded = c.store.Load(func(key string, part []byte) {
		if r := byKey[key]; r != nil {
			r.add(part)
		}
	})
	for _, r := range c.loaded.Rejected {
		e.options.Logger.Error("A checkpoint cannot be used and was set aside", "file", r.Name, "as", r.SetAside,
			"reason", r.Reason, "detail", r.Detail)
	}
	for i, m := range models {
		r := byKey[modelKey+m.config.Name]
		ok, reason := r.usable()
		if ok {
			c.restored++
			continue
		}
		if reason == "" {
			reason = "there is no state of it"
		}
		e.options.Logger.Info("The model starts anew and reads the logs that there are", "model", m.config.Name,
			"reason", reason)
		if !r.begun {
			continue
		}
		var err error
		if models[i], err = newModel(m.config, true, e.options.Now, e.options.Logger); err != nil {
			return err
		}
	}
	if c.loaded.Name != "" {
		e.options.Logger.Info("Loaded a checkpoint", "file", c.loaded.Name, "written", c.loaded.Time.UTC(),
			"bytes", c.loaded.Bytes, "models", c.restored, "duration", time.Since(started))
	}
	return nil
}

// due returns a channel that tells when the next checkpoint is to be begun; nil where none is wanted.
func (c *checkpoints) due() <-chan time.Time {
	if c == nil {
		return nil
	}
	return c.timer.C
}

// demanded returns the channel of who wants a checkpoint before the next one is due.
func (c *checkpoints) demanded() <-chan chan<- error {
	if c == nil {
		return nil
	}
	return c.demands
}

// results returns the channel of the result of the checkpoint that is being written, if one is.
func (c *checkpoints) results() <-chan checkpointResult {
	if c == nil {
		return nil
	}
	return c.running
}

// begin begins to write a checkpoint of models that go on meanwhile.
func (c *checkpoints) begin(ctx context.Context, models []*running, now time.Time) {
	result := make(chan checkpointResult, 1)
	c.running = result
	c.served, c.waiting = c.waiting, nil
	go func() {
		result <- c.write(now, models, func(r *running, w *state.Writer) (*cut, error) { return follow(ctx, r, w) })
	}()
}

// follow writes a cut of a running model.
func follow(ctx context.Context, r *running, w *state.Writer) (c *cut, err error) {
	stop := make(chan struct{})
	c = newCut(stop)
	select {
	case r.cuts <- c:
	case <-r.done:
		return c, errStopped
	case <-ctx.Done():
		return c, errStopped
	}
	for part := range c.parts {
		if err == nil {
			if err = w.Put(modelKey+r.config.Name, part...); err != nil {
				close(stop)
			}
		}
	}
	if err == nil && !c.whole {
		err = errStopped
	}
	return c, err
}

// final writes a checkpoint of models that count no more.
func (c *checkpoints) final(models []*running, now time.Time) checkpointResult {
	return c.write(now, models, func(r *running, w *state.Writer) (*cut, error) {
		cut := newCut(nil)
		return cut, r.write(cut, func(part ...[]byte) error { return w.Put(modelKey+r.config.Name, part...) })
	})
}

// write writes one checkpoint, with a cut of every model. What it covers of spools is on the disk before it: else a
// crash of the system could leave a position behind the end of its file.
func (c *checkpoints) write(now time.Time, models []*running,
	write func(*running, *state.Writer) (*cut, error),
) checkpointResult {
	started := time.Now()
	result := checkpointResult{at: now, counted: make(counted)}
	w, err := c.store.Begin()
	if err != nil {
		result.err = err
		return result
	}
	for _, r := range models {
		cut, err := write(r, w)
		if err != nil {
			w.Abort()
			result.err = err
			return result
		}
		result.pause = max(result.pause, cut.pause)
		maps.Copy(result.counted, *cut.spool)
		result.read = append(result.read, cut.read...)
	}
	if result.err = c.receivers.sync(); result.err != nil {
		w.Abort()
		return result
	}
	result.err = w.Commit()
	result.bytes, result.took = w.Bytes(), time.Since(started)
	return result
}

// took notes how a checkpoint went.
func (e *Exporter) took(r checkpointResult) {
	c := e.checkpoints
	c.running = nil
	c.timer.Reset(c.interval)
	if errors.Is(r.err, errStopped) {
		c.waiting, c.served = append(c.waiting, c.served...), nil
		return // a model was replaced meanwhile; the next one is complete
	}
	for _, done := range c.served {
		done <- r.err
	}
	c.served = nil
	if c.last = r; r.err == nil {
		if !c.logged.IsZero() {
			e.options.Logger.Info("Checkpoints can be written again")
		}
		// The checkpoint before must be of use too, should this one turn out to be broken.
		c.receivers.release(r.counted.and(c.lastWhole.counted))
		commit(r.read)
		c.lastWhole, c.logged = r, time.Time{}
		return
	}
	c.failures++
	if now := e.options.Now(); c.logged.IsZero() || now.Sub(c.logged) >= time.Minute {
		c.logged = now
		e.options.Logger.Error("No checkpoint can be written: all goes on from memory, and after a crash what was read "+
			"since the last one is read again", "err", r.err)
	}
}

// add writes the metrics of checkpoints.
func (c *checkpoints) add(s *metric.Snapshot) {
	if c == nil {
		return
	}
	s.Add(metric.CheckpointInterval, c.interval.Seconds())
	s.Add(metric.CheckpointFailures, float64(c.failures))
	for _, reason := range state.Reasons {
		n := 0.0
		for _, r := range c.loaded.Rejected {
			if r.Reason == reason {
				n++
			}
		}
		s.Add(metric.CheckpointsRejected, n, reason)
	}
	s.Add(metric.ModelsRestored, float64(c.restored))
	if !c.last.at.IsZero() {
		ok := 0.0
		if c.last.err == nil {
			ok = 1
		}
		s.Add(metric.CheckpointSuccess, ok)
	}
	if whole := c.lastWhole; !whole.at.IsZero() {
		s.Add(metric.CheckpointTime, float64(whole.at.UnixMilli())/1e3)
		s.Add(metric.CheckpointDuration, whole.took.Seconds())
		s.Add(metric.CheckpointPause, whole.pause.Seconds())
		s.Add(metric.CheckpointSize, float64(whole.bytes))
	}
}

// closeState writes a last checkpoint and gives the folder back.
func (e *Exporter) closeState() {
	c := e.checkpoints
	if c == nil {
		return
	}
	if c.running != nil {
		e.took(<-c.running)
	}
	e.took(c.final(e.models, e.options.Now()))
	c.timer.Stop()
	if err := c.store.Close(); err != nil {
		e.options.Logger.Warn("Giving back the state folder failed", "err", fmt.Errorf("closing its lock: %w", err))
	}
}
