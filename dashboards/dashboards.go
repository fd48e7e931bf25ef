// Package dashboards holds the Grafana dashboards that show what the exporter measures and what the rules say about it.
//
// The dashboards are written by hand in the JSON files beside this one, in Grafana's classic model, and only embedded
// here, so that the exporter can write them to a folder.
package dashboards

import (
	"embed"
	"io/fs"
)

//go:embed *.json
var files embed.FS

// Files returns the dashboards by their names: models.json of all models, model.json of one, column.json of one of its
// columns, exporter.json of the exporter itself.
func Files() fs.FS { return files }
