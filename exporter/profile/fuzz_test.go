package profile

import (
	"math"
	"testing"
)

// fuzz builds a profile of any bytes: it is an error, or consistent.
func fuzz(t *testing.T, name string, data []byte) {
	o := write(t, name, string(data))
	o.CutPoints, o.MaxCategories, o.MaxTokens = 16, 3, 3
	p, err := Build(o)
	if err != nil {
		return
	}
	checkConsistent(t, p)
	if p.Rows == 0 || math.IsNaN(p.Rules.Tolerance) || math.IsInf(p.Rules.Tolerance, 0) {
		t.Fatalf("%d rows, tolerance %g", p.Rows, p.Rules.Tolerance)
	}
	names := make(map[string]bool)
	for i := range p.Columns {
		c := &p.Columns[i]
		if key := c.Name + "\x00" + string(c.Role); names[key] {
			t.Fatalf("%q is there twice as %s", c.Name, c.Role)
		} else {
			names[key] = true
		}
		for k, category := range c.Categories {
			if got := c.Category([]byte(category)); got != uint32(k) {
				t.Fatalf("%q: category %q is in cell %d, not %d", c.Name, category, got, k)
			}
		}
	}
}

func FuzzBuildCSV(f *testing.F) {
	for _, seed := range []string{
		"", "a\n", "a,b\n1,x\n2,y\n", "\xef\xbb\xbfa,prediction,label,score\r\n1.5,yes,no,0.5\r\n",
		"prediction,label\n1e308,-1e308\n-0,0\n", "\"a\n\",b\n1,2\n", " a ,b\n\" 1\",NA\n", "\na\n1\n", ",a\n0,1\n",
		"a\nnan\n1\n", "a,features.a\n1,2\n", "a\n0x1p4\n1\n", "a\n\"x\"\"y\"\n", "a\n1\r2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "r.csv", data) })
}

func FuzzBuildJSONL(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"a": 1}`, "{\"a\": 1.5, \"b\": \"x\"}\n{\"a\": null}\n", `{"features": {"a": 1}, "a": 2}`,
		"{\"a\": {\"b\": 1}}\n{\"a.b\": 2}\n", `{"prediction": true, "label": "true", "score": 0.5}`, `{"": 1}`,
		`{"a": [1], "b": NaN}`, `{"a": 1, "a": "x"}`, `{"a": "\ud800"}`, `{"prediction": 1e400, "label": -1e308}`,
		"{\"a\": 1}\n{\"a\": {\"b\": 2}}", `{"features": 1, "features.a": 2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "r.jsonl", data) })
}
