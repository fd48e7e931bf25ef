package decode

import (
	"encoding/json"
	"reflect"
	"testing"
)

// readAllValues reads data as a block of a log, as plain values; errors are texts.
func readAllValues(t *testing.T, name, header, data string) []any {
	t.Helper()
	format, err := LookupValues(name)
	if err != nil {
		t.Fatal(err)
	}
	reader, tree := format.New(), &Tree{}
	padded := append([]byte(data), make([]byte, Padding)...)[:len(data)]
	all := []any{}
	for at := 0; at < len(padded); {
		tree.Reset()
		v, next, err := reader.Read([]byte(header), padded, at, tree)
		if next <= at || next > len(padded) {
			t.Fatalf("%s: %q: from %d to %d", name, data, at, next)
		}
		at = next
		switch {
		case err != nil:
			all = append(all, err.Error())
		case v.Kind() != None:
			all = append(all, plain(v))
		}
	}
	return all
}

func TestValueReaders(t *testing.T) {
	object := func(pairs ...any) map[string]any {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i].(string)] = pairs[i+1]
		}
		return o
	}
	one, two := object("a", json.Number("1")), object("a", json.Number("2"))
	for _, c := range []struct {
		format, header, data string
		want                 []any
	}{
		{"jsonl", "", "\ufeff{\"a\":1}\n\n  \r\n{\"a\":2}", []any{one, two}},
		{"jsonl", "", "{\"a\":1\n{\"a\":2}\n", []any{"not JSON: it ends in the midst of a value", two}},
		{"json", "", `[{"a":1},{"a":2}]`, []any{one, two}},
		{"json", "", "{\n \"a\": 1\n}\n\n{\"a\":2}\n", []any{one, two}},
		{"json", "", `,{"a":"}\"{"}] {"a":`, []any{object("a", `}"{`), "not JSON: it ends in the midst of a value"}},
		{"json", "", "x y\n{\"a\":1}z{\"a\":2}", []any{
			`not JSON: byte 'x' begins no value`, `not JSON: byte 'y' begins no value`, one,
			`not JSON: byte 'z' begins no value`, two,
		}},
		{"csv", "id,text\r\n", "1,\"a, \"\"b\"\"\n\"\r\n\n 2 , x \r\n", []any{
			object("id", "1", "text", "a, \"b\"\n"), object("id", "2", "text", "x"),
		}},
		{"csv", "id,text\n", "1,\n1\n\"1,x\n", []any{
			object("id", "1", "text", nil), "the record has 1 fields, the header 2", "not CSV: a quote is not closed",
		}},
	} {
		if got := readAllValues(t, c.format, c.header, c.data); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q:\n got %v\nwant %v", c.format, c.data, got, c.want)
		}
	}
	if _, err := LookupValues("parquet2"); err == nil {
		t.Error("an unknown format has no error")
	}
}
