// Package exporter is the process: it wires configuration, references, sources and metrics together and serves the
// result. Formats and formulas are in the packages below.
package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// Options are what an exporter needs.
type Options struct {
	// ConfigFile is the path of the configuration.
	ConfigFile string
	// Base gathers the metrics that are not the exporter's own, such as those of the process; nil stands for none.
	Base prometheus.Gatherer
	// Now is the wall clock, for tests; nil stands for time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Exporter watches models and serves what it finds. Use New, then either Once or Run.
type Exporter struct {
	options Options
	store   *metric.Store
	ready   atomic.Bool
	config  atomic.Pointer[config.Config]
	reloads chan chan error
	// receivers are open while Run runs.
	receivers *receivers

	// These belong to the goroutine of Run.
	models      []*running
	checkpoints *checkpoints // nil without state
	reloadedAt  time.Time
	reloadedOK  bool
}

// running is a model with the goroutine that it runs in.
type running struct {
	*model
	stop context.CancelFunc
	done chan struct{}
}

// New loads the configuration and builds all references.
func New(o Options) (*Exporter, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Exporter{
		options: o, store: metric.NewStore(o.Base), reloads: make(chan chan error),
		receivers: &receivers{logger: o.Logger},
	}
	c, err := config.Load(o.ConfigFile)
	if err != nil {
		return nil, err
	}
	e.config.Store(c)
	e.reloadedAt, e.reloadedOK = o.Now(), true
	return e, nil
}

// build makes models of a configuration. Every problem is reported, not only the first.
func (e *Exporter) build(c *config.Config, follow bool) ([]*model, error) {
	models := make([]*model, len(c.Models))
	problems := make([]error, len(c.Models))
	var group sync.WaitGroup
	for i := range c.Models {
		group.Go(func() {
			models[i], problems[i] = newModel(&c.Models[i], follow, e.options.Now, e.options.Logger)
		})
	}
	group.Wait()
	return models, errors.Join(problems...)
}

// Check builds all references and prints what was inferred about them, and how the first records of each log are
// understood. A log that cannot be read yet is no problem of the configuration.
func (e *Exporter) Check(w io.Writer) error {
	var problems []error
	for i := range e.config.Load().Models {
		c := &e.config.Load().Models[i]
		m, err := newModel(c, false, e.options.Now, e.options.Logger)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		describe(w, c, c.Reference.Path, m.general.profile)
		for _, r := range c.References {
			fmt.Fprintf(w, "version %q of ", r.Version)
			describe(w, c, r.File.Path, m.own[r.Version].profile)
		}
		m.describeLogs(w)
	}
	return errors.Join(problems...)
}

// Once reads all sources to their end and publishes what the windows hold then.
func (e *Exporter) Once(ctx context.Context) error {
	models, err := e.build(e.config.Load(), false)
	if err != nil {
		return err
	}
	snapshots := make([]*metric.Snapshot, len(models))
	var group sync.WaitGroup
	for i, m := range models {
		group.Go(func() {
			m.run(ctx)
			snapshots[i] = m.evaluate(e.options.Now())
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading the logs: %w", err)
	}
	e.store.Publish(append(snapshots, e.own())...)
	return nil
}

// Run follows all sources until the context ends, and evaluates at every interval. It returns an error only if the
// models cannot be built, if the spool of a receiver cannot be written, or if another process uses one of its folders.
func (e *Exporter) Run(ctx context.Context) error {
	if err := e.openState(); err != nil {
		return err
	}
	// Whoever sends records may do so before all references have been read.
	change, err := e.receivers.prepare(e.config.Load())
	if err != nil {
		return err
	}
	change.apply()
	defer e.receivers.closeAll()
	models, err := e.build(e.config.Load(), true)
	if err == nil {
		err = e.restore(models)
	}
	if err != nil {
		return err
	}
	for _, m := range models {
		e.models = append(e.models, e.start(ctx, m))
	}
	defer func() {
		for _, r := range e.models {
			r.stop()
			<-r.done
		}
		e.closeState()
		var leaving sync.WaitGroup
		for _, r := range e.models {
			leaving.Go(func() { r.leave(e.checkpoints == nil) })
		}
		leaving.Wait()
	}()
	e.publish(ctx)
	interval := e.config.Load().EvaluationInterval
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	starting := e.starting(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-starting:
			starting = nil
			e.publish(ctx)
			e.ready.Store(true)
			e.options.Logger.Info("Caught up with all sources")
		case <-ticker.C:
			e.publish(ctx)
		case <-e.checkpoints.due():
			e.checkpoints.begin(ctx, slices.Clone(e.models), e.options.Now())
		case done := <-e.checkpoints.demanded():
			e.checkpoints.waiting = append(e.checkpoints.waiting, done)
			e.beginDemanded(ctx)
		case result := <-e.checkpoints.results():
			e.took(result)
			e.beginDemanded(ctx)
		case reply := <-e.reloads:
			reply <- e.reload(ctx)
			ticker.Reset(e.config.Load().EvaluationInterval)
			e.publish(ctx)
		}
	}
}

// starting returns a channel that is closed when all models have read what was there at the start.
func (e *Exporter) starting(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	models := e.models
	go func() {
		defer close(done)
		for _, r := range models {
			select {
			case <-r.caughtUp:
			case <-r.done:
			case <-ctx.Done():
			}
		}
	}()
	return done
}

func (e *Exporter) start(ctx context.Context, m *model) *running {
	ctx, stop := context.WithCancel(ctx)
	e.settleBefore(m)
	r := &running{model: m, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		m.run(ctx)
	}()
	return r
}

// publish evaluates all models and serves the result.
func (e *Exporter) publish(ctx context.Context) {
	snapshots := make([]*metric.Snapshot, len(e.models))
	var group sync.WaitGroup
	for i, r := range e.models {
		group.Go(func() { snapshots[i] = r.snapshot(ctx) })
	}
	group.Wait()
	if ctx.Err() == nil {
		e.releaseCounted()
		e.commitCounted()
		e.store.Publish(append(snapshots, e.own())...)
	}
}

// own returns the values that belong to no model.
func (e *Exporter) own() *metric.Snapshot {
	s := metric.NewSnapshot()
	ok := 0.0
	if e.reloadedOK {
		ok = 1
	}
	s.Add(metric.ConfigReloadSuccess, ok)
	s.Add(metric.ConfigReloadTime, float64(e.reloadedAt.UnixMilli())/1e3)
	e.checkpoints.add(s)
	e.receivers.add(s)
	s.Add(metric.EvaluationInterval, e.config.Load().EvaluationInterval.Seconds())
	return s
}

// Gather implements prometheus.Gatherer.
func (e *Exporter) Gather() ([]*metric.Family, error) { return e.store.Gather() }

// Ready reports whether all sources have been read as far as they went at the start.
func (e *Exporter) Ready() bool { return e.ready.Load() }
