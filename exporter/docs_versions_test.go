package exporter

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// What the shipped alert on versions asks for; tests hold both against the rules.
const (
	versionThreshold = 0.02
	versionPLimit    = 0.001
)

var flightLine = regexp.MustCompile(`"model_version":"1.0.0"(.*)"prediction":"\w+","score":([0-9.]+)`)

// versionsOf writes a log of flights anew, so that half of the flights in turn are served by version 1.0.0, a quarter
// by 2.0.0, which is the same model, and a quarter by 3.0.0, which says late from a score of 0.3 on instead of 0.5.
func versionsOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	i := 0
	for line := range strings.Lines(string(text)) {
		found := flightLine.FindStringSubmatch(line)
		if found == nil {
			t.Fatalf("a flight is not written as they are: %s", line)
		}
		score, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		version := []string{"1.0.0", "2.0.0", "1.0.0", "3.0.0"}[i%4]
		prediction := "on_time"
		if score >= 0.5 || version == "3.0.0" && score >= 0.3 {
			prediction = "late"
		}
		out.WriteString(strings.Replace(line, found[0], fmt.Sprintf(
			`"model_version":%q%s"prediction":%q,"score":%s`, version, found[1], prediction, found[2]), 1))
		i++
	}
	own := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(own, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return own
}

// versionTable compares versions of the flights of each window, of which one differs. Bold is what alerts.
func versionTable(x *example) string {
	folder, err := filepath.Abs(dataSets[0].folder)
	if err != nil {
		x.t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString("| window of 2001 | error ratio of 1.0.0 | 2.0.0: difference | its 95% interval | p-value " +
		"| 3.0.0: difference | its 95% interval | p-value |\n|" + strings.Repeat("---|", 8) + "\n")
	for i, w := range windowsOf(x.t, folder) {
		got, _ := whole(x.t, fmt.Sprintf(
			"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: {path: %q}, windows: [10y]}\n",
			filepath.Join(folder, "reference.csv"), versionsOf(x.t, cutLog(x.t, folder, w.Start, w.End)),
			filepath.Join(folder, "labels-*.jsonl")))
		fmt.Fprintf(&out, "| %s | %.3f |", x.windows[i].name, x.value(got, metric.ErrorRatio, "version=1.0.0"))
		for _, version := range []string{"version=2.0.0", "version=3.0.0"} {
			lower := x.value(got, metric.VersionDifferenceLower, version)
			p := x.value(got, metric.VersionPValue, version)
			difference := fmt.Sprintf("%+.3f", x.value(got, metric.VersionDifference, version))
			if lower > versionThreshold && p < versionPLimit {
				difference = "**" + difference + "**"
			}
			fmt.Fprintf(&out, " %s | %+.3f to %+.3f | %.1e |",
				difference, lower, x.value(got, metric.VersionDifferenceUpper, version), p)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// enoughTable tells how many labels of a version the alert needs, by the version's share of all.
func enoughTable(*example) string {
	var out strings.Builder
	out.WriteString("| error ratios | half of the labels | a tenth | a hundredth |\n|---|---|---|---|\n")
	for _, rates := range [][2]float64{{0.1, 0.13}, {0.1, 0.15}, {0.1, 0.2}, {0.1, 0.25}, {0.02, 0.05}} {
		fmt.Fprintf(&out, "| %g and %g |", rates[0], rates[1])
		for _, champions := range []float64{1, 9, 99} {
			enough := 0
			for _, n := range sizes(1_000_000) {
				m := float64(n) * champions
				x1, n1, x2, n2 := uint64(rates[0]*m+0.5), uint64(m), uint64(rates[1]*float64(n)+0.5), uint64(n)
				d, _ := stat.ProportionDifference(x1, n1, x2, n2)
				test, _ := stat.ProportionZ(x1, n1, x2, n2)
				if d.Lower <= versionThreshold || test.P >= versionPLimit {
					break
				}
				enough = n
			}
			fmt.Fprintf(&out, " %s |", thousands(enough))
		}
		out.WriteString("\n")
	}
	return out.String()
}

func TestThePageOfVersionsStatesWhatTheAlertAsksFor(t *testing.T) {
	for _, c := range []struct{ path, text string }{
		{"../rules/thresholds.yaml", fmt.Sprintf(
			"expr: vector(%g)\n        labels:\n          severity: warning\n"+
				"          statistic: version_error_ratio_difference\n", versionThreshold)},
		{"../rules/recording.yaml", fmt.Sprintf("(max_over_time(drift_version_p_value[10m]) < bool %g)", versionPLimit)},
		{filepath.Join(statisticsDocs, "versions.md"), fmt.Sprintf("Shipped: %g.", versionThreshold)},
		{filepath.Join(statisticsDocs, "versions.md"), fmt.Sprintf("p-value below %g", versionPLimit)},
	} {
		text, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(c.text)) {
			t.Errorf("%s does not say %q", c.path, c.text)
		}
	}
}
