// Package rules holds the Prometheus rules that turn what the exporter measures into verdicts and alerts.
//
// The rules are written by hand in the YAML files beside this one and only embedded here, so that the exporter can
// write them to a folder from which Prometheus loads them.
package rules

import (
	"bytes"
	"embed"
	"io/fs"
)

//go:embed thresholds.yaml recording.yaml fleet.yaml *-alerts.yaml
var files embed.FS

//go:embed alertmanager.example.yaml
var alertmanager []byte

// Files returns the rule files by their names: thresholds.yaml with the thresholds as series, recording.yaml with the
// verdicts, model-alerts.yaml, data-alerts.yaml and exporter-alerts.yaml, and fleet.yaml, which adds up exporters that
// share a log. Prometheus needs the first two and whichever of the others is wanted; unit tests are not among them.
func Files() fs.FS { return files }

// Alertmanager returns alertmanager.example.yaml, an example of a configuration for Alertmanager that routes the alerts
// by what they ask for, and silences those that follow from others.
func Alertmanager() []byte { return bytes.Clone(alertmanager) }
