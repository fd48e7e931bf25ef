package decode

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// plain is a value as encoding/json has it with UseNumber.
func plain(v Value) any {
	switch v.Kind() {
	case False, True:
		return v.Kind() == True
	case Number:
		text, _ := v.Text()
		return json.Number(text)
	case String, Bare:
		text, _ := v.Text()
		return string(text)
	case List:
		all := []any{}
		parts := v.Parts()
		for part, ok := parts.Next(); ok; part, ok = parts.Next() {
			all = append(all, plain(part))
		}
		return all
	case Object:
		all := map[string]any{}
		parts := v.Parts()
		for key, part, ok := parts.NextMember(); ok; key, part, ok = parts.NextMember() {
			all[string(key)] = plain(part)
		}
		return all
	default:
		return nil
	}
}

func treeOf(t *testing.T, text string) Value {
	t.Helper()
	v, err := (&Tree{}).loaded(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func (t *Tree) loaded(text string) (Value, error) {
	from, to := t.Load([]byte(text))
	return t.OneJSON(from, to)
}

func FuzzTreeReadsJSONAsTheStandardLibraryDoes(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-3e7,{"b":"x\n\"yA😀\ud800 end"}],"c":null,"d":true,"e":false}`,
		` [ ] `, `{}`, `{"a":1,"a":2}`, `12345678901234567890`, `"Grüße"`, "\"\xff\xfeab\"", `[NaN,-Infinity,Infinity]`,
		`{"a":NaN,"b":"NaN"}`, `[1,]`, `{"a"}`, `{"a":1`, `"abc`, `"a\`, `"\u12"`, `01`, `1.`, `-`, `nul`, "\ufeff1", `1 2`,
		strings.Repeat("[", 200), `"\u00e9\/\b\f\r\t\\"`, "\"a\tb\"", "",
	} {
		f.Add([]byte(seed))
	}
	tree := &Tree{}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree.Reset()
		from, to := tree.Load(text)
		v, err := tree.OneJSON(from, to)
		want, wantErr := ParseJSON([]byte(strings.TrimPrefix(string(text), "\ufeff")))
		if err != nil {
			if wantErr == nil && !strings.Contains(err.Error(), "nested") {
				t.Fatalf("%q: error %v, want %v", text, err, want)
			}
			if len(tree.nodes) != 0 {
				t.Fatalf("%q: %d values are left behind an error", text, len(tree.nodes))
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("%q: %v, want the error %v", text, plain(v), wantErr)
		}
		if got := plain(v); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, want %#v", text, got, want)
		}
		if len(tree.nodes) > len(text)+1 {
			t.Fatalf("%q: %d values of %d bytes", text, len(tree.nodes), len(text))
		}
	})
}

func TestTreeReadsAJSONTextInsideAString(t *testing.T) {
	tree := &Tree{}
	outer, err := tree.loaded(`{"data":"{\"instances\": [[5.1,3],[\"a\\\"b\",12]]}","after":7}`)
	if err != nil {
		t.Fatal(err)
	}
	from, to := outer.Member("data").Span()
	inner, err := tree.OneJSON(from, to)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"instances": []any{
		[]any{json.Number("5.1"), json.Number("3")}, []any{`a"b`, json.Number("12")},
	}}
	if got := plain(inner); !reflect.DeepEqual(got, want) {
		t.Errorf("inner value %v, want %v", got, want)
	}
	if x, ok := outer.Member("after").Number(); !ok || x != 7 {
		t.Errorf("the number behind the string is %v", x)
	}
	if x, ok := inner.Member("instances").Index(1).Index(-1).Number(); !ok || x != 12 {
		t.Errorf("the last number of the inner text is %v", x)
	}
}

func TestTreeKeepsWhatItIsGiven(t *testing.T) {
	tree := &Tree{}
	object := tree.Open(Object)
	tree.AddString("x")
	tree.AddFloat(-0.1)
	tree.AddString("row")
	list := tree.Open(List)
	tree.Add(Null)
	from, to := tree.Load([]byte("17"))
	tree.AddText(Bare, from, to)
	tree.Close(list, 2)
	tree.Close(object, 2)

	if x, ok := object.Member("x").Number(); !ok || x != -0.1 {
		t.Errorf("x is %v, want -0.1", x)
	}
	if text, _ := object.Member("x").Text(); string(text) != "-0.1" {
		t.Errorf("x is the text %q, want -0.1", text)
	}
	row := tree.AddCopy(object.Member("row"))
	if row.Len() != 2 || row.Index(0).Kind() != Null {
		t.Errorf("the copy has %d parts, want 2", row.Len())
	}
	if x, ok := row.Index(1).Number(); !ok || x != 17 {
		t.Errorf("the copied number is %v, want 17", x)
	}
	if _, ok := tree.AddFloat(math.NaN()).Number(); ok {
		t.Error("NaN counts as a number")
	}
}

func TestValuesThatAreNotThereHaveNothing(t *testing.T) {
	v := treeOf(t, `{"list":[1],"text":"x"}`)
	for name, none := range map[string]Value{
		"key of a list": v.Member("list").Member("a"), "unknown key": v.Member("b"),
		"index of a text": v.Member("text").Index(0), "index beyond": v.Member("list").Index(1),
		"index before": v.Member("list").Index(-2), "zero": {},
	} {
		if none.Kind() != None || none.Len() != 0 || none.IsScalar() {
			t.Errorf("%s: kind %d, want none", name, none.Kind())
		}
		if _, ok := none.Text(); ok {
			t.Errorf("%s has a text", name)
		}
		if _, ok := none.Time(); ok {
			t.Errorf("%s has a time", name)
		}
	}
}

func BenchmarkTree(b *testing.B) {
	line := []byte(`{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"5.1,3.5,1.4,0.2\n","encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":"1","encoding":"CSV"}},"eventMetadata":{"eventId":"00000000-0000-4000-8000-000000000001","customAttributes":["tenant=acme"],"inferenceId":"req-0001","inferenceTime":"2026-03-14T09:26:53Z"},"eventVersion":"0"}`)
	tree := &Tree{}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		tree.Reset()
		from, to := tree.Load(line)
		if _, err := tree.OneJSON(from, to); err != nil {
			b.Fatal(err)
		}
	}
}
