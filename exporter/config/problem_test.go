package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// split returns the messages of a joined error.
func split(err error) []string {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, one := range joined.Unwrap() {
		all = append(all, one.Error())
	}
	return all
}

// Beside every bad file lies what a user is told about it, one problem a line. The messages are part of the product:
// whoever changes one reads it there.
func TestBadFiles(t *testing.T) {
	for _, name := range testFiles(t, "*.bad.yaml") {
		messages, err := os.ReadFile(filepath.Join("testdata", strings.TrimSuffix(name, "yaml")+"txt"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := parseFile(t, name)
		if c != nil {
			t.Errorf("%s: a configuration with problems was returned", name)
		}
		compare(t, name, split(err), strings.Split(strings.TrimSpace(string(messages)), "\n"))
	}
}

// compare checks messages one by one.
func compare(t *testing.T, name string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("%s: unexpected problem\n%s", name, got[i])
		case i >= len(got):
			t.Errorf("%s: missing problem\n%s", name, want[i])
		case got[i] != want[i]:
			t.Errorf("%s: problem %d is\n%s\nwant\n%s", name, i, got[i], want[i])
		}
	}
}

func TestFilesThatAreNoYAML(t *testing.T) {
	const (
		empty  = "the file is empty; it needs at least models: with one model"
		quote  = "put a value that starts with *, &, @, ` or % in quotes, and indent with spaces, not tabs"
		indent = "check the indentation of the lines that follow"
	)
	tests := []struct{ name, text, want string }{
		{"an empty file", "", "1:1: " + empty},
		{"only comments", "# models:\n", "1:1: " + empty},
		{"only a document marker", "---\n", "2:1: " + empty},
		{"only null", "\n null\n", "2:2: " + empty},
		{"a colon in a value", "x: 1\ny: 2\na: b: c\n", "3: YAML: mapping values are not allowed in this context; " +
			"check the indentation, and put a value that holds a colon in quotes"},
		{
			"a list entry with a key too far left", "x: 1\nmodels:\n  - name: a\n   x: b\n",
			"3: YAML: did not find expected '-' indicator; " + indent,
		},
		{
			"a key between two indentations", "a:\n  b: 1\n c: 2\nd: 4\n",
			"3: YAML: did not find expected key; " + indent,
		},
		{"a list inside a mapping", "x: 1\n- a\n", "2: YAML: did not find expected key; " + indent},
		{
			"a tab before a key", "x: 1\n\tb: c\n",
			"2: YAML: found a tab character that violates indentation; indent with spaces",
		},
		{
			"a tab before the first key of a mapping", "x: 1\ny:\n\tb: c\n",
			"3: YAML: found character that cannot start any token; " + quote,
		},
		{
			"a pattern without quotes", "x: 1\np: *.jsonl\n",
			"2: YAML: did not find expected alphabetic or numeric character; " + quote,
		},
		{
			"a pattern over folders without quotes", "x: 1\np: **/a.jsonl\n",
			"2: YAML: did not find expected alphabetic or numeric character; " + quote,
		},
		{
			"a pattern that looks like an alias", "x: 1\n# not *logs\nq: a*logs\np: *logs\n",
			`4: YAML: unknown anchor "logs"; put a value that starts with * in quotes, as in "*.jsonl"`,
		},
		{
			"a list that is not closed", "x: 1\ny: [1, 2\nz: 3\n",
			"2: YAML: did not find expected ',' or ']'; close the bracket or add the comma",
		},
		{
			"a mapping that is not closed", "models:\n  - name: a\n    labels: {path: x\n  - name: b\n",
			"3: YAML: did not find expected ',' or '}'; close the bracket or add the comma",
		},
		{"nothing but a bracket", "{", "1: YAML: did not find expected node content; " +
			"write the missing value or close the bracket"},
		{
			"quotes that are not closed", "x: 1\ny: \"abc\nz: 3\n",
			"2: YAML: found unexpected end of stream; close the quotes that are opened here or above",
		},
		{
			"a backslash in double quotes", "z: 1\nx: \"C:\\q\"\n",
			`2: YAML: found unknown escape character; use single quotes, or write a backslash as \\`,
		},
		{
			"a key without a colon", "x: 1\nb\nc: 1\n",
			"2: YAML: could not find expected ':'; write a colon and a space after the key",
		},
		{
			"an unknown tag handle", "x: 1\ny: !x!y a\n",
			"2: YAML: found undefined tag handle; remove the tag, or put the value in quotes",
		},
		{
			"another version of YAML", "%YAML 3.0\n---\na: 1",
			"1: YAML: found incompatible YAML document; remove the %YAML directive",
		},
		{
			"a fault in a second document", "models: 1\n---\nb: c: d\n",
			"3: YAML: mapping values are not allowed in this context; " +
				"check the indentation, and put a value that holds a colon in quotes",
		},
		{"a control character", "a: b\né: \x01", "2:4: the character U+0001 is not allowed in YAML; remove it"},
		{
			"a control character behind a byte order mark", "\ufeff\x00",
			"1:1: the character U+0000 is not allowed in YAML; remove it",
		},
		{"Latin-1", "a: b\nc: caf\xe9\n", "2:7: the byte 0xe9 is not UTF-8; save the file as UTF-8"},
		{"UTF-16", "\xff\xfea\x00", "1:1: the byte 0xff is not UTF-8; save the file as UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(test.text), "")
			compare(t, test.name, split(err), []string{"f.yaml:" + test.want})
		})
	}
}

func TestManyProblemsAreOneError(t *testing.T) {
	_, err := Parse("my config.yaml", []byte("models: []\nx: 1\n"), "")
	want := "my config.yaml:1:9: models: is an empty list; write a list of at least one model\n" +
		"my config.yaml:2:1: x: unknown key; remove it, the keys here are evaluation_interval, state, models"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLongTextsAreCutInMessages(t *testing.T) {
	_, err := Parse("f.yaml", []byte("evaluation_interval: "+strings.Repeat("ä", 1000)+"\nmodels: 1\n"), "")
	got := split(err)
	if len(got) != 2 || !strings.Contains(got[0], strings.Repeat("ä", 60)+`"...`) || len(got[0]) > 400 {
		t.Errorf("got %q, want the first 60 letters", got)
	}
}

func TestNearestKey(t *testing.T) {
	keys := (&loader{}).modelKeys(&Model{})
	tests := []struct{ written, want string }{
		{"lables", "labels"},
		{"lable", "labels"},
		{"prediction", "predictions"},
		{"min-records", "min_records"},
		{"MinRecords", "min_records"},
		{"cutpoint", "cut_points"},
		{"nam", "name"},
		{"names", "name"},
		{"base", ""},
		{"detectors", "detectors"},
		{"pages", ""},
		{"x", ""},
		{"", ""},
		{"ü", ""},
	}
	for _, test := range tests {
		if got := nearest(test.written, keys); got != test.want {
			t.Errorf("nearest(%q) = %q, want %q", test.written, got, test.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"kitten", "sitting", 3},
		{"saturday", "sunday", 3},
		{"id", "id", 0},
		{"ab", "ba", 2},
	}
	for _, test := range tests {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
