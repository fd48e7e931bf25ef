package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter"
	"github.com/drift-exporter/drift_exporter/exporter/report"
	"github.com/drift-exporter/drift_exporter/rules"
)

// errFindings says that a value exceeds its threshold where that was to fail.
var errFindings = errors.New("values exceed their thresholds")

// writeReport prints the report of all that the logs hold. It fails with errFindings if that has been asked for.
func writeReport(ctx context.Context, e *exporter.Exporter, f *flags) error {
	if f.report.explain > 0 {
		return e.Explain(f.stdout, f.report.explain)
	}
	thresholds, err := rules.Shipped()
	if err != nil {
		return err
	}
	if err := e.Once(ctx); err != nil {
		return err
	}
	families, err := e.Gather()
	if err != nil {
		return fmt.Errorf("gathering metrics: %w", err)
	}
	r, err := report.New(families, report.Options{Window: f.report.window, Top: f.report.top, Thresholds: thresholds})
	if err != nil {
		return err
	}
	write := r.WriteText
	if f.report.output == "json" {
		write = r.WriteJSON
	}
	if err := write(f.stdout); err != nil {
		return err
	}
	if unjudged := r.Unjudged(f.report.failOn); len(unjudged) > 0 {
		return errors.New("nothing to judge: " + strings.Join(unjudged, "\nnothing to judge: "))
	}
	if n := len(r.Failed(f.report.failOn)); n > 0 {
		return fmt.Errorf("%d %w", n, errFindings)
	}
	return nil
}
