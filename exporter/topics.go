package exporter

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/source/kafka"
)

// readTopic makes a pipeline one that reads a topic.
func (p *pipeline) readTopic(s config.Source, follow bool) error {
	k := s.Kafka
	p.topic = &kafka.Options{
		Brokers: k.Brokers, Topic: k.Topic, Group: k.Group, Follow: follow, Logger: p.logger,
	}
	if !linesOf(s) {
		p.topic.Split = p.format.Split
	}
	if k.TLS != nil {
		tls := kafka.TLS(*k.TLS)
		p.topic.TLS = &tls
	}
	if k.SASL != nil {
		sasl := kafka.SASL(*k.SASL)
		p.topic.SASL = &sasl
	}
	if err := p.topic.Check(); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return nil
}

// sourceName is what messages and metrics call a log.
func sourceName(s config.Source) string {
	switch {
	case s.Receive != nil:
		return s.Receive.Name
	case s.Kafka != nil:
		return kafka.Name(s.Kafka.Group + "/" + s.Kafka.Topic)
	default:
		return s.Path
	}
}

// linesOf reports whether each line of a log is a record of its own.
func linesOf(s config.Source) bool {
	if s.Spec != nil {
		return mapping.TakesUnwrap(s.Spec.Format)
	}
	format := config.FormatOf(s.Format, s.Path)
	return format == config.JSONL || format == config.Logfmt
}

func (p *pipeline) newTopic() *kafka.Source {
	o := *p.topic
	o.Resume, o.AtEnd, o.Since = p.options.Resume, p.options.AtEnd, p.options.Since
	return kafka.New(o)
}

// readTopic is how far a topic has been counted.
type readTopic struct {
	source *kafka.Source
	// positions are offsets by partition.
	positions map[int32]int64
}

// topics returns what the model has counted of topics.
func (m *model) topics() []readTopic {
	var all []readTopic
	for _, p := range m.pipelines {
		s, ok := p.files.(*kafka.Source)
		if !ok {
			continue
		}
		one := readTopic{s, make(map[int32]int64)}
		for _, at := range p.places {
			if number, ok := s.Partition(at.position); ok {
				one.positions[number] = max(one.positions[number], at.position.Offset)
			}
		}
		all = append(all, one)
	}
	return all
}

// commit commits what has been counted to the groups of topics.
func commit(all []readTopic) {
	for _, t := range all {
		t.source.Commit(t.positions)
	}
}

// commitCounted commits what models have counted, where there are no checkpoints that could cover it: what is in memory
// alone is lost with it anyway.
func (e *Exporter) commitCounted() {
	if e.checkpoints != nil {
		return
	}
	for _, r := range e.models {
		if read := r.committable.Load(); read != nil {
			commit(*read)
		}
	}
}

// settleBefore makes the topics of a model bring what was read of a partition into a checkpoint before they give it up.
func (e *Exporter) settleBefore(m *model) {
	for _, p := range m.pipelines {
		if s, ok := p.files.(*kafka.Source); ok && e.checkpoints != nil {
			s.OnRevoke(e.checkpoints.demand)
		}
	}
}

// leave ends the membership of a model that has ended in the groups of its topics. Without checkpoints, what it has
// counted is committed before.
func (m *model) leave(final bool) {
	if final {
		commit(m.topics())
	}
	var group sync.WaitGroup
	for _, p := range m.pipelines {
		if s, ok := p.files.(*kafka.Source); ok {
			group.Go(s.Close)
		}
	}
	group.Wait()
}

// beginDemanded begins the checkpoint that is waited for, unless one is being written: its end begins the next one.
func (e *Exporter) beginDemanded(ctx context.Context) {
	c := e.checkpoints
	if len(c.waiting) == 0 || c.running != nil {
		return
	}
	c.timer.Stop()
	c.begin(ctx, slices.Clone(e.models), e.options.Now())
}

// demand returns when a checkpoint has been written that was begun after the call.
func (c *checkpoints) demand(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case c.demands <- done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
