package decode

import (
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

func TestCSVWithoutAHeaderHasTheNamesThatAreGiven(t *testing.T) {
	f := lookupFormat(t, FormatCSV, Options{Names: []string{"id", "a, \"b\"", "features.age"}})
	if f.Header {
		t.Error("the first record is taken for a header")
	}
	s := csvSchema(categorical("plan"), numeric("features.age"))
	s.Columns[0].Path = []string{"a, \"b\""}
	var b record.Batch
	f.New(s, 1).Decode(nil, []byte("\xef\xbb\xbf1,x,30\n2,\"y\ny\",31\n3,z\n"), &b)
	if got := csvColumn(&b, 0) + " " + csvColumn(&b, 1); got != "x|y\ny 30|31" {
		t.Errorf("got %q", got)
	}
	if len(b.Rejects) != 1 || b.Rejects[0].Line != 3 {
		t.Errorf("rejects are %v, want one of line 3", b.Rejects)
	}
}

func TestLookupRefusesWhatDoesNotGoTogether(t *testing.T) {
	for _, c := range []struct {
		format string
		o      Options
		want   string
	}{
		{"xml", Options{}, `unknown format "xml": use jsonl, csv, json, logfmt, tfrecord`},
		{FormatJSONL, Options{Names: []string{"a"}}, "format jsonl has names of its own"},
		{FormatCSV, Options{Unwrap: UnwrapCRI}, `format csv cannot be unwrapped by "cri"`},
		{FormatJSONL, Options{Unwrap: "podman"}, `format jsonl cannot be unwrapped by "podman"`},
	} {
		if _, err := Lookup(c.format, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %+v: the error is %v, want %q", c.format, c.o, err, c.want)
		}
	}
}
