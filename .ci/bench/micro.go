package main

import (
	"bufio"
	"os/exec"
	"strconv"
	"strings"
)

// measureMicrobenchmarks runs the benchmarks of the packages that floors are about, and prints what they report.
func measureMicrobenchmarks(o *options, r *report) error {
	r.heading("benchmarks of the packages (go test -bench)")
	all := make(map[string]map[string]float64)
	for _, b := range []struct{ pattern, time, folder string }{
		{"BenchmarkEvaluate", "20x", "./exporter"},
		{"BenchmarkJoinMany", "2000000x", "./exporter/outcome"},
		{"BenchmarkJoinDump", "2x", "./exporter/outcome"},
		{"BenchmarkJSONL", "2000x", "./exporter/decode"},
	} {
		u, err := measure(exec.Command("go", "-C", o.module, "test", "-run", "^$", "-bench", b.pattern, "-benchtime", b.time,
			"-benchmem", b.folder))
		if err != nil {
			return err
		}
		read(u.out, all)
	}
	figure := func(what, benchmark, unit string, scale float64, as string, f *floor) {
		for name, values := range all {
			if x, ok := values[unit]; ok && strings.HasPrefix(name, benchmark) {
				r.figure(what, x*scale, as, f)
			}
		}
	}
	evaluate := "BenchmarkEvaluate/200_columns,_3_windows,_K="
	figure("all statistics of 600 column-windows, K=256", evaluate+"256/changed", "ns/op", 1e-6, "ms", atMost(15))
	figure("all statistics of 600 column-windows, K=1024", evaluate+"1024/changed", "ns/op", 1e-6, "ms", nil)
	figure("join, 10 M ids pending: insert and match", "BenchmarkJoinMany", "ns/op", 1, "ns", atMost(350))
	figure("join, 10 M ids pending: memory", "BenchmarkJoinMany", "bytes/id", 1, "B/id", atMost(40))
	figure("join, loading 10 M ids", "BenchmarkJoinDump", "ms/load", 1e-3, "s", atMost(2))
	figure("join, longest pause of a checkpoint of 10 M ids", "BenchmarkJoinDump", "ms/pause", 1, "ms", nil)
	// A batch of any length allocates the names of nested unknown fields; a test holds that to be all.
	figure("decoding JSON Lines: allocations for a batch of 1,000 records", "BenchmarkJSONL", "allocs/op", 1, "", atMost(3))
	return nil
}

// read takes in the results that go test prints: a name, a count, and values with their units.
func read(out string, all map[string]map[string]float64) {
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		values := make(map[string]float64)
		for i := 2; i+1 < len(fields); i += 2 {
			if x, err := strconv.ParseFloat(fields[i], 64); err == nil {
				values[fields[i+1]] = x
			}
		}
		all[fields[0]] = values
	}
}
