package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// book notes alerts from their firing to their resolution.
type book struct {
	all  []Firing
	open map[string]int // their places in all, by labels
}

func newBook() *book { return &book{open: make(map[string]int)} }

func (b *book) note(now time.Time, firing []*rules.Alert) {
	still := make(map[string]bool, len(firing))
	slices.SortFunc(firing, func(a, b *rules.Alert) int { return strings.Compare(a.Labels.String(), b.Labels.String()) })
	for _, a := range firing {
		key := a.Labels.String()
		still[key] = true
		if _, known := b.open[key]; known {
			continue
		}
		b.open[key] = len(b.all)
		b.all = append(b.all, Firing{
			Labels: a.Labels.Map(), Fired: now, Description: strings.TrimSpace(a.Annotations.Get("description")),
		})
	}
	for key, at := range b.open {
		if !still[key] {
			b.all[at].Resolved = now
			delete(b.open, key)
		}
	}
}

// subject says what an alert is about beside the model.
func (f *Firing) subject() string {
	return cmp.Or(f.Labels["column"], f.Labels["detector"], f.Labels["source"])
}

// Table shows alerts as a table in Markdown, those of the same labels in one row with their times. The description is
// that of the first time.
func Table(fired []Firing) string {
	if len(fired) == 0 {
		return "No alert fired.\n"
	}
	var rows []string
	var firsts []Firing
	times := make(map[string][]string)
	for _, f := range fired {
		key := fmt.Sprint(f.Labels)
		if times[key] == nil {
			firsts = append(firsts, f)
		}
		times[key] = append(times[key], period(f))
	}
	for _, f := range firsts {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |\n", f.name(), dash(f.subject()),
			strings.Join(times[fmt.Sprint(f.Labels)], "<br>"), strings.ReplaceAll(f.Description, "|", `\|`)))
	}
	return "| alert | column | fired | description, the first time |\n|---|---|---|---|\n" + strings.Join(rows, "")
}

func dash(s string) string { return cmp.Or(s, "–") }

// name is that of the alert, with the severity where it is not the usual one.
func (f *Firing) name() string {
	if severity := f.Labels["severity"]; severity != "warning" {
		return f.Labels["alertname"] + " (" + severity + ")"
	}
	return f.Labels["alertname"]
}

func period(f Firing) string {
	if f.Resolved.IsZero() {
		return f.Fired.Format(minutes) + " on"
	}
	return f.Fired.Format(minutes) + " to " + f.Resolved.Format(minutes)
}

const minutes = "2006-01-02 15:04"
