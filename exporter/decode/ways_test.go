package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// anyShape writes a record some of whose keys are missing, and which are in any order if shuffled. A few have a key
// twice.
func anyShape(rnd *rand.Rand, shuffled bool) string {
	members := func(all ...string) string {
		kept := slices.DeleteFunc(all, func(string) bool { return rnd.IntN(4) == 0 })
		if shuffled {
			rnd.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
		}
		if len(kept) > 0 && rnd.IntN(50) == 0 {
			kept = append(kept, kept[0])
		}
		return strings.Join(kept, ",")
	}
	number := func() string {
		return []string{"1", "-2.5", "0.12345678901234567", "1e-5", "null", `"7"`, "NaN"}[rnd.IntN(7)]
	}
	features := members(`"age":`+number(), `"income":`+number(), `"city":"Rome"`, `"new":`+number(), `"also new":[{}]`)
	return "{" + members(`"timestamp":1767323045`, `"id":"a"`, `"model_version":"1"`, `"x":`+number(),
		`"features":{`+features+`}`, `"age":3`, `"output":{"class":`+number()+`}`) + "}\n"
}

// withoutWays decodes by the careful way only.
func withoutWays(d *JSONL, data []byte) *record.Batch {
	b := new(record.Batch)
	b.Reset(d.schema)
	d.batch = b
	since := d.row + 1
	for line := range bytes.Lines(data) {
		d.slow(bytes.TrimSuffix(line, []byte("\n")))
		b.Lines++
	}
	d.root.takeUnknown(b, "", since)
	return b
}

func TestJSONLReadsRecordsOfManyShapes(t *testing.T) {
	for _, shuffled := range []bool{false, true} {
		rnd := rand.New(rand.NewPCG(5, 6))
		s := testSchema()
		d, careful := NewJSONL(s, 1), NewJSONL(s, 1)
		var b record.Batch
		most := 0
		for range 30 {
			var data []byte
			for range 1 + rnd.IntN(400) {
				data = append(data, anyShape(rnd, shuffled)...)
			}
			d.Decode(nil, data, &b)
			want := withoutWays(careful, data)
			if got, want := render(&b, s), render(want, s); got != want {
				t.Fatalf("shuffled %t: got\n%s\nwant\n%s", shuffled, got, want)
			}
			most = max(most, d.ways.used)
		}
		if most < 100 || most > maxWays {
			t.Errorf("shuffled %t: %d steps are remembered, want some and at most %d", shuffled, most, maxWays)
		}
	}
}

func TestJSONLRemembersTheWaysOfALogThatHasChanged(t *testing.T) {
	d := NewJSONL(testSchema(), 1)
	var b record.Batch
	decode := func(key string) {
		data := bytes.Repeat([]byte(`{"timestamp":1,"features":{"age":1,"`+key+`":2}}`+"\n"), 100)
		d.Decode(nil, data, &b)
		if b.Rows != 100 || len(b.Unknown) != 1 || b.Unknown[0] != (record.Unknown{Name: "features." + key, Count: 100}) ||
			!slices.Equal(b.Objects, []string{"features"}) {
			t.Fatalf("%s: %d rows, unknown %v, objects %v", key, b.Rows, b.Unknown, b.Objects)
		}
	}
	for k := range 2 * maxOthers {
		decode(fmt.Sprint("key", k))
	}
	decode("last")
	decode("last") // If its way was refused, the other ones have been forgotten now.
	if d.ways.used == 0 || d.ways.used > 20 {
		t.Errorf("%d steps are remembered, want those of few records", d.ways.used)
	}
	if n := testing.AllocsPerRun(10, func() { decode("last") }); n > 10 {
		t.Errorf("%v allocations for 100 records of a known shape", n)
	}
}
