package metric

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

// tableHead is where the generated part of docs/metrics.md begins. What stands above it is written by hand.
const tableHead = "## All metrics\n"

// table returns the generated part: all metrics in the order of the catalogue.
func table() []byte {
	var out bytes.Buffer
	out.WriteString(tableHead)
	out.WriteString("\nGenerated from the catalogue in `exporter/metric`; `make golden` writes it again.\n\n")
	out.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, d := range Catalogue {
		labels := "–"
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", d.Name, d.Type, labels, d.Help)
	}
	return out.Bytes()
}

func TestReferenceOfMetricsIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "metrics.md")
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _, ok := bytes.Cut(got, []byte(tableHead))
	if !ok {
		t.Fatalf("%s has no line %q", path, tableHead)
	}
	want := append(bytes.Clone(text), table()...)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s does not say what the catalogue says; `make golden` writes it again", path)
	}
}

func TestReferenceOfMetricsExplainsEveryLabel(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ = bytes.Cut(text, []byte(tableHead))
	for _, d := range Catalogue {
		for _, label := range d.Labels {
			if !bytes.Contains(text, []byte("| `"+label+"` |")) && !bytes.Contains(text, []byte("`"+label+"`,")) {
				t.Errorf("docs/metrics.md does not explain the label %q of %s", label, d.Name)
			}
		}
	}
}
