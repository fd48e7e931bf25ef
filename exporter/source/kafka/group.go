package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// commitTimeout bounds a commit, and settleTimeout how long other members of a group wait for this one to bring what it
// has read of a partition into a checkpoint. Both together lie below the 60 seconds in which members must rejoin.
const (
	commitTimeout = 10 * time.Second
	settleTimeout = 30 * time.Second
)

// markOf is by what the exporter of a number is known to the group, which cannot be found out from it. In Kafka's words
// it is the id of a static member, and the metadata of its commits.
func markOf(seed uint64, topic string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "drift_exporter %016x %s", seed, topic))
	return "drift_exporter-" + hex.EncodeToString(sum[:8])
}

// groupOptions make a client a member of the group.
func (s *Source) groupOptions(ctx context.Context) []kgo.Opt {
	topic := s.options.Topic
	return []kgo.Opt{
		kgo.ConsumerGroup(s.options.Group),
		kgo.ConsumeTopics(topic),
		// An exporter that was killed and is started again gets its partitions back at once, and not only when the group
		// has given the old one up.
		kgo.InstanceID(s.mark),
		// It divides partitions by the order of those ids. So whoever loses all of them, as when the brokers are started
		// again, gets the same ones back, and goes on where it was.
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnOffsetsFetched(func(_ context.Context, client *kgo.Client, r *kmsg.OffsetFetchResponse) error {
			s.asked = client
			s.noteMarks(r)
			return nil
		}),
		kgo.AdjustFetchOffsetsFn(func(
			session context.Context, offsets map[string]map[int32]kgo.Offset,
		) (map[string]map[int32]kgo.Offset, error) {
			return offsets, s.assign(session, offsets[topic])
		}),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			s.mu.Lock()
			s.unjoined = ""
			none := len(added[topic]) == 0 && len(s.assigned) == 0
			s.mu.Unlock()
			if none {
				s.arrive() // others have all partitions
			}
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			if len(gone[topic]) > 0 {
				s.revoke(ctx, gone[topic])
			}
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			if len(gone[topic]) > 0 {
				s.options.Logger.Warn("Partitions were taken away, as of a member that does not answer; what was read of them "+
					"since the last commit another member may count too", "topic", topic, "partitions", gone[topic])
				s.drop(gone[topic])
			}
		}),
	}
}

// noteMarks keeps who made the commits that the group has.
func (s *Source) noteMarks(r *kmsg.OffsetFetchResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.marks)
	note := func(number int32, metadata *string) {
		if metadata != nil {
			s.marks[number] = *metadata
		}
	}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			note(p.Partition, p.Metadata)
		}
	}
	for _, g := range r.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				note(p.Partition, p.Metadata)
			}
		}
	}
}

// bounds are the offsets at which the partitions of a topic begin and end, and what tells the topic from another one of
// its name. since are those of Options.Since, nil without that.
type bounds struct {
	starts, ends, since map[int32]int64
	head                uint64
}

func (s *Source) bounds(ctx context.Context, client *kgo.Client) (b bounds, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	admin := kadm.NewClient(client)
	if b.head, err = s.ask(ctx, client); err == nil {
		b.starts, err = s.list(ctx, admin.ListStartOffsets)
	}
	if err == nil {
		b.ends, err = s.list(ctx, admin.ListCommittedOffsets)
	}
	if since := s.options.Since; err == nil && !since.IsZero() {
		b.since, err = s.list(ctx, func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), topics...)
		})
	}
	return b, err
}

// ask finds out what tells the topic from another one of its name. It asks the brokers: what the client knows may be
// older than the topic.
func (s *Source) ask(ctx context.Context, client *kgo.Client) (head uint64, err error) {
	request := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = &s.options.Topic
	request.Topics = append(request.Topics, one)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return 0, fmt.Errorf("asking for the topic: %w", err)
	}
	if len(answer.Topics) != 1 {
		return 0, fmt.Errorf("asking for the topic: the brokers tell of %d topics", len(answer.Topics))
	}
	if err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); err != nil {
		return 0, topicError(s.options.Topic, err)
	}
	return headOf(s.options.Topic, answer.Topics[0].TopicID), nil
}

// topicError says what can be done about an error.
func topicError(topic string, err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("there is no topic %s yet", topic)
	}
	return fmt.Errorf("topic %s: %w", topic, err)
}

// list asks for an offset of every partition.
func (s *Source) list(ctx context.Context, ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (
	map[int32]int64, error,
) {
	listed, err := ask(ctx, s.options.Topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, topicError(s.options.Topic, err)
	}
	offsets := make(map[int32]int64)
	for number, o := range listed[s.options.Topic] {
		offsets[number] = o.Offset
	}
	return offsets, nil
}

// assign says where reading begins in partitions that this member has got. offsets are the commits of the group, below
// 0 where there is none, and become what is to be read first.
func (s *Source) assign(ctx context.Context, offsets map[int32]kgo.Offset) error {
	if len(offsets) == 0 {
		return nil
	}
	b, err := s.bounds(ctx, s.asked)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = b.head
	passed := make(map[int32]int64)
	for number, o := range offsets {
		commit := o.EpochOffset().Offset
		next := s.begin(number, commit, &b)
		if s.atEnd && commit < 0 {
			passed[number] = next
		}
		offsets[number] = kgo.NewOffset().At(next)
		s.options.Logger.Debug("Reading a partition", "topic", s.options.Topic, "partition", number, "offset", next,
			"end", b.ends[number], "committed", commit)
	}
	s.options.Logger.Info("Reading partitions", "topic", s.options.Topic, "group", s.options.Group,
		"partitions", slices.Sorted(maps.Keys(offsets)))
	if s.atEnd {
		s.atEnd, s.begun = false, true
		s.commitSoon(passed) // other members are not to read it either
	}
	return nil
}

// begin makes a partition one that is being read, and returns the offset at which reading begins. That is the position
// of this exporter, if it has one and the group's commit is its own: the checkpoint is what counts, be it older or
// newer than the commit. If another member has made the commit it is the further one of the two, since that one has
// counted the messages in between. Without a position it is the commit, and without a commit what the options say.
func (s *Source) begin(number int32, commit int64, b *bounds) int64 {
	start, end := b.starts[number], b.ends[number]
	at, known := s.reached[number]
	if known && at.Head != b.head {
		s.options.Logger.Warn("The topic is another one of the same name", "topic", s.options.Topic, "partition", number)
		s.forgotten = append(s.forgotten, at.Content)
		known = false
	}
	next := commit
	switch {
	case known && (commit < 0 || s.marks[number] == s.mark):
		next = at.Offset
	case known:
		next = max(at.Offset, commit)
	case commit < 0 && s.atEnd:
		next = end
	case commit < 0:
		next = max(start, b.since[number])
	}
	p := &partition{target: end, end: end, committed: commit}
	if next < start {
		p.lost = lost(next, start)
		next = start
	}
	if next > end {
		s.options.Logger.Warn("The partition ends before what was read of it: the brokers have lost messages",
			"topic", s.options.Topic, "partition", number, "read_to", next, "end", end)
		next = end
	}
	if !known {
		s.contents++
		at = source.Position{Content: s.contents, Path: s.nameOf(number), Head: b.head}
	}
	at.Offset = next
	s.reached[number] = at
	p.next, s.assigned[number] = next, p
	return next
}

// revoke gives partitions up to another member. Before, all that was read of them is counted, in a checkpoint where
// there are any, and committed, so that the other member begins behind it.
func (s *Source) revoke(running context.Context, numbers []int32) {
	defer s.drop(numbers)
	ctx, cancel := context.WithTimeout(running, settleTimeout)
	defer cancel()
	err := s.drain(ctx)
	if err == nil && s.settle != nil {
		err = s.settle(ctx)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		if running.Err() == nil { // else the exporter ends, and commits at its end
			s.options.Logger.Warn("Partitions are given up without a checkpoint; what was read of them since the last "+
				"commit another member may count too", "topic", s.options.Topic, "partitions", numbers, "err", err)
		}
		return
	}
	offsets := make(map[int32]int64)
	s.mu.Lock()
	for _, number := range numbers {
		if p := s.assigned[number]; p != nil {
			offsets[number] = p.next
		}
	}
	s.mu.Unlock()
	s.commit(offsets)
}

// drain waits until all blocks that were handed over have come back.
func (s *Source) drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		missing := s.count - len(s.spare)
		s.mu.Unlock()
		if missing == 0 {
			return nil
		}
		select {
		case b := <-s.free:
			s.mu.Lock()
			s.spare = append(s.spare, b)
			s.mu.Unlock()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drop notes that partitions are not read any more.
func (s *Source) drop(numbers []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, number := range numbers {
		delete(s.assigned, number)
	}
}

// Commit commits offsets to the group, as far as this member has the partitions. It does not wait for it. Offsets that
// come meanwhile replace those that have not been committed yet.
func (s *Source) Commit(offsets map[int32]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.commitSoon(offsets)
	}
}

// commitSoon is Commit for who has locked mu.
func (s *Source) commitSoon(offsets map[int32]int64) {
	if len(offsets) == 0 {
		return
	}
	if s.pending == nil {
		s.pending = make(map[int32]int64)
	}
	maps.Copy(s.pending, offsets)
	if s.committing {
		return
	}
	s.committing = true
	s.commits.Go(func() {
		for {
			s.mu.Lock()
			offsets := s.pending
			s.pending = nil
			s.committing = offsets != nil
			s.mu.Unlock()
			if offsets == nil {
				return
			}
			s.commit(offsets)
		}
	})
}

// commit commits those of the offsets that lead further than what the group has.
func (s *Source) commit(offsets map[int32]int64) {
	further := make(map[int32]kgo.EpochOffset)
	s.mu.Lock()
	client := s.client
	for number, offset := range offsets {
		if p := s.assigned[number]; p != nil && offset > p.committed {
			further[number] = kgo.EpochOffset{Epoch: -1, Offset: offset}
		}
	}
	s.mu.Unlock()
	if client == nil || len(further) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	marked := kgo.PreCommitFnContext(ctx, func(r *kmsg.OffsetCommitRequest) error {
		for i := range r.Topics {
			for k := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[k].Metadata = &s.mark
			}
		}
		return nil
	})
	client.CommitOffsetsSync(marked, map[string]map[int32]kgo.EpochOffset{s.options.Topic: further},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, r *kmsg.OffsetCommitResponse, err error) {
			s.committed(further, r, err)
		})
}

// committed notes how a commit went.
func (s *Source) committed(offsets map[int32]kgo.EpochOffset, r *kmsg.OffsetCommitResponse, err error) {
	done := make(map[int32]bool)
	if err == nil {
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				if failure := kerr.ErrorForCode(p.ErrorCode); failure != nil {
					err = failure
				} else {
					done[p.Partition] = true
				}
			}
		}
	}
	s.mu.Lock()
	for number := range done {
		if p := s.assigned[number]; p != nil {
			p.committed = max(p.committed, offsets[number].Offset)
		}
	}
	s.mu.Unlock()
	if err != nil && !errors.Is(err, kgo.ErrClientClosed) {
		s.options.Logger.Warn("Committing to the group failed; the next checkpoint commits again", "topic", s.options.Topic,
			"group", s.options.Group, "err", err)
	}
}
