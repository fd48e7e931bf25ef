package mapping

import (
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// jsonOf writes a value as JSON without blanks.
func jsonOf(v decode.Value) string {
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

func writeJSON(b *strings.Builder, v decode.Value) {
	switch v.Kind() {
	case decode.None:
		b.WriteString("none")
	case decode.Null:
		b.WriteString("null")
	case decode.String, decode.Bare:
		text, _ := v.Text()
		b.WriteString(`"` + string(text) + `"`)
	case decode.List:
		b.WriteByte('[')
		parts, n := v.Parts(), 0
		for part, ok := parts.Next(); ok; part, ok = parts.Next() {
			if n++; n > 1 {
				b.WriteByte(',')
			}
			writeJSON(b, part)
		}
		b.WriteByte(']')
	case decode.Object:
		b.WriteByte('{')
		parts, n := v.Parts(), 0
		for key, part, ok := parts.NextMember(); ok; key, part, ok = parts.NextMember() {
			if n++; n > 1 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + string(key) + `":`)
			writeJSON(b, part)
		}
		b.WriteByte('}')
	default:
		text, _ := v.Text()
		b.Write(text)
	}
}

func mustPath(t testing.TB, text string) *Path {
	t.Helper()
	p, err := ParsePath(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

const pathRecord = `{"a":{"b":[{"c":1,"d":[10,11]},{"c":null,"d":[20]},{"d":[]}],"x-y":"dash","n":null},
	"list":[[1,2],[3,4]],"empty":"","zero":0,"no":false,"text":"t","Ünïcode":1}`

// The results are those of JMESPath, except that [*] keeps a null where the rest of the path leads nowhere.
func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"text":                    `"t"`,
		"zero":                    "0",
		"a.b[0].c":                "1",
		"a.b[-3].d[-1]":           "11",
		"a.b[5]":                  "none",
		"a.b.c":                   "none",
		"a.n":                     "null",
		"a.n.x":                   "none",
		"nothing":                 "none",
		`a."x-y"`:                 `"dash"`,
		`"\u00dcn\u00efcode"`:     "1",
		"a.b[*].c":                "[1,null,null]",
		"a.b[*].d":                "[[10,11],[20],[]]",
		"a.b[*].d[0]":             "[10,20,null]",
		"a.b[*].d[*]":             "[[10,11],[20],[]]",
		"list[*]":                 "[[1,2],[3,4]]",
		"list[*][1]":              "[2,4]",
		"text[*]":                 "none",
		"nothing || text":         `"t"`,
		"empty||no || a.n||zero":  "0",
		"text || nothing":         `"t"`,
		"nothing || empty":        `""`,
		"nothing.a[0] || @.zero":  "0",
		"@.list[0]":               "[1,2]",
		" text\t":                 `"t"`,
		"_path.endpoint || text":  `"t"`,
		`a.b[*].d[*] || nothing`:  "[[10,11],[20],[]]",
		"nothing[*].x || list[1]": "[3,4]",
	} {
		tree := &decode.Tree{}
		record, err := tree.OneJSON(tree.Load([]byte(pathRecord)))
		if err != nil {
			t.Fatal(err)
		}
		p := mustPath(t, path)
		if got := jsonOf(p.in(tree, roots{record: record})); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		if p.String() != path {
			t.Errorf("%s is written as %s", path, p)
		}
	}
}

func TestPathOfAList(t *testing.T) {
	tree := &decode.Tree{}
	record, _ := tree.OneJSON(tree.Load([]byte(`[{"f":[1]},{"f":[2]}]`)))
	for path, want := range map[string]string{"[*].f": "[[1],[2]]", "[1].f[0]": "2", "@": `[{"f":[1]},{"f":[2]}]`, "@[0]": `{"f":[1]}`} {
		if got := jsonOf(mustPath(t, path).in(tree, roots{record: record})); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestPathsThatAreNone(t *testing.T) {
	for path, want := range map[string]string{
		"":                        "at position 1: a name is missing",
		"a.":                      "at position 3: a name is missing",
		"a..b":                    "at position 3: a name cannot begin with '.'",
		"a b":                     "at position 3: there is more behind the path",
		"a-b":                     "at position 2: there is more behind the path",
		"1a":                      "at position 1: a name cannot begin with '1'",
		`a."b`:                    "at position 3: a quote is not closed",
		`"\x"`:                    "at position 1: \"\\x\" is no JSON string",
		"a[1":                     "at position 2: a bracket is not closed",
		"a[]":                     "at position 2: brackets hold a whole number or *",
		"a[+1]":                   "at position 2: brackets hold a whole number or *",
		"a[?x]":                   "at position 2: brackets hold a whole number or *",
		"a[99999999999]":          "at position 2: brackets hold a whole number or *",
		"a ||":                    "at position 5: a name is missing",
		"a | b":                   "at position 3: there is more behind the path",
		"length(a)":               "at position 7: there is more behind the path",
		"a.@":                     "at position 3: a name cannot begin with '@'",
		strings.Repeat("[0]", 65): "the path has more than 64 steps",
	} {
		if _, err := ParsePath(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", path, err, want)
		}
	}
}

func TestPathsAllocateNothing(t *testing.T) {
	tree := &decode.Tree{}
	record, _ := tree.OneJSON(tree.Load([]byte(pathRecord)))
	for _, path := range []string{"a.b[0].c", "nothing || a.b[1].d[0]", "a.b[*].d"} {
		p := mustPath(t, path)
		p.in(tree, roots{record: record}) // The tree grows once.
		if n := testing.AllocsPerRun(10, func() { p.in(tree, roots{record: record}) }); n > 0 {
			t.Errorf("%s allocates %v times", path, n)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{"a.b[*].d[0] || @", `"x\"y"[-1]`, "a.", "_path.x", "[*][*][*]", "a[*].b[*] || list[*][*]"} {
		f.Add(path, pathRecord)
	}
	f.Fuzz(func(t *testing.T, text, data string) {
		p, err := ParsePath(text)
		if err != nil {
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || len(again.alternatives) != len(p.alternatives) {
			t.Fatalf("%q is read again as %v, %v", text, again, err)
		}
		tree := &decode.Tree{}
		record, err := tree.OneJSON(tree.Load([]byte(data)))
		if err != nil {
			return
		}
		if got := jsonOf(p.in(tree, roots{record: record})); len(got) > 2*len(data)+5*strings.Count(data, ",")+64 {
			t.Fatalf("%q makes %d bytes of %d", text, len(got), len(data))
		}
	})
}
