package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
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
)

// drainTime is how long scrapes may go on after the exporter was told to stop.
const drainTime = 5 * time.Second

func run(args []string, stdout, stderr io.Writer) int {
	f, code, done := parseFlags(args, stdout, stderr)
	if done {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	logger := promslog.New(f.log)
	if err := start(ctx, f, logger); err != nil {
		fmt.Fprintf(stderr, "drift_exporter: %v\n", err)
		return exitFailure
	}
	return exitOK
}

func start(ctx context.Context, f *flags, logger *slog.Logger) error {
	registry := prometheus.NewRegistry()
	var base prometheus.Gatherer
	if !f.once {
		registry.MustRegister(versioncollector.NewCollector("drift_exporter"))
		if f.processMetrics {
			registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		}
		base = registry
	}
	e, err := exporter.New(exporter.Options{ConfigFile: f.configFile, Base: base, Logger: logger})
	if err != nil {
		return err
	}
	switch {
	case f.configCheck:
		return e.Check(f.stdout)
	case f.once:
		return once(ctx, e, f.stdout)
	default:
		return serve(ctx, e, registry, f, logger)
	}
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

// serve runs the exporter and its web server until the context ends or one of them fails.
func serve(ctx context.Context, e *exporter.Exporter, registry *prometheus.Registry, f *flags, logger *slog.Logger) error {
	logger.Info("Starting drift_exporter", "version", version.Info())
	logger.Info("Build context", "build_context", version.BuildContext())
	handler, err := e.Handler(exporter.HTTPOptions{
		TelemetryPath: f.telemetryPath, Lifecycle: f.lifecycle, Registry: registry,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	go func() {
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
	}()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 2)
	go func() { ended <- e.Run(ctx) }()
	go func() { ended <- web.ListenAndServe(server, f.web, logger) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		logger.Info("Stopping")
	}
	cancel()
	drain, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	if closing := server.Shutdown(drain); closing != nil && err == nil {
		err = fmt.Errorf("stopping the web server: %w", closing)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}
