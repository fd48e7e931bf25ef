package receive

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// event returns the headers of an event, with more of them as pairs.
func event(more ...string) http.Header {
	h := http.Header{}
	for _, pair := range append([][2]string{
		{"ce-specversion", "1.0"},
		{"ce-id", "req-1"},
		{"ce-type", "org.kubeflow.serving.inference.request"},
		{"ce-source", "http://localhost:9081/"},
	}, pairs(more)...) {
		if pair[1] == "" {
			h.Del(pair[0])
			continue
		}
		h.Set(pair[0], pair[1])
	}
	return h
}

func pairs(all []string) [][2]string {
	var list [][2]string
	for i := 0; i < len(all); i += 2 {
		list = append(list, [2]string{all[i], all[i+1]})
	}
	return list
}

func TestBinaryEventsBecomeStructuredOnes(t *testing.T) {
	const start = `{"specversion":"1.0","id":"req-1","type":"org.kubeflow.serving.inference.request","source":"http://localhost:9081/"`
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   string // behind start
	}{
		{
			"all that KServe sends",
			event("Ce-Time", "2026-03-14T09:26:53Z", "Ce-Namespace", "prod", "Ce-Component", "predictor", "Ce-Metadata", `{"X-Tenant":["acme"]}`,
				"Content-Type", "application/json", "X-Other", "x"),
			`{"instances":[[5.1,3.5]]}`,
			`,"time":"2026-03-14T09:26:53Z","datacontenttype":"application/json","component":"predictor",` +
				`"metadata":"{\"X-Tenant\":[\"acme\"]}","namespace":"prod","data":{"instances":[[5.1,3.5]]}}`,
		},
		{"no body", event(), "", `}`},
		{"an empty attribute", event("Ce-Endpoint", ""), `{}`, `,"datacontenttype":"application/json","data":{}}`},
		{
			"the Content-Type of another body", event("Content-Type", "application/octet-stream"), "\n [1]\n",
			`,"datacontenttype":"application/json","data":[1] }`,
		},
		{
			"a body over many lines", event(), "{\n\t\"a\": [\r\n1]\n}",
			`,"datacontenttype":"application/json","data":{ ` + "\t" + `"a": [` + "\r" + ` 1] }}`,
		},
		{"a body that is a word", event(), "null", `,"datacontenttype":"application/json","data":null}`},
		{"numbers that are not finite", event(), "[NaN]", `,"datacontenttype":"application/json","data":[NaN]}`},
		{
			"a body that is text", event("Content-Type", "text/csv"), "5.1,3.5",
			`,"datacontenttype":"text/csv","data_base64":"NS4xLDMuNQ=="}`,
		},
		{"a body that is cut", event(), `{"a":`, `,"data_base64":"eyJhIjo="}`},
		{"bytes behind JSON", event(), "{}\x00\x01", `,"data_base64":"e30AAQ=="}`},
		{
			"quotes of old versions", event("Ce-Inferenceservice", `"iris \"a\" \\b"`), "",
			`,"inferenceservice":"iris \"a\" \\b"}`,
		},
		{
			"percent-encoding", event("Ce-Owner", "J%C3%BCrgen%20%22M%22 100% %zz%4"), "",
			`,"owner":"Jürgen \"M\" 100% %zz%4"}`,
		},
		{"bytes that are no UTF-8", event("Ce-Owner", "a\xffb%ff"), "", `,"owner":"a` + "\ufffd" + `b` + "\ufffd" + `"}`},
		{"control characters", event("Ce-Owner", "a%0ab%00\t"), "", `,"owner":"a\u000ab\u0000\u0009"}`},
		{"a type of the data among the attributes", event("Ce-Datacontenttype", "text/x"), "", `}`},
	}
	for _, test := range tests {
		got, err := appendEvent(nil, test.header, []byte(test.body))
		if want := start + test.want + "\n"; err != nil || string(got) != want {
			t.Errorf("%s: got %v\n%swant\n%s", test.name, err, got, want)
		}
	}
}

func TestEventsThatLackWhatEveryEventHas(t *testing.T) {
	tests := []struct {
		header http.Header
		want   string
	}{
		{event("ce-id", ""), "ce-id"},
		{event("ce-type", ""), "ce-type"},
		{event("ce-source", ""), "ce-source"},
		{event("ce-data", "x"), "ce-data"},
		{event("ce-data_base64", "x"), "ce-data_base64"},
	}
	for _, test := range tests {
		if _, err := appendEvent(nil, test.header, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("without %s, or with it: got %v", test.want, err)
		}
	}
}

// The events of a sample in binary mode are those of the same sample in structured mode.
func TestSampleOfKServe(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "log-samples", "synthetic")
	requests, err := os.ReadFile(filepath.Join(dir, "kserve-cloudevents-binary.http"))
	if err != nil {
		t.Skipf("the samples are not here: %v", err)
	}
	structured, err := os.ReadFile(filepath.Join(dir, "kserve-cloudevents-v1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(bytes.NewReader(requests))
	seen := 0
	for line := range bytes.Lines(structured) {
		request, err := http.ReadRequest(in)
		if err != nil {
			break // the sample in binary mode is shorter
		}
		seen++
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendEvent(nil, request.Header, body)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &b); err != nil {
			t.Fatal(err)
		}
		canonical := func(v any) string { text, _ := json.Marshal(v); return string(text) }
		if canonical(a) != canonical(b) {
			t.Errorf("got\n%s\nwant\n%s", got, line)
		}
	}
	if seen != 2 {
		t.Errorf("%d requests were read, want 2", seen)
	}
}

// Whatever an event has, it becomes one line of JSON that says the same.
func FuzzEvent(f *testing.F) {
	f.Add("Ce-Owner", "a", "application/json", []byte(`{"instances":[[1,2]]}`))
	f.Add("Ce-X", `"a\"%22"`, "text/csv", []byte("1,2\n"))
	f.Add("Ce-Metadata", "{\"a\":1}", "", []byte("{\n}\n"))
	f.Add("ce-data", "\xff%00", "\x01", []byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, name, value, contentType string, body []byte) {
		h := event("Content-Type", contentType)
		if notFinite.Match(body) {
			t.Skip("the library that this is checked with does not read such numbers")
		}
		for _, c := range []byte(name) {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~", rune(c)) {
				t.Skip("no server passes on such a header")
			}
		}
		h.Set(name, value)
		line, err := appendEvent([]byte("before"), h, body)
		if err != nil {
			return
		}
		line = line[len("before"):]
		if bytes.IndexByte(line, '\n') != len(line)-1 || !utf8.Valid(line) && utf8.Valid(body) {
			t.Fatalf("not one line of UTF-8: %q", line)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var unpacked []byte
		trimmed := bytes.Trim(body, " \t\r\n")
		switch data, isData := got["data"]; {
		case isData:
			if !bytes.Equal(bytes.ReplaceAll(trimmed, []byte("\n"), []byte(" ")), bytes.TrimSpace(data)) {
				t.Errorf("data is %q of the body %q", data, body)
			}
		case got["data_base64"] != nil:
			if err := json.Unmarshal(got["data_base64"], &unpacked); err != nil || !bytes.Equal(unpacked, body) {
				t.Errorf("data_base64 is %s of the body %q: %v", got["data_base64"], base64.StdEncoding.EncodeToString(body), err)
			}
		case len(trimmed) > 0:
			t.Errorf("the body %q is lost: %s", body, line)
		}
	})
}
