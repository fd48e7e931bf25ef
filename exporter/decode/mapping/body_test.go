package mapping_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const bodyMapping = `{format: jsonl, request_id: id, parts: [{role: request, value: q, content_type: qt}, {role: response, value: a, content_type: at}]}`

// abSchema wants the features a and b, a class and its score.
func abSchema() *record.Schema {
	s := featureSchema("a", "b")
	s.Missing = []string{""}
	s.Columns = append(s.Columns,
		record.Field{Name: "prediction", Path: []string{"out", "class"}, Kind: record.Categorical, Role: record.Prediction},
		record.Field{Name: "score", Path: []string{"out", "p"}, Role: record.Score})
	return s
}

// bodyRows reads one record and gives its rows as "a b prediction score", or the reason why there are none.
func bodyRows(t *testing.T, s *mapping.Spec, schema *record.Schema, line string) string {
	t.Helper()
	s.Names = []string{"a", "b"}
	format, err := mapping.Format(s, now)
	if err != nil {
		t.Fatal(err)
	}
	var b record.Batch
	format.New(schema, seed).Decode(nil, []byte(line+"\n"), &b)
	var all []string
	for i := range b.Rows {
		var values []string
		for k := range schema.Columns {
			v := valueOf(&b, &b.Columns[k], schema.Columns[k].Kind, i)
			if v == "" {
				v = "-"
			}
			values = append(values, v)
		}
		all = append(all, strings.Join(values, " "))
	}
	for _, r := range b.Rejects {
		all = append(all, string(r.Reason))
	}
	if b.Skipped > 0 {
		all = append(all, "skipped")
	}
	return strings.Join(all, ", ")
}

func quote(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}

func TestLayouts(t *testing.T) {
	for _, c := range []struct{ name, q, a, want string }{
		{"a list of objects", `[{"a":1,"b":2},{"b":4,"a":3}]`, "null", "1 2 - -, 3 4 - -"},
		{"a list of lists", `[[1,2],[3,4]]`, "null", "1 2 - -, 3 4 - -"},
		{"a flat list is a row", `[1,2]`, "null", "1 2 - -"},
		{"an object is a row", `{"a":1,"b":2,"c":3}`, "null", "1 2 - -"},
		{"one list under another name", `{"features":[1,2]}`, "null", "1 2 - -"},
		{"lists under another name", `{"features":[[1,2],[3,4]]}`, "null", "1 2 - -, 3 4 - -"},
		{"an object under another name", `[{"features":{"a":1,"b":2}}]`, "null", "1 2 - -"},
		{"flat instances are a row each", `{"instances":[1,2]}`, "null", "1 - - -, 2 - - -"},
		{"instances that are lists", `{"instances":[[1,2]],"signature_name":"x"}`, "null", "1 2 - -"},
		{"instances that are objects", `{"instances":[{"a":1},{"a":2,"b":3}]}`, "null", "1 - - -, 2 3 - -"},
		{"split", `{"dataframe_split":{"columns":["b","x","a"],"index":[0],"data":[[2,0,1]]}}`, "null", "1 2 - -"},
		{"split without a wrapper", `{"columns":["b","a"],"data":[[2,1]]}`, "null", "1 2 - -"},
		{"records", `{"dataframe_records":[{"a":1}]}`, "null", "1 - - -"},
		{"inputs that are columns", `{"inputs":{"a":[1,3],"b":[2,4]},"params":{}}`, "null", "1 2 - -, 3 4 - -"},
		{"inputs that are a flat list", `{"inputs":[1,2]}`, "null", "1 2 - -"},
		{"columns", `{"b":[2,4],"a":[1,3]}`, "null", "1 2 - -, 3 4 - -"},
		{"a single column", `{"a":[1,3]}`, "null", "1 - - -, 3 - - -"},
		{"columns by index", `{"a":{"0":1,"1":3},"b":{"0":2,"1":4}}`, "null", "1 2 - -, 3 4 - -"},
		{"lists of different lengths are values of a row", `{"a":1,"b":[2,4]}`, "null", "1 ! - -"},
		{"a tensor of rows", `{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]}`, "null", "1 2 - -, 3 4 - -"},
		{"a nested tensor", `{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]}]}`, "null", "1 2 - -, 3 4 - -"},
		{"a tensor without a shape", `{"inputs":[{"name":"x","datatype":"FP32","data":[[1,2],[3,4]]}]}`, "null", "1 2 - -, 3 4 - -"},
		{"a tensor for each column", `{"inputs":[{"name":"b","shape":[2],"data":[2,4]},{"name":"a","shape":[2,1],"data":[[1],[3]]}]}`, "null", "1 2 - -, 3 4 - -"},
		{"tensors without known names", `{"inputs":[{"name":"x","shape":[2],"data":[1,3]},{"name":"y","shape":[2],"data":[2,4]}]}`, "null", "1 2 - -, 3 4 - -"},
		{"64-bit integers as texts", `{"inputs":[{"name":"a","shape":["1"],"datatype":"INT64","contents":{"int64Contents":["12"]}}]}`, "null", "12 - - -"},
		{"raw contents", `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32"}],"raw_input_contents":["AACAPwAAAEA="]}`, "null", "1 2 - -"},
		{"raw contents count, and not contents", `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","contents":{"fp32Contents":[8,9]}}],"rawInputContents":["AACAPwAAAEA="]}`, "null", "1 2 - -"},
		{"seldon's array", `{"data":{"names":["b","a"],"ndarray":[[2,1],[4,3]]}}`, "null", "1 2 - -, 3 4 - -"},
		{"seldon's tensor", `{"data":{"tensor":{"shape":[2,2],"values":[1,2,3,4]}}}`, "null", "1 2 - -, 3 4 - -"},
		{"rows of csv", quote("1,2\n3,4\n"), "null", "1 2 - -, 3 4 - -"},
		{"csv with missing values and CRLF", quote("1,\r\n,\"4\"\r\n"), "null", "1 - - -, - 4 - -"},
		{"csv with a header", quote("b,a\n2,1\n"), "null", "1 2 - -"},
		{"json in a text", quote(`{"instances":[[1,2]]}`), "null", "1 2 - -"},
		{"json lines in a text", quote("{\"features\":[1,2]}\n{\"features\":[3,4]}\n"), "null", "1 2 - -, 3 4 - -"},
		{"NaN and infinities", quote(`{"instances":[[NaN,-Infinity],["NaN",1e999]]}`), "null", "- - - -, - - - -"},
		{"numbers as texts", `[["1",true]]`, "null", "! ! - -"},
		{"a tensor of another size", `{"inputs":[{"name":"x","shape":[2,2],"data":[1,2,3]}]}`, "null", "layout"},
		{"a tensor beyond memory", `{"inputs":[{"name":"x","shape":[1000000,1000000],"data":[1]}]}`, "null", "layout"},
		{"tensors of different lengths", `{"inputs":[{"name":"a","shape":[1],"data":[1]},{"name":"b","shape":[2],"data":[1,2]}]}`, "null", "rows_mismatch"},
		{"a binary tensor", `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}`, "null", "binary_body"},
		{"an array of NumPy", quote("\x01\x00NUMPY"), "null", "binary_body"},
		{"broken json", quote(`{"instances":[[1,2]`), "null", "malformed"},
		{"an empty text", `""`, "null", "no_body"},
		{"nothing", "null", "null", "no_body"},
		{"no rows", `{"instances":[]}`, "null", ""},
		{"more answers than rows", `[[1,2]]`, `[["x"],["y"]]`, "1 2 - -, rows_mismatch"},
		{"a response alone", "null", `["x","y"]`, "- - x -, - - y -"},
	} {
		line := fmt.Sprintf(`{"id":"r","q":%s,"a":%s}`, c.q, c.a)
		if got := bodyRows(t, parse(t, bodyMapping), abSchema(), line); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	two := strings.Replace(bodyMapping, "{format", "{classes: [no, yes], threshold: 0.25, format", 1)
	for _, c := range []struct{ name, mapping, a, want string }{
		{"a class", "", `["x"]`, "x -"},
		{"a number is a class", "", `[2]`, "2 -"},
		{"a whole number with a point is a class", "", `[1.0]`, "1.0 -"},
		{"a truth value", "", `[true]`, "true -"},
		{"a number between 0 and 1 is a score", "", `[0.25]`, "- 0.25"},
		{"a score of csv", "", quote("0.302709460258"), "- 0.302709460258"},
		{"a score makes a prediction of two classes", two, `[0.25]`, "yes 0.25"},
		{"a low score too", two, `[0.2]`, "no 0.2"},
		{"probabilities of two classes", "", `[[0.25,0.75]]`, "1 0.75"},
		{"probabilities of named classes", two, `[[0.75,0.25]]`, "no 0.25"},
		{"probabilities of three classes", "", `[[0.2,0.5,0.3]]`, "1 -"},
		{"a flat list is one row's if there is one row", "", `[0.2,0.5,0.3]`, "1 -"},
		{"logits", "", `[[-3,1.5,0]]`, "1 -"},
		{"class and score", "", quote("1,0.83"), "1 0.83"},
		{"class as text and score", "", quote("yes,0.83"), "yes 0.83"},
		{"configured names", "", `[{"out":{"class":"x","p":0.5}}]`, "x 0.5"},
		{"last names", "", `[{"class":"x","p":0.5}]`, "x 0.5"},
		{"usual names", "", `{"predictions":[{"predicted_label":1,"score":0.5}]}`, "1 0.5"},
		{"the configured name comes first", "", `[{"prediction":"y","out":{"class":"x"}}]`, "x -"},
		{"an object around it", "", `[{"result":{"class":"x"}}]`, "x -"},
		{"one unknown name", "", `[{"species":"setosa"}]`, "setosa -"},
		{"one list in an object", "", `[{"probabilities":[0.25,0.75]}]`, "1 0.75"},
		{"unknown names", "", `[{"species":"setosa","region":"north"}]`, "- -"},
		{"tensors with names", "", `{"outputs":[{"name":"class","shape":[1],"datatype":"BYTES","data":["x"]},{"name":"score","shape":[1],"data":[0.5]}]}`, "x 0.5"},
		{"a tensor of probabilities", "", `{"outputs":[{"name":"out","shape":[1,2],"data":[0.25,0.75]}]}`, "1 0.75"},
		{"given names", strings.Replace(bodyMapping, "value: a", "value: a, names: [score, class]", 1), `[[1,7]]`, "7 1"},
	} {
		yaml := c.mapping
		if yaml == "" {
			yaml = bodyMapping
		}
		line := fmt.Sprintf(`{"id":"r","q":[[1,2]],"a":%s}`, c.a)
		if got := bodyRows(t, parse(t, yaml), abSchema(), line); got != "1 2 "+c.want {
			t.Errorf("%s:\n got %s\nwant 1 2 %s", c.name, got, c.want)
		}
	}
	// A regression has no score, so no number is one.
	schema := featureSchema("a", "b")
	schema.Columns = append(schema.Columns, numeric(record.Prediction, "prediction")...)
	for a, want := range map[string]string{`[0.25]`: "1 2 0.25", `[[0.5,3]]`: "1 2 0.5", `{"predictions":[[7]]}`: "1 2 7"} {
		if got := bodyRows(t, parse(t, bodyMapping), schema, `{"q":[[1,2]],"a":`+a+`}`); got != want {
			t.Errorf("regression %s: %s, want %s", a, got, want)
		}
	}
}

func TestBodiesArePacked(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(`{"instances":[[1,2]]}`))
	_ = w.Close()
	bomb := bytes.Buffer{}
	w = gzip.NewWriter(&bomb)
	_, _ = w.Write(bytes.Repeat([]byte("1,"), 5<<20))
	_ = w.Close()
	base := func(b []byte) string { return quote(base64.StdEncoding.EncodeToString(b)) }
	withSteps := func(steps string) string {
		return strings.Replace(bodyMapping, "value: q", "value: q, decode: ["+steps+"]", 1)
	}
	for _, c := range []struct{ name, mapping, q, want string }{
		{"gzip is seen behind base64", withSteps("base64"), base(zipped.Bytes()), "1 2 - -"},
		{"gzip is said", withSteps("base64, gzip, json"), base(zipped.Bytes()), "1 2 - -"},
		{"the alphabet of URLs without padding", withSteps("base64"), quote(base64.RawURLEncoding.EncodeToString([]byte("1,2\n"))), "1 2 - -"},
		{"too much behind gzip", withSteps("base64"), base(bomb.Bytes()), "too_long"},
		{"cut gzip", withSteps("base64"), base(zipped.Bytes()[:20]), "malformed"},
		{"no base64", withSteps("base64"), `"%%%"`, "malformed"},
		{"an image", withSteps("base64"), base([]byte("\x89PNG\r\n\x1a\n")), "binary_body"},
		{"each is json", withSteps("each-json"), `["[1,2]","[3,4]"]`, "1 2 - -, 3 4 - -"},
		{"each is an object", withSteps("each-json"), `["{\"a\":1}","{\"b\":2}"]`, "1 - - -, - 2 - -"},
	} {
		if got := bodyRows(t, parse(t, c.mapping), abSchema(), `{"q":`+c.q+`}`); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLayoutsThatAreSaid(t *testing.T) {
	for layout, cases := range map[string][2]string{
		"vector":    {`[1,2]`, "1 - - -, 2 - - -"},
		"row":       {`[1,2]`, "1 2 - -"},
		"matrix":    {`[[1,2]]`, "1 2 - -"},
		"records":   {`[{"a":1}]`, "1 - - -"},
		"object":    {`{"a":1,"b":2}`, "1 2 - -"},
		"split":     {`{"columns":["b"],"data":[[1]]}`, "- 1 - -"},
		"columns":   {`{"a":[1],"b":[2]}`, "1 2 - -"},
		"index-map": {`{"a":{"x":1}}`, "1 - - -"},
		"tensors":   {`{"name":"x","shape":"2,2","data":"1,2,3,4"}`, "1 2 - -, 3 4 - -"},
		"seldon":    {`{"ndarray":[[1,2]]}`, "1 2 - -"},
		"csv":       {quote("1,2"), "1 2 - -"},
		"auto":      {`[[1,2]]`, "1 2 - -"},
	} {
		s := parse(t, strings.Replace(bodyMapping, "value: q", "value: q, layout: "+layout, 1))
		if got := bodyRows(t, s, abSchema(), `{"q":`+cases[0]+`}`); got != cases[1] {
			t.Errorf("%s: %s, want %s", layout, got, cases[1])
		}
		if layout == "auto" {
			continue
		}
		if got := bodyRows(t, s, abSchema(), `{"q":7}`); got != "layout" && layout != "tensors" {
			t.Errorf("%s takes a number: %s", layout, got)
		}
	}
	if n := len(mapping.Layouts()); n != 12 {
		t.Errorf("%d layouts are known, 12 were tried", n)
	}
}

func TestIdsOfRows(t *testing.T) {
	for template, want := range map[string][]string{
		"":                      {"98765432101234567_0", "98765432101234567_1"},
		"{request_id}#{row}":    {"98765432101234567#0", "98765432101234567#1"},
		"{request_id}":          {"98765432101234567", "98765432101234567"},
		"{a}":                   {"5", "6"},
		"{user}":                {"u1", ""}, // the second row has no such field
		"x-{request_id}-{user}": {"x-98765432101234567-u1", ""},
	} {
		s := parse(t, bodyMapping)
		s.RowID = template
		format, err := mapping.Format(s, now)
		if err != nil {
			t.Fatal(err)
		}
		var b record.Batch
		format.New(abSchema(), seed).Decode(nil, []byte(`{"id":98765432101234567,"q":[{"a":5,"user":"u1"},{"a":6}]}`+"\n"), &b)
		var ids []uint64
		for _, text := range want {
			if text == "" {
				ids = append(ids, 0)
			} else {
				ids = append(ids, decode.HashID(seed, []byte(text)))
			}
		}
		if !slices.Equal(b.IDs, ids) {
			t.Errorf("%q gives the ids %v, want those of %q", template, b.IDs, want)
		}
	}
}

func TestConditionsPassRecordsOver(t *testing.T) {
	for _, c := range []struct{ keys, line, want string }{
		{"keep: [{path: s, equals: 200}]", `{"s":200,"q":[[1,2]]}`, "1 2 - -"},
		{"keep: [{path: s, equals: 200}]", `{"s":"200","q":[[1,2]]}`, "1 2 - -"},
		{"keep: [{path: s, equals: 200}]", `{"s":500,"q":[[1,2]]}`, "skipped"},
		{"keep: [{path: s, equals: 200}]", `{"q":[[1,2]]}`, "skipped"},
		{"keep: [{path: s, equals: 200}]", `panic: not JSON`, "skipped"},
		{"skip: [{path: s, equals: 200}]", `panic: not JSON`, "malformed"},
		{"skip: [{path: s, in: [a, b]}]", `{"s":"b","q":[[1,2]]}`, "skipped"},
		{"skip: [{path: s, in: [a, b]}]", `{"s":"c","q":[[1,2]]}`, "1 2 - -"},
		{"keep: [{path: s, suffix: .x}]", `{"s":"a.x","q":[[1,2]]}`, "1 2 - -"},
		{"keep: [{path: s, contains: mid}]", `{"s":"amidst","q":[[1,2]]}`, "1 2 - -"},
		{"keep: [{path: s, exists: false}]", `{"s":null,"q":[[1,2]]}`, "1 2 - -"},
		{"keep: [{path: s, exists: true}]", `{"s":false,"q":[[1,2]]}`, "1 2 - -"},
	} {
		s := parse(t, strings.Replace(bodyMapping, "{format", "{"+c.keys+", format", 1))
		if got := bodyRows(t, s, abSchema(), c.line); got != c.want {
			t.Errorf("%s: %s gives %s, want %s", c.keys, c.line, got, c.want)
		}
	}
	schema := abSchema()
	schema.Where = []record.Condition{{Path: []string{"tenant", "name"}, Value: "acme"}, {Path: []string{"model"}, Value: "m"}}
	s := strings.Replace(bodyMapping, "{format", "{model: deployed, format", 1)
	for line, want := range map[string]string{
		`{"tenant":{"name":"acme"},"deployed":"m","q":[[1,2]]}`:             "1 2 - -",
		`{"tenant":{"name":"acme"},"deployed":"n","model":"m","q":[[1,2]]}`: "skipped",
		`{"tenant":{"name":"other"},"deployed":"m","q":[[1,2]]}`:            "skipped",
	} {
		if got := bodyRows(t, parse(t, s), schema, line); got != want {
			t.Errorf("where: %s gives %s, want %s", line, got, want)
		}
	}
}
