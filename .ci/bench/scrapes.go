package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// scrapeSeries are numbers of series that are scraped, with how many numeric columns of a wide model give them, about.
// While an exporter catches up, four models of the log's columns give 10,000 series already.
var scrapeSeries = []struct {
	series, columns int
	busyToo         bool
	idle, busy      *floor
}{
	{10_000, 110, false, atMost(10), atMost(25)},
	{100_000, 1100, true, atMost(100), nil},
}

// measureScrapes scrapes an exporter with many series, idle and while it catches up with a backlog on all processors.
func measureScrapes(o *options, r *report) error {
	r.heading("scrapes over loopback, compressed, as Prometheus asks for them")
	l, err := o.makeLog(o.records, referenceRows)
	if err != nil {
		return err
	}
	for _, c := range scrapeSeries {
		dir, err := wide{c.columns, 2000, time.Second}.make(o)
		if err != nil {
			return err
		}
		wideModel := fmt.Sprintf("models:\n- {name: wide, reference: {path: %s}, predictions: {path: %s}}\n",
			filepath.Join(dir, "reference.csv"), filepath.Join(dir, "predictions.csv"))
		if err := scrapeIdle(o, r, dir, wideModel, c.idle); err != nil {
			return err
		}
		if !c.busyToo {
			wideModel = "models:\n"
		}
		if err := scrapeBusy(o, r, dir, wideModel, l, c.series, c.busy); err != nil {
			return err
		}
	}
	return nil
}

func scrapeIdle(o *options, r *report, dir, models string, f *floor) error {
	config := filepath.Join(dir, "idle.yaml")
	if err := os.WriteFile(config, []byte(models), 0o666); err != nil {
		return err
	}
	s, err := o.serve(config)
	if err != nil {
		return err
	}
	if err := s.await(time.Minute); err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond) // until the evaluation that follows has been published
	var took []float64
	n := 0
	for range 300 {
		body, _, t, err := s.get("/metrics")
		if err != nil {
			return err
		}
		n = series(body)
		took = append(took, t.Seconds()*1e3)
	}
	r.figure(fmt.Sprintf("%d series, p50", n), median(took), "ms", nil)
	r.figure(fmt.Sprintf("%d series, p99", n), quantile(took, 0.99), "ms", f)
	return s.stop()
}

// scrapeBusy scrapes while four models read the log at the same time.
func scrapeBusy(o *options, r *report, dir, models string, l log, least int, f *floor) error {
	text := []byte("evaluation_interval: 1s\n" + models)
	for i := range 4 {
		text = fmt.Appendf(text, "- {name: fraud-%d, reference: {path: %s}, predictions: {path: %s}}\n", i,
			l.path("reference.csv"), l.path("predictions.jsonl"))
	}
	config := filepath.Join(dir, "busy.yaml")
	if err := os.WriteFile(config, text, 0o666); err != nil {
		return err
	}
	s, err := o.serve(config)
	if err != nil {
		return err
	}
	var took []float64
	n := 0
	for !s.ready() {
		body, _, t, err := s.get("/metrics")
		if err != nil {
			return err
		}
		if n = series(body); n < least {
			continue // not every model has been evaluated yet
		}
		took = append(took, t.Seconds()*1e3)
	}
	if len(took) < 20 {
		r.note("  %d scrapes while catching up are too few to tell of: use more -records", len(took))
		return s.stop()
	}
	r.figure(fmt.Sprintf("%d series while catching up (%d scrapes), p50", n, len(took)), median(took), "ms", nil)
	r.figure(fmt.Sprintf("%d series while catching up, p99", n), quantile(took, 0.99), "ms", f)
	return s.stop()
}
