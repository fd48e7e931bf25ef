// Package replay runs the exporter over logs of months within a minute or two, evaluates the shipped rules with
// Prometheus' own engine at every step, and notes which alerts fire and when.
//
// The exporter runs as it is. It reads files that grow as they did when the log was written, and its clock says the
// time of the log. What drives it, the tickers for reading and evaluating, runs on the clock of a synctest bubble,
// which waits for nobody. Prometheus does not scrape over HTTP: what the exporter would serve is stored directly.
package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/drift-exporter/drift_exporter/exporter"
)

// Case is a log to replay.
type Case struct {
	// Format is that of the logs, csv or jsonl.
	Format string
	// Model is what the configuration says of the model beside its name, reference and logs: lines of YAML.
	Model string
	// Reference is the path of the reference, Predictions and Labels those of the logs.
	Reference           string
	Predictions, Labels []string
	// From and To bound the replay; the zero time stands for the first or last record. What was written before From is
	// there when the exporter starts.
	From, To time.Time
	// Step is the time between two evaluations of the rules, a multiple of ten minutes.
	Step time.Duration
	// Incident changes what is logged; nil leaves it as it was.
	Incident *Incident
}

// Firing is an alert from its firing to its resolution.
type Firing struct {
	Labels      map[string]string
	Description string    // when it fired
	Fired       time.Time // at a multiple of the step
	Resolved    time.Time // zero if it never was
}

// scrapeInterval is the time between two scrapes.
const scrapeInterval = 10 * time.Minute

// Run replays the case and returns the alerts that fired, in the order of their firing.
func Run(t *testing.T, c Case) []Firing {
	t.Helper()
	var fired []Firing
	synctest.Test(t, func(t *testing.T) {
		var err error
		if fired, err = run(t.Context(), t.TempDir(), c); err != nil {
			t.Fatal(err)
		}
	})
	return fired
}

// The exporter looks at its files once a second. Within a round of two seconds it first reads what is new and then
// evaluates it, half a second after which the next round begins.
const round = 2 * time.Second

func run(ctx context.Context, folder string, c Case) (fired []Firing, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	predictions, err := c.feed(folder, "predictions", c.Predictions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, predictions.out.Close()) }()
	labels, err := c.feed(folder, "labels", c.Labels)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, labels.out.Close()) }()
	from, to := c.bounds(predictions, labels)
	if err := c.prepare(folder, from); err != nil {
		return nil, err
	}
	if c.Incident != nil {
		if err := c.Incident.change(predictions.lines, labels.lines); err != nil {
			return nil, err
		}
	}
	logger := slog.New(slog.DiscardHandler)
	prometheus, err := newStack(ctx, folder, c.Step, logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, prometheus.close()) }()

	var clock atomic.Int64
	clock.Store(from.UnixNano())
	e, err := exporter.New(exporter.Options{
		ConfigFile: filepath.Join(folder, "config.yaml"), Now: func() time.Time { return time.Unix(0, clock.Load()) },
		Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	time.Sleep(round / 4)
	book := newBook()
	var families []*dto.MetricFamily
	for now := from; now.Before(to); now = now.Add(c.Step) {
		// Between two steps, scrapes get what they got before.
		for at := now.Add(scrapeInterval - c.Step); at.Before(now) && families != nil; at = at.Add(scrapeInterval) {
			if err := prometheus.store(ctx, at, families); err != nil {
				return nil, err
			}
		}
		clock.Store(now.UnixNano())
		if err := errors.Join(predictions.until(now), labels.until(now)); err != nil {
			return nil, err
		}
		time.Sleep(round)
		synctest.Wait()
		select {
		case err := <-ended:
			ended <- nil
			return nil, fmt.Errorf("the exporter has ended: %w", err)
		default:
		}
		if families, err = e.Gather(); err != nil {
			return nil, err
		}
		if err := prometheus.store(ctx, now, families); err != nil {
			return nil, err
		}
		firing, err := prometheus.evaluate(ctx, now)
		if err != nil {
			return nil, err
		}
		book.note(now, firing)
	}
	return book.all, nil
}

func indented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("    " + line)
	}
	return out.String()
}

// feed makes the log that grows in the place of the files.
func (c *Case) feed(folder, name string, paths []string) (*feed, error) {
	header, lines, err := readLog(paths...)
	if err != nil {
		return nil, err
	}
	return newFeed(filepath.Join(folder, name), header, lines)
}

// bounds returns when the replay begins and ends: at whole steps.
func (c *Case) bounds(feeds ...*feed) (from, to time.Time) {
	from, to = c.From, c.To
	for _, f := range feeds {
		if c.From.IsZero() && (from.IsZero() || f.lines[0].written.Before(from)) {
			from = f.lines[0].written
		}
		if c.To.IsZero() {
			to = latestOf(to, f.lines[len(f.lines)-1].written)
		}
	}
	return from.Truncate(c.Step), to.Add(c.Step)
}

// prepare writes the configuration, and the reference as if it had been made when the replay begins.
func (c *Case) prepare(folder string, from time.Time) error {
	reference, err := os.ReadFile(c.Reference)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, "reference.csv")
	if err := os.WriteFile(path, reference, 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(path, from, from); err != nil {
		return err
	}
	text := fmt.Sprintf("evaluation_interval: %s\nmodels:\n"+
		"  - name: replayed\n"+
		"    reference: {path: reference.csv}\n"+
		"    predictions: {path: predictions, format: %s}\n"+
		"    labels: {path: labels, format: %[2]s}\n", round, c.Format)
	text += indented(c.Model)
	return os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(text), 0o600)
}
