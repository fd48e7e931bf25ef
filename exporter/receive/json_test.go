package receive

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestScanIsAsStrictAsTheSpecification(t *testing.T) {
	good := []string{
		`{}`, `[]`, `0`, `-0`, `1.5e+10`, `2E-3`, `true`, `false`, `null`, `""`, `"\u00e9\n\"\\\/"`, `[1,2,[3,{"a":[]}]]`,
		` { "a" : 1 , "b" : { "c" : [ ] } } `, `{"a":"}]{["}`, "[1,\n2\t,\r3]",
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
	}
	for _, text := range good {
		if !isJSON([]byte(text)) || !json.Valid([]byte(text)) {
			t.Errorf("%.60q is not taken for JSON", text)
		}
	}
	for _, text := range []string{"NaN", "Infinity", "-Infinity", `{"a":[NaN,-Infinity]}`} {
		if !isJSON([]byte(text)) {
			t.Errorf("%q is not taken, although the decoders read it", text)
		}
	}
	bad := []string{
		``, ` `, `{`, `[`, `}`, `]`, `{]`, `[}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `[1,]`, `[,1]`, `[1 2]`, `01`, `-`,
		`1.`, `.5`, `1e`, `1e+`, `+1`, `tru`, `nul`, `"`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"a\nb\"", `1 2`, `{}{}`, `{"a":1`,
		`{"a"`, `{"a":`, `{"a":1,`, `{"a":1,"b"`, `nan`, `'a'`, `{"a":1]`, `["a":1]`, `[1:2]`,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	}
	for _, text := range bad {
		if isJSON([]byte(text)) {
			t.Errorf("%.60q is taken for JSON", text)
		}
	}
}

// notFinite matches what scan takes and the specification does not.
var notFinite = regexp.MustCompile(`NaN|Infinity`)

// What the standard library takes for JSON, scan does, and nothing else but numbers that are not finite.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,"x\u00e9",true,null,{}]}`, `[NaN,-Infinity]`, `{"a":1,}`, "[1,\n2]", `"\ud800"`, `[[[[`, `{"a":{"b":"}"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, want := isJSON(data), json.Valid(data)
		if got && !want && !notFinite.Match(data) {
			t.Errorf("%q is taken for JSON", data)
		}
		if want && !got && strings.Count(string(data), "[")+strings.Count(string(data), "{") <= maxDepth {
			t.Errorf("%q is not taken for JSON", data)
		}
	})
}
