// Package kafka reads a topic of Apache Kafka as one member of a consumer group, and cuts it into blocks of whole
// messages. It knows how far each partition was read and nothing about what the bytes mean.
//
// How far records were counted is known to the exporter, in its checkpoint; what is committed to the group follows it.
// So a member that is assigned a partition begins where its own checkpoint says, if nobody else has committed since,
// and else where the other one has got to: see Source.begin.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/source"
)

const (
	// maxPolled bounds the messages that are taken from the client at once. No rebalance happens before they have been
	// handed over.
	maxPolled = 10_000
	// pollWait is how long a poll waits for messages: what else is to be reported waits for it.
	pollWait = time.Second
	// lookTimeout bounds the requests that find out how far the topic goes.
	lookTimeout = 5 * time.Second
	// logInterval is the least time between two log messages about errors.
	logInterval = time.Minute
)

// Options says what to read.
type Options struct {
	// Brokers are the addresses to begin with, as host:port.
	Brokers []string
	// Topic is read by the members of Group together.
	Topic, Group string
	// TLS and SASL say how to connect; nil stands for plain and for no authentication.
	TLS  *TLS
	SASL *SASL
	// Resume is where an earlier run has got to, by its blocks' positions. Those of other topics do no harm.
	Resume []source.Position
	// AtEnd passes over what is there when partitions are assigned for the first time, unless the group has a commit.
	// Those that are assigned later are read from their beginnings.
	AtEnd bool
	// Since passes over the messages in front of the first one with a timestamp that is not before it, in partitions of
	// which nothing has been read.
	Since time.Time
	// Follow keeps reading, as a member of the group. Without it all partitions are read once to the ends that they have
	// at the start, from their beginnings, and the group does not notice.
	Follow bool
	// Split is the Split of a format whose records are not lines, else nil. With it every message is a block of its own:
	// then one that is broken harms no other. A message that is no whole record ends with a line end.
	Split func(data []byte) int
	// MaxMessage is the length in bytes beyond which a message is passed over. Default 1 MiB.
	MaxMessage int
	// BlockSize is how much of messages a block gets at most, in bytes, unless a message is longer. Default 256 KiB.
	BlockSize int
	// Tick starts a look at how far the topic goes with each value; nil stands for a ticker of five seconds. The first one
	// needs no tick.
	Tick <-chan time.Time
	// Idle is how long a read to the end waits for messages that do not come, because the last ones have been compacted
	// away. Default 10s.
	Idle time.Duration
	// Now tells the time for the pace of log messages. Default time.Now.
	Now func() time.Time
	// Logger gets errors, at most one a minute, and what becomes of partitions. Default: none.
	Logger *slog.Logger
}

// Source is a topic. Run reads; the other methods may be called at any time from any goroutine.
type Source struct {
	options  Options
	caughtUp chan struct{}
	reach    sync.Once // closes caughtUp
	// mark tells what this exporter has committed from what others have.
	mark string
	// settle returns once all that was handed over is in a checkpoint; nil where there are none.
	settle func(context.Context) error

	// These belong to Run and, while it waits for messages, to the callbacks of the group.
	free  <-chan *source.Block
	emit  func(*source.Block)
	count int // of blocks
	// asked is the client. It belongs to the callbacks that say where reading begins, and Close leaves it.
	asked *kgo.Client

	mu sync.Mutex
	// client is nil before Run, and after Close.
	client *kgo.Client
	// spare are blocks that were taken from free and are not in use.
	spare []*source.Block
	// head tells the topic that partitions were last assigned of from another one of its name, 0 before.
	head uint64
	// reached are the positions of all partitions that this exporter has ever read.
	reached map[int32]source.Position
	// atEnd is Options.AtEnd until partitions are assigned; from then on begun says that it is still to be reported.
	atEnd, begun bool
	// contents is the highest number of a content.
	contents uint64
	// assigned are the partitions that are being read.
	assigned map[int32]*partition
	// marks are those of the commits that the group had when partitions were last assigned.
	marks map[int32]string
	// forgotten are the numbers of contents whose positions need not be kept any longer.
	forgotten []uint64
	// pending are the offsets that are to be committed, nil if there are none; committing says that a goroutine of
	// commits is doing it.
	pending    map[int32]int64
	committing bool
	commits    sync.WaitGroup
	failure    string // of the last look, empty if there was none
	unjoined   string // why this exporter is no member of the group, empty since it was last one
	logged     time.Time

	up    atomic.Bool
	bytes atomic.Uint64
}

// partition is one that is being read.
type partition struct {
	// next is the offset behind the last message that was handed over.
	next int64
	// target is where the partition ended when it was assigned, end where it ends as far as is known.
	target, end int64
	// committed is the offset that the group has.
	committed int64
	// lost are the messages that were gone when the partition was assigned, and are still to be reported.
	lost source.Missed
	// told says that a block has had the position.
	told bool
	// failure is the last error of the partition, empty if messages have come since.
	failure string
}

// New returns a source that connects to nothing before Run.
func New(o Options) *Source {
	if o.MaxMessage <= 0 {
		o.MaxMessage = 1 << 20
	}
	if o.BlockSize <= 0 {
		o.BlockSize = 256 << 10
	}
	if o.Idle <= 0 {
		o.Idle = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Source{
		options: o, caughtUp: make(chan struct{}), atEnd: o.AtEnd,
		reached: make(map[int32]source.Position), assigned: make(map[int32]*partition), marks: make(map[int32]string),
	}
	for _, p := range o.Resume {
		s.contents = max(s.contents, p.Content)
		if n, ok := partitionOf(o.Topic, p.Path); ok {
			if _, twice := s.reached[n]; !twice {
				s.reached[n] = p
			}
		}
	}
	return s
}

// Identify tells the source by which number its exporter is known, which a restart does not change. It is called before
// Run.
func (s *Source) Identify(seed uint64) { s.mark = markOf(seed, s.options.Topic) }

// OnRevoke tells the source what to call before it gives partitions up: it returns once all that was handed over is in
// a checkpoint. It is called before Run.
func (s *Source) OnRevoke(settle func(context.Context) error) { s.settle = settle }

// Run reads until ctx is done or, without Options.Follow, until the end. It fills blocks that it takes from free, which
// must have room for all blocks that there are, and hands each to emit, which owns it from then on and sends it to free
// when it has been counted. The messages of a partition come in order. Run may be called once. With Options.Follow the
// source stays a member of the group until Close, so that what was counted last can be committed.
func (s *Source) Run(ctx context.Context, free <-chan *source.Block, emit func(*source.Block)) {
	s.free, s.emit, s.count = free, emit, cap(free)
	s.mu.Lock() // which the first callbacks wait for
	client, err := s.connect(ctx)
	s.client = client
	s.mu.Unlock()
	if err != nil {
		s.fail(err)
		s.arrive()
		if s.options.Follow {
			<-ctx.Done()
		}
		return
	}
	if !s.options.Follow {
		s.runToEnd(ctx, client)
		s.arrive()
		s.Close()
		return
	}
	var group sync.WaitGroup
	group.Go(func() { s.watch(ctx, client) })
	for ctx.Err() == nil {
		s.poll(ctx, client)
	}
	group.Wait()
}

// arrive says that there is no more of what was there at the start.
func (s *Source) arrive() { s.reach.Do(func() { close(s.caughtUp) }) }

// poll waits for messages, and hands over what has come.
func (s *Source) poll(ctx context.Context, client *kgo.Client) (messages int) {
	waiting, cancel := context.WithTimeout(ctx, pollWait)
	fetches := client.PollRecords(waiting, maxPolled)
	cancel()
	defer client.AllowRebalance()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		messages += len(p.Records)
		if p.Err != nil {
			s.failed(p.Topic, p.Partition, p.Err)
		}
		s.take(ctx, &p.FetchPartition)
	})
	s.report(ctx)
	return messages
}

// failed notes an error of a partition, or of the group where there is no topic.
func (s *Source) failed(topic string, number int32, err error) {
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrClientClosed):
		return // a poll without messages
	case errors.As(err, &loss):
		s.options.Logger.Warn("The brokers have lost messages that were read; reading goes on where they tell",
			"topic", topic, "partition", number, "read_to", loss.ConsumedTo, "now_at", loss.ResetTo)
		s.mu.Lock()
		defer s.mu.Unlock()
		if p := s.assigned[number]; p != nil {
			p.next = loss.ResetTo
		}
		return
	}
	s.mu.Lock()
	if topic != "" {
		err = fmt.Errorf("reading partition %d: %w", number, err)
		if p := s.assigned[number]; p != nil {
			p.failure = err.Error()
		}
	} else {
		s.unjoined = err.Error()
	}
	s.mu.Unlock()
	s.fail(err)
	s.arrive() // whoever waits for what was there at the start might wait for ever
}

// CaughtUp is closed when all messages that the partitions had when they were first assigned have been handed over,
// also if none was assigned or the brokers cannot be reached. What comes late for it is in blocks that are Behind.
func (s *Source) CaughtUp() <-chan struct{} { return s.caughtUp }

// Stats returns how the source is doing now. The lag is in messages, of the partitions that are assigned.
func (s *Source) Stats() source.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := source.Stats{Up: s.up.Load() && s.unjoined == "", Bytes: s.bytes.Load(), LastError: s.failure}
	if s.unjoined != "" {
		stats.LastError = s.unjoined
	}
	for _, p := range s.assigned {
		stats.LagRecords += max(0, p.end-p.next)
		if p.failure != "" {
			stats.Up, stats.LastError = false, p.failure
		}
	}
	return stats
}

// fail notes that the topic cannot be read, or not all of it.
func (s *Source) fail(err error) {
	s.up.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err.Error()
	if now := s.options.Now(); s.logged.IsZero() || now.Sub(s.logged) >= logInterval {
		s.logged = now
		s.options.Logger.Warn("Cannot read all of the topic, will try again", "topic", s.options.Topic, "err", err)
	}
}

// Close commits what is still to be committed, leaves the group and closes the connections. Run has returned.
func (s *Source) Close() {
	s.commits.Wait()
	s.mu.Lock()
	client := s.client
	s.client = nil
	s.mu.Unlock()
	if client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	client.AllowRebalance()
	err := client.LeaveGroupContext(ctx) // which only ends it here: a static member has to be removed
	if err == nil && s.options.Follow {
		err = s.remove(ctx, client)
	}
	if err != nil {
		s.options.Logger.Warn("Leaving the group failed; its other members take the partitions over later",
			"topic", s.options.Topic, "group", s.options.Group, "err", err)
	}
	client.CloseAllowingRebalance()
}

// remove removes this exporter from the group, so that the other members need not wait for it.
func (s *Source) remove(ctx context.Context, client *kgo.Client) error {
	left, err := kadm.NewClient(client).LeaveGroup(ctx, kadm.LeaveGroup(s.options.Group).InstanceIDs(s.mark))
	if err != nil {
		return err
	}
	if err := left.Error(); !errors.Is(err, kerr.UnknownMemberID) { // it had not joined yet
		return err
	}
	return nil
}
