package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// defaultAddress has the port that the exporter is known by.
const defaultAddress = ":10058"

// flags are what the command line says.
type flags struct {
	// profile says that the command is profile and not serve; model and output are its flags.
	profile       bool
	model, output string
	configFile    string
	configCheck   bool
	once          bool
	telemetryPath string
	lifecycle     bool
	// noExporterMetrics leaves out the metrics of the process, of the Go runtime and of the metrics handler.
	noExporterMetrics bool
	web               *web.FlagConfig
	log               *promslog.Config
	stdout, stderr    io.Writer
}

// parseFlags reads the command line. done says that the command line asked for nothing more than what has been printed,
// or that it is wrong; code is the exit code then.
func parseFlags(args []string, stdout, stderr io.Writer) (f *flags, code int, done bool) {
	f = &flags{log: &promslog.Config{Writer: stderr}, stdout: stdout, stderr: stderr}
	app := kingpin.New("drift_exporter",
		"Serves drift, data quality and error rates of models in production to Prometheus.")
	app.UsageWriter(stdout).ErrorWriter(stderr)
	app.Terminate(func(status int) { code, done = status, true })
	app.Version(version.Print("drift_exporter"))
	app.HelpFlag.Short('h')
	app.Flag("config.file", "Path of the configuration.").Default("config.yaml").StringVar(&f.configFile)
	app.Flag("config.check", "Check the configuration and its references, print what was inferred, and exit.").
		BoolVar(&f.configCheck)
	app.Flag("once", "Read all logs to their end, print the metrics, and exit.").BoolVar(&f.once)
	app.Flag("web.telemetry-path", "Path under which metrics are served.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.enable-lifecycle", "Allow POST /-/reload.").BoolVar(&f.lifecycle)
	app.Flag("web.disable-exporter-metrics", "Leave out metrics about the process itself (go_*, process_*, promhttp_*).").
		BoolVar(&f.noExporterMetrics)
	f.web = kingpinflag.AddFlags(app, defaultAddress)
	promslogflag.AddFlags(app, f.log)
	app.Command("serve", "Read the logs and serve metrics. This is the default.").Default()
	profile := app.Command("profile",
		"Build the profile of a model's reference and save it, to be a reference in the place of the training data.")
	profile.Flag("model", "Name of the model; needed if the configuration has several.").StringVar(&f.model)
	profile.Flag("output", "Path of the profile, such as churn.profile.json.gz.").Required().StringVar(&f.output)
	command, err := app.Parse(args)
	f.profile = command == profile.FullCommand()
	if err == nil {
		err = checkTelemetryPath(f.telemetryPath)
	}
	if err == nil && f.profile && (f.once || f.configCheck) {
		err = errors.New("the command profile takes neither --once nor --config.check")
	}
	if err != nil && !done {
		app.Errorf("%s, try --help", err)
		return nil, exitUsage, true
	}
	return f, code, done
}

// checkTelemetryPath reports a path that the web server cannot serve metrics under.
func checkTelemetryPath(p string) error {
	taken := p == "/" || p == "/config" || strings.HasPrefix(p, "/-/")
	if taken || !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsAny(p, "{} ?#%") {
		return fmt.Errorf("--web.telemetry-path must be a path such as /metrics that nothing else has, not %q", p)
	}
	return nil
}
