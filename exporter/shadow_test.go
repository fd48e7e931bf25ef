package exporter

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// In a shadow deployment two versions predict each request, under one id, and one label tells about both. Here v1 always
// says no and its shadow v2 says yes to every fourth request.
const shadowed = 60

func shadowPrediction(i int, version string) string {
	answer := "no"
	if version == "v2" && i%4 == 0 {
		answer = "yes"
	}
	return fmt.Sprintf(
		`{"id":"p%d","timestamp":%q,"model_version":%q,"features":{"age":30,"city":"Rome"},"prediction":%q,"score":0.2}`+"\n",
		i, start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), version, answer)
}

// shadowLabel is yes for every tenth request. So v1 errs on 6 of 60, and v2 on 15 + 6 - 2·3 = 15: every twentieth
// request is both.
func shadowLabel(i int) string {
	if i%10 == 0 {
		return label(i, "yes")
	}
	return label(i, "no")
}

// wantShadow holds what is served against the labels of all requests.
func (s served) wantShadow(t *testing.T) {
	t.Helper()
	for version, wrong := range map[string]float64{"v1": 6, "v2": 15} {
		version := "version=" + version
		s.want(t, shadowed, metric.Predictions, version)
		s.want(t, shadowed, metric.LabeledPredictions, version)
		s.want(t, wrong, metric.PredictionErrors, version)
		s.want(t, wrong/shadowed, metric.ErrorRatio, version, "window=24h")
		s.want(t, 1, metric.LabeledRatio, version, "window=24h")
	}
	s.want(t, 0.25-0.1, metric.VersionDifference, "version=v2", "champion=v1", "window=24h")
	s.want(t, 0, metric.PendingPredictions)
}

func TestOneLabelTellsAboutBothVersionsOfAShadow(t *testing.T) {
	for _, order := range []string{"in turn", "one version after the other"} {
		t.Run(order, func(t *testing.T) {
			s := newSite(t, "    labels: {path: labels.jsonl}\n")
			if order == "in turn" {
				for i := range shadowed {
					s.add("predictions.jsonl", shadowPrediction(i, "v1")+shadowPrediction(i, "v2"))
				}
			} else {
				for i := range shadowed {
					s.add("predictions-1.jsonl", shadowPrediction(i, "v1"))
					s.add("predictions-2.jsonl", shadowPrediction(i, "v2"))
				}
			}
			for i := range shadowed {
				s.add("labels.jsonl", shadowLabel(i))
			}
			got := s.once()
			got.wantShadow(t)
			got.want(t, 0, metric.SourceErrors, "source="+s.path("predictions*.jsonl"), "reason=duplicate")
			// Labels are counted, not what they were joined with.
			got.want(t, shadowed, metric.Labels, "outcome=joined")
		})
	}
}

func TestOnlyARepeatedVersionOfAnIDIsADuplicate(t *testing.T) {
	for _, c := range []struct{ name, more string }{
		{"with labels", "    labels: {path: labels.jsonl}\n"},
		{"without labels", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.more)
			for i := range shadowed {
				s.add("predictions.jsonl", shadowPrediction(i, "v1")+shadowPrediction(i, "v2"))
			}
			s.add("predictions.jsonl", shadowPrediction(7, "v2")+shadowPrediction(8, "v1")+shadowPrediction(9, "v3"))
			got := s.once()
			got.want(t, shadowed, metric.Predictions, "version=v1")
			got.want(t, shadowed, metric.Predictions, "version=v2")
			got.want(t, 1, metric.Predictions, "version=v3")
			got.want(t, 2, metric.SourceErrors, "source="+s.path("predictions*.jsonl"), "reason=duplicate")
			if c.more != "" {
				got.want(t, 2*shadowed+1, metric.PendingPredictions)
			}
		})
	}
}

func TestACorrectionCorrectsBothVersionsOfAShadow(t *testing.T) {
	s := newSite(t, "    labels: {path: labels.jsonl}\n")
	for i := range shadowed {
		s.add("predictions.jsonl", shadowPrediction(i, "v1")+shadowPrediction(i, "v2"))
		s.add("labels.jsonl", shadowLabel(i)+shadowLabel(i)) // each twice
	}
	// Request 0 was no after all: v1 was right and v2 wrong.
	s.add("labels.jsonl", `{"id":"p0","timestamp":"2026-01-02T05:00:00Z","label":"no"}`+"\n")
	got := s.once()
	got.want(t, 5.0/shadowed, metric.ErrorRatio, "version=v1", "window=24h")
	got.want(t, 16.0/shadowed, metric.ErrorRatio, "version=v2", "window=24h")
	for _, version := range []string{"version=v1", "version=v2"} {
		got.want(t, shadowed, metric.WindowLabels, version, "window=24h")
		got.want(t, shadowed, metric.LabeledPredictions, version)
	}
	for outcome, n := range map[string]float64{"joined": shadowed, "duplicate": shadowed, "corrected": 1, "unmatched": 0} {
		got.want(t, n, metric.Labels, "outcome="+outcome)
	}
}

func TestAShadowIsJoinedWheneverItsLabelComes(t *testing.T) {
	for _, order := range [][3]string{{"labels", "v1", "v2"}, {"v1", "labels", "v2"}, {"v1", "v2", "labels"}} {
		t.Run(strings.Join(order[:], " "), func(t *testing.T) {
			s := newSite(t, "    labels: {path: labels.jsonl}\n")
			synctest.Test(t, func(t *testing.T) {
				e, stop := s.follow(t)
				for _, part := range order {
					for i := range shadowed {
						if part == "labels" {
							s.add("labels.jsonl", shadowLabel(i))
						} else {
							s.add("predictions-"+part+".jsonl", shadowPrediction(i, part))
						}
					}
					time.Sleep(time.Minute)
					synctest.Wait()
				}
				gather(t, e).wantShadow(t)
				stop()
			})
		})
	}
}
