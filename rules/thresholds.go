package rules

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Threshold is a series of drift_threshold that thresholds.yaml records.
type Threshold struct {
	Statistic, Severity string
	// Model and Column are empty where the threshold holds for all of them.
	Model, Column string
	Value         float64
}

// Thresholds are those of thresholds.yaml.
type Thresholds []Threshold

// Shipped returns the thresholds of the embedded thresholds.yaml.
func Shipped() (Thresholds, error) {
	content, err := files.ReadFile("thresholds.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading the shipped thresholds: %w", err)
	}
	return parseThresholds(content)
}

func parseThresholds(content []byte) (Thresholds, error) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Record, Expr string
				Labels       map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("thresholds.yaml: %w", err)
	}
	var all Thresholds
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Record != "drift_threshold" {
				continue
			}
			number := strings.TrimSuffix(strings.TrimPrefix(r.Expr, "vector("), ")")
			value, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return nil, fmt.Errorf("thresholds.yaml: %v: the expression %q is not vector() of a number", r.Labels, r.Expr)
			}
			all = append(all, Threshold{
				Statistic: r.Labels["statistic"], Severity: r.Labels["severity"],
				Model: r.Labels["model"], Column: r.Labels["column"], Value: value,
			})
		}
	}
	return all, nil
}

// Find returns the threshold of a statistic for a column of a model, or for the model itself if there is no column. As
// in recording.yaml, a series with model and column wins over one with the model, and that over one with neither.
func (t Thresholds) Find(severity, statistic, model, column string) (value float64, ok bool) {
	best := -1
	for _, each := range t {
		specific := 0
		switch {
		case each.Statistic != statistic || each.Severity != severity:
			continue
		case each.Column != "":
			if each.Model != model || each.Column != column {
				continue
			}
			specific = 2
		case each.Model != "":
			if each.Model != model {
				continue
			}
			specific = 1
		}
		if specific > best {
			best, value = specific, each.Value
		}
	}
	return value, best >= 0
}
