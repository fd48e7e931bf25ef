package replay

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// step is the time between two evaluations of the rules. With 10m the replays take five times as long and find the same.
var step = flag.Duration("step", time.Hour, "time between two evaluations of the rules, a multiple of 10m")

var update = flag.Bool("update", false, "rewrite the tables in docs/replays.md")

const docs = "../../docs/replays.md"

// show prints what fired and holds it against the table in the documentation that is marked with the name.
func show(t *testing.T, name string, fired []Firing) {
	t.Helper()
	table := Table(fired)
	fmt.Printf("%s:\n%s", name, table)
	content, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	begin := "<!-- Written by `make golden`: " + name + " -->\n\n"
	before, rest, found := strings.Cut(string(content), begin)
	old, after, ended := strings.Cut(rest, "\n<!-- end -->\n")
	if !found || !ended {
		t.Fatalf("%s: no place for a table between %q and an end", docs, begin)
	}
	if old == table {
		return
	}
	if !*update {
		t.Errorf("%s does not show what the replay of %s gives; `make golden` writes it again", docs, name)
		return
	}
	if err := os.WriteFile(docs, []byte(before+begin+table+"\n<!-- end -->\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// only fails for every alert that is none of these: a name, or a name and a column.
func only(t *testing.T, fired []Firing, expected ...string) {
	t.Helper()
	seen := make(map[string]bool)
	for _, f := range fired {
		key := strings.TrimSpace(f.Labels["alertname"] + " " + f.subject())
		seen[key] = true
	}
	want := make(map[string]bool)
	for _, key := range expected {
		want[key] = true
		if !seen[key] {
			t.Errorf("%s has not fired", key)
		}
	}
	for key := range seen {
		if !want[key] {
			t.Errorf("%s has fired", key)
		}
	}
}

func day(t *testing.T, date string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNothingFiresWithoutDrift replays the eight weeks of flights-control, in which nothing drifts by construction.
func TestNothingFiresWithoutDrift(t *testing.T) {
	const folder = "testdata/flights-control/"
	fired := Run(t, Case{
		Format: "csv", Model: "positive_class: late\nslices: [origin]\n", Step: *step,
		Reference: folder + "reference.csv.gz", Predictions: []string{folder + "predictions.csv.gz"},
		Labels: []string{folder + "labels.csv.gz"},
	})
	show(t, "control", fired)
	only(t, fired)
}

// flights is the log of the example.
func flights() Case {
	const folder = "../../examples/flights/"
	c := Case{
		Format: "jsonl", Model: "positive_class: late\nwindows: [7d, 28d]\nslices: [origin]\n", Step: *step,
		Reference: folder + "reference.csv",
	}
	for _, from := range []string{"02-01", "03-01", "03-29", "04-26", "05-17", "06-07"} {
		c.Predictions = append(c.Predictions, folder+"predictions-2001-"+from+".jsonl")
		c.Labels = append(c.Labels, folder+"labels-2001-"+from+".jsonl")
	}
	return c
}

func TestTheShiftOfDelaysFires(t *testing.T) {
	fired := Run(t, flights())
	show(t, "flights", fired)
	only(t, fired, "ModelFeatureDrift recent_delay_origin")
	for _, f := range fired {
		if f.Fired.Before(day(t, "2001-04-26")) || f.Resolved.IsZero() || f.Resolved.After(day(t, "2001-06-07")) {
			t.Errorf("the alert of %s does not fire in May alone", f.Fired)
		}
	}
}
