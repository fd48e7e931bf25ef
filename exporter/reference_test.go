package exporter

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// exposition returns all metrics of logs that have ended, but for how long computing them took.
func exposition(t *testing.T, e *Exporter) []string {
	t.Helper()
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, family := range families {
		if family.GetName() == metric.EvaluationDuration.Name {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Split(text.String(), "\n")
}

func TestASavedProfileServesTheSameAsItsTrainingData(t *testing.T) {
	for _, tt := range []struct{ name, folder, ending string }{
		{"of a classification, packed", "flights", ".profile.json.gz"},
		{"of a classification, plain", "flights", ".profile.json"},
		{"of a regression, known by its content", "flights-minutes", ".reference"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &site{t, t.TempDir()}
			folder, err := filepath.Abs(filepath.Join("..", "examples", tt.folder))
			if err != nil {
				t.Fatal(err)
			}
			configure := func(reference string) *Exporter {
				logs := map[string]string{"flights": "jsonl", "flights-minutes": "csv"}[tt.folder]
				s.write("config.yaml", fmt.Sprintf(`models:
  - name: m
    reference: {path: %q}
    predictions: {path: %q}
    labels: {path: %q}
    windows: [7d, 180d]
`, reference, filepath.Join(folder, "predictions-2001-0*."+logs), filepath.Join(folder, "labels-2001-0*."+logs)))
				e, err := New(Options{
					ConfigFile: s.path("config.yaml"), Now: func() time.Time { return start }, Logger: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					t.Fatal(err)
				}
				return e
			}
			e := configure(filepath.Join(folder, "reference.csv"))
			want := exposition(t, e)
			path := s.path("m" + tt.ending)
			var built, loaded strings.Builder
			if err := e.WriteProfile(&built, "", path); err != nil {
				t.Fatal(err)
			}
			e = configure(path)
			got := exposition(t, e)
			if len(got) != len(want) || len(want) < 500 {
				t.Fatalf("%d lines, want %d", len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("line %d is\n%s\nwant\n%s", i, got[i], want[i])
				}
			}
			if err := e.Check(&loaded); err != nil {
				t.Fatal(err)
			}
			// A check goes on with the first records of each log.
			text, _, _ := strings.Cut(strings.Replace(loaded.String(), ", by its profile "+path, "", 1), "  predictions "+folder)
			if text != built.String() {
				t.Errorf("the profile is described as\n%swant\n%s", text, built.String())
			}
		})
	}
}

func TestAProfileNeedsAModel(t *testing.T) {
	s := newSite(t, "")
	e := s.exporter(time.Now)
	if err := e.WriteProfile(io.Discard, "n", s.path("p")); err == nil || !strings.Contains(err.Error(), `name one of "m"`) {
		t.Errorf("%v", err)
	}
}

func TestASavedProfileOfTextsServesTheSame(t *testing.T) {
	s := newSite(t, "")
	words := strings.Fields("the model reads what people write and people write what they like in words that come and go")
	var reference strings.Builder
	reference.WriteString("comment,age\n")
	for i := range 400 {
		text := make([]string, 0, 20)
		for k := range 6 + i%9 {
			text = append(text, words[(i*i+k*k+i*k)%len(words)])
		}
		fmt.Fprintf(&reference, "%s number %d,%d\n", strings.Join(text, " "), i, i%70)
		line := fmt.Sprintf(`{"timestamp":%q,"comment":"%s stranger %d","age":3}`, start.Format(time.RFC3339), strings.Join(text, " "), i)
		s.add("predictions.jsonl", line+"\n")
	}
	s.write("reference.csv", reference.String())
	fromData := exposition(t, s.exporter(func() time.Time { return start.Add(time.Hour) }))
	if text := strings.Join(fromData, "\n"); !strings.Contains(text, `drift_noise_floor{column="comment"`) ||
		!strings.Contains(text, `drift_score{column="comment_tokens"`) {
		t.Fatal("there are no floors of the text, or no scores of its length")
	}
	if err := s.exporter(nil).WriteProfile(io.Discard, "", s.path("reference.profile.json.gz")); err != nil {
		t.Fatal(err)
	}
	s.write("config.yaml", strings.Replace(s.read("config.yaml"), "reference.csv", "reference.profile.json.gz", 1))
	fromProfile := exposition(t, s.exporter(func() time.Time { return start.Add(time.Hour) }))
	if len(fromData) != len(fromProfile) {
		t.Fatalf("%d lines from the data, %d from the profile", len(fromData), len(fromProfile))
	}
	for i := range fromData {
		if fromData[i] != fromProfile[i] {
			t.Errorf("from the data\n%s\nfrom the profile\n%s", fromData[i], fromProfile[i])
		}
	}
}

func TestColumnsWithTheSameBinsShareWhatIsSimulatedOfThem(t *testing.T) {
	columns := []*profile.Column{
		{Kind: record.Numeric, Bins: []uint64{100, 300, 0}},
		{Kind: record.Numeric, Bins: []uint64{100, 300}},
		{Kind: record.Numeric, Bins: []uint64{100, 300, 0}},
		{Kind: record.Categorical, Bins: []uint64{100, 300, 0}}, // the last of which are values that the reference lacks
		{Kind: record.Numeric, Bins: []uint64{300, 100, 0}},
		{Kind: record.Categorical, Bins: []uint64{100, 300, 0}},
	}
	if got, want := alike(columns), []int{0, 1, 0, 3, 4, 3}; !slices.Equal(got, want) {
		t.Errorf("alike are %d, want %d", got, want)
	}
}
