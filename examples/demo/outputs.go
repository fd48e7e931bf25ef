package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// output is where the records of a model go, each a line of JSON without its end.
type output interface {
	write(records [][]byte) error
	close() error
}

// logFile is a log in JSON Lines.
type logFile struct{ *os.File }

// createLog makes an empty log.
func createLog(elements ...string) (logFile, error) {
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return logFile{}, err
	}
	file, err := os.Create(path)
	return logFile{file}, err
}

func (f logFile) write(records [][]byte) error {
	var lines bytes.Buffer
	for _, r := range records {
		lines.Write(r)
		lines.WriteByte('\n')
	}
	_, err := f.Write(lines.Bytes())
	return err
}

func (f logFile) close() error { return f.Close() }

// event is a CloudEvent around a record.
type event struct {
	Version string          `json:"specversion"`
	Type    string          `json:"type"`
	Source  string          `json:"source"`
	ID      string          `json:"id"`
	Data    json.RawMessage `json:"data"`
}

// wrap makes the next event of a source.
func wrap(kind, source string, number int, data []byte) event {
	return event{"1.0", kind, source, strconv.Itoa(number), data}
}

// sender sends records to a receiver of the exporter, as a server does that has no log.
type sender struct {
	url    string
	client http.Client
	sent   int
	// waiting are those that the exporter has not acknowledged, because it does not run yet or does not run any more.
	waiting []event
}

// atOnce is how many events one request has at most. They have to be shorter than max_body together.
const atOnce = 1000

func newSender(exporter, receiver string) *sender {
	return &sender{url: "http://" + exporter + "/ingest/" + receiver, client: http.Client{Timeout: 5 * time.Second}}
}

func (s *sender) write(records [][]byte) error {
	for _, r := range records {
		s.sent++
		s.waiting = append(s.waiting, wrap("prediction", "/flights/minutes", s.sent, r))
	}
	for len(s.waiting) > 0 {
		batch := s.waiting[:min(len(s.waiting), atOnce)]
		taken, err := s.post(batch)
		if !taken || err != nil {
			return err
		}
		s.waiting = s.waiting[len(batch):]
	}
	return nil
}

// post returns whether the exporter has taken the events, and an error if it never will.
func (s *sender) post(batch []event) (bool, error) {
	body, err := json.Marshal(batch)
	if err != nil {
		return false, err
	}
	response, err := s.client.Post(s.url, "application/cloudevents-batch+json", bytes.NewReader(body))
	if err != nil {
		return false, nil // it does not run now
	}
	text, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	switch response.StatusCode {
	case http.StatusAccepted:
		return true, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return false, nil
	}
	return false, errors.Join(fmt.Errorf("%s: %s: %s", s.url, response.Status, text), err)
}

func (s *sender) close() error { return nil }

// topic is a topic of a broker of Kafka. The broker is the one that franz-go has for tests: a part of this program that
// keeps what it gets in memory, to which the exporter speaks as to any other.
type topic struct {
	name     string
	broker   *kfake.Cluster
	producer *kgo.Client
	sent     int
}

// newTopic starts the broker. It listens at one address and is known to the exporter by another one.
func newTopic(name, listen, known string) (*topic, error) {
	broker, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.SeedTopics(2, name),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			l, err := net.Listen(network, listen)
			return knownAs{l, known}, err
		}),
	)
	if err != nil {
		return nil, err
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(known), kgo.DefaultProduceTopic(name))
	if err != nil {
		broker.Close()
		return nil, err
	}
	return &topic{name: name, broker: broker, producer: producer}, nil
}

func (t *topic) write(records [][]byte) error {
	var messages []*kgo.Record
	for _, r := range records {
		t.sent++
		message, err := json.Marshal(wrap("arrival", "/flights/"+t.name, t.sent, r))
		if err != nil {
			return err
		}
		messages = append(messages, &kgo.Record{Value: message})
	}
	return t.producer.ProduceSync(context.Background(), messages...).FirstErr()
}

func (t *topic) close() error {
	t.producer.Close()
	t.broker.Close()
	return nil
}

// knownAs is a listener that says it has another address, as a broker does whose clients are elsewhere.
type knownAs struct {
	net.Listener
	address string
}

func (l knownAs) Addr() net.Addr { return address(l.address) }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }
