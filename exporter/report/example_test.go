package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/rules"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func shipped(t *testing.T) rules.Thresholds {
	t.Helper()
	thresholds, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return thresholds
}

// golden returns a file in testdata, after it was rewritten if that was asked for.
func golden(t *testing.T, path string, got []byte) []byte {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// exampleFamilies are what the exporter serves for the bundled example.
func exampleFamilies(t *testing.T) []*metric.Family {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
	e, err := exporter.New(exporter.Options{ConfigFile: "config.example.yaml", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func TestReportOnTheExample(t *testing.T) {
	text, err := filepath.Abs(filepath.Join("testdata", "example.txt"))
	if err != nil {
		t.Fatal(err)
	}
	document := strings.TrimSuffix(text, ".txt") + ".json"
	families := exampleFamilies(t)
	r, err := New(families, Options{Window: "28d", Top: 6, Thresholds: shipped(t)})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := r.WriteText(&got); err != nil {
		t.Fatal(err)
	}
	if want := golden(t, text, got.Bytes()); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got:\n%s\nwant:\n%s", got.Bytes(), want)
	}
	checkShape(t, got.String())
	got.Reset()
	if err := r.WriteJSON(&got); err != nil {
		t.Fatal(err)
	}
	want := golden(t, document, got.Bytes())
	var x, y any
	if err := json.Unmarshal(got.Bytes(), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &y); err != nil {
		t.Fatal(err)
	}
	if !alike(x, y) {
		t.Errorf("got:\n%s\nwant:\n%s", got.Bytes(), want)
	}
	served := index(families)
	if ratio := served.value(metric.ErrorRatio, "flight-delay", "1.0.0", "28d"); ratio == nil ||
		*ratio != *r.Models[0].Versions[0].Performance[0].Value {
		t.Error("the error ratio is not the one that is served")
	}
	// As the alerts do, the report finds the one column whose distribution really changed, of both models.
	if len(r.Findings) != 2 || r.Findings[0].Column != "recent_delay_origin" || r.Findings[1].Column != "recent_delay_origin" {
		t.Errorf("findings are %+v", r.Findings)
	}
	if unjudged := r.Unjudged(Kinds); len(unjudged) != 0 {
		t.Errorf("not judged: %q", unjudged)
	}
}

// alike reports whether two documents are equal but for a last digit: another processor may round differently.
func alike(x, y any) bool {
	switch a := x.(type) {
	case float64:
		b, ok := y.(float64)
		return ok && math.Abs(a-b) <= 1e-9*math.Abs(b)
	case []any:
		b, ok := y.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !alike(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := y.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key := range a {
			if !alike(a[key], b[key]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(x, y)
}

// checkShape holds a text against what a terminal can show.
func checkShape(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > lineWidth {
			t.Errorf("a line has %d columns: %s", len(line), line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("a line ends in blanks: %q", line)
		}
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				t.Errorf("the line %q has the byte %#x", line, c)
				break
			}
		}
	}
}
