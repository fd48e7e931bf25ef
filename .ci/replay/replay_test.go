package replay

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// step is the time between two evaluations of the rules. A shorter one looks closer and takes longer.
var step = flag.Duration("step", time.Hour, "time between two evaluations of the rules, a multiple of 10m")

var update = flag.Bool("update", false, "rewrite the tables in docs/replays.md")

const docs = "../../docs/replays.md"

// show prints what fired and holds it against the table in the documentation that is marked with the name.
func show(t *testing.T, name string, fired []Firing) {
	t.Helper()
	table := Table(fired) + "\n"
	fmt.Printf("%s:\n%s", name, table)
	content, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	begin := "<!-- Written by `make golden`: " + name + " -->\n\n"
	before, rest, found := strings.Cut(string(content), begin)
	old, after, ended := strings.Cut(rest, "<!-- end -->\n")
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
	if err := os.WriteFile(docs, []byte(before+begin+table+"<!-- end -->\n"+after), 0o600); err != nil {
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
	c := flights()
	c.Step = 2 * *step // it is the longest one
	fired := Run(t, c)
	show(t, "flights", fired)
	only(t, fired, "ModelFeatureDrift recent_delay_origin")
	for _, f := range fired {
		if f.Fired.Before(day(t, "2001-04-26")) || f.Resolved.IsZero() || f.Resolved.After(day(t, "2001-06-07")) {
			t.Errorf("the alert of %s does not fire in May alone", f.Fired)
		}
	}
}

// TestEachPartOfAnIncidentFires injects an incident into the log of flights from 15 March on, four things at once that
// go wrong in services: a unit, a feature, a code and the labels of one airport.
func TestEachPartOfAnIncidentFires(t *testing.T) {
	const miles, origin = 1.609344, "BWI"
	c := flights()
	c.From, c.To = day(t, "2001-03-08"), day(t, "2001-04-19")
	c.Incident = &Incident{
		From: day(t, "2001-03-15"),
		Features: func(f map[string]any) {
			f["distance"] = math.Round(f["distance"].(float64) * miles)
			f["flights_last_hour_origin"] = nil
			if f["destination"] == "ORD" || f["destination"] == "DFW" {
				f["destination"] = "CHI"
			}
		},
		Label: func(f map[string]any, label string) string {
			if f["origin"] != origin {
				return label
			}
			return map[string]string{"late": "on_time", "on_time": "late"}[label]
		},
	}
	fired := Run(t, c)
	show(t, "incident", fired)
	only(t, fired, "ModelFeatureDrift distance", "ModelMissingValuesHigh flights_last_hour_origin",
		"ModelUnseenCategoriesHigh destination", "ModelFeatureDrift destination", "ModelManyFeaturesDrifted",
		"ModelSliceErrorRatioHigh origin")
	for _, f := range fired {
		if f.Labels["alertname"] == "ModelSliceErrorRatioHigh" && !strings.Contains(f.Description, "where origin is "+origin) {
			t.Errorf("the airport is not named: %s", f.Description)
		}
		if f.Fired.Before(c.Incident.From) {
			t.Errorf("%s fired on %s, before the incident", f.name(), f.Fired)
		}
	}
}

// TestTheOpeningOfAMarketFires replays the prices of electricity around 5 May 1997, when New South Wales and Victoria began
// to trade. What comes from Victoria was constant until then.
func TestTheOpeningOfAMarketFires(t *testing.T) {
	const folder = "../../../shared/data/elec2/"
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the data set is not part of the project, its licence is not known: %v", err)
	}
	c := Case{
		Format: "jsonl", Model: "positive_class: UP\nwindows: [7d, 28d]\n", Step: *step,
		Reference: folder + "reference.csv", Predictions: []string{folder + "predictions.jsonl"},
		Labels: []string{folder + "labels.jsonl"},
		From:   day(t, "1997-04-14"), To: day(t, "1997-06-16"),
	}
	opening := day(t, "1997-05-05")
	fired := Run(t, c)
	show(t, "elec2", fired)
	first := func(alert, column string) time.Time {
		for _, f := range fired {
			if f.Labels["alertname"] == alert && f.Labels["column"] == column && !f.Fired.Before(opening) {
				return f.Fired
			}
		}
		t.Fatalf("%s %s has not fired after the opening", alert, column)
		return time.Time{}
	}
	for _, column := range []string{"vicprice", "vicdemand", "transfer"} {
		if at := first("ModelFeatureDrift", column); at.After(opening.AddDate(0, 0, 7)) {
			t.Errorf("the drift of %s fires on %s, later than a week after the opening", column, at)
		}
	}
	for _, f := range fired {
		switch f.Labels["column"] {
		case "vicprice", "vicdemand", "transfer":
			if f.Fired.Before(opening) {
				t.Errorf("the drift of %s fires on %s, before the opening", f.Labels["column"], f.Fired)
			}
		case "period":
			t.Errorf("the time of day drifts on %s", f.Fired)
		}
	}
	if at := first("ModelRetrainingRecommended", ""); at.Before(first("ModelFeatureDrift", "transfer")) {
		t.Errorf("retraining is recommended on %s, before the drift", at)
	}
}
