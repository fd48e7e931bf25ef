package kafka

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

func TestEveryMessageIsReadOnceAndInOrder(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(3, topic))
	var want [][]string
	for p := range int32(3) {
		want = append(want, numbered(p, 0, 500))
		c.produce(p, want[p]...)
	}
	r := c.read(Options{Follow: true, BlockSize: 100}, 1)
	r.awaitValues(1500)
	<-r.CaughtUp()
	if r.behind == 0 {
		t.Error("no block was behind what there was at the start")
	}
	c.produce(1, "p1-500", "p1-501")
	r.awaitValues(1502)
	got, at := r.counted()
	wantValues(t, got, append(want, []string{"p1-500", "p1-501"})...)
	for p := range int32(3) {
		var own []string
		for _, v := range r.values {
			if strings.HasPrefix(v, numbered(p, 0, 1)[0][:3]) {
				own = append(own, v)
			}
		}
		if !slices.Equal(own, numbered(p, 0, len(own))) {
			t.Errorf("the messages of partition %d are not in order", p)
		}
	}
	if len(at) != 3 {
		t.Errorf("%d positions", len(at))
	}
	r.looked()
	if s := r.Stats(); !s.Up || s.LagRecords != 0 || s.Bytes == 0 || s.LastError != "" {
		t.Errorf("stats %+v", s)
	}
}

func TestReadingGoesOnAtThePositionsAndNotAtTheCommit(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, topic))
	c.produce(0, numbered(0, 0, 100)...)
	c.produce(1, numbered(1, 0, 100)...)
	first := c.read(Options{Follow: true}, 1)
	first.awaitValues(200)
	_, checkpoint := first.counted()
	c.produce(0, numbered(0, 100, 150)...)
	first.awaitValues(250)
	// What is committed is further than the checkpoint that is loaded, as after a newer one was damaged.
	first.commitAll()
	first.end()
	c.produce(0, numbered(0, 150, 160)...)
	again := c.read(Options{Follow: true}, 1, checkpoint...)
	again.awaitValues(60)
	got, _ := again.counted()
	wantValues(t, got, numbered(0, 100, 160))
	again.end()
	// Another exporter has no positions and begins at the commit.
	c.produce(1, "p1-100")
	other := c.read(Options{Follow: true}, 2)
	other.awaitValues(11)
	got, _ = other.counted()
	wantValues(t, got, numbered(0, 150, 160), []string{"p1-100"})
}

func TestWhatAnotherMemberHasCommittedIsNotReadAgain(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	first := c.read(Options{Follow: true}, 1)
	first.awaitValues(10)
	first.commitAll()
	_, checkpoint := first.counted()
	first.end()
	c.produce(0, numbered(0, 10, 20)...)
	other := c.read(Options{Follow: true}, 2)
	other.awaitValues(10)
	other.commitAll()
	other.end()
	c.produce(0, numbered(0, 20, 30)...)
	again := c.read(Options{Follow: true}, 1, checkpoint...)
	again.awaitValues(10)
	got, _ := again.counted()
	wantValues(t, got, numbered(0, 20, 30))
}

func TestOnceReadsToTheEndWithoutTheGroup(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, topic, "empty"))
	c.produce(0, numbered(0, 0, 100)...)
	c.produce(1, numbered(1, 0, 7)...)
	r := c.read(Options{}, 1)
	<-r.done
	<-r.CaughtUp()
	got, _ := r.counted()
	wantValues(t, got, numbered(0, 0, 100), numbered(1, 0, 7))
	if info := c.GroupInfo("drift"); info != nil {
		t.Errorf("the group has become known: %+v", info)
	}
	empty := c.read(Options{Topic: "empty"}, 1)
	<-empty.done
	missing := c.read(Options{Topic: "missing"}, 1)
	<-missing.done
	if s := missing.Stats(); s.Up || s.LastError != "there is no topic missing yet" {
		t.Errorf("stats %+v", s)
	}
}

func TestMessagesThatAreNoRecordsAreCounted(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, "a", "", strings.Repeat("x", 101), "two\nlines", "end\n", "", "z")
	r := c.read(Options{Follow: true, MaxMessage: 100}, 1)
	r.awaitValues(5)
	got, at := r.counted()
	wantValues(t, got, []string{"a", "two", "lines", "end", "z"})
	if r.missed[record.Tombstone] != 2 || r.missed[record.TooLong] != 1 || len(r.missed) != 2 {
		t.Errorf("missed %v", r.missed)
	}
	if at[0].Offset != 7 {
		t.Errorf("position %+v", at[0])
	}
	const of = "kafka:predictions/0@"
	if want := []string{of + "0", of + "3", of + "3", of + "4", of + "6"}; !slices.Equal(r.places, want) {
		t.Errorf("places %v, want %v", r.places, want)
	}
}

func TestMessagesOfOtherFormatsAreBlocksOfTheirOwn(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, "{", "}", "{}")
	r := c.read(Options{Follow: true, Split: func(b []byte) int {
		if string(b) == "{}" {
			return 2
		}
		return 0
	}}, 1)
	r.awaitValues(3)
	if want := []string{"{", "}", "{}"}; !slices.Equal(r.values, want) {
		t.Errorf("values %q", r.values)
	}
	if !strings.HasSuffix(r.places[2], "@2") {
		t.Errorf("places %v", r.places)
	}
}

func TestCompressedBatchesAreRead(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	want := 0
	for _, codec := range []kgo.CompressionCodec{
		kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		p := newProducer(t, c.ListenAddrs(), kgo.ProducerBatchCompression(codec))
		for _, v := range numbered(0, want, want+100) {
			p.Produce(t.Context(), message(0, v+strings.Repeat(" ", 100)), nil)
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		want += 100
	}
	r := c.read(Options{Follow: true}, 1)
	r.awaitValues(want)
	got, _ := r.counted()
	for i, v := range got {
		got[i] = strings.TrimSpace(v)
	}
	wantValues(t, got, numbered(0, 0, want))
}

func TestOnlyCommittedTransactionsAreRead(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	p := newProducer(t, c.ListenAddrs(), kgo.TransactionalID("t"))
	transaction := func(commit kgo.TransactionEndTry, values ...string) {
		t.Helper()
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if err := p.ProduceSync(t.Context(), message(0, v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	transaction(kgo.TryCommit, "a", "b")
	transaction(kgo.TryAbort, "c", "d")
	transaction(kgo.TryCommit, "e")
	transaction(kgo.TryAbort, "f")
	r := c.read(Options{Follow: true}, 1)
	r.await(func() bool { return len(r.values) == 3 && r.positions[0].Offset == 10 })
	got, _ := r.counted()
	wantValues(t, got, []string{"a", "b", "e"})
	if len(r.missed) != 0 {
		t.Errorf("missed %v", r.missed)
	}
	r.looked()
	if s := r.Stats(); s.LagRecords != 0 {
		t.Errorf("stats %+v", s)
	}
	// The end is known even though the last messages are none that are read.
	once := c.read(Options{}, 1)
	<-once.done
	got, _ = once.counted()
	wantValues(t, got, []string{"a", "b", "e"})
}

func TestDeletedMessagesAreCountedAsLost(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	first := c.read(Options{Follow: true}, 1)
	first.awaitValues(10)
	_, checkpoint := first.counted()
	first.end()
	c.produce(0, numbered(0, 10, 30)...)
	if err := c.DeleteRecords(topic, 0, 25); err != nil {
		t.Fatal(err)
	}
	again := c.read(Options{Follow: true}, 1, checkpoint...)
	again.awaitValues(5)
	got, _ := again.counted()
	wantValues(t, got, numbered(0, 25, 30))
	if again.missed[record.Lost] != 15 {
		t.Errorf("missed %v", again.missed)
	}
	_, checkpoint = again.counted()
	again.end()
	// Nothing is left: what was lost is reported though no message comes.
	c.produce(0, numbered(0, 30, 40)...)
	if err := c.DeleteRecords(topic, 0, 40); err != nil {
		t.Fatal(err)
	}
	last := c.read(Options{Follow: true}, 1, checkpoint...)
	last.await(func() bool { return last.missed[record.Lost] == 10 })
	<-last.CaughtUp()
}

func TestCompactedMessagesAreNotLost(t *testing.T) {
	c := newCluster(t)
	policy, segment := "compact", "1"
	if err := c.CreateTopic(topic, 1, map[string]string{"cleanup.policy": policy, "segment.bytes": segment}); err != nil {
		t.Fatal(err)
	}
	for i, v := range numbered(0, 0, 20) {
		r := message(0, v)
		r.Key = []byte{byte(i % 2)}
		if err := c.producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	c.Compact()
	r := c.read(Options{Follow: true}, 1)
	r.await(func() bool { return r.positions[0].Offset == 20 })
	if len(r.missed) != 0 {
		t.Errorf("missed %v", r.missed)
	}
	if len(r.values) >= 20 {
		t.Errorf("%d values: nothing was compacted", len(r.values))
	}
}
