package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drift-exporter/drift_exporter/exporter"
)

// stages are the parts of the work. A sample belongs to the first one that has a function of its stack.
var stages = []struct {
	name      string
	functions []string
}{
	{"reference", []string{"exporter.newModel"}},
	{"read", []string{"source.(*Files).Run"}},
	{"decode", []string{").Decode"}},
	{"window", []string{"window.(*Set).AddPart", "window.(*Set).Advance"}},
	{"join", []string{"exporter.(*model).addLabels", "exporter.(*model).admit", "outcome.(*Join)"}},
	{"count", []string{"exporter.(*model).consume"}}, // the rest of what is done for each record
	{"evaluate", []string{"exporter.(*model).evaluate", "metric.(*Store).Publish"}},
	{"scrape", []string{"ServeHTTP"}},
}

// measureStages reads a log with its labels under the profiler, in a process of its own, and prints how the time was
// spent.
func measureStages(o *options, r *report) error {
	r.heading("CPU by stage: JSON Lines with labels, one core, one scrape")
	l, err := o.makeLog(o.records, referenceRows)
	if err != nil {
		return err
	}
	config, err := l.config("stages", "predictions.jsonl", ", labels: {path: labels.jsonl}")
	if err != nil {
		return err
	}
	path := filepath.Join(o.dir, "stages.prof")
	own, err := os.Executable()
	if err != nil {
		return err
	}
	if _, err := measure(exec.Command(own, "-profile", config, path)); err != nil {
		return err
	}
	traces, err := measure(exec.Command("go", "tool", "pprof", "-traces", path))
	if err != nil {
		return err
	}
	spent := make(map[string]time.Duration)
	var total time.Duration
	for _, s := range samples(traces.out) {
		spent[stageOf(s.stack)] += s.spent
		total += s.spent
	}
	for _, s := range append(stages, struct {
		name      string
		functions []string
	}{"other", nil}) {
		share := 100 * spent[s.name].Seconds() / max(total.Seconds(), 1e-9)
		r.note("  %-10s %5.1f %%  %6.0f ns/record", s.name, share, float64(spent[s.name].Nanoseconds())/float64(o.records))
	}
	r.note("  Other is garbage collection and the scheduler. go tool pprof %s tells more.", path)
	return nil
}

// profileOnce writes a CPU profile of reading all logs of a configuration.
func profileOnce(config, path string) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	e, err := exporter.New(exporter.Options{ConfigFile: config, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := e.Once(context.Background()); err != nil {
		return err
	}
	handler, err := e.Handler(exporter.HTTPOptions{TelemetryPath: "/metrics", Registry: prometheus.NewRegistry()})
	if err != nil {
		return err
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !bytes.Contains(response.Body.Bytes(), []byte("drift_score")) {
		return fmt.Errorf("the scrape has no drift_score: status %d", response.Code)
	}
	return nil
}

// sample is how long a stack was seen.
type sample struct {
	spent time.Duration
	stack string
}

// samples reads what `go tool pprof -traces` prints: stacks between dashed lines, the first line of each with its time.
func samples(traces string) []sample {
	var all []sample
	for _, block := range strings.Split(traces, "+-------------")[1:] {
		first, _, _ := strings.Cut(strings.TrimLeft(block, "-+ \n"), "\n")
		fields := strings.Fields(first)
		if len(fields) < 2 {
			continue
		}
		if spent, err := time.ParseDuration(fields[0]); err == nil {
			all = append(all, sample{spent, block})
		}
	}
	return all
}

func stageOf(stack string) string {
	for _, s := range stages {
		for _, f := range s.functions {
			if strings.Contains(stack, f) {
				return s.name
			}
		}
	}
	return "other"
}
