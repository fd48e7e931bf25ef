package detector

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The tests of this file hold the tables of the documentation against simulated streams.

var updateDocs = flag.Bool("update", false, "rewrite the tables in docs/statistics")

const (
	detectorsPage = "../../../docs/statistics/detectors.md"
	exampleBegin  = "<!-- The following is written by `make golden`. -->\n"
	exampleEnd    = "<!-- Up to here. -->\n"
	// simulations is the number of streams behind each figure.
	simulations = 100
)

// alarmed simulates streams of an error rate that never changes. It returns how many of them have a drift.
func alarmed(name string, rate float64, n int) int {
	random := rand.New(rand.NewPCG(31, 32))
	count := 0
	for range simulations {
		d, _ := New(name)
		for range n {
			if d.Add(random.Float64() < rate) == Drift {
				count++
				break
			}
		}
	}
	return count
}

// found simulates streams of which 2,000 records have the rate before, and 2,000 the rate after. It returns in how many
// there is a drift in the second half, and the median of the number of records of that half up to it, 0 if less than
// half of the streams have one. It takes no account of drifts in the first half.
func found(name string, before, after float64) (count, median int) {
	random := rand.New(rand.NewPCG(33, 34))
	const half = 2000
	var delays []int
	for range simulations {
		d, _ := New(name)
		for range half {
			d.Add(random.Float64() < before)
		}
		for i := range half {
			if d.Add(random.Float64() < after) == Drift {
				delays = append(delays, i+1)
				break
			}
		}
	}
	count = len(delays)
	if 2*count > simulations {
		slices.Sort(delays)
		// The others would be later, so the median of all streams is among these.
		median = delays[simulations/2]
	}
	return count, median
}

func percent(count int) string { return fmt.Sprintf("%g%%", 100*float64(count)/simulations) }

// stable holds, for each detector, how many streams have a drift at each of the rates.
var (
	stableRates = []float64{0.02, 0.05, 0.1, 0.3}
	stable      = sync.OnceValue(func() map[string][]int {
		counts := make(map[string][]int)
		for _, name := range Names {
			for _, rate := range stableRates {
				counts[name] = append(counts[name], alarmed(name, rate, 20_000))
			}
		}
		return counts
	})
)

func stableTable() string {
	var b strings.Builder
	b.WriteString("| detector |")
	for _, rate := range stableRates {
		fmt.Fprintf(&b, " error ratio %g |", rate)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(stableRates)) + "\n")
	for _, name := range Names {
		fmt.Fprintf(&b, "| `%s` |", name)
		for _, count := range stable()[name] {
			fmt.Fprintf(&b, " %s |", percent(count))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func jumpTable() string {
	var b strings.Builder
	b.WriteString("| detector | to 0.13 | to 0.2 | to 0.3 | down to 0.02 |\n|---|---|---|---|---|\n")
	for _, name := range Names {
		fmt.Fprintf(&b, "| `%s` |", name)
		for _, rate := range []float64{0.13, 0.2, 0.3, 0.02} {
			count, median := found(name, 0.1, rate)
			if median > 0 {
				fmt.Fprintf(&b, " %s, %d |", percent(count), median)
			} else {
				fmt.Fprintf(&b, " %s |", percent(count))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestTablesOfTheDocumentationAreCurrent(t *testing.T) {
	got, err := os.ReadFile(detectorsPage)
	if err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	rest := string(got)
	for _, table := range []func() string{jumpTable, stableTable} {
		before, after, ok := strings.Cut(rest, exampleBegin)
		_, behind, ended := strings.Cut(after, exampleEnd)
		if !ok || !ended {
			t.Fatalf("%s has no place for a table", detectorsPage)
		}
		written.WriteString(before + exampleBegin + "\n" + table() + "\n" + exampleEnd)
		rest = behind
	}
	want := written.String() + rest
	if want == string(got) {
		return
	}
	if !*updateDocs {
		t.Fatalf("%s is out of date; `make golden` writes:\n%s", detectorsPage, want)
	}
	if err := os.WriteFile(detectorsPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWhoAlarmsOnStableStreams(t *testing.T) {
	// What may alert by default, and what the documentation says of it, rest on this.
	const most = simulations / 2
	for i, rate := range stableRates {
		if count := stable()["adwin"][i]; count > simulations/50 {
			t.Errorf("adwin alarms on %s of stable streams of the rate %g", percent(count), rate)
		}
		if count := stable()["eddm"][i]; count <= most {
			t.Errorf("eddm alarms on %s of stable streams of the rate %g", percent(count), rate)
		}
		if count := stable()["ddm"][i]; rate <= 0.05 && count <= most || count < simulations/10 {
			t.Errorf("ddm alarms on %s of stable streams of the rate %g", percent(count), rate)
		}
	}
}
