package kafka

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

const topic = "predictions"

// cluster is a broker in this process.
type cluster struct {
	*kfake.Cluster
	t        *testing.T
	producer *kgo.Client
}

func newCluster(t *testing.T, options ...kfake.Opt) *cluster {
	t.Helper()
	options = append([]kfake.Opt{kfake.NumBrokers(1), kfake.WithLogger(kfake.BasicLogger(nil, kfake.LogLevelNone))}, options...)
	c, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &cluster{Cluster: c, t: t, producer: newProducer(t, c.ListenAddrs())}
}

func newProducer(t *testing.T, brokers []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	options = append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)
	p, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// produce appends messages to a partition.
func (c *cluster) produce(partition int32, values ...string) {
	c.t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, message(partition, v))
	}
	if err := c.producer.ProduceSync(c.t.Context(), records...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

// message is a record; an empty value is none.
func message(partition int32, value string) *kgo.Record {
	r := &kgo.Record{Topic: topic, Partition: partition}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

// numbered returns the values from one number up to another one, as "p<partition>-<number>".
func numbered(partition int32, from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("p%d-%d", partition, i))
	}
	return all
}

// reader runs a source and counts what it hands over, as an exporter does.
type reader struct {
	*Source
	t    *testing.T
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	values  []string
	missed  map[record.Reason]uint64
	places  []string
	// positions are those behind what has been counted, by partition.
	positions map[int32]source.Position
	behind    int // blocks that were
	tick      chan time.Time
	log       *bytes.Buffer
}

// read starts a source with the options of a test, which goes on from positions.
func (c *cluster) read(o Options, seed uint64, resume ...source.Position) *reader {
	c.t.Helper()
	r := newReader(c.t, c.ListenAddrs(), o, seed, resume...)
	r.start()
	return r
}

func newReader(t *testing.T, brokers []string, o Options, seed uint64, resume ...source.Position) *reader {
	t.Helper()
	r := &reader{
		t: t, done: make(chan struct{}), missed: make(map[record.Reason]uint64),
		positions: make(map[int32]source.Position), tick: make(chan time.Time), log: &bytes.Buffer{},
	}
	r.changed = sync.NewCond(&r.mu)
	o.Brokers, o.Resume, o.Tick = brokers, resume, r.tick
	if o.Topic == "" {
		o.Topic = topic
	}
	if o.Group == "" {
		o.Group = "drift"
	}
	o.Logger = slog.New(slog.NewTextHandler(&lockedWriter{r}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.Source = New(o)
	r.Identify(seed)
	return r
}

type lockedWriter struct{ *reader }

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (r *reader) start() {
	ctx, stop := context.WithCancel(r.t.Context())
	r.stop = stop
	free := make(chan *source.Block, 3)
	for range cap(free) {
		free <- &source.Block{}
	}
	go func() {
		defer close(r.done)
		r.Run(ctx, free, func(b *source.Block) {
			r.count(b)
			free <- b
		})
	}()
	r.t.Cleanup(r.end)
}

func (r *reader) count(b *source.Block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if padded := b.Data[:len(b.Data)+source.Padding]; !slices.Equal(padded[len(b.Data):], make([]byte, source.Padding)) {
		r.t.Error("a block has no padding")
	}
	for i, line := range strings.SplitAfter(string(b.Data), "\n") {
		if line != "" {
			r.values = append(r.values, strings.TrimSuffix(line, "\n"))
			r.places = append(r.places, b.Place(0, i))
		}
	}
	for _, m := range b.Missed {
		r.missed[m.Reason] += m.Count
	}
	if number, ok := partitionOf(r.options.Topic, b.Position.Path); ok {
		r.positions[number] = b.Position
	} else {
		r.t.Errorf("the position %+v is in no partition", b.Position)
	}
	if b.Behind {
		r.behind++
	}
	r.changed.Broadcast()
}

// end stops the source as at the end of an exporter.
func (r *reader) end() {
	r.stop()
	<-r.done
	r.Close()
}

// kill stops the source so that the group does not get to know of it.
func (r *reader) kill() {
	r.stop()
	<-r.done
	r.Source.mu.Lock()
	client := r.client
	r.client = nil
	r.Source.mu.Unlock()
	client.CloseAllowingRebalance()
}

// await waits until something holds of what was counted. It waits as long as the test may run.
func (r *reader) await(holds func() bool) {
	r.t.Helper()
	stop := context.AfterFunc(r.t.Context(), r.changed.Broadcast)
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !holds() {
		if r.t.Context().Err() != nil {
			r.t.Fatal("the test has ended")
		}
		r.changed.Wait()
	}
}

// awaitValues waits for so many values.
func (r *reader) awaitValues(n int) {
	r.t.Helper()
	r.await(func() bool { return len(r.values) >= n })
}

// looked lets the source look how far the topic goes, to the end of that.
func (r *reader) looked() {
	for range 2 {
		select {
		case r.tick <- time.Time{}:
		case <-r.t.Context().Done():
		}
	}
}

// counted returns the sorted values, and the positions for a later source.
func (r *reader) counted() (values []string, at []source.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.positions {
		at = append(at, p)
	}
	return slices.Sorted(slices.Values(r.values)), at
}

// offsets returns what has been counted, for a commit.
func (r *reader) offsets() map[int32]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	offsets := make(map[int32]int64)
	for number, p := range r.positions {
		offsets[number] = p.Offset
	}
	return offsets
}

// commitAll commits what has been counted, and waits for it.
func (r *reader) commitAll() {
	r.Commit(r.offsets())
	r.commits.Wait()
}

func wantValues(t *testing.T, got []string, want ...[]string) {
	t.Helper()
	all := slices.Sorted(slices.Values(slices.Concat(want...)))
	got = slices.Sorted(slices.Values(got))
	if !slices.Equal(got, all) {
		t.Errorf("%d values were counted, want %d: %s", len(got), len(all), difference(got, all))
	}
}

// difference says which of sorted values are too many, and which are missing.
func difference(got, want []string) string {
	count := make(map[string]int)
	for _, v := range got {
		count[v]++
	}
	for _, v := range want {
		count[v]--
	}
	var all []string
	for v, n := range count {
		if n != 0 && len(all) < 10 {
			all = append(all, v+" "+strconv.Itoa(n))
		}
	}
	return strings.Join(all, ", ")
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func kfakeAddress(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
