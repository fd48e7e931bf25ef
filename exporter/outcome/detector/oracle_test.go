package detector

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tests of this file compare the indices of all warnings and drifts with those of a published implementation.

const sharedData = "../../../../shared/data/detectors"

// oracleRun is what an implementation with some parameters says of a stream. Indices count from 0.
type oracleRun struct {
	Detector, Implementation string
	Parameters               parameters
	Drift                    []int
	// Warnings are pairs of the first and the last index.
	Warnings    [][2]int `json:"warning_ranges"`
	Checkpoints []struct {
		Index                       int
		Width, Estimation, Variance float64
	}
}

// parameters are those of all detectors by the names that river has for them.
type parameters struct {
	WarmStart         uint64  `json:"warm_start"`
	WarningThreshold  float64 `json:"warning_threshold"`
	DriftThreshold    float64 `json:"drift_threshold"`
	Alpha             float64
	Beta              float64
	DriftConfidence   float64 `json:"drift_confidence"`
	WarningConfidence float64 `json:"warning_confidence"`
	TwoSided          bool    `json:"two_sided_test"`
	Lambda            float64 `json:"lambda_val"`
	Delta             float64
	Clock             uint64
	MaxBuckets        int    `json:"max_buckets"`
	MinWindow         uint64 `json:"min_window_length"`
	Grace             uint64 `json:"grace_period"`
	MinInstances      uint64 `json:"min_instances"`
	Threshold         float64
	Mode              string
}

// detector returns the detector that the oracle has another name for, nil if there is none.
func (p parameters) detector(name string) Detector {
	switch name {
	case "ADWIN":
		return &ADWIN{Delta: p.Delta, Clock: p.Clock, Buckets: p.MaxBuckets, MinPart: p.MinWindow, Grace: p.Grace}
	case "DDM":
		return &DDM{WarmUp: p.WarmStart, WarningLevel: p.WarningThreshold, DriftLevel: p.DriftThreshold}
	case "EDDM":
		return &EDDM{WarmUp: p.WarmStart, WarningRatio: p.Alpha, DriftRatio: p.Beta}
	case "HDDM_A":
		return &HDDMA{
			DriftConfidence: p.DriftConfidence, WarningConfidence: p.WarningConfidence, TwoSided: p.TwoSided,
		}
	case "HDDM_W":
		return &HDDMW{
			DriftConfidence: p.DriftConfidence, WarningConfidence: p.WarningConfidence, TwoSided: p.TwoSided,
			Weight: p.Lambda,
		}
	case "PageHinkley":
		return &PageHinkley{
			MinRecords: p.MinInstances, Tolerance: p.Delta, Threshold: p.Threshold, Forgetting: p.Alpha,
			Directions: map[string]Directions{"both": Both, "up": Up, "down": Down}[p.Mode],
		}
	}
	return nil
}

// indices returns where a detector warns and where it finds a drift.
func indices(d Detector, stream []bool) (warnings, drifts []int) {
	for i, wrong := range stream {
		switch d.Add(wrong) {
		case Warning:
			warnings = append(warnings, i)
		case Drift:
			drifts = append(drifts, i)
		}
	}
	return warnings, drifts
}

func TestIndicesEqualThoseOfTheOracle(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedData, "*.expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("the streams in %s are not there", sharedData)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var expected struct {
			Stream    string
			N         int
			Detectors []oracleRun
		}
		if err := json.Unmarshal(text, &expected); err != nil {
			t.Fatal(err)
		}
		values, err := os.ReadFile(filepath.Join(sharedData, expected.Stream))
		if err != nil {
			t.Fatal(err)
		}
		var stream []bool
		for value := range strings.FieldsSeq(string(values)) {
			stream = append(stream, value == "1")
		}
		if len(stream) != expected.N {
			t.Fatalf("%s has %d values, want %d", expected.Stream, len(stream), expected.N)
		}
		compared := 0
		for _, run := range expected.Detectors {
			if strings.HasPrefix(run.Implementation, "river") && run.Parameters.detector(run.Detector) != nil {
				compared++
				checkRun(t, expected.Stream, stream, run)
			}
		}
		// DDM, HDDM_A and HDDM_W with two sets of parameters each, ADWIN and Page-Hinkley with three, EDDM with one.
		if compared != 13 {
			t.Errorf("%s: %d runs compared, want 13", expected.Stream, compared)
		}
	}
}

func checkRun(t *testing.T, name string, stream []bool, run oracleRun) {
	t.Helper()
	warnings, drifts := indices(run.Parameters.detector(run.Detector), stream)
	var want []int
	for _, pair := range run.Warnings {
		for i := pair[0]; i <= pair[1]; i++ {
			// Where the oracle has both, EDDM's old warning lasts.
			if !slices.Contains(run.Drift, i) {
				want = append(want, i)
			}
		}
	}
	if !slices.Equal(drifts, run.Drift) {
		t.Errorf("%s: %s %+v drifts at %v, want %v", name, run.Detector, run.Parameters, drifts, run.Drift)
	}
	if !slices.Equal(warnings, want) {
		t.Errorf("%s: %s %+v warns at %v, want %v", name, run.Detector, run.Parameters, warnings, want)
	}
	if run.Detector != "ADWIN" {
		return
	}
	if len(run.Checkpoints) < 6 {
		t.Errorf("%s: ADWIN has %d checkpoints", name, len(run.Checkpoints))
	}
	d, from := run.Parameters.detector(run.Detector).(*ADWIN), 0
	for _, c := range run.Checkpoints {
		for _, wrong := range stream[from : c.Index+1] {
			d.Add(wrong)
		}
		from = c.Index + 1
		// The oracle's variance is the sum of squared deviations.
		all := d.window.all
		n, p := float64(all.n), all.rate()
		if n != c.Width || math.Abs(p-c.Estimation) > 1e-12 || math.Abs(n*p*(1-p)-c.Variance) > 1e-9*c.Variance {
			t.Errorf("%s: ADWIN at %d has the width %g, estimate %.17g and variance %.17g, want %+v",
				name, c.Index, n, p, n*p*(1-p), c)
		}
	}
}
