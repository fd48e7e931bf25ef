package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicConfig reads predictions from a topic.
const topicConfig = `evaluation_interval: 1s
state: {path: state, checkpoint_interval: 1s}
models:
  - name: m
    reference: {path: reference.csv}
    predictions: {kafka: {brokers: [%q], topic: predictions, group: drift}}
    windows: [1h, 24h]
    allowed_lateness: 30d
`

// Whenever an exporter is killed, every message counts once.
func TestKilledExportersCountEveryMessageOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills exporters, which takes some seconds; run it without -short")
	}
	const partitions, kills = 3, 6
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "predictions"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	producer, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	w := newWriter(t, 5)
	w.write("config.yaml", fmt.Sprintf(topicConfig, broker.ListenAddrs()[0]))
	sent := 0
	produce := func(n int) {
		t.Helper()
		var records []*kgo.Record
		for range n {
			records = append(records, &kgo.Record{
				Topic: "predictions", Partition: int32(sent % partitions), Value: []byte(strings.TrimSpace(w.prediction(sent))),
			})
			sent++
		}
		if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(5, 0))
	p := startProcess(t, w.path("config.yaml"))
	for range kills {
		produce(500)
		// The first checkpoint makes the exporter one that the group knows again; later kills come at any moment.
		for checkpointed := false; !checkpointed; {
			p.metrics()
			_, err := os.Stat(w.path("state/checkpoint"))
			checkpointed = err == nil
		}
		for range random.IntN(20) {
			produce(1 + random.IntN(200))
			p.metrics()
		}
		p.kill()
		produce(100)
		p = startProcess(t, w.path("config.yaml"))
	}
	for records := 0.0; records < float64(sent); {
		records = total(samples(t, p.metrics()), "drift_source_records_total")
	}
	all := samples(t, p.metrics())
	for name, want := range map[string]int{"drift_predictions_total": sent, "drift_source_errors_total": 0} {
		if got := total(all, name); got != float64(want) {
			t.Errorf("%s is %g after %d kills, want %d", name, got, kills, want)
		}
	}
	p.end()
}
