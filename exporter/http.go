package exporter

import (
	_ "embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
)

//go:embed landing.html
var landingText string

// maxScrapes is how many scrapes are served at the same time.
const maxScrapes = 40

// HTTPOptions say what Handler serves.
type HTTPOptions struct {
	// TelemetryPath is the path of the metrics.
	TelemetryPath string
	// Lifecycle allows POST /-/reload.
	Lifecycle bool
	// Registry gets the metrics of the metrics handler itself.
	Registry prometheus.Registerer
}

// Handler serves the metrics, a landing page and the management endpoints.
func (e *Exporter) Handler(o HTTPOptions) (http.Handler, error) {
	landing, err := template.New("landing").Parse(landingText)
	if err != nil {
		return nil, fmt.Errorf("parsing the landing page: %w", err)
	}
	scrapes := e.store.Handler(promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true,
		ErrorLog: slog.NewLogLogger(e.options.Logger.Handler(), slog.LevelError),
	})
	metrics := promhttp.InstrumentMetricHandler(o.Registry, scrapes)
	mux := http.NewServeMux()
	mux.Handle("GET "+o.TelemetryPath, metrics)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "drift_exporter is healthy.")
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !e.Ready() {
			http.Error(w, "drift_exporter is catching up with its sources.", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "drift_exporter is ready.")
	})
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, r *http.Request) {
		if !o.Lifecycle {
			http.Error(w, "Reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP.",
				http.StatusForbidden)
			return
		}
		if err := e.Reload(r.Context()); err != nil {
			e.options.Logger.Error("Loading the configuration failed, the old one stays", "err", err)
			http.Error(w, fmt.Sprintf("loading the configuration failed, the old one stays:\n%v", err),
				http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "drift_exporter has loaded its configuration.")
	})
	mux.Handle("/ingest/{receiver}", e.receivers)
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		text, err := e.config.Load().YAML()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(text)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err := landing.Execute(w, map[string]any{
			"Version": version.Info(), "Metrics": o.TelemetryPath, "Models": e.config.Load().Models,
		})
		if err != nil {
			e.options.Logger.Debug("Writing the landing page failed", "err", err)
		}
	})
	return mux, nil
}
