package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// referenceRows are those of the training data, but in the growth curves.
const referenceRows = 50_000

// measureLogs reads the same log in every format, in turns with the other tools, and prints rates and ratios.
func measureLogs(o *options, r *report) error {
	r.heading(fmt.Sprintf("reading a log of %d records: all drift statistics, windows of 1h, 24h and 7d", o.records))
	l, err := o.makeLog(o.records, referenceRows)
	if err == nil {
		err = o.makeParquet(l)
	}
	if err != nil {
		return err
	}
	p, err := findPeers(o, r, l)
	if err != nil {
		return err
	}
	exporter := func(name, file, more string, processors int) *contender {
		config, failed := l.config(name, file, more)
		err = errors.Join(err, failed)
		return &contender{name: name, run: func() (usage, error) { return o.once(config, processors) }}
	}
	jsonl := exporter("jsonl", "predictions.jsonl", "", 1)
	csv := exporter("csv", "predictions.csv", "", 1)
	parquet := exporter("parquet", "predictions.parquet", "", 1)
	labels := exporter("labels", "predictions.jsonl", ", labels: {path: labels.jsonl}", 1)
	several := exporter("several", "predictions.jsonl", "", runtime.NumCPU())
	if runtime.NumCPU() == 1 {
		several.run = nil
	}
	if err != nil {
		return err
	}
	// What is compared stands together: other work on the machine comes and goes within seconds.
	inTurns(r, o.rounds, []*contender{
		several, jsonl, p.simdjson, p.duckJSON, p.mtail, csv, p.duckCSV, p.evidently, parquet, p.duckColumn, labels,
	})
	for _, c := range []*contender{jsonl, csv, parquet, labels} {
		if len(c.runs) == 0 {
			return fmt.Errorf("reading %s failed", c.name)
		}
	}
	n := float64(o.records)
	// The floor is that of an idle machine, and other work on it only ever adds to the time.
	r.figure("JSON Lines, one core, the fastest round", n/jsonl.fastest()/1e6, "M rec/s", atLeast(1.6))
	r.figure("JSON Lines, one core", n/jsonl.cpu()/1e6, "M rec/s", nil)
	r.figure("  the same in bytes", float64(size(l.path("predictions.jsonl")))/jsonl.cpu()/1e9, "GB/s", nil)
	r.figure("  peak memory", jsonl.rss(), "MiB", nil)
	r.figure("CSV, one core", n/csv.cpu()/1e6, "M rec/s", nil)
	r.figure("Parquet, one core", n/parquet.cpu()/1e6, "M rec/s", nil)
	r.figure("JSON Lines with as many labels joined, one core", 2*n/labels.cpu()/1e6, "M rec/s", nil)
	if len(several.runs) > 0 {
		what := fmt.Sprintf("JSON Lines, %d cores, over one", runtime.NumCPU())
		r.figure(what, over(jsonl, several, wall), "x", atLeast(1.6))
		r.figure("  peak memory", several.rss(), "MiB", nil)
	}
	ratio := func(what string, of *contender, times float64, to *contender, f *floor) {
		if len(of.runs) > 0 {
			r.figure(what, times*over(of, to, cpu), "x", f)
		}
	}
	if len(p.simdjson.runs) > 0 {
		r.figure("JSON Lines, CPU over simdjson's that only parses", over(jsonl, p.simdjson, cpu), "x", atMost(1.8))
	}
	ratio("DuckDB read_json with 20 bins, CPU over ours", p.duckJSON, 1, jsonl, atLeast(2.5))
	if len(p.duckJSON.runs) > 0 {
		r.figure("  memory, ours over DuckDB's", jsonl.rss()/p.duckJSON.rss(), "x", atMost(0.25))
	}
	ratio("DuckDB read_csv, CPU over ours with CSV", p.duckCSV, 1, csv, atLeast(2.2))
	ratio("DuckDB read_parquet, CPU over ours with Parquet", p.duckColumn, 1, parquet, atLeast(1.3))
	ratio("DuckDB read_parquet, CPU over ours with JSON Lines", p.duckColumn, 1, jsonl, nil)
	ratio("mtail with 4 fields, CPU per record over ours", p.mtail, n/float64(min(few, o.records)), jsonl, atLeast(15))
	ratio("Evidently's drift preset on CSV, CPU over ours", p.evidently, 1, csv, atLeast(35))
	if len(p.evidently.runs) > 0 {
		r.figure("  memory, ours over Evidently's", csv.rss()/p.evidently.rss(), "x", atMost(0.025))
	}
	return nil
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
