package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// apache is a topic of a broker that is not one of this process.
type apache struct {
	t              *testing.T
	brokers        []string
	topic, restart string
	admin          *kadm.Client
	producer       *kgo.Client
}

const apachePartitions = 4

// newApache makes a topic of its own.
func newApache(t *testing.T) *apache {
	t.Helper()
	brokers, restart := os.Getenv("KAFKA_BROKERS"), os.Getenv("KAFKA_RESTART")
	if brokers == "" || restart == "" {
		t.Skip("KAFKA_BROKERS and KAFKA_RESTART are not set; .ci/kafka go test ./exporter/source/kafka sets them")
	}
	a := &apache{
		t: t, brokers: strings.Split(brokers, ","), topic: fmt.Sprintf("predictions-%016x", rand.Uint64()), restart: restart,
	}
	a.producer = newProducer(t, a.brokers)
	a.admin = kadm.NewClient(a.producer)
	if _, err := a.admin.CreateTopic(t.Context(), apachePartitions, 1, nil, a.topic); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *apache) produce(partition int32, values ...string) {
	a.t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: a.topic, Partition: partition, Value: []byte(v)})
	}
	if err := a.producer.ProduceSync(a.t.Context(), records...).FirstErr(); err != nil {
		a.t.Fatal(err)
	}
}

// produceAll produces the values of these numbers to all partitions, and returns all up to there.
func (a *apache) produceAll(from, to int) (all [][]string) {
	a.t.Helper()
	for p := range int32(apachePartitions) {
		a.produce(p, numbered(p, from, to)...)
		all = append(all, numbered(p, 0, to))
	}
	return all
}

// read starts a source that settles at once, as if every moment had its checkpoint.
func (a *apache) read(seed uint64, resume ...source.Position) *reader {
	a.t.Helper()
	r := newReader(a.t, a.brokers, Options{Topic: a.topic, Group: a.topic, Follow: true}, seed, resume...)
	r.OnRevoke(func(context.Context) error { return nil })
	r.start()
	a.t.Cleanup(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a.t.Failed() {
			a.t.Logf("the log of exporter %d:\n%s", seed, r.log)
		}
	})
	return r
}

// Against a broker of Apache Kafka: what is produced is read once, over a restart of the exporter, a rebalance in both
// directions, a restart of the broker, transactions and deleted messages.
func TestApacheKafka(t *testing.T) {
	a := newApache(t)
	a.produceAll(0, 1000)
	first := a.read(1)
	first.awaitValues(4000)
	<-first.CaughtUp()
	got, checkpoint := first.counted()
	wantValues(t, got, a.produceAll(1000, 1000)...)
	first.commitAll()
	if got, err := a.admin.FetchOffsets(t.Context(), a.topic); err != nil || len(got.KOffsets()[a.topic]) != apachePartitions {
		t.Errorf("committed %v, %v", got, err)
	}
	a.produceAll(1000, 1100)
	first.awaitValues(4400)
	first.kill() // what it has counted behind the checkpoint is lost with it

	one := a.read(1, checkpoint...)
	one.awaitValues(400)
	t.Log("restarted")

	two := a.read(2)
	sum := func() int {
		x, _ := one.counted()
		y, _ := two.counted()
		return len(x) + len(y)
	}
	for one.owned() != 2 || two.owned() != 2 {
		one.looked()
	}
	a.produceAll(1100, 1200)
	for sum() < 800 {
		two.looked()
	}
	t.Log("shared")

	command := exec.CommandContext(t.Context(), "sh", "-c", a.restart)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("restarting the broker: %v\n%s", err, out)
	}
	a.produceAll(1200, 1300)
	for sum() < 1200 {
		two.looked()
	}
	t.Log("the broker was restarted")

	two.commitAll()
	two.end()
	want := a.produceAll(1300, 1400)
	for sum() < 1600 {
		one.looked()
	}
	x, at := one.counted()
	y, _ := two.counted()
	wantValues(t, append(append(append([]string{}, got...), x...), y...), want...)
	if len(y) < 200 {
		t.Errorf("the second member has counted only %d messages", len(y))
	}
	one.looked()
	if s := one.Stats(); !s.Up || s.LagRecords != 0 {
		t.Errorf("stats %+v", s)
	}
	one.end()

	a.transactions()
	a.produce(1, numbered(1, 1400, 1500)...)
	var deleted kadm.Offsets
	deleted.Add(kadm.Offset{Topic: a.topic, Partition: 1, At: 1450})
	if _, err := a.admin.DeleteRecords(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	last := a.read(1, at...)
	last.awaitValues(52)
	values, _ := last.counted()
	wantValues(t, values, numbered(1, 1450, 1500), []string{"committed", "committed too"})
	if last.missed[record.Lost] != 50 || len(last.missed) != 1 {
		t.Errorf("missed %v", last.missed)
	}
	last.looked()
	if s := last.Stats(); s.LagRecords != 0 {
		t.Errorf("stats %+v", s)
	}
	once := newReader(t, a.brokers, Options{Topic: a.topic}, 3)
	once.start()
	<-once.done
	if n := len(once.values); n != 3*1400+2+50 {
		t.Errorf("reading once gives %d messages", n)
	}
}

// transactions produces one that is committed and two that are not.
func (a *apache) transactions() {
	a.t.Helper()
	p := newProducer(a.t, a.brokers, kgo.TransactionalID(a.topic))
	for _, try := range []struct {
		value  string
		commit kgo.TransactionEndTry
	}{
		{"aborted", kgo.TryAbort}, {"committed", kgo.TryCommit}, {"committed too", kgo.TryCommit}, {"aborted too", kgo.TryAbort},
	} {
		if err := p.BeginTransaction(); err != nil {
			a.t.Fatal(err)
		}
		m := &kgo.Record{Topic: a.topic, Partition: 0, Value: []byte(try.value)}
		if err := p.ProduceSync(a.t.Context(), m).FirstErr(); err != nil {
			a.t.Fatal(err)
		}
		if err := p.EndTransaction(a.t.Context(), try.commit); err != nil {
			a.t.Fatal(err)
		}
	}
}
