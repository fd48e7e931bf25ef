package profile

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

func TestSavedProfilesAreTheSameOnceLoaded(t *testing.T) {
	prose := "he said that it was very long, \"quoted\" & <odd>"
	for _, tt := range []struct {
		name, file, content string
		change              func(*Options)
	}{
		{"numbers and categories", "r.csv", "a,b,prediction,score,label\n-0,x,yes,0.9,yes\n1e-300,y,no,0.2,no\n2.5,,yes,0.7,no\n", nil},
		{"numbers at the limits", "r.csv", "a,b\n1.7976931348623157e308,0.1\n-1.7e308,5e-324\n,0.30000000000000004\n", nil},
		{"a regression", "r.csv", "a,prediction,label\n1.5,0.1,0.3\n2.5,1e-200,1e139\n3.5,7,0\n4.5,-2.25,-1e141\n", nil},
		{"bytes that are no UTF-8", "r.csv", "\xff\xfe,prediction,label\n\xe9t\xe9,\x80,\x81\nx,\x80,\x80\n", nil},
		{"rare categories", "r.csv", "a\nx\nx\ny\nz\nw\n1\n1.0\n", func(o *Options) { o.MaxCategories = 2 }},
		{"text, and columns that are left out", "r.jsonl", lines("", 30, func(i int) string {
			return `{"note": "` + strings.ReplaceAll(prose, `"`, `\"`) + strings.Repeat("x", i) + `", "l": [1], "n": 1.5}`
		}), nil},
		{"scores without a positive class", "r.csv", "prediction,score,label\na,0.5,b\nb,0.2,c\nc,1.5,a\n", nil},
		{"edges", "r.csv", "a\n1.5\n2.5\n", func(o *Options) {
			o.Columns = map[string]ColumnOptions{"a": {HasKind: true, Edges: []float64{-5, 2, 7}}}
		}},
	} {
		for _, ending := range []string{".profile.json", ".profile.json.gz", ".other"} {
			t.Run(tt.name+" as "+ending, func(t *testing.T) {
				o := write(t, tt.file, tt.content)
				if tt.change != nil {
					tt.change(&o)
				}
				p := build(t, o)
				path := o.Path + ending
				if err := p.Save(path); err != nil {
					t.Fatal(err)
				}
				loaded := checkLoaded(t, p, path)
				if loaded.Path != o.Path || !loaded.Modified.Equal(p.Modified) {
					t.Errorf("loaded from %s of %v, want %s of %v", loaded.Path, loaded.Modified, o.Path, p.Modified)
				}
			})
		}
	}
}

func TestSavingIsStableAndLeavesNothingBehind(t *testing.T) {
	o := write(t, "r.csv", "a,b\n1.5,x\n2.5,y\n3.5,z\n")
	o.MaxCategories = 2
	path := filepath.Join(t.TempDir(), "p.profile.json.gz")
	var before []byte
	for range 3 {
		if err := build(t, o).Save(path); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, after) {
			t.Error("the same profile gives different files")
		}
		before = after
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

const small = "a,c,prediction,score,label,id\n1.5,x,yes,0.9,yes,1\n2.5,y,no,0.2,no,2\n"

func TestUnusableProfilesSayWhatToDo(t *testing.T) {
	source := write(t, "r.csv", small)
	data, err := build(t, source).encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, tt := range []struct{ name, old, replacement, want string }{
		{"another version", `"drift_exporter_profile":1`, `"drift_exporter_profile":2`, "has the version 2, this program reads 1"},
		{"no profile", good, `{"a": 1}`, "has the version 0"},
		{"a part of one", good[100:], "", "unexpected end of JSON"},
		{"an unknown key", `"rows":2`, `"rows":2,"rowz":2`, `unknown field "rowz"`},
		{"an unknown task", `"classification"`, `"clustering"`, `unknown task "clustering"`},
		{"an unknown kind", `"kind":"numeric"`, `"kind":"complex"`, `column "a": unknown kind "complex"`},
		{"an unknown role", `"role":"feature"`, `"role":"x"`, `column "a": unknown role "x"`},
		{"no rows", `"rows":2`, `"rows":0`, "no rows"},
		{"too few cells", `"cells":[0,1,`, `"cells":[1,`, "cells, not"},
		{"too many values", `"cells":[0,1,`, `"cells":[5,1,`, "cells count 7 values of 2"},
		{"counts beyond measure", `"cells":[0,1,`, `"cells":[18446744073709551615,1,`, "count too many"},
		{"points that fall", `"points":[1.5,`, `"points":[7.5,`, "do not rise"},
		{"an edge that is no point", `"edges":[`, `"edges":[-3,`, "the edge -3 is no point"},
		{"a category twice", `["x","y"]`, `["x","x"]`, "has a category twice"},
		{"a class twice", `"classes":["yes","no"]`, `"classes":["yes","yes"]`, "not distinct"},
		{"a class that is none", `"positive_class":"yes"`, `"positive_class":"maybe"`, "none of its classes"},
		{"a broken matrix", `"confusion":[[0,0,1]`, `"confusion":[[0,0,2]`, "the confusion matrix"},
		{"an unknown class", `"confusion":[[0,0,1]`, `"confusion":[[0,9,1]`, "unknown classes"},
		{"a broken histogram", `"level":0`, `"level":99`, "another shape"},
		{"more missing values than rows", `"missing":0`, `"missing":3`, "missing or invalid"},
		{"a rank error beyond all", `"exact":true`, `"rank_error":2`, "a rank error of 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(good, tt.old, tt.replacement, 1)
			if text == good {
				t.Fatalf("the profile lacks %s:\n%s", tt.old, good)
			}
			o := write(t, "r.profile.json", text)
			o.Format = ""
			_, err := Build(o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error is %v, want it to hold %q", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), o.Path+": ") || !strings.HasSuffix(err.Error(), "build it again with drift_exporter profile") {
				t.Errorf("error %q lacks the file or what to do", err)
			}
		})
	}
}

func TestWhatWasSettledWithTheProfileCannotBeConfigured(t *testing.T) {
	source := write(t, "r.csv", small)
	path := source.Path + ".profile.json"
	if err := build(t, source).Save(path); err != nil {
		t.Fatal(err)
	}
	say := func(name string, c ColumnOptions) func(*Options) {
		return func(o *Options) { o.Columns = map[string]ColumnOptions{name: c} }
	}
	for _, tt := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"nothing", func(*Options) {}, ""},
		{"the same task", func(o *Options) { o.HasTask = true }, ""},
		{"another task", func(o *Options) { o.HasTask, o.Task = true, outcome.Regression }, "holds a classification"},
		{"the same class", func(o *Options) { o.PositiveClass = "yes" }, ""},
		{"another class", func(o *Options) { o.PositiveClass = "no" }, `positive class "yes"`},
		{"a tolerance", func(o *Options) { o.Tolerance = 3 }, "error tolerance of 0"},
		{"a column to ignore", say("a", ColumnOptions{Ignore: true}), ""},
		{"a left out column to ignore", say("id", ColumnOptions{Ignore: true}), ""},
		{"a left out column", say("id", ColumnOptions{}), `has left column "id" out`},
		{"a role to ignore", say("score", ColumnOptions{Ignore: true}), "cannot be ignored"},
		{"an unknown column", say("b", ColumnOptions{}), `has no column "b"`},
		{"the same kind", say("a", ColumnOptions{HasKind: true}), ""},
		{"another kind", say("a", ColumnOptions{HasKind: true, Kind: record.Text}), `column "a": is numeric there`},
		{"other edges", say("a", ColumnOptions{Edges: []float64{1}}), `column "a": has other edges`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Path: path}
			tt.change(&o)
			p, err := Build(o)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "":
				for name, c := range o.Columns {
					if live := p.Columns[0].Name; c.Ignore && live == name {
						t.Errorf("%s is not ignored", name)
					}
				}
			case err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), path+": "):
				t.Errorf("error is %v, want it to hold %q", err, tt.want)
			}
		})
	}
}

// FuzzLoad loads any bytes as a profile: that is an error, or gives a profile that is saved as it was loaded.
func FuzzLoad(f *testing.F) {
	for _, content := range []string{small, "a,prediction,label\n1.5,2,3\n2.5,4,4\n", regressionCSV(250)} {
		data, err := build(f, write(f, "r.csv", content)).encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(data); err != nil {
			f.Fatal(err)
		}
		if err := z.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(packed.Bytes())
	}
	f.Add([]byte(`{"drift_exporter_profile":1,"columns":[null]}`))
	path := filepath.Join(f.TempDir(), "p.profile.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Build(Options{Path: path})
		if err != nil {
			return
		}
		checkConsistent(t, p)
		if m := p.Errors; m != nil {
			m.Trees.Predictor().Predict(make([]float64, len(m.Features)+1), make([]float64, 2))
		}
		first, err := p.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(first)
		if err != nil {
			t.Fatalf("%v in what was saved:\n%s", err, first)
		}
		if second, err := again.encode(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%v\n%s\n%s", err, first, second)
		}
	})
}
