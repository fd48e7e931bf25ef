package exporter

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// sliceLog runs an exporter over small logs.
func sliceLog(t *testing.T, keys, reference, predictions, labels string) served {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"r.csv": reference, "p.csv": predictions, "l.csv": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := whole(t, fmt.Sprintf(
		"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, windows: [1h, 10y], min_records: 2, %s}\n",
		filepath.Join(dir, "r.csv"), filepath.Join(dir, "p.csv"), strings.ReplaceAll(keys, "DIR", dir)))
	return s
}

const smallReference = "plan,prediction,label\na,1,1\na,1,1\nb,2,2\nother,1,1\n"

func TestSlicesWithoutLabelsHaveVolumeOnly(t *testing.T) {
	got := sliceLog(t, "slices: [plan, prediction]", smallReference,
		"id,timestamp,plan,prediction\n1,2025-01-01,a,1\n2,2025-01-01,other,2\n3,2025-01-01,c,2\n4,2025-01-01,,1\n", "")
	want := map[string]float64{}
	for _, value := range []string{"a", `"other"`, "unseen", "missing"} {
		want["column=plan,model=m,value="+value] = 1
	}
	want["column=prediction,model=m,value=1"], want["column=prediction,model=m,value=2"] = 2, 2
	found := 0
	for key := range got {
		if strings.HasPrefix(key, "drift_slice_") && !strings.HasPrefix(key, metric.SliceOtherValues.Name) {
			found++
		}
	}
	if found != 2*len(want) {
		t.Errorf("%d series, want %d", found, 2*len(want))
	}
	for labels, n := range want {
		for _, window := range []string{"1h", "10y"} {
			key := metric.SlicePredictions.Name + "{" + labels + ",version=,window=" + window + "}"
			if got[key] != n {
				t.Errorf("%s is %g, want %g", key, got[key], n)
			}
		}
	}
}

func TestSlicesOfFewLabelsHaveNoErrorRatio(t *testing.T) {
	got := sliceLog(t, `slices: [plan], labels: {path: "DIR/l.csv"}`, smallReference,
		"id,timestamp,plan,prediction\n1,2025-01-01,a,1\n2,2025-01-01,a,2\n3,2025-01-01,b,2\n4,2025-01-01,b,1\n",
		"id,timestamp,label\n1,2025-01-02,2\n2,2025-01-02,2\n3,2025-01-02,2\n")
	for _, test := range []struct {
		d     metric.Def
		value string
		want  float64
		ok    bool
	}{
		{metric.SliceLabels, "a", 2, true},
		{metric.SliceErrorRatio, "a", 0.5, true},
		{metric.SliceLabels, "b", 1, true},
		{metric.SliceErrorRatio, "b", 0, false},
		{metric.SliceErrorRatioLower, "b", 0, false},
		{metric.SliceErrorRatioUpper, "b", 0, false},
	} {
		if x, ok := got.find(test.d, "value="+test.value, "window=10y"); x != test.want || ok != test.ok {
			t.Errorf("%s of %s is %g (present: %t), want %g (%t)", test.d.Name, test.value, x, ok, test.want, test.ok)
		}
	}
}

// Versions with references of their own have values of their own. A column that one of them lacks does not divide it.
func TestSlicesOfVersions(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.csv")
	if err := os.WriteFile(own, []byte("colour,prediction,label\nred,1,1\nblue,2,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := sliceLog(t, fmt.Sprintf(`slices: [plan, colour], references: {"2": {path: %q}}`, own), smallReference,
		"id,timestamp,model_version,plan,colour,prediction\n1,2025-01-01,1,a,red,1\n2,2025-01-01,2,a,red,1\n3,2025-01-01,2,,,1\n", "")
	want := map[string]float64{
		"column=plan,model=m,value=a,version=1":         1,
		"column=colour,model=m,value=red,version=2":     1,
		"column=colour,model=m,value=missing,version=2": 1,
	}
	for key, x := range got {
		labels, last := strings.CutSuffix(key, ",window=10y}")
		labels, found := strings.CutPrefix(labels, metric.SlicePredictions.Name+"{")
		if last && found && x != want[labels] {
			t.Errorf("%s: %g predictions, want %g", labels, x, want[labels])
		}
		if last && found {
			delete(want, labels)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no predictions of %v", want)
	}
}

func TestSlicesByWhatCannotDivide(t *testing.T) {
	dir := t.TempDir()
	var reference strings.Builder
	reference.WriteString("id,plan,note,prediction,label\n")
	for i := range 40 {
		fmt.Fprintf(&reference, "%d,a,this is text number %d of some,1,1\n", i, i)
	}
	path := filepath.Join(dir, "r.csv")
	if err := os.WriteFile(path, []byte(reference.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{
		"plan": "", "prediction": "",
		"gone":  `slices: the reference ` + path + ` has no column "gone"`,
		"note":  `slices: the column "note" is text`,
		"label": `slices: "label" is the label`,
		"id":    `slices: the column "id" is left out`,
	} {
		file := filepath.Join(dir, column+".yaml")
		text := fmt.Sprintf("models:\n- {name: m, reference: {path: %q}, predictions: {path: p.csv}, slices: [[plan, %s]]}\n", path, column)
		if column == "plan" {
			text = strings.ReplaceAll(text, "[plan, plan]", "plan")
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := New(Options{ConfigFile: file, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, built := e.build(e.config.Load(), false)
		checked := e.Check(io.Discard)
		for what, err := range map[string]error{"building": built, "checking": checked} {
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s slices by %s says %v, want %q", what, column, err, want)
			}
		}
	}
}

// The configuration must not take more slices than a prediction has room for.
func TestAsManySlicesAsMayBeConfigured(t *testing.T) {
	var columns, values strings.Builder
	for i := range 10 {
		fmt.Fprintf(&columns, "c%d,", i)
		fmt.Fprintf(&values, "v%d,", i)
	}
	header, row := columns.String(), values.String()
	got := sliceLog(t, "slices: ["+header+"]", header+"prediction\n"+row+"1\n"+row+"2\n",
		"id,timestamp,"+header+"prediction\n1,2025-01-01,"+row+"1\n", "")
	for i := range 10 {
		if n, ok := got.find(metric.SlicePredictions, fmt.Sprintf("column=c%d", i), fmt.Sprintf("value=v%d", i), "window=1h"); !ok || n != 1 {
			t.Errorf("slice %d has %g predictions, want 1", i, n)
		}
	}
}
