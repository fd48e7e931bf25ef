package exporter

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// words returns the tokens of a text, found as the documentation says.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) })
}

// randomText writes words that are the rarer the higher their number.
func randomText(r *rand.Rand, vocabulary int) string {
	var b strings.Builder
	for range r.IntN(12) {
		fmt.Fprintf(&b, "Word%d, ", int(float64(vocabulary)*math.Pow(r.Float64(), 3)))
	}
	return b.String()
}

// logLine writes a record with a text, or with what else value is.
func logLine(t *testing.T, number int, value any) string {
	t.Helper()
	line, err := json.Marshal(map[string]any{
		"id": strconv.Itoa(number), "timestamp": "2026-03-14T09:26:53Z", "features": map[string]any{"note": value},
		"prediction": "yes",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(line) + "\n"
}

// serveTexts runs an exporter on texts and a log. There are 100 tokens at most.
func serveTexts(t *testing.T, reference []string, log string) served {
	t.Helper()
	dir := t.TempDir()
	var training strings.Builder
	training.WriteString("note,prediction\n")
	for _, text := range reference {
		fmt.Fprintf(&training, "%q,yes\n", text)
	}
	for name, content := range map[string]string{"reference.csv": training.String(), "log.jsonl": log} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := runOnce(t, fmt.Sprintf("models: [{name: m, reference: {path: %q}, predictions: {path: %q}, "+
		"windows: [1h], max_tokens: 100, columns: {note: {kind: text}}, task: classification, missing_values: []}]\n",
		filepath.Join(dir, "reference.csv"), filepath.Join(dir, "log.jsonl")), true)
	return got
}

// lumped counts the words of texts: the most frequent 100 of the reference each, its others, and those it lacks.
func lumped(reference, live []string) (p, q []float64) {
	counts := make(map[string]int)
	for _, text := range reference {
		for _, word := range words(text) {
			counts[word]++
		}
	}
	var ranked []string
	for word := range counts {
		ranked = append(ranked, word)
	}
	slices.SortFunc(ranked, func(a, b string) int { return counts[b] - counts[a] })
	share := func(texts []string) []float64 {
		cells, total := make([]float64, 102), 0.0
		for _, text := range texts {
			for _, word := range words(text) {
				rank := slices.Index(ranked, word)
				switch {
				case rank < 0:
					rank = 101
				case rank >= 100:
					rank = 100
				}
				cells[rank]++
				total++
			}
		}
		for i := range cells {
			cells[i] /= total
		}
		return cells
	}
	return share(reference), share(live)
}

func TestTextScoresEqualThoseOfTheirCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var reference, live []string
	// Counts fall steeply enough for the hundredth word to have no equal.
	for i := range 130 {
		reference = append(reference, strings.Repeat(fmt.Sprintf("word%d ", i), 131-i))
	}
	var log strings.Builder
	for i := range 200 {
		text := randomText(r, 200)
		live = append(live, text)
		log.WriteString(logLine(t, i, text))
	}
	for i, value := range []any{nil, nil, nil, []string{"a list"}, "", "👍"} {
		log.WriteString(logLine(t, 1000+i, value))
	}
	got := serveTexts(t, reference, log.String())
	p, q := lumped(reference, live)
	want := make(map[string]float64)
	for i := range p {
		a, b := max(p[i], 1e-4), max(q[i], 1e-4)
		want["psi"] += (b - a) * math.Log(b/a)
		want["chebyshev"] = max(want["chebyshev"], math.Abs(p[i]-q[i]))
		want["total_variation"] += math.Abs(p[i]-q[i]) / 2
		for _, x := range []float64{p[i], q[i]} {
			if x > 0 {
				want["jensen_shannon"] += x / 2 * math.Log2(2*x/(p[i]+q[i]))
			}
		}
		want["hellinger"] += math.Pow(math.Sqrt(p[i])-math.Sqrt(q[i]), 2) / 2
	}
	want["jensen_shannon"] = math.Sqrt(want["jensen_shannon"])
	want["hellinger"] = math.Sqrt(want["hellinger"])
	for statistic, value := range want {
		if x, ok := got.find(metric.Score, "column=note", "statistic="+statistic); !ok || !near(x, value, 1e-9) {
			t.Errorf("%s is %.17g, want %.17g", statistic, x, value)
		}
		if _, ok := got.find(metric.NoiseFloor, "column=note", "statistic="+statistic); !ok {
			t.Errorf("%s has no noise floor", statistic)
		}
	}
	for _, c := range []struct {
		def  metric.Def
		want float64
	}{
		{metric.UnseenRatio, q[101]},
		{metric.MissingRatio, 3.0 / 206},
		{metric.InvalidRatio, 1.0 / 206},
		{metric.ReferenceUnseenRatio, 1}, // no word stands in two texts
	} {
		if x, ok := got.find(c.def, "column=note"); !ok || !near(x, c.want, 1e-12) {
			t.Errorf("%s is %g, want %g", c.def.Name, x, c.want)
		}
	}
	var tokens int
	for _, text := range live {
		tokens += len(words(text))
	}
	if x, ok := got.find(metric.ColumnMean, "column=note_tokens"); !ok || !near(x, float64(tokens)/202, 1e-9) {
		t.Errorf("the mean length is %g, want %d tokens in 202 texts", x, tokens)
	}
	for _, d := range []metric.Def{metric.MissingRatio, metric.InvalidRatio, metric.ReferenceMissingRatio} {
		if x, ok := got.find(d, "column=note_tokens"); ok {
			t.Errorf("%s of the length is %g, but of that the text itself tells", d.Name, x)
		}
	}
}

func TestTextWithoutTokensHasNoScores(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var reference []string
	for range 100 {
		reference = append(reference, "one "+randomText(r, 50))
	}
	for _, c := range []struct {
		name            string
		value           any
		missing, length float64
	}{
		{"all are null", nil, 1, -1},
		{"all are empty", "", 0, 0},
		{"all are emoji", "👍👍", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			for i := range 50 {
				log.WriteString(logLine(t, i, c.value))
			}
			got := serveTexts(t, reference, log.String())
			if x, ok := got.find(metric.MissingRatio, "column=note"); !ok || x != c.missing {
				t.Errorf("the missing ratio is %g, want %g", x, c.missing)
			}
			for _, d := range []metric.Def{metric.UnseenRatio, metric.Score, metric.NoiseFloor} {
				for key := range got {
					if strings.HasPrefix(key, d.Name+"{") && strings.Contains(key, "column=note,") {
						t.Errorf("%s is served", key)
					}
				}
			}
			if x, ok := got.find(metric.ColumnMean, "column=note_tokens"); ok != (c.length >= 0) || ok && x != c.length {
				t.Errorf("the mean length is %g (%t), want %g", x, ok, c.length)
			}
		})
	}
}
