package main

import (
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/bundle"
)

//go:embed exporter.yaml prometheus.yml thresholds.yaml grafana
var templates embed.FS

// layout is the folder of a demo and where its parts listen.
type layout struct {
	// folder is absolute. Everything that the demo writes is in it.
	folder string
	// The addresses, as host and port.
	exporter, prometheus, alertmanager, receiver, kafka, grafana string
	// factor is how many times shorter than in earnest the rules and Alertmanager wait.
	factor float64
}

// retrainToken is what the receiver wants to see of who calls for retraining.
const retrainToken = "demo"

func (l *layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.folder}, elements...)...)
}

// write writes all configurations. The exporter's is given; the rules and Alertmanager's are the shipped ones, with
// shorter durations and with the addresses of the receiver.
func (l *layout) write(exporterConfig []byte) error {
	files := map[string][]byte{}
	inFolder := strings.NewReplacer(
		"/demo/", l.folder+"/", "/etc/alertmanager/", l.folder+"/", "exporter:10058", l.exporter,
		"prometheus:9090", l.prometheus, "alertmanager:9093", l.alertmanager, "demo:9092", l.kafka,
	)
	files["exporter.yaml"] = []byte(inFolder.Replace(string(exporterConfig)))
	for _, name := range []string{"prometheus.yml", "grafana/datasources.yaml", "grafana/dashboards.yaml"} {
		content, err := templates.ReadFile(name)
		if err != nil {
			return err
		}
		// Grafana wants a folder for each kind of provisioning.
		if kind := strings.TrimSuffix(path.Base(name), ".yaml"); path.Dir(name) == "grafana" {
			name = path.Join("grafana", kind, path.Base(name))
		}
		files[name] = []byte(inFolder.Replace(string(content)))
	}
	// Thresholds of one's own are best in a file of one's own.
	thresholds, err := templates.ReadFile("thresholds.yaml")
	if err != nil {
		return err
	}
	files["rules/demo-thresholds.yaml"] = thresholds
	shipped, err := bundle.Files(bundle.Options{})
	if err != nil {
		return err
	}
	for name, content := range shipped {
		switch path.Dir(name) {
		case "rules":
			files[name] = scale(content, l.factor)
		case "dashboards":
			files[name] = content
		}
	}
	alertmanager := inFolder.Replace(string(scale(shipped["alertmanager.example.yaml"], l.factor)))
	files["alertmanager.yaml"] = []byte(alertmanager)
	for _, found := range regexp.MustCompile(`/secrets/([a-z-]+)-url\b`).FindAllStringSubmatch(alertmanager, -1) {
		files["secrets/"+found[1]+"-url"] = fmt.Appendf(nil, "http://%s/%s", l.receiver, found[1])
	}
	files["secrets/retrain-token"] = []byte(retrainToken)
	for name, content := range files {
		if err := writeFile(l.path(filepath.FromSlash(name)), content); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file, and its folder if it does not exist.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// With docker compose the programs are other users than the one that writes.
	return os.WriteFile(path, content, 0o644)
}
