package exporter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

func TestSkewBetweenTrainingAndServingIsServed(t *testing.T) {
	stamp := func(i int) string { return start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339) }
	for _, c := range []struct {
		name, file string
		line       func(i int) string
		want       map[string]float64 // by column and skew
	}{
		{"nothing differs", "predictions.jsonl", func(i int) string { return prediction(i, "") }, nil},
		{"more beside the features", "predictions.jsonl", func(i int) string { return prediction(i, `,"latency":3`) }, nil},
		{"a column is gone and another one new", "predictions.jsonl", func(i int) string {
			return fmt.Sprintf(`{"timestamp":%q,"latency":3,"features":{"age":30,"region":"x"},"prediction":"no","score":0.1}`+"\n", stamp(i))
		}, map[string]float64{"city missing_column": 1, "region unknown_column": 1}},
		{"the same, flat", "predictions.jsonl", func(i int) string {
			return fmt.Sprintf(`{"timestamp":%q,"age":30,"region":"x","prediction":"no","score":0.1}`+"\n", stamp(i))
		}, map[string]float64{"city missing_column": 1, "region unknown_column": 1}},
		{"the same in CSV", "predictions.csv", func(i int) string {
			header := ""
			if i == 0 {
				header = "timestamp,age,region,prediction,score\n"
			}
			return header + stamp(i) + ",30,x,no,0.1\n"
		}, map[string]float64{"city missing_column": 1, "region unknown_column": 1}},
		{"numbers become strings in half the records", "predictions.jsonl", func(i int) string {
			quote := []string{"", `"`}[i%2]
			return fmt.Sprintf(`{"timestamp":%q,"features":{"age":%s30%s,"city":"Rome"},"prediction":"no","score":0.1}`+"\n", stamp(i), quote, quote)
		}, map[string]float64{"age number_as_string": 0.5}},
		{"numbers where names should be, and a list", "predictions.jsonl", func(i int) string {
			return fmt.Sprintf(`{"timestamp":%q,"features":{"age":[1],"city":7},"prediction":"no","score":0.1}`+"\n", stamp(i))
		}, map[string]float64{"age wrong_kind": 1, "city string_expected": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "")
			text := strings.Replace(s.read("config.yaml"), "predictions*.jsonl", c.file, 1)
			s.write("config.yaml", text)
			for i := range 40 {
				s.add(c.file, c.line(i))
			}
			got := s.once()
			found := 0
			for key := range got {
				if strings.HasPrefix(key, metric.ColumnSkew.Name+"{") && strings.Contains(key, "window=1h") {
					found++
				}
			}
			if found != len(c.want) {
				t.Errorf("%d skews are served, want %d", found, len(c.want))
			}
			for key, value := range c.want {
				column, skew, _ := strings.Cut(key, " ")
				got.want(t, value, metric.ColumnSkew, "column="+column, "skew="+skew, "window=1h")
			}
		})
	}
}

func TestUnknownColumnsAreBounded(t *testing.T) {
	s := newSite(t, "")
	for i := range 40 {
		var line strings.Builder
		fmt.Fprintf(&line, `{"timestamp":%q`, start.Format(time.RFC3339))
		for k := range 50 {
			fmt.Fprintf(&line, `,"new%d":1`, k+50*(i%4))
		}
		s.add(fmt.Sprintf("predictions%d.jsonl", i%4), line.String()+"}\n")
	}
	names := make(map[string]bool)
	for key := range s.once() {
		if strings.HasPrefix(key, metric.ColumnSkew.Name+"{") && strings.Contains(key, "skew=unknown_column") {
			names[key] = true
		}
	}
	if most := 3 * (maxUnknownColumns + 1); len(names) == 0 || len(names) > most {
		t.Errorf("%d series of unknown columns are served, want at most %d", len(names), most)
	}
}
