package kafka

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// owned is how many partitions a source reads.
func (r *reader) owned() int {
	r.Source.mu.Lock()
	defer r.Source.mu.Unlock()
	return len(r.assigned)
}

// stable waits until a group has so many members and no rebalance is under way, and until the sources have all
// partitions.
func (c *cluster) stable(partitions int, readers ...*reader) {
	c.t.Helper()
	for {
		if _, err := c.WaitGroupStable(c.t.Context(), "drift", len(readers)); err != nil {
			c.t.Fatal(err)
		}
		owned, none := 0, false
		for _, r := range readers {
			n := r.owned()
			owned += n
			none = none || n == 0
		}
		if owned == partitions && !none {
			return
		}
		// A cooperative rebalance has two rounds; a look takes the time of some requests.
		readers[0].looked()
	}
}

func TestARebalanceLosesAndRepeatsNothing(t *testing.T) {
	const partitions = 4
	c := newCluster(t, kfake.SeedTopics(partitions, topic))
	want := 0
	more := func(n int) {
		for p := range int32(partitions) {
			c.produce(p, numbered(p, want, want+n)...)
		}
		want += n
	}
	more(100)
	a := newReader(t, c.ListenAddrs(), Options{Follow: true}, 1)
	settled := 0
	a.OnRevoke(func(context.Context) error { settled++; return nil })
	a.start()
	a.awaitValues(partitions * want)
	// Nothing has been committed so far: what the new member gets has to be committed now.
	b := newReader(t, c.ListenAddrs(), Options{Follow: true}, 2)
	b.OnRevoke(func(context.Context) error { return nil })
	b.start()
	c.stable(partitions, a, b)
	if settled == 0 {
		t.Error("partitions were given up without a checkpoint")
	}
	more(100)
	all := func(readers ...*reader) (values []string) {
		for _, r := range readers {
			got, _ := r.counted()
			values = append(values, got...)
		}
		return values
	}
	for len(all(a, b)) < partitions*want {
		a.looked()
	}
	// One member goes; the other one gets its partitions back, further than it has left them.
	b.commitAll()
	b.end()
	more(100)
	for len(all(a, b)) < partitions*want {
		a.looked()
	}
	var wanted [][]string
	for p := range int32(partitions) {
		wanted = append(wanted, numbered(p, 0, want))
	}
	wantValues(t, all(a, b), wanted...)
	if n := len(b.values); n < 100 {
		t.Errorf("the second member has counted only %d messages", n)
	}
}

func TestWithoutACheckpointAPartitionIsGivenUpAsItWasCommitted(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, topic))
	c.produce(0, numbered(0, 0, 10)...)
	c.produce(1, numbered(1, 0, 10)...)
	a := newReader(t, c.ListenAddrs(), Options{Follow: true}, 1)
	a.OnRevoke(func(context.Context) error { return errors.New("the disk is full") })
	a.start()
	a.awaitValues(20)
	b := c.read(Options{Follow: true}, 2)
	c.stable(2, a, b)
	b.awaitValues(10) // nothing was committed, so they are read again rather than not at all
	a.mu.Lock()
	defer a.mu.Unlock()
	if !strings.Contains(a.log.String(), "given up without a checkpoint") {
		t.Errorf("the log does not say so: %s", a.log)
	}
}

func TestCommitsOfPartitionsThatAreReadElsewhereAreNotMade(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	a := c.read(Options{Follow: true}, 1)
	a.awaitValues(10)
	a.Commit(map[int32]int64{0: 7, 1: 5})
	a.commits.Wait()
	a.Commit(map[int32]int64{0: 3}) // an older one
	a.commits.Wait()
	a.end()
	b := c.read(Options{Follow: true}, 2)
	b.awaitValues(3)
	got, _ := b.counted()
	wantValues(t, got, numbered(0, 7, 10))
}

func TestAMemberThatIsKilledIsReplaced(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	a := c.read(Options{Follow: true}, 1)
	a.awaitValues(10)
	_, checkpoint := a.counted()
	a.commitAll()
	c.produce(0, numbered(0, 10, 20)...)
	a.awaitValues(20)
	a.kill()
	again := c.read(Options{Follow: true}, 1, checkpoint...)
	again.awaitValues(10)
	got, _ := again.counted()
	wantValues(t, got, numbered(0, 10, 20))
}

func TestATopicMayAppearLater(t *testing.T) {
	c := newCluster(t)
	r := c.read(Options{Follow: true}, 1)
	<-r.CaughtUp() // there is nothing to wait for
	r.looked()
	if s := r.Stats(); s.Up || s.LastError != "there is no topic predictions yet" {
		t.Errorf("stats %+v", s)
	}
	if err := c.CreateTopic(topic, 2, nil); err != nil {
		t.Fatal(err)
	}
	c.produce(0, numbered(0, 0, 10)...)
	c.produce(1, numbered(1, 0, 10)...)
	r.awaitValues(20)
	r.looked()
	if s := r.Stats(); !s.Up || s.LagRecords != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestATopicThatWasMadeAgainIsReadFromItsBeginning(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	a := c.read(Options{Follow: true}, 1)
	a.awaitValues(10)
	_, checkpoint := a.counted()
	a.end()
	if err := c.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(topic, 1, nil); err != nil {
		t.Fatal(err)
	}
	c.producer = newProducer(t, c.ListenAddrs())
	c.produce(0, numbered(0, 10, 30)...)
	again := c.read(Options{Follow: true}, 1, checkpoint...)
	again.awaitValues(20)
	got, at := again.counted()
	wantValues(t, got, numbered(0, 10, 30))
	if at[0].Content == checkpoint[0].Content || again.missed[record.Lost] != 0 {
		t.Errorf("position %+v, missed %v", at[0], again.missed)
	}
}

func TestAnExporterThatMayNotJoinTheGroupIsDown(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	refuse := true
	var mu sync.Mutex
	c.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		if !refuse {
			return nil, nil, false
		}
		c.KeepControl()
		answer := r.ResponseKind().(*kmsg.JoinGroupResponse)
		answer.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return answer, nil, true
	})
	r := c.read(Options{Follow: true}, 1)
	<-r.CaughtUp()
	r.looked()
	if s := r.Stats(); s.Up || !strings.Contains(s.LastError, "GROUP_AUTHORIZATION_FAILED") {
		t.Errorf("stats %+v", s)
	}
	mu.Lock()
	refuse = false
	mu.Unlock()
	c.produce(0, "a")
	r.awaitValues(1)
	r.looked()
	if s := r.Stats(); !s.Up || s.LastError != "" {
		t.Errorf("stats %+v", s)
	}
}

func TestATopicMayBeMadeAgainWhileItIsRead(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	r := c.read(Options{Follow: true}, 1)
	r.awaitValues(10) // and they are not committed
	if err := errors.Join(c.DeleteTopic(topic), c.CreateTopic(topic, 1, nil)); err != nil {
		t.Fatal(err)
	}
	c.producer = newProducer(t, c.ListenAddrs())
	c.produce(0, numbered(0, 10, 30)...)
	r.looked()
	r.awaitValues(30)
	got, _ := r.counted()
	wantValues(t, got, numbered(0, 0, 30))
}

func TestBrokersMayBeAwayForAWhile(t *testing.T) {
	port := freePort(t)
	address := []string{kfakeAddress(port)}
	r := newReader(t, address, Options{Follow: true}, 1)
	r.start()
	<-r.CaughtUp()
	if s := r.Stats(); s.Up || s.LastError == "" {
		t.Errorf("stats without a broker: %+v", s)
	}
	folder := t.TempDir()
	options := []kfake.Opt{kfake.Ports(port), kfake.DataDir(folder), kfake.SyncWrites()}
	c := newCluster(t, append(options, kfake.SeedTopics(2, topic))...)
	c.produce(0, numbered(0, 0, 10)...)
	r.awaitValues(10)
	r.commitAll()
	c.Close()
	for r.Stats().Up {
		r.looked()
	}
	c = newCluster(t, options...)
	c.produce(0, numbered(0, 10, 20)...)
	c.produce(1, numbered(1, 0, 10)...)
	r.awaitValues(30)
	got, _ := r.counted()
	wantValues(t, got, numbered(0, 0, 20), numbered(1, 0, 10))
	for !r.Stats().Up {
		r.looked()
	}
}

func TestReadingMayStartAtTheEnd(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, topic))
	c.produce(0, numbered(0, 0, 10)...)
	r := c.read(Options{Follow: true, AtEnd: true}, 1)
	r.await(func() bool { return len(r.positions) == 2 })
	r.commits.Wait()
	c.produce(0, numbered(0, 10, 20)...)
	c.produce(1, numbered(1, 0, 10)...)
	r.awaitValues(20)
	r.end()
	got, _ := r.counted()
	wantValues(t, got, numbered(0, 10, 20), numbered(1, 0, 10))
	// What was passed over is committed, and what came then is read by whoever has no state.
	again := c.read(Options{Follow: true, AtEnd: true}, 2)
	again.awaitValues(20)
	got, _ = again.counted()
	wantValues(t, got, numbered(0, 10, 20), numbered(1, 0, 10))
}

func TestReadingMayStartAtATime(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i, v := range numbered(0, 0, 10) {
		m := message(0, v)
		m.Timestamp = at.Add(time.Duration(i) * time.Hour)
		if err := c.producer.ProduceSync(t.Context(), m).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, follow := range []bool{true, false} {
		r := c.read(Options{Follow: follow, Since: at.Add(6*time.Hour + time.Minute)}, 1)
		r.awaitValues(3)
		got, _ := r.counted()
		wantValues(t, got, numbered(0, 7, 10))
	}
}

func TestMembersOfOtherGroupsReadTheSame(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, topic))
	c.produce(0, numbered(0, 0, 10)...)
	for _, group := range []string{"a", "b"} {
		r := c.read(Options{Follow: true, Group: group}, 1)
		r.awaitValues(10)
	}
	if m := markOf(1, topic); m == markOf(2, topic) || m == markOf(1, "labels") || !regexp.MustCompile(`^[a-z_]+-[0-9a-f]{16}$`).MatchString(m) {
		t.Errorf("mark %s", m)
	}
}
