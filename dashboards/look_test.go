package dashboards

import (
	"encoding/json"
	"testing"
)

// Grafana gives labels the unit of the panel unless told otherwise: a version 1.10 would be 1.1, a class 1 would be 100%,
// and all text where the unit is a time would be NaN. In a cell without a value it writes what an empty panel says.
func TestCellsShowWhatTheyHold(t *testing.T) {
	for name, d := range shipped(t) {
		for _, p := range d.queries() {
			if p.Type != "table" && p.Type != "barchart" {
				continue
			}
			if unit, _ := p.override("byType", "string", "unit"); string(unit) != `"string"` {
				t.Errorf("%s: %s: labels that look like numbers are shown as numbers, their unit is %q", name, p.Title, unit)
			}
			for _, kind := range []string{"string", "number"} {
				if empty, ok := p.override("byType", kind, "noValue"); p.Type == "table" && (!ok || len(empty) > len(`"-"`)) {
					t.Errorf("%s: %s: a %s that is absent is shown as %s", name, p.Title, kind, empty)
				}
			}
		}
	}
}

// Grafana itself turns schemes with two ends round, so that RdYlGn is green where values are small, and reverse would
// make it red there.
func TestHeatmapsAreRedWhereValuesAreLarge(t *testing.T) {
	found := false
	for name, d := range shipped(t) {
		for _, p := range d.queries() {
			if p.Type != "heatmap" || p.Options.Color.Scheme != "RdYlGn" {
				continue
			}
			found = true
			if p.Options.Color.Reverse {
				t.Errorf("%s: %s is green where values are large", name, p.Title)
			}
		}
	}
	if !found {
		t.Error("no heatmap goes from green to red")
	}
}

// A table has no column that only scrolling shows, on a screen as wide as that of a laptop.
func TestTablesFitTheirPanels(t *testing.T) {
	const (
		screen  = 1440 // pixels
		margins = 32   // to both sides of the dashboard
		gap     = 8    // between panels
		padding = 18   // of a panel, to both sides
		unset   = 150  // of a column without width or minWidth
	)
	unit := float64(screen-margins-23*gap) / 24
	for name, d := range shipped(t) {
		for _, p := range d.queries() {
			if p.Type != "table" {
				continue
			}
			var needed int
			for _, transformation := range p.Transformations {
				for field := range transformation.Options.Order {
					if !transformation.Options.Exclude[field] {
						needed += p.width(t, field, transformation.Options.Rename[field], unset)
					}
				}
			}
			width := float64(p.Grid.W)*unit + float64(p.Grid.W-1)*gap - padding
			if needed == 0 || float64(needed) > width {
				t.Errorf("%s: %s: its columns take %d pixels, it has %.0f", name, p.Title, needed, width)
			}
		}
	}
}

// width returns how many pixels a column takes at least.
func (p *panel) width(t *testing.T, field, renamed string, unset int) int {
	t.Helper()
	width := unset
	if least := p.FieldConfig.Defaults.Custom.MinWidth; least > 0 {
		width = least
	}
	for _, property := range []string{"custom.minWidth", "custom.width"} {
		for _, name := range []string{field, renamed} {
			if value, ok := p.override("byName", name, property); ok {
				if err := json.Unmarshal(value, &width); err != nil {
					t.Fatalf("%s: %s of %s: %v", p.Title, property, name, err)
				}
			}
		}
	}
	return width
}
