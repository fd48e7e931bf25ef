package profile

import (
	"encoding/csv"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// surveyed returns what a pass over a CSV file has seen of its columns.
func surveyed(t *testing.T, o Options) []*sighting {
	t.Helper()
	file, err := os.Open(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o.Format = decode.FormatCSV
	b := &builder{options: o, profile: &Profile{Path: o.Path}}
	b.results = newResults(b)
	p := b.newPass()
	if p.format, err = decode.Lookup(o.Format, decode.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := decode.ReadChunks(file, p.format, o.Path, p.readFlat); err != nil {
		t.Fatal(err)
	}
	p.taking.Wait()
	return p.survey.order
}

// seen is what a sighting knows of its values.
func seen(s *sighting) string {
	return fmt.Sprintf("%d values, %d numbers, %d integers, %d times, %d bytes, %d spaced, %d distinct",
		s.values, s.numbers, s.integers, s.times, s.length, s.spaced, len(s.distinct))
}

// TestDecodedValuesAreSeenAsTextsAre compares what is seen of decoded numbers and texts with what is seen of the same
// texts, read by the standard library, one by one.
func TestDecodedValuesAreSeenAsTextsAre(t *testing.T) {
	sets := map[string][]string{
		"integers": {"1", "2", "3", "-0", "1e2", "007"},
		"codes":    {"1", "2", "2", "1", "3"},
		"numbers":  {"1", "2.5", "+3", ".5", "5.", "1e-3", "-1E5", " 7", "8 ", "\t9", "12345678901234567890123", "4.0", "4.00"},
		"beyond":   {"1", "1e400", "-1e400", "2", "1e-400"},
		"not finite": {
			"1", "nan", " NaN ", "-inf", "Infinity", "+-nan", "\u00a0nan", "infinite", "n", "2", "3", "4", "5", "6", "7", "8",
		},
		"odd numbers": {"1", "0x1p4", "0x_1p4", "1_000", "\u00a05", "6\v", "7"},
		"missing":     {"1", "", "NA", " NA ", "2", "  ", "null"},
		"times":       {"2020-01-02", "2020-01-02T03:04:05Z", "1577836800", "2020-01-03"},
		"prose":       {"some words", "other words, with a comma", " edge ", "line\nbreak", `a "quote"`},
		"mixed":       {"1", "2", "x", "3", "4", "5", "6", "7", "8", "9"},
	}
	names := slices.Sorted(maps.Keys(sets))
	r := rand.New(rand.NewPCG(7, 8))
	for _, rows := range []int{1, 10, 40_000} { // the last one is several chunks
		o := write(t, "r.csv", "")
		o.Missing = []string{"", "NA", "null"}
		var text strings.Builder
		out := csv.NewWriter(&text)
		row := slices.Concat(names, []string{"late"})
		if err := out.Write(row); err != nil {
			t.Fatal(err)
		}
		want := make([]*sighting, len(row))
		for i, name := range row {
			want[i] = newSighting(name, []string{name}, maphash.MakeSeed())
		}
		for n := range rows {
			for i, name := range names {
				row[i] = sets[name][r.IntN(len(sets[name]))]
			}
			row[len(names)] = fmt.Sprint(n, ".5")
			if n > rows*3/4 {
				row[len(names)] += "x"
			}
			if err := out.Write(row); err != nil {
				t.Fatal(err)
			}
			for i, value := range row {
				word := strings.Trim(value, " \t")
				if !slices.Contains(o.Missing, word) && !decode.IsNotFinite(word) {
					want[i].text([]byte(value), false)
				}
			}
		}
		out.Flush()
		if err := os.WriteFile(o.Path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, s := range surveyed(t, o) {
			if got, want := seen(s), seen(want[i]); got != want {
				t.Errorf("%d rows of %s: saw %s, want %s", rows, s.name, got, want)
			}
		}
	}
}
