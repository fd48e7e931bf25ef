package kafka

import (
	"context"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lookInterval is the time between two looks at how far the topic goes.
const lookInterval = 5 * time.Second

// watch finds out again and again whether the brokers can be reached, and how far the topic goes.
func (s *Source) watch(ctx context.Context, client *kgo.Client) {
	tick := s.options.Tick
	if tick == nil {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		if s.look(ctx, client) {
			// The client reads on only in the topic that it knows.
			client.PurgeTopicsFromConsuming(s.options.Topic)
			client.AddConsumeTopics(s.options.Topic)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// look reports whether the topic is another one than that which is being read.
func (s *Source) look(ctx context.Context, client *kgo.Client) (another bool) {
	asking, cancel := context.WithTimeout(ctx, lookTimeout)
	head, err := s.ask(asking, client)
	var ends map[int32]int64
	if err == nil {
		ends, err = s.list(asking, kadm.NewClient(client).ListCommittedOffsets)
	}
	cancel()
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		s.fail(err)
		s.arrive() // nothing is known that was there at the start
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != 0 && s.head != head {
		s.head = 0
		for _, p := range s.assigned {
			p.committed = math.MaxInt64 // offsets of the old one mean nothing in the new one
		}
		return true
	}
	for number, p := range s.assigned {
		p.end = max(p.end, ends[number])
	}
	if s.unjoined != "" {
		return false
	}
	if s.failure != "" {
		s.options.Logger.Info("The topic can be read again", "topic", s.options.Topic)
	}
	s.failure, s.logged = "", time.Time{}
	s.up.Store(true)
	return false
}

// runToEnd reads all partitions from their beginnings to the ends that they have now.
func (s *Source) runToEnd(ctx context.Context, client *kgo.Client) {
	b, err := s.bounds(ctx, client)
	if err != nil {
		s.fail(err)
		return
	}
	offsets := make(map[int32]kgo.Offset)
	s.mu.Lock()
	s.head = b.head
	for number := range b.ends {
		offsets[number] = kgo.NewOffset().At(s.begin(number, -1, &b))
	}
	s.mu.Unlock()
	s.up.Store(true)
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{s.options.Topic: offsets})
	for last := time.Now(); ctx.Err() == nil; {
		s.mu.Lock()
		left := s.behind()
		s.mu.Unlock()
		if !left {
			return
		}
		if s.poll(ctx, client) > 0 {
			last = time.Now()
		} else if time.Since(last) > s.options.Idle {
			// The last messages of a partition may have been compacted away: then its end is never reached.
			s.options.Logger.Warn("No more messages come, though the topic seems to have some", "topic", s.options.Topic,
				"missing", s.Stats().LagRecords)
			return
		}
	}
}
