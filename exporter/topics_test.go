package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/source/kafka"
)

// topicSite is a site whose logs are topics.
type topicSite struct {
	*site
	broker   *kfake.Cluster
	producer *kgo.Client
	sent     int
}

const sourceOfTopic = "source=kafka:drift/predictions"

// newTopicSite makes a site with the keys of a model and of the file.
func newTopicSite(t testing.TB, model, file string, partitions int32) *topicSite {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "predictions", "labels"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	// Records with a key go to the partition of the key.
	producer, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	s := &topicSite{newSite(t, ""), broker, producer, 0}
	s.configure(model, file)
	return s
}

func (s *topicSite) configure(model, file string) {
	s.write("config.yaml", fmt.Sprintf(`evaluation_interval: 1s
models:
  - name: m
    reference: {path: reference.csv}
    predictions: {kafka: {brokers: [%q], topic: predictions, group: drift}}
    allowed_lateness: 30d # partitions are read one after the other
`, s.broker.ListenAddrs()[0])+model+file)
}

// beside is another site that reads the same topics, with a state of its own.
func (s *topicSite) beside(t *testing.T) *topicSite {
	other := *s
	other.site = newSite(t, "")
	other.write("config.yaml", s.read("config.yaml"))
	return &other
}

func (s *topicSite) produce(topic string, values ...string) {
	s.t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		r := &kgo.Record{Topic: topic, Key: []byte(v)}
		if v != "" {
			r.Value = []byte(v)
		}
		records = append(records, r)
	}
	if err := s.producer.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// predict produces the next n predictions.
func (s *topicSite) predict(n int) {
	s.t.Helper()
	var values []string
	for range n {
		values = append(values, strings.TrimSpace(prediction(s.sent, "")))
		s.sent++
	}
	s.produce("predictions", values...)
}

// live runs an exporter by the clock.
func (s *topicSite) live(t *testing.T) (e *Exporter, stop func()) {
	t.Helper()
	ahead := time.Until(start.Add(30 * 24 * time.Hour))
	e = s.exporter(func() time.Time { return time.Now().Add(ahead) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}
	t.Cleanup(stop)
	return e, stop
}

// await looks at what exporters serve until something holds of their sum, or until the test has no more time.
func await(t *testing.T, d metric.Def, value float64, exporters []*Exporter, labels ...string) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for sum := -1.0; sum != value; {
		select {
		case <-t.Context().Done():
			t.Fatalf("%s%v is %g, want %g", d.Name, labels, sum, value)
		case <-ticker.C:
		}
		sum = 0
		for _, e := range exporters {
			got, _ := gather(t, e).find(d, labels...)
			sum += got
		}
		if sum > value && d.Type == metric.Counter {
			t.Fatalf("%s%v is %g, want %g", d.Name, labels, sum, value)
		}
	}
}

const topicState = "state: {path: state, checkpoint_interval: 1h}\n"

func TestTopicsCountOnceOverRestarts(t *testing.T) {
	s := newTopicSite(t, "", topicState, 3)
	for range 3 {
		e, stop := s.live(t)
		s.predict(100)
		await(t, metric.SourceRecords, float64(s.sent), []*Exporter{e}, sourceOfTopic)
		stop()
	}
	s.produce("predictions", "", "no JSON", `{"id":"x"}`)
	e, _ := s.live(t)
	all := []*Exporter{e}
	await(t, metric.SourceErrors, 1, all, sourceOfTopic, "reason=timestamp")
	await(t, metric.SourceErrors, 1, all, sourceOfTopic, "reason=malformed")
	await(t, metric.SourceErrors, 1, all, sourceOfTopic, "reason=tombstone")
	await(t, metric.SourceUp, 1, all, sourceOfTopic)
	await(t, metric.SourceLagRecords, 0, all, sourceOfTopic)
	got := gather(t, e)
	got.want(t, 300, metric.Predictions)
	got.want(t, 0, metric.SourceErrors, sourceOfTopic, "reason=duplicate")
	got.want(t, 0, metric.SourceErrors, sourceOfTopic, "reason=lost")
	got.want(t, 0, metric.SourceErrors, sourceOfTopic, "reason=too_long")
	got.wantNone(t, metric.SourceLagBytes)
}

// An exporter that joins gets what the first one has not read, and the first one gets back what the other one left.
func TestExportersShareATopic(t *testing.T) {
	for name, state := range map[string]string{"with checkpoints": topicState, "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			s := newTopicSite(t, "", state, 4)
			s.predict(400)
			a, _ := s.live(t)
			await(t, metric.SourceRecords, 400, []*Exporter{a}, sourceOfTopic)
			b, stop := s.beside(t).live(t)
			both := []*Exporter{a, b}
			// The group is stable with both, and b has partitions.
			if _, err := s.broker.WaitGroupStable(t.Context(), "drift", 2); err != nil {
				t.Fatal(err)
			}
			sent := 400
			for got := 0.0; got == 0; {
				s.predict(400)
				sent += 400
				await(t, metric.SourceRecords, float64(sent), both, sourceOfTopic)
				got, _ = gather(t, b).find(metric.SourceRecords, sourceOfTopic)
			}
			counted, _ := gather(t, b).find(metric.SourceRecords, sourceOfTopic)
			stop()
			s.predict(400)
			await(t, metric.SourceRecords, float64(sent+400)-counted, []*Exporter{a}, sourceOfTopic)
		})
	}
}

func TestATopicWithoutStateGoesOnAtTheCommit(t *testing.T) {
	s := newTopicSite(t, "", "", 2)
	s.predict(100)
	e, stop := s.live(t)
	await(t, metric.SourceRecords, 100, []*Exporter{e}, sourceOfTopic)
	stop()
	s.predict(50)
	e, _ = s.live(t)
	await(t, metric.SourceRecords, 50, []*Exporter{e}, sourceOfTopic)
}

func TestTopicsAreReadOnce(t *testing.T) {
	const labels = "    labels: {kafka: {brokers: [%q], topic: labels, group: drift}, format: json}\n"
	s := newTopicSite(t, "", "", 3)
	s.configure(fmt.Sprintf(labels, s.broker.ListenAddrs()[0]), "")
	s.predict(100)
	for i := range 40 {
		s.produce("labels", strings.ReplaceAll(label(i, "no"), ",", ",\n"))
	}
	s.produce("labels", `{"id":"p41","timestamp":`) // which harms no other
	got := s.once()
	got.want(t, 100, metric.SourceRecords, sourceOfTopic)
	got.want(t, 40, metric.SourceRecords, "source=kafka:drift/labels")
	got.want(t, 1, metric.SourceErrors, "source=kafka:drift/labels", "reason=malformed")
	got.want(t, 40, metric.LabeledPredictions)
	if info := s.broker.GroupInfo("drift"); info != nil {
		t.Error("reading once has made a group known")
	}
}

func TestAReloadMayChangeTheTopic(t *testing.T) {
	s := newTopicSite(t, "", topicState, 2)
	s.predict(30)
	e, _ := s.live(t)
	await(t, metric.SourceRecords, 30, []*Exporter{e}, sourceOfTopic)
	s.write("config.yaml", strings.Replace(s.read("config.yaml"), "topic: predictions", "topic: labels", 1))
	s.produce("labels", prediction(1, ""), prediction(2, ""))
	if err := e.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, metric.SourceRecords, 2, []*Exporter{e}, "source=kafka:drift/labels")
	// The old source has left the group.
	if _, err := s.broker.WaitGroupStable(t.Context(), "drift", 1); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrongWithATopicIsFoundAtTheStart(t *testing.T) {
	s := newTopicSite(t, "", "", 1)
	for keys, want := range map[string]string{
		"tls: {ca_file: missing.pem}":                                                   "ca_file: open ",
		"tls: {ca_file: reference.csv}":                                                 "has no certificate in PEM",
		"sasl: {mechanism: plain, username: a, password_file: missing}":                 "password_file: open ",
		"sasl: {mechanism: plain, username: a, password_variable: DRIFT_NO_SUCH_THING}": "DRIFT_NO_SUCH_THING is not set",
	} {
		s.configure("", "")
		s.write("config.yaml", strings.Replace(s.read("config.yaml"), "group: drift", "group: drift, "+keys, 1))
		err := s.exporter(nil).Once(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), kafka.Name("drift/predictions")) {
			t.Errorf("%s: error %v, want %s", keys, err, want)
		}
	}
}

// BenchmarkTopic counts the same predictions from a topic and from a file. The broker runs in this process, so its work
// is part of what is measured.
func BenchmarkTopic(b *testing.B) {
	const records = 100_000
	s := newTopicSite(b, "", "", 4)
	var lines []string
	for i := range records {
		lines = append(lines, fmt.Sprintf(`{"id":"p%d","timestamp":%q,"features":{"age":%d,"city":"Rome"},"prediction":"no","score":0.2}`,
			i, start.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), 20+i%50))
	}
	for part := range slices.Chunk(lines, 10_000) {
		s.produce("predictions", part...)
	}
	file := newSite(b, "")
	file.write("predictions.jsonl", strings.Join(lines, "\n"))
	for name, site := range map[string]*site{"topic": s.site, "file": file} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e := site.exporter(func() time.Time { return start.Add(100 * 24 * time.Hour) })
				if err := e.Once(b.Context()); err != nil {
					b.Fatal(err)
				}
				if got, _ := gather(b, e).find(metric.Predictions); got != records {
					b.Fatalf("%g predictions were counted, want %d", got, records)
				}
			}
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
