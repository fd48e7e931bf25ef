package config

import (
	"slices"
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

// badFiles has every problem of every bad file, without the file's name. The messages are part of the product: whoever
// changes one reads it here as a user would.
var badFiles = map[string][]string{
	"combinations.bad.yaml": {
		`4:21: model "churn": positive_class: a regression has no classes; remove it or change the task`,
		`7:16: model "churn": predictions[0].path: "logs/[a.jsonl" is not a glob pattern; close its brackets, or write \ before a character that is meant as such`,
		`8:16: model "churn": predictions[1].path: "logs/{a,b.jsonl" is not a glob pattern; close its brackets, or write \ before a character that is meant as such`,
		`11:9: model "churn": predictions[4]: has the path and where of an entry before it; remove one, or records would count twice`,
		`15:39: model "churn": labels[2].timeout: differs from the 30d on line 13; a model's labels share one timeout, so give it once`,
		`17:37: model "churn": columns.session.kind: has no effect on a column that is ignored; remove it or ignore: true`,
		`17:50: model "churn": columns.session.edges: has no effect on a column that is ignored; remove it or ignore: true`,
		`18:36: model "churn": columns.comment.edges: are for numeric columns; remove them or write kind: numeric`,
		`19:11: model "churn": name: is also the name on line 2; give every model a name of its own`,
		`21:22: model "churn": error_tolerance: a classification has no tolerance; remove it or change the task`,
		`25:22: model "fraud": error_tolerance: is for regression and positive_class for classification; remove one of the two`,
	},
	"duplicate_keys.bad.yaml": {
		`4:63: model "churn": predictions.where.model: is given again, after line 4; remove one of the two`,
		`7:7: model "churn": columns.age: is given again, after line 6; remove one of the two`,
		`9:5: model "churn": name: is given again, after line 2; remove one of the two`,
		`10:5: model "churn": min_records: is given again, after line 8; remove one of the two`,
	},
	"missing.bad.yaml": {
		`1:1: evaluation_interval: has no value; write one or remove the key`,
		`3:5: model "churn": reference: is missing; add it, as in reference: {path: training.csv}`,
		`3:5: model "churn": predictions: is missing; add it, as in predictions: {path: "logs/churn-*.jsonl"}`,
		`4:5: models[1].name: is missing; add it, as in name: churn`,
		`4:16: models[1].reference.path: is missing; add it, as in path: training.csv`,
		`5:19: models[1].predictions[0].path: is missing; add it, as in path: "logs/*.jsonl"`,
		`6:13: models[1].labels.path: is missing; add it, as in path: "logs/*.jsonl"`,
		`7:15: models[1].columns.age: has no value; write one or remove the key`,
		`8:4: models[2]: must be a mapping that starts with name:, not null`,
		`9:11: models[3].name: must not be empty; write a value or remove the key`,
		`10:23: models[3].reference.path: must not be empty; write a value or remove the key`,
		`11:18: models[3].predictions: is an empty list; write a mapping such as {path: "logs/*.jsonl"} or a list of such mappings`,
		`12:13: models[3].labels: is an empty list; write a mapping such as {path: "labels/*.jsonl"} or a list of such mappings`,
		`13:14: models[3].windows: is an empty list; write a list of durations such as [1h, 24h]`,
		`14:15: models[3].columns."": a column needs a name; write it before the colon`,
		`14:46: models[3].columns.age.edges: is an empty list; write a list of at least one number, such as [18, 30, 45]`,
		`15:18: models[3].fields.id: must not be empty; write a value or remove the key`,
		`15:29: models[3].fields.label: "a..b" has an empty name between its dots; write names joined by single dots, as in output.class`,
		`15:42: models[3].fields.score: ".a" has an empty name between its dots; write names joined by single dots, as in output.class`,
	},
	"not_a_mapping.bad.yaml": {
		`1:1: must be a mapping that starts with models:, not a list`,
	},
	"ranges.bad.yaml": {
		`1:22: evaluation_interval: must be from 1s to 366d, not 999ms`,
		`6:47: model "churn": labels.timeout: must be from 1s to 10y, not 11y`,
		`7:20: model "churn": windows[1]: must be from 1m to 366d, not 30s`,
		`7:25: model "churn": windows[2]: 1d is as long as the window 24h; remove one of the two`,
		`7:29: model "churn": windows[3]: must be from 1m to 366d, not 367d`,
		`7:40: model "churn": windows[5]: 1h is as long as the window 60m; remove one of the two`,
		`7:44: model "churn": windows[6]: must be from 1m to 366d, not 0s`,
		`7:48: model "churn": windows[7]: "-1h" is not a duration; write a duration such as 15s, 10m, 24h or 1d12h, the largest unit first`,
		`7:53: model "churn": windows[8]: "300y" is not a duration; write a duration such as 15s, 10m, 24h or 1d12h, the largest unit first`,
		`7:59: model "churn": windows[9]: "1m1d" is not a duration; write a duration such as 15s, 10m, 24h or 1d12h, the largest unit first`,
		`8:18: model "churn": min_records: must be a whole number from 1 to 1000000000, not 0`,
		`9:17: model "churn": cut_points: must be a whole number from 16 to 65536, not 15`,
		`10:21: model "churn": max_categories: must be a whole number from 2 to 65536, not 65537`,
		`11:19: model "churn": max_versions: must be a whole number from 1 to 100, not -1`,
		`12:23: model "churn": allowed_lateness: must be from 0s to 366d, not 2y`,
		`13:17: model "churn": max_future: the bare number 0 has no unit; write a duration such as 15s, 10m, 24h or 1d12h`,
		`14:22: model "churn": error_tolerance: must not be negative; write 0 for the 90th percentile of the reference's absolute error`,
		`16:25: model "churn": columns.age.edges[1]: must be greater than 18, the edge before it; sort the edges and remove repeated ones`,
		`16:33: model "churn": columns.age.edges[3]: must be greater than 30, the edge before it; sort the edges and remove repeated ones`,
		`16:37: model "churn": columns.age.edges[4]: must be a finite number such as 0.5, not the text "1e400"`,
		`21:18: model "fraud": min_records: must be a whole number from 1 to 1000000000, not 99999999999999999999`,
		`23:20: model "fraud": columns.age.edges: has 17 edges, more than cut_points (16); raise that or give fewer edges`,
	},
	"two_documents.bad.yaml": {
		`2:5: model "churn": predictions: is missing; add it, as in predictions: {path: "logs/churn-*.jsonl"}`,
		`4:1: a second YAML document starts here and would not be read; move its models into the first and remove the --- line`,
	},
	"unknown_keys.bad.yaml": {
		`1:1: evaluation_intervall: unknown key; did you mean evaluation_interval?`,
		`4:5: model "churn": refernce: unknown key; did you mean reference?`,
		`5:19: model "churn": predictions.paths: unknown key; did you mean path?`,
		`5:42: model "churn": predictions.wher: unknown key; did you mean where?`,
		`6:38: model "churn": labels.timout: unknown key; did you mean timeout?`,
		`6:51: model "churn": labels.保存: unknown key; remove it, the keys here are path, format, where, timeout`,
		`7:14: model "churn": fields.request_id: unknown key; remove it, the keys here are id, timestamp, version, model, features, prediction, score, label`,
		`7:30: model "churn": fields.time: unknown key; remove it, the keys here are id, timestamp, version, model, features, prediction, score, label`,
		`9:13: model "churn": columns.age.kid: unknown key; did you mean kind?`,
		`10:19: model "churn": columns."plan code".edge: unknown key; did you mean edges?`,
		`11:5: model "churn": minRecords: unknown key; did you mean min_records?`,
		`12:5: model "churn": "slices\n": unknown key; remove it, the keys here are name, task, positive_class, reference, predictions, labels, fields, columns, windows, min_records, cut_points, max_categories, max_versions, allowed_lateness, max_future, error_tolerance, missing_values`,
		`13:5: model "churn": base: unknown key; remove it, the keys here are name, task, positive_class, reference, predictions, labels, fields, columns, windows, min_records, cut_points, max_categories, max_versions, allowed_lateness, max_future, error_tolerance, missing_values`,
		`14:5: model "other": merge keys are not read; write the keys out, or use an alias for a whole value`,
		`18:7: model "other": a key must be text, not a list; write it on one line as key: value`,
	},
	"wrong_types.bad.yaml": {
		`1:22: evaluation_interval: the bare number 15 has no unit; write a duration such as 15s, 10m, 24h or 1d12h`,
		`3:11: models[0].name: must be text, not a list`,
		`4:16: models[0].reference: must be a mapping such as {path: training.csv}, not the text "training.csv"`,
		`5:18: models[0].predictions: must be a mapping such as {path: "logs/*.jsonl"} or a list of such mappings, not the text "logs/*.jsonl"`,
		`6:14: models[0].labels[0]: must be a mapping such as {path: "labels/*.jsonl"} or a list of such mappings, not the text "labels/*.jsonl"`,
		`6:37: models[0].labels[1].path: must be text, not a mapping`,
		`6:54: models[0].labels[1].timeout: the bare number 2.5 has no unit; write a duration such as 15s, 10m, 24h or 1d12h`,
		`8:11: model "fraud": task: must be classification or regression, not 3`,
		`9:21: model "fraud": positive_class: must be text, not a mapping`,
		`10:45: model "fraud": reference.format: must be jsonl or csv, not a list`,
		`11:48: model "fraud": predictions.where: must be a mapping such as {model: churn}, not a list`,
		`11:65: model "fraud": predictions.format: must be jsonl or csv, not the text "parquet"`,
		`12:13: model "fraud": fields: must be a mapping such as {id: request_id}, not a list`,
		`13:14: model "fraud": columns: must be a mapping from column names, such as {age: {kind: numeric}}, not a list`,
		`14:14: model "fraud": windows: must be a list of durations such as [1h, 24h], not the text "24h"`,
		`15:18: model "fraud": min_records: must be a whole number from 1 to 1000000000, not the text "30"`,
		`16:17: model "fraud": cut_points: must be a whole number from 16 to 65536, not 1e3`,
		`17:21: model "fraud": max_categories: must be a whole number from 2 to 65536, not true`,
		`18:19: model "fraud": max_versions: must be a whole number from 1 to 100, not the text "2024-01-01"`,
		`19:23: model "fraud": allowed_lateness: must be a duration such as 15s, 10m, 24h or 1d12h, not a list`,
		`20:17: model "fraud": max_future: "1 hour" is not a duration; write a duration such as 15s, 10m, 24h or 1d12h, the largest unit first`,
		`21:21: model "fraud": missing_values: must be a list of texts such as ["", NA], not the text "NA"`,
		`22:5: models[2]: must be a mapping that starts with name:, not the text "churn"`,
		`24:11: model "rent": task: must be classification or regression, not the text "clasification"`,
		`25:16: model "rent": reference: must be a mapping such as {path: training.csv}, not a list`,
		`26:26: model "rent": predictions[0].path: the tag !secret means nothing here; remove it`,
		`26:45: model "rent": predictions[0].where.model: has no value; write one or remove the key`,
		`26:58: model "rent": predictions[0].where.a: must be text, not a list`,
		`26:63: model "rent": predictions[0].where."b.": "b." has an empty name between its dots; write names joined by single dots, as in output.class`,
		`27:20: model "rent": columns.age: must be a mapping such as {kind: numeric}, not the text "numeric"`,
		`27:42: model "rent": columns.plan.kind: must be numeric, categorical or text, not the text "number"`,
		`27:57: model "rent": columns.plan.edges: must be a list of at least one number, such as [18, 30, 45], not 3`,
		`27:68: model "rent": columns.plan.ignore: must be true or false without quotes, not the text "true"`,
		`27:94: model "rent": columns.fee.edges[1]: must be a finite number such as 0.5, not the text "two"`,
		`27:99: model "rent": columns.fee.edges[2]: must be a finite number such as 0.5, not .inf`,
		`27:105: model "rent": columns.fee.edges[3]: must be a finite number such as 0.5, not null`,
		`27:111: model "rent": columns.fee.edges[4]: must be a finite number such as 0.5, not the text "3"`,
		`28:19: model "rent": windows[1]: the bare number 24 has no unit; write a duration such as 15s, 10m, 24h or 1d12h`,
		`28:23: model "rent": windows[2]: must be a duration such as 15s, 10m, 24h or 1d12h, not null`,
		`29:22: model "rent": error_tolerance: must be a finite number such as 0.5, not .nan`,
		`30:26: model "rent": missing_values[1]: must be text, not null; put it in quotes if the word is meant`,
		`30:32: model "rent": missing_values[2]: must be text, not a list`,
	},
}

func TestBadFiles(t *testing.T) {
	files := testFiles(t, "*.bad.yaml")
	for name := range badFiles {
		if !slices.Contains(files, name) {
			t.Errorf("there is no file %s", name)
		}
	}
	for _, name := range files {
		c, err := parseFile(t, name)
		if c != nil {
			t.Errorf("%s: a configuration with problems was returned", name)
		}
		var want []string
		for _, message := range badFiles[name] {
			want = append(want, name+":"+message)
		}
		compare(t, name, split(err), want)
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
		{"a list entry with a key too far left", "x: 1\nmodels:\n  - name: a\n   x: b\n",
			"3: YAML: did not find expected '-' indicator; " + indent},
		{"a key between two indentations", "a:\n  b: 1\n c: 2\nd: 4\n",
			"3: YAML: did not find expected key; " + indent},
		{"a list inside a mapping", "x: 1\n- a\n", "2: YAML: did not find expected key; " + indent},
		{"a tab before a key", "x: 1\n\tb: c\n",
			"2: YAML: found a tab character that violates indentation; indent with spaces"},
		{"a tab before the first key of a mapping", "x: 1\ny:\n\tb: c\n",
			"3: YAML: found character that cannot start any token; " + quote},
		{"a pattern without quotes", "x: 1\np: *.jsonl\n",
			"2: YAML: did not find expected alphabetic or numeric character; " + quote},
		{"a pattern over folders without quotes", "x: 1\np: **/a.jsonl\n",
			"2: YAML: did not find expected alphabetic or numeric character; " + quote},
		{"a pattern that looks like an alias", "x: 1\n# not *logs\nq: a*logs\np: *logs\n",
			`4: YAML: unknown anchor "logs"; put a value that starts with * in quotes, as in "*.jsonl"`},
		{"a list that is not closed", "x: 1\ny: [1, 2\nz: 3\n",
			"2: YAML: did not find expected ',' or ']'; close the bracket or add the comma"},
		{"a mapping that is not closed", "models:\n  - name: a\n    labels: {path: x\n  - name: b\n",
			"3: YAML: did not find expected ',' or '}'; close the bracket or add the comma"},
		{"nothing but a bracket", "{", "1: YAML: did not find expected node content; " +
			"write the missing value or close the bracket"},
		{"quotes that are not closed", "x: 1\ny: \"abc\nz: 3\n",
			"2: YAML: found unexpected end of stream; close the quotes that are opened here or above"},
		{"a backslash in double quotes", "z: 1\nx: \"C:\\q\"\n",
			`2: YAML: found unknown escape character; use single quotes, or write a backslash as \\`},
		{"a key without a colon", "x: 1\nb\nc: 1\n",
			"2: YAML: could not find expected ':'; write a colon and a space after the key"},
		{"an unknown tag handle", "x: 1\ny: !x!y a\n",
			"2: YAML: found undefined tag handle; remove the tag, or put the value in quotes"},
		{"another version of YAML", "%YAML 3.0\n---\na: 1",
			"1: YAML: found incompatible YAML document; remove the %YAML directive"},
		{"a fault in a second document", "models: 1\n---\nb: c: d\n",
			"3: YAML: mapping values are not allowed in this context; " +
				"check the indentation, and put a value that holds a colon in quotes"},
		{"a control character", "a: b\né: \x01", "2:4: the character U+0001 is not allowed in YAML; remove it"},
		{"a control character behind a byte order mark", "\ufeff\x00",
			"1:1: the character U+0000 is not allowed in YAML; remove it"},
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
		"my config.yaml:2:1: x: unknown key; remove it, the keys here are evaluation_interval, models"
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
		{"detectors", ""},
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
