package exporter

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// slicesTable shows the worst airports of the bundled log, and how many airports chance alone would make look bad.
func slicesTable(x *example) string {
	folder, err := filepath.Abs(dataSets[0].folder)
	if err != nil {
		x.t.Fatal(err)
	}
	got, m := whole(x.t, fmt.Sprintf(
		"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [10y], slices: [origin]}\n",
		filepath.Join(folder, "reference.csv"), filepath.Join(folder, "predictions-*"), filepath.Join(folder, "labels-*")))
	type airport struct {
		name             string
		n                uint64
		ratio, low, high float64
	}
	var airports []airport
	mon := m.monitors[0]
	for code, r := range mon.slices.Labels(0)[0] {
		low, high, ok := stat.Wilson(r.Errors, r.Labels)
		if ok && r.Labels >= 30 {
			airports = append(airports, airport{
				mon.slices.Slices()[0].Values[code], r.Labels, float64(r.Errors) / float64(r.Labels), low, high,
			})
		}
	}
	slices.SortFunc(airports, func(a, b airport) int { return cmp.Compare(b.low, a.low) })
	all := x.value(got, metric.ErrorRatio)
	above := 0
	for _, a := range airports {
		if a.low > all {
			above++
		}
	}
	var out strings.Builder
	out.WriteString("All flights of the classifier in `examples/flights` by `origin`, the lowest ends that are highest:\n\n")
	out.WriteString("| `origin` | labels | error ratio | its 95% interval |\n|---|---|---|---|\n")
	for _, a := range airports[:6] {
		fmt.Fprintf(&out, "| %s | %d | %.3f | %.3f to %.3f |\n", a.name, a.n, a.ratio, a.low, a.high)
	}
	fmt.Fprintf(&out, "| all | %.0f | %.3f | %.3f to %.3f |\n", x.value(got, metric.WindowLabels), all,
		x.value(got, metric.ErrorRatioLower), x.value(got, metric.ErrorRatioUpper))
	fmt.Fprintf(&out, "\nOf %d values %d lie above the ratio of all altogether, where chance alone would lead to expect %.1f.\n",
		len(airports), above, float64(len(airports))/40)
	return out.String()
}
