package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiverConfig takes events of CloudEvents whose data is a prediction.
const receiverConfig = `evaluation_interval: 1s
state: {path: state, checkpoint_interval: %s}
models:
  - name: m
    reference: {path: reference.csv}
    predictions: {receive: {name: events, max_body: 64KiB, max_spool: %s}}
    fields: {timestamp: time, features: data.features, prediction: data.prediction, score: data.score}
    windows: [1h, 24h]
`

// crowd sends events to one exporter after the other until each event has been acknowledged.
type crowd struct {
	client *http.Client
	jobs   chan int
	group  sync.WaitGroup

	mu      sync.Mutex
	moved   *sync.Cond
	address string // of the exporter that runs
	acked   int
	refused int // answers that were no acknowledgement
	lost    int // requests without an answer
	took    []time.Duration
}

func newCrowd(clients int) *crowd {
	c := &crowd{
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}, jobs: make(chan int, clients),
	}
	c.moved = sync.NewCond(&c.mu)
	for range clients {
		c.group.Go(func() {
			for i := range c.jobs {
				c.deliver(i)
			}
		})
	}
	return c
}

// end waits until all events have been acknowledged. No client is left.
func (c *crowd) end() {
	close(c.jobs)
	c.group.Wait()
	c.client.CloseIdleConnections()
}

// move tells all clients where the exporter is now, which answers already.
func (c *crowd) move(p *process) {
	p.metrics()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.address = p.address
	c.moved.Broadcast()
}

// deliver sends an event until it is acknowledged.
func (c *crowd) deliver(i int) {
	for old := ""; ; {
		c.mu.Lock()
		for c.address == old {
			c.moved.Wait()
		}
		address := c.address
		c.mu.Unlock()
		began := time.Now()
		code, err := c.send(address, i)
		c.mu.Lock()
		switch {
		case code == http.StatusAccepted:
			c.acked++
			c.took = append(c.took, time.Since(began))
		case err != nil:
			c.lost++
			old = address // this exporter is gone
		default:
			c.refused++
		}
		c.mu.Unlock()
		if code == http.StatusAccepted {
			return
		}
	}
}

// send sends an event as the payload logger of KServe does.
func (c *crowd) send(address string, i int) (code int, err error) {
	body := fmt.Sprintf(`{"features":{"age":%d,"city":%q},"prediction":%q,"score":%.3f,"pad":%q}`,
		20+i*13%60, city(i/3), word(i%4 == 0), 0.1+0.8*float64(i%97)/97, strings.Repeat("x", 200))
	r, err := http.NewRequest(http.MethodPost, address+"/ingest/events", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": fmt.Sprintf("event-%d", i), "Ce-Type": "org.kubeflow.serving.inference.response",
		"Ce-Source": "http://localhost:9081/", "Ce-Time": when(i / 100).Format(time.RFC3339Nano),
		"Ce-Inferenceservicename": "m", "Ce-Namespace": "prod", "Ce-Component": "predictor", "Ce-Endpoint": "default",
		"Content-Type": "application/json",
	} {
		r.Header.Set(name, value)
	}
	response, err := c.client.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Body.Close()
}

// wantEach checks that an exporter has counted each of so many events once. All clients have ended.
func (c *crowd) wantEach(t *testing.T, p *process, events int) {
	t.Helper()
	limit := time.Now().Add(2 * time.Minute)
	var all map[string]float64
	for all = samples(t, p.metrics()); total(all, "drift_predictions_total") < float64(events); all = samples(t, p.metrics()) {
		if time.Now().After(limit) {
			t.Fatalf("after two minutes %v of %d events are counted", total(all, "drift_predictions_total"), events)
		}
	}
	if n := total(all, "drift_predictions_total"); n != float64(events) {
		t.Errorf("%v predictions are counted of %d", n, events)
	}
	for series, n := range all {
		if strings.HasPrefix(series, "drift_source_errors_total{") {
			// An event whose acknowledgement was lost with its exporter may be there twice.
			if duplicate := strings.Contains(series, `reason="duplicate"`); !duplicate && n != 0 || n > float64(c.lost) {
				t.Errorf("%s is %v; %d requests were not answered", series, n, c.lost)
			}
		}
	}
}

// However often the exporter is killed, each event counts once that was acknowledged, and no other one twice.
func TestReceiverKilledAtRandomMoments(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds; run it without -short")
	}
	w := newWriter(t, 2)
	w.write("config.yaml", fmt.Sprintf(receiverConfig, "1s", "2MiB"))
	const clients, kills = 4, 20
	c := newCrowd(clients)
	sent := 0
	for range kills {
		p := startProcess(t, w.path("config.yaml"))
		c.move(p)
		for range 200 + w.random.IntN(600) {
			c.jobs <- sent
			sent++
		}
		p.kill()
	}
	p := startProcess(t, w.path("config.yaml"))
	c.move(p)
	c.end()
	c.wantEach(t, p, sent)
	p.end()
	p = startProcess(t, w.path("config.yaml"))
	c.move(p)
	c.wantEach(t, p, sent)
	t.Logf("%d events, %d requests refused and %d not answered", sent, c.refused, c.lost)
	if sent < 8000 { // an event has half a kilobyte
		t.Errorf("%d events fit into the spool, so nothing shows that it is emptied", sent)
	}
	p.end()
}

// asLoad is the environment variable that starts the test of load; its value is how long it takes.
const asLoad = "DRIFT_EXPORTER_LOAD"

// Five thousand events a second, with a kill in the middle, and nothing that was acknowledged is lost.
func TestReceiverUnderLoad(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv(asLoad))
	if err != nil {
		t.Skipf("set %s to a duration such as 60s, or run make load", asLoad)
	}
	const clients, rate = 16, 5000
	w := newWriter(t, 3)
	w.write("config.yaml", fmt.Sprintf(receiverConfig, "5s", "1GiB"))
	p := startProcess(t, w.path("config.yaml"))
	c := newCrowd(clients)
	c.move(p)
	began := time.Now()
	killAt := began.Add(duration/2 + time.Duration(rand.Int64N(int64(time.Second))))
	var down time.Duration
	sent := 0
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for now := range ticker.C {
		for due := min(now.Sub(began), duration); sent < int(due.Seconds()*rate); sent++ {
			c.jobs <- sent
		}
		if !killAt.IsZero() && now.After(killAt) {
			killAt = time.Time{}
			p.kill()
			died := time.Now()
			p = startProcess(t, w.path("config.yaml"))
			c.move(p)
			down = time.Since(died)
		}
		if now.Sub(began) >= duration {
			break
		}
	}
	c.end()
	took := time.Since(began)
	c.wantEach(t, p, sent)
	caughtUp := time.Since(began) - took
	slices.Sort(c.took)
	at := func(share float64) time.Duration {
		return c.took[int(share*float64(len(c.took)-1))].Round(time.Microsecond)
	}
	t.Logf("%d events acknowledged in %s (%.0f a second), %d requests not answered, exporter down for %s; answers took %s at the median, "+
		"%s at 99%%, %s at most; all were counted %s after the last answer", c.acked, took.Round(time.Millisecond),
		float64(c.acked)/took.Seconds(), c.lost, down.Round(time.Millisecond), at(0.5), at(0.99), at(1),
		caughtUp.Round(time.Millisecond))
	if c.acked != sent || sent < int(duration.Seconds()*rate) {
		t.Errorf("%d events were acknowledged of %d", c.acked, sent)
	}
	p.end()
	t.Logf("the exporter used %s of CPU after its restart", (p.command.ProcessState.UserTime() +
		p.command.ProcessState.SystemTime()).Round(time.Millisecond))
}
