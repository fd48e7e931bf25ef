package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/drift-exporter/drift_exporter/exporter/report"
)

// defaultAddress has the port that the exporter is known by.
const defaultAddress = ":10058"

// flags are what the command line says.
type flags struct {
	// command is the name of the command.
	command string
	// model and output are flags of the command profile, report and bundle those of the commands of these names.
	model, output string
	report        reportFlags
	bundle        bundleFlags
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

// reportFlags are the flags of the command report.
type reportFlags struct {
	window, output string
	top            int
	failOn         []report.Kind
	explain        int
}

// bundleFlags are the flags of the command bundle.
type bundleFlags struct {
	output, image string
	labels        map[string]string
	force         bool
}

// The commands.
const (
	bundleCommand  = "bundle"
	profileCommand = "profile"
	reportCommand  = "report"
)

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
	app.Flag("config.check", "Check the configuration and its references, print what was inferred and how the first "+
		"records of each log are understood, and exit.").
		BoolVar(&f.configCheck)
	app.Flag("once", "Read all logs to their end, print the metrics, and exit.").BoolVar(&f.once)
	app.Flag("web.telemetry-path", "Path under which metrics are served.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.enable-lifecycle", "Allow POST /-/reload.").BoolVar(&f.lifecycle)
	app.Flag("web.disable-exporter-metrics", "Leave out metrics about the process itself (go_*, process_*, promhttp_*).").
		BoolVar(&f.noExporterMetrics)
	f.web = kingpinflag.AddFlags(app, defaultAddress)
	promslogflag.AddFlags(app, f.log)
	app.Command("serve", "Read the logs and serve metrics. This is the default.").Default()
	profile := app.Command(profileCommand,
		"Build the profile of a model's reference and save it, to be a reference in the place of the training data.")
	profile.Flag("model", "Name of the model; needed if the configuration has several.").StringVar(&f.model)
	profile.Flag("output", "Path of the profile, such as churn.profile.json.gz.").Required().StringVar(&f.output)
	failOn := addReport(app, &f.report)
	addBundle(app, &f.bundle)
	command, err := app.Parse(args)
	f.command = command
	if err == nil {
		err = checkTelemetryPath(f.telemetryPath)
	}
	alone := command == profileCommand || command == reportCommand || command == bundleCommand
	if err == nil && alone && (f.once || f.configCheck) {
		err = fmt.Errorf("the command %s takes neither --once nor --config.check", command)
	}
	if err == nil {
		f.report.failOn, err = kinds(*failOn)
	}
	if err == nil && f.report.explain < 0 {
		err = errors.New("--explain must not be negative")
	}
	if err == nil && f.report.top < 0 {
		err = errors.New("--top must not be negative")
	}
	if err != nil && !done {
		app.Errorf("%s, try --help", err)
		return nil, exitUsage, true
	}
	return f, code, done
}

// addReport adds the command report and returns what its flag --fail-on will say.
func addReport(app *kingpin.Application, f *reportFlags) *string {
	c := app.Command(reportCommand, "Read all logs to their end and print what has drifted, how the model performs, "+
		"and for which slices it errs most; --fail-on makes it the gate of a pipeline.")
	c.Flag("window", "Name of the window that is reported; by default the longest one of each model.").StringVar(&f.window)
	c.Flag("output", "text or json.").Default("text").EnumVar(&f.output, "text", "json")
	c.Flag("explain", "Instead, print the first records of each log as they are understood, so many, and why others "+
		"are not counted.").PlaceHolder("N").IntVar(&f.explain)
	c.Flag("top", "How many columns and slices are listed; 0 for all.").Default("10").IntVar(&f.top)
	return c.Flag("fail-on", "Exit with code 3 if a value exceeds the threshold that rules/thresholds.yaml ships: drift, "+
		"data or errors, or several with commas between them. With nothing to judge, exit with code 1.").String()
}

// addBundle adds the command bundle.
func addBundle(app *kingpin.Application, f *bundleFlags) {
	f.labels = map[string]string{}
	c := app.Command(bundleCommand, "Write the rules, the Grafana dashboards, an example for Alertmanager, and all of it "+
		"as Kubernetes objects, into a folder. It needs no configuration.")
	c.Flag("output", "The folder.").Required().PlaceHolder("DIR").StringVar(&f.output)
	c.Flag("image", "Container image of the Deployment.").Default("drift_exporter").StringVar(&f.image)
	c.Flag("label", "Label of all Kubernetes objects, such as release=prometheus; repeatable.").PlaceHolder("NAME=VALUE").
		StringMapVar(&f.labels)
	c.Flag("force", "Overwrite files that are there and differ.").BoolVar(&f.force)
}

// kinds reads a list of kinds of findings.
func kinds(list string) ([]report.Kind, error) {
	if list == "" {
		return nil, nil
	}
	var all []report.Kind
	for name := range strings.SplitSeq(list, ",") {
		kind := report.Kind(strings.TrimSpace(name))
		if !slices.Contains(report.Kinds, kind) {
			return nil, fmt.Errorf("--fail-on must be of drift, data and errors, not %q", name)
		}
		all = append(all, kind)
	}
	return all, nil
}

// checkTelemetryPath reports a path that the web server cannot serve metrics under.
func checkTelemetryPath(p string) error {
	taken := p == "/" || p == "/config" || strings.HasPrefix(p, "/-/") || strings.HasPrefix(p, "/ingest/")
	if taken || !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsAny(p, "{} ?#%") {
		return fmt.Errorf("--web.telemetry-path must be a path such as /metrics that nothing else has, not %q", p)
	}
	return nil
}
