package metric

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/model"
)

// example returns a snapshot with one value of every metric.
func example() *Snapshot {
	s := NewSnapshot()
	for _, d := range Catalogue {
		if d.Name == SeriesDropped.Name {
			continue // The store's own.
		}
		if d.Type == Histogram {
			s.AddHistogram(d, []float64{1, 2}, []uint64{3, 0, 1}, 12.5, slices.Clone(d.Labels)...)
			continue
		}
		s.Add(d, 1, slices.Clone(d.Labels)...)
	}
	return s
}

func TestCatalogueIsCleanToPromlint(t *testing.T) {
	store := NewStore(nil)
	store.Publish(example())
	families, err := store.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != len(Catalogue) {
		t.Fatalf("gathered %d families of the %d in the catalogue", len(families), len(Catalogue))
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestCatalogueKeepsToItsConventions(t *testing.T) {
	// Recording rules and expositions give these labels a meaning of their own.
	reserved := []string{"type", "quantile", "le", "job", "instance", "__name__"}
	names := make(map[string]bool)
	for _, d := range Catalogue {
		// OpenMetrics names a family of counters without its ending.
		base := strings.TrimSuffix(d.Name, "_total")
		if names[base] {
			t.Errorf("%s is there twice", d.Name)
		}
		names[base] = true
		if !model.LegacyValidation.IsValidMetricName(d.Name) {
			t.Errorf("%s is no legal name", d.Name)
		}
		if !strings.HasPrefix(d.Name, "drift_") {
			t.Errorf("%s does not start with drift_", d.Name)
		}
		if total := strings.HasSuffix(d.Name, "_total"); total != (d.Type == Counter) {
			t.Errorf("%s is a counter: %t, and ends in _total: %t", d.Name, d.Type == Counter, total)
		}
		if strings.TrimSpace(d.Help) != d.Help || !strings.HasSuffix(d.Help, ".") || strings.ContainsAny(d.Help, "\n|") {
			t.Errorf("%s: help %q is no text of one line that ends with a full stop", d.Name, d.Help)
		}
		for i, label := range d.Labels {
			if !model.LegacyValidation.IsValidLabelName(label) || strings.HasPrefix(label, "__") {
				t.Errorf("%s: label %q is not legal", d.Name, label)
			}
			if slices.Contains(reserved, label) {
				t.Errorf("%s: label %q means something else to Prometheus", d.Name, label)
			}
			if slices.Contains(d.Labels[:i], label) {
				t.Errorf("%s: label %q is there twice", d.Name, label)
			}
		}
	}
}

func TestEveryDefinitionIsInTheCatalogue(t *testing.T) {
	defined, listed := parseCatalogue(t)
	if len(defined) < 2 || len(listed) != len(Catalogue) {
		t.Fatalf("found %d definitions and %d entries of a catalogue of %d", len(defined), len(listed), len(Catalogue))
	}
	for _, name := range defined {
		if !slices.Contains(listed, name) {
			t.Errorf("%s is not in Catalogue", name)
		}
	}
	for i, name := range listed {
		if slices.Contains(listed[:i], name) {
			t.Errorf("%s is in Catalogue twice", name)
		}
	}
}

// parseCatalogue returns the variables of catalogue.go that are a Def, and those that Catalogue lists.
func parseCatalogue(t *testing.T) (defined, listed []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, value := range spec.Values {
			literal, ok := value.(*ast.CompositeLit)
			if !ok {
				continue
			}
			if kind, ok := literal.Type.(*ast.Ident); ok && kind.Name == "Def" {
				defined = append(defined, spec.Names[i].Name)
			}
			if spec.Names[i].Name == "Catalogue" {
				for _, entry := range literal.Elts {
					listed = append(listed, entry.(*ast.Ident).Name)
				}
			}
		}
		return true
	})
	return defined, listed
}
