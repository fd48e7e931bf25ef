package main

import (
	"github.com/prometheus/common/version"

	"github.com/drift-exporter/drift_exporter/exporter/bundle"
)

// writeBundle writes what a monitoring stack needs beside the exporter.
func writeBundle(f *flags) error {
	files, err := bundle.Files(bundle.Options{Image: f.bundle.image, Labels: f.bundle.labels, Version: version.Version})
	if err != nil {
		return err
	}
	return bundle.Write(f.stdout, f.bundle.output, files, f.bundle.force)
}
