package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/drift-exporter/drift_exporter/exporter"
)

// The exit codes.
const (
	exitOK = iota
	exitFailure
	exitUsage
	exitFindings // of the command report
)

// drainTime is how long requests may go on after the exporter was told to stop.
const drainTime = 5 * time.Second

// run does what the command line asks for until that is done or the context ends, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, code, done := parseFlags(args, stdout, stderr)
	if done {
		return code
	}
	if err := start(ctx, f, promslog.New(f.log)); errors.Is(err, errFindings) {
		fmt.Fprintln(stderr, err)
		return exitFindings
	} else if err != nil {
		// Problems stand one a line and begin with their place in a file, as compilers print them.
		fmt.Fprintln(stderr, err)
		return exitFailure
	}
	return exitOK
}

func start(ctx context.Context, f *flags, logger *slog.Logger) error {
	if f.command == bundleCommand {
		return writeBundle(f)
	}
	registry := prometheus.NewRegistry()
	var base prometheus.Gatherer
	if !f.once && f.command != profileCommand && f.command != reportCommand {
		registry.MustRegister(versioncollector.NewCollector("drift_exporter"))
		base = registry
	}
	e, err := exporter.New(exporter.Options{ConfigFile: f.configFile, Base: base, Logger: logger})
	if err != nil {
		return err
	}
	switch {
	case f.command == profileCommand:
		return profile(e, f)
	case f.command == reportCommand:
		return writeReport(ctx, e, f)
	case f.configCheck:
		return check(e, f)
	case f.once:
		return once(ctx, e, f.stdout)
	default:
		return serve(ctx, e, registry, f, logger)
	}
}

// check prints what was inferred, and that all is well if it is.
func check(e *exporter.Exporter, f *flags) error {
	if err := e.Check(f.stdout); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f.stdout, "%s: OK\n", f.configFile)
	return err
}

// profile saves the profile of a model's reference, and prints what was inferred about it.
func profile(e *exporter.Exporter, f *flags) error {
	if err := e.WriteProfile(f.stdout, f.model, f.output); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f.stdout, "%s: written\n", f.output)
	return err
}

// once prints the metrics of all that the logs hold.
func once(ctx context.Context, e *exporter.Exporter, out io.Writer) error {
	if err := e.Once(ctx); err != nil {
		return err
	}
	families, err := e.Gather()
	if err != nil {
		return fmt.Errorf("gathering metrics: %w", err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(out, family); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	return nil
}

// serve runs the exporter and its web server until the context ends or one of them fails. It returns after both have
// ended.
func serve(ctx context.Context, e *exporter.Exporter, registry *prometheus.Registry, f *flags,
	logger *slog.Logger,
) error {
	logger.Info("Starting drift_exporter", "version", version.Info())
	logger.Info("Build context", "build_context", version.BuildContext())
	handler, err := e.Handler(exporter.HTTPOptions{
		TelemetryPath: f.telemetryPath, Lifecycle: f.lifecycle, Registry: processMetrics(registry, f),
	})
	if err != nil {
		return err
	}
	// The exporter computes on as many processors as there were when the process began. One more for Go always waits for
	// requests; without it Go looks for them only every 10 ms while all others compute, which doubles the 99th percentile
	// of what scrapes take.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 2)
	go func() { ended <- e.Run(ctx) }()
	go func() { ended <- web.ListenAndServe(server, f.web, logger) }()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { reloadOnHangup(ctx, e, logger) })

	running := cap(ended)
	select {
	case err = <-ended:
		running--
	case <-ctx.Done():
		logger.Info("Stopping")
	}
	cancel()
	drain, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	closing := server.Shutdown(drain)
	if errors.Is(closing, context.DeadlineExceeded) {
		logger.Warn("Closing connections that are still in use", "after", drainTime)
		closing = server.Close()
	}
	if closing != nil {
		err = cmp.Or(err, fmt.Errorf("stopping the web server: %w", closing))
	}
	for range running {
		if last := <-ended; !errors.Is(last, http.ErrServerClosed) {
			err = cmp.Or(err, last)
		}
	}
	return err
}

// processMetrics registers the metrics of the process and returns where those of the metrics handler belong. If they
// are not wanted, both lead to nowhere.
func processMetrics(registry *prometheus.Registry, f *flags) *prometheus.Registry {
	if f.noExporterMetrics {
		return prometheus.NewRegistry()
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// reloadOnHangup loads the configuration again at every SIGHUP, until the context ends.
func reloadOnHangup(ctx context.Context, e *exporter.Exporter, logger *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := e.Reload(ctx); err != nil {
				logger.Error("Loading the configuration failed, the old one stays", "err", err)
			}
		}
	}
}
