package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteJSON writes the report as an indented JSON document.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// WriteText writes the report as tables of at most 120 columns in plain ASCII.
func (r *Report) WriteText(w io.Writer) error {
	t := &text{}
	for i := range r.Models {
		t.model(&r.Models[i])
	}
	if len(r.Findings) == 0 {
		t.printf("nothing exceeds its threshold\n")
	} else {
		t.printf("what exceeds its threshold:\n")
		for i := range r.Findings {
			t.wrap(r.Findings[i].String())
		}
	}
	if _, err := io.WriteString(w, t.out.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// The widths of what may be of any length. With them no line is longer than lineWidth.
const (
	lineWidth   = 120
	nameWidth   = 24
	valueWidth  = 32
	reasonWidth = 40
	sourceWidth = 64
)

// text is a report that is being written.
type text struct {
	out strings.Builder
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

// wrap writes words, in as many lines as they need.
func (t *text) wrap(words string) {
	line := " "
	for word := range strings.FieldsSeq(words) {
		word = cut(word, lineWidth-4)
		if len(line)+1+len(word) > lineWidth && strings.TrimSpace(line) != "" {
			t.printf("%s\n", line)
			line = "   "
		}
		line += " " + word
	}
	t.printf("%s\n", line)
}

// table writes rows below their headings. An empty cell is written as a dash.
func (t *text) table(headings []string, rows [][]string) {
	w := tabwriter.NewWriter(&t.out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
		for i, cell := range row {
			if cell == "" {
				cell = "-"
			}
			row[i] = cell
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(row, "\t"))
	}
	// It writes to memory.
	_ = w.Flush()
	t.printf("\n")
}

func (t *text) model(m *Model) {
	t.printf("model %s\n", cut(shown(m.Name), lineWidth-6))
	var rows [][]string
	for _, s := range m.Sources {
		records := number(&s.Records)
		if !s.Up {
			records = "no file"
		}
		rows = append(rows, []string{cutFront(shown(s.Name), sourceWidth), records, cut(listed(s.Rejected), reasonWidth)})
	}
	t.table([]string{"source", "records", "rejected"}, rows)
	if len(m.Labels) > 0 {
		t.wrap("labels: " + listed(m.Labels))
		t.printf("\n")
	}
	if len(m.Versions) == 0 {
		t.printf("  no predictions\n\n")
	}
	for i := range m.Versions {
		t.version(&m.Versions[i], m.Window)
	}
}

func listed(counts []Count) string {
	var all []string
	for _, c := range counts {
		all = append(all, number(&c.Count)+" "+shown(c.Name))
	}
	return strings.Join(all, ", ")
}

func (t *text) version(v *Version, window string) {
	t.printf("version %s\n", cut(shown(v.Name), lineWidth-8))
	own := ""
	if v.Fallback {
		own = ", for want of one of its own"
	}
	t.wrap(fmt.Sprintf("%s, compared with %s rows of %s%s", v.Task, number(&v.ReferenceRows), shown(v.Reference), own))
	if v.Predictions > 0 {
		t.wrap(fmt.Sprintf("%s predictions from %s to %s", number(&v.Predictions), v.First.Format(time.RFC3339),
			v.Last.Format(time.RFC3339)))
	}
	line := "window " + window + ": "
	if v.WindowPredictions == nil {
		line += "no predictions"
	} else {
		line += number(v.WindowPredictions) + " predictions"
	}
	if v.Labeled != nil {
		line += fmt.Sprintf(", %.1f%% of them with a label", 100**v.Labeled)
	}
	if v.WindowLabels != nil {
		line += "; " + number(v.WindowLabels) + " labels arrived"
	}
	t.wrap(line)
	t.printf("\n")
	t.performance(v.Performance)
	t.columns(v.Columns, v.MoreColumns)
	t.slices(v.Slices, v.MoreSlices)
	t.comparisons(v.Comparisons)
	t.detectors(v.Detectors)
}

func (t *text) performance(all []Performance) {
	var rows [][]string
	for _, p := range all {
		rows = append(rows, []string{p.Metric, digits(p.Value), interval(p.Lower, p.Upper), digits(p.Reference)})
	}
	if len(rows) > 0 {
		t.table([]string{"performance", "window", "95% interval", "reference"}, rows)
	}
}

func interval(lower, upper *float64) string {
	if lower == nil || upper == nil {
		return ""
	}
	return digits(lower) + " to " + digits(upper)
}

func (t *text) columns(columns []Column, more int) {
	var rows [][]string
	for i := range columns {
		c := &columns[i]
		row := []string{cut(shown(c.Name), nameWidth), "", "", ""}
		if len(c.Scores) > 0 {
			s := c.Scores[0]
			row = []string{row[0], s.Statistic, digits(&s.Value), digits(s.Floor)}
		}
		for _, test := range []string{"chi_squared", "ks", "z"} {
			row = append(row, c.probability(test))
		}
		rows = append(rows, append(row, digits(c.Missing), digits(c.Unseen), c.verdict()))
	}
	if len(rows) == 0 {
		return
	}
	t.table([]string{
		"column", "statistic", "score", "floor", "p chi2", "p ks", "p z", "missing", "unseen", "verdict",
	}, rows)
	t.more(more, "columns")
}

// more says how many rows of the table above are not listed.
func (t *text) more(n int, what string) {
	if n > 0 {
		out := strings.TrimSuffix(t.out.String(), "\n")
		t.out.Reset()
		t.printf("%s  and %d more %s\n\n", out, n, what)
	}
}

func (c *Column) probability(test string) string {
	for _, p := range c.PValues {
		if p.Test == test {
			return probability(&p.Value)
		}
	}
	return ""
}

func probability(p *float64) string {
	switch {
	case p == nil:
		return ""
	case *p < 0.001 && *p > 0:
		return fmt.Sprintf("%.0e", *p)
	}
	return fmt.Sprintf("%.3f", *p)
}

func (c *Column) verdict() string {
	switch {
	case c.Drifted && c.Unsound:
		return "drift data"
	case c.Drifted:
		return "drift"
	case c.Unsound:
		return "data"
	case len(c.Scores) > 0:
		return "ok"
	}
	return ""
}

func (t *text) slices(slices []Slice, more int) {
	var rows [][]string
	for _, s := range slices {
		rows = append(rows, []string{
			cut(shown(s.Column), nameWidth), cut(shown(s.Value), valueWidth), number(s.Predictions), number(&s.Labels),
			fmt.Sprintf("%.3f", s.ErrorRatio), fmt.Sprintf("%.3f to %.3f", s.Lower, s.Upper), fmt.Sprintf("%+.3f", s.Excess),
		})
	}
	if len(rows) == 0 {
		return
	}
	t.table([]string{"slice", "value", "predictions", "labels", "errors", "95% interval", "above all"}, rows)
	t.more(more, "slices")
}

func (t *text) detectors(all []Detector) {
	var rows [][]string
	for _, d := range all {
		last := ""
		if !d.LastDrift.IsZero() {
			last = d.LastDrift.Format(time.RFC3339)
		}
		rows = append(rows, []string{d.Name, d.State, number(&d.Drifts), last})
	}
	if len(rows) > 0 {
		t.table([]string{"detector", "state", "drifts", "last drift"}, rows)
	}
}

func (t *text) comparisons(all []Comparison) {
	var rows [][]string
	for _, c := range all {
		rows = append(rows, []string{
			cut(shown(c.Champion), valueWidth), fmt.Sprintf("%+.3f", c.Difference), interval(c.Lower, c.Upper),
			probability(c.PValue),
		})
	}
	if len(rows) > 0 {
		t.table([]string{"beside version", "more errors", "95% interval", "p"}, rows)
	}
}

// number writes a count.
func number(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'f', -1, 64)
}

// digits writes a value with three digits behind the point, or four digits in all where that would be too long or too
// little.
func digits(x *float64) string {
	switch {
	case x == nil:
		return ""
	case math.Abs(*x) >= 1e4 || *x != 0 && math.Abs(*x) < 5e-4:
		return strconv.FormatFloat(*x, 'g', 3, 64)
	}
	return strconv.FormatFloat(*x, 'f', 3, 64)
}

// shown returns a name of a configuration, a reference or a log in plain ASCII, so that it can neither break a table
// nor give a terminal commands.
func shown(name string) string {
	if name == "" {
		return `""`
	}
	quoted := strconv.QuoteToASCII(name)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

// cut shortens a text to a width, and cutFront does so at its beginning.
func cut(s string, width int) string {
	if len(s) <= width {
		return s
	}
	return s[:width-3] + "..."
}

func cutFront(s string, width int) string {
	if len(s) <= width {
		return s
	}
	return "..." + s[len(s)-width+3:]
}
