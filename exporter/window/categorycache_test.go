package window

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Whatever was looked up before, and wherever in a batch a text stands, the cache must say what the column says.
func TestCategoryCacheSaysWhatTheColumnSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	// Texts of all lengths around the words that are compared, many of which begin or end alike.
	var texts []string
	for length := range 20 {
		for range 6 {
			text := []byte(strings.Repeat("a", length))
			if length > 0 {
				text[r.IntN(length)] = "bc"[r.IntN(2)]
			}
			texts = append(texts, string(text))
		}
	}
	path := filepath.Join(t.TempDir(), "reference.csv")
	var rows strings.Builder
	rows.WriteString("name,last\n")
	for i := range 1000 {
		fmt.Fprintf(&rows, "%s,0.5\n", texts[i%len(texts)/2*2]) // half of the texts are unknown
	}
	if err := os.WriteFile(path, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Build(profile.Options{Path: path, Format: "csv", CutPoints: 10, MaxCategories: 50})
	if err != nil {
		t.Fatal(err)
	}
	c := p.Live()[0]
	column := column{Column: c, cache: &categoryCache{}}
	for range 20_000 {
		var b record.Batch
		var spans []record.Span
		for range 1 + r.IntN(4) {
			text := texts[r.IntN(len(texts))]
			spans = append(spans, record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(text))})
			b.Bytes = append(b.Bytes, text...)
		}
		for _, span := range spans {
			counts := make([]uint32, len(c.Cells))
			column.addCategories(&b, []record.Span{span}, counts, &sums{})
			got, want := slices.Index(counts, 1), c.Category(b.Text(span))
			if got != int(want) {
				t.Fatalf("%q is in cell %d, want %d", b.Text(span), got, want)
			}
		}
	}
}
