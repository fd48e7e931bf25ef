package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// measureGrowth prints how CPU and memory grow with each thing that may be large.
func measureGrowth(o *options, r *report) error {
	r.heading("growth: one core, CPU for each record without that of the start")
	curves := []func(*options, *report) error{growRecords, growPiped, growOptions, growReference, growColumns}
	for _, curve := range curves {
		if err := curve(o, r); err != nil {
			return err
		}
	}
	return nil
}

// point is one measurement of a curve.
type point struct{ cpu, rss float64 }

// measurePoint reads a file of a log, and the same configuration with an empty file, whose time is taken off.
func measurePoint(o *options, l log, name, more string) (point, error) {
	empty := l.path("empty.jsonl")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		return point{}, err
	}
	var runs [2]*contender
	for i, file := range []string{"predictions.jsonl", "empty.jsonl"} {
		config, err := l.config(fmt.Sprintf("growth-%s-%d", name, i), file, more)
		if err != nil {
			return point{}, err
		}
		runs[i] = &contender{run: func() (usage, error) { return o.once(config, 1) }}
	}
	for range o.rounds {
		for _, c := range runs {
			u, err := c.run()
			if err != nil {
				return point{}, err
			}
			c.runs = append(c.runs, u)
		}
	}
	return point{runs[0].cpu() - runs[1].cpu(), runs[0].rss()}, nil
}

func (p point) print(r *report, what string, records int) {
	r.note("  %-34s %6.0f ns/record  %6.1f MiB", what, p.cpu*1e9/float64(records), p.rss)
}

func growRecords(o *options, r *report) error {
	var last point
	for _, n := range []int{o.longest / 10, o.longest} {
		l, err := o.makeLog(n, referenceRows)
		if err != nil {
			return err
		}
		p, err := measurePoint(o, l, "records", "")
		if err != nil {
			return err
		}
		p.print(r, fmt.Sprintf("%d records", n), n)
		if last.cpu > 0 {
			r.figure("10 times the records, CPU", p.cpu/last.cpu, "x", atMost(10.3))
			r.figure("10 times the records, memory", p.rss/last.rss, "x", nil)
		}
		last = p
	}
	return nil
}

// growPiped lets the exporter read logs from a pipe, while they are written: they may be larger than a disk.
func growPiped(o *options, r *report) error {
	if o.piped == 0 {
		r.note("  longer logs, from a pipe, are not read: -piped 100000000 does, and takes minutes")
		return nil
	}
	l, err := o.makeLog(o.longest, referenceRows)
	if err != nil {
		return err
	}
	// A record comes 43 ms after the one before: long logs reach into the future.
	config, err := l.config("growth-piped", `"-"`, ", max_future: 100d")
	if err != nil {
		return err
	}
	generator := l.path("loggen")
	_, err = measure(exec.Command("go", "-C", filepath.Join(o.module, ".ci", "bench"), "build", "-o", generator, "./loggen"))
	if err != nil {
		return err
	}
	var begin float64
	for _, n := range []int{0, o.piped / 100, o.piped / 10, o.piped} {
		u, err := o.oncePiped(config, exec.Command(generator, "-n", strconv.Itoa(n), "-reference-n", "0",
			"-json", "/dev/stdout", "-csv", os.DevNull, "-reference", os.DevNull, "-labels", os.DevNull))
		if err != nil {
			return err
		}
		if n == 0 {
			begin = u.cpu
			continue
		}
		point{u.cpu - begin, u.rss}.print(r, fmt.Sprintf("%d records from a pipe", n), n)
	}
	return nil
}

// growOptions changes what a configuration says of the same log.
func growOptions(o *options, r *report) error {
	l, err := o.makeLog(o.longest, referenceRows)
	if err != nil {
		return err
	}
	at := make(map[string]point)
	for _, c := range []struct{ name, more string }{
		{"K=20", ", cut_points: 20"},
		{"K=256", ", cut_points: 256"},
		{"K=1024", ", cut_points: 1024"},
		{"window of 5m", ", windows: [5m]"},
		{"window of 24h", ", windows: [24h]"},
		{"windows of 1h, 6h, 24h, 3d, 7d, 28d", ", windows: [1h, 6h, 24h, 3d, 7d, 28d]"},
	} {
		p, err := measurePoint(o, l, "options", c.more)
		if err != nil {
			return err
		}
		at[c.name] = p
		p.print(r, c.name, l.records)
	}
	r.figure("K from 20 to 1024, CPU", at["K=1024"].cpu/at["K=20"].cpu, "x", atMost(1.15))
	longer := at["window of 24h"].cpu / at["window of 5m"].cpu
	r.figure("a window of 24h in the place of one of 5m, CPU", longer, "x", atMost(1.03))
	return nil
}

func growReference(o *options, r *report) error {
	var last point
	for _, rows := range []int{referenceRows / 10, referenceRows, 10 * referenceRows} {
		l, err := o.makeLog(o.longest, rows)
		if err != nil {
			return err
		}
		p, err := measurePoint(o, l, "reference", "")
		if err != nil {
			return err
		}
		p.print(r, fmt.Sprintf("reference of %d rows", rows), l.records)
		if rows == 10*referenceRows {
			r.figure("10 times the reference, CPU for each record", p.cpu/last.cpu, "x", nil)
		}
		last = p
	}
	return nil
}

// growColumns reads CSV logs of as many values in rows of different lengths.
func growColumns(o *options, r *report) error {
	values := o.longest
	for _, columns := range []int{10, 100, 1000} {
		w := wide{columns, values / columns, time.Second}
		dir, err := w.make(o)
		if err != nil {
			return err
		}
		l := log{dir, w.rows}
		empty := filepath.Join(dir, "empty.csv")
		if err := os.WriteFile(empty, nil, 0o666); err != nil {
			return err
		}
		var cpu [2]float64
		var rss float64
		for i, file := range []string{"empty.csv", "predictions.csv"} {
			config, err := l.config("growth-columns", file, "")
			if err != nil {
				return err
			}
			c := contender{run: func() (usage, error) { return o.once(config, 1) }}
			for range o.rounds {
				u, err := c.run()
				if err != nil {
					return err
				}
				c.runs = append(c.runs, u)
			}
			cpu[i], rss = c.cpu(), c.rss()
		}
		r.note("  %-34s %6.0f ns/value   %6.1f MiB", fmt.Sprintf("%d columns (CSV)", columns),
			(cpu[1]-cpu[0])*1e9/float64(values), rss)
	}
	return nil
}
