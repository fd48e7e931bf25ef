package mapping_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// joinMapping joins records of the id, the second of the minute, the kind and the body.
const joinMapping = `{format: jsonl, request_id: id, time: t, version: v, join: {wait: 1m, max: 3}, parts: [
  {role: request, when: {path: kind, equals: q}, value: body}, {role: response, when: {path: kind, equals: a}, value: body}]}`

// joinRig feeds records to a decoder and an assembler.
type joinRig struct {
	t         *testing.T
	spec      *mapping.Spec
	schema    *record.Schema
	decoder   decode.Decoder
	assembler *mapping.Assembler
	reading
}

func newJoinRig(t *testing.T, yaml string) *joinRig {
	s := parse(t, yaml)
	s.Names = []string{"sepal_length"}
	format, err := mapping.Format(s, now)
	if err != nil {
		t.Fatal(err)
	}
	r := &joinRig{t: t, spec: s, schema: irisSchema(), reading: reading{rejects: make(map[record.Reason]int)}}
	r.decoder = format.New(r.schema, seed)
	r.assembler = mapping.NewAssembler(s, r.schema)
	return r
}

// feed adds a record, made at a second of the hour.
func (r *joinRig) feed(kind, id string, second int, body string) {
	r.t.Helper()
	r.feedUntil(kind, id, second, body, math.MaxInt64)
}

func (r *joinRig) feedUntil(kind, id string, second int, body string, limit int64) {
	r.t.Helper()
	at := time.Unix(int64(second), 0).UTC().Format(time.RFC3339)
	line := fmt.Sprintf(`{"kind":%q,"id":%q,"t":%q,"v":%q,"body":%s}`+"\n", kind, id, at, kind, body)
	var in, out record.Batch
	r.decoder.Decode(nil, []byte(line), &in)
	r.assembler.Add(&in, &out, limit)
	r.add(r.schema, &out)
}

// texts are the rows as "part id second version sepal_length prediction score".
func (r *joinRig) texts() []string {
	names := map[uint64]string{}
	for _, request := range []string{"a", "b", "c", "d", "e"} {
		for i := range 3 {
			names[id(fmt.Sprintf("%s_%d", request, i))] = fmt.Sprintf("%s%d", request, i)
		}
	}
	var all []string
	for _, one := range r.rows {
		all = append(all, fmt.Sprintf("%s %s %d %s %s|%s|%s", one.Part, names[one.ID], one.Time/1e9, one.Version,
			one.Values["sepal_length"], one.Values["prediction"], one.Values["score"]))
	}
	return all
}

func (r *joinRig) want(rejects map[record.Reason]int, rows ...string) {
	r.t.Helper()
	if got := r.texts(); !slices.Equal(got, rows) {
		r.t.Errorf("rows\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(rows, "\n "))
	}
	if rejects == nil {
		rejects = map[record.Reason]int{}
	}
	if !reflect.DeepEqual(r.rejects, rejects) {
		r.t.Errorf("rejects %v, want %v", r.rejects, rejects)
	}
}

func TestAssemblerJoinsInAnyOrder(t *testing.T) {
	r := newJoinRig(t, joinMapping)
	r.feed("q", "a", 1, "[[1],[2]]")
	r.feed("a", "b", 2, `["no"]`)
	r.feed("a", "a", 3, `["yes","no"]`)
	r.feed("q", "b", 4, "[[3]]")
	r.want(nil, "whole a0 1 a 1|yes|", "whole a1 1 a 2|no|", "whole b0 4 a 3|no|")
	if n := r.assembler.Waiting(); n != 0 {
		t.Errorf("%d halves wait", n)
	}
}

func TestAssemblerGivesOutAloneWhatWaitedTooLong(t *testing.T) {
	r := newJoinRig(t, joinMapping)
	r.feed("q", "a", 1, "[[1]]")
	r.feed("a", "b", 30, `[{"prediction":"yes","score":0.75}]`)
	r.feed("q", "c", 61, "[[3]]")
	r.want(nil)
	r.feed("q", "d", 62, "[[4]]")
	r.want(map[record.Reason]int{record.JoinTimeout: 1}, "request a0 1 q 1||")
	var out record.Batch
	r.assembler.Expire(time.Unix(91, 0).UnixNano(), &out)
	r.add(r.schema, &out)
	r.assembler.Flush(&out)
	r.add(r.schema, &out)
	r.want(map[record.Reason]int{record.JoinTimeout: 4},
		"request a0 1 q 1||", "response b0 30 a |yes|0.75", "request c0 61 q 3||", "request d0 62 q 4||")
}

func TestAssemblerBoundsWhatWaits(t *testing.T) {
	r := newJoinRig(t, joinMapping)
	for i, request := range []string{"a", "b", "c", "d", "e"} {
		r.feed("q", request, i, "[[1]]")
	}
	r.want(map[record.Reason]int{record.JoinFull: 2}, "request a0 0 q 1||", "request b0 1 q 1||")
	if n := r.assembler.Waiting(); n != 3 {
		t.Errorf("%d halves wait, want 3", n)
	}
}

func TestAssemblerCountsWhatDoesNotFit(t *testing.T) {
	r := newJoinRig(t, joinMapping)
	r.feed("q", "a", 1, "[[1],[2]]")
	r.feed("q", "a", 2, "[[1],[2]]") // delivered twice
	r.feed("a", "a", 3, `["x","y","z"]`)
	r.feed("q", "", 4, "[[1]]")
	r.want(map[record.Reason]int{record.Duplicate: 1, record.RowsMismatch: 1, record.NoID: 1},
		"request a0 1 q 1||", "request a1 1 q 2||")
}

// A flat list of a response has a value a row, unless there is one row only.
func TestAssemblerTakesAListForTheProbabilitiesOfOneRow(t *testing.T) {
	r := newJoinRig(t, strings.Replace(joinMapping, "{format", `{classes: ["no", "yes"], format`, 1))
	r.feed("q", "a", 1, "[[1]]")
	r.feed("a", "a", 2, "[0.25,0.75]")
	r.feed("a", "b", 3, "[1,0.0]")
	r.feed("q", "b", 4, "[[2]]")
	r.feed("q", "c", 5, "[[3],[4]]")
	r.feed("a", "c", 6, "[0.25,0.75]")
	r.want(nil, "whole a0 1 a 1|yes|0.75", "whole b0 4 a 2|no|0", "whole c0 5 a 3|no|0.25", "whole c1 5 a 4|yes|0.75")
}

func TestAssemblerIsNotHurriedByAWrongClock(t *testing.T) {
	r := newJoinRig(t, joinMapping)
	limit := time.Unix(1000, 0).UnixNano()
	r.feedUntil("q", "a", 1, "[[1]]", limit)
	r.feedUntil("q", "b", 100000, "[[2]]", limit)
	r.feedUntil("a", "a", 2, `["x"]`, limit)
	r.want(nil, "whole a0 1 a 1|x|")
	r.feedUntil("q", "c", 500, "[[2]]", limit)
	r.want(map[record.Reason]int{record.JoinTimeout: 1}, "whole a0 1 a 1|x|", "request b0 100000 q 2||")
}

func TestAssemblerStateSurvives(t *testing.T) {
	r := newJoinRig(t, joinMapping)
	r.feed("q", "a", 1, `[["wrong"],[null]]`)
	r.feed("a", "b", 2, `[{"prediction":7,"score":"0.5"}]`)
	r.feed("q", "c", 3, "[[3]]")
	var e state.Encoder
	r.assembler.Save(&e)
	saved := slices.Concat(e.Parts()...)

	again := mapping.NewAssembler(r.spec, r.schema)
	d := state.NewDecoder(saved)
	if again.Load(d); d.End() != nil || again.Waiting() != 3 {
		t.Fatalf("%d halves wait, %v", again.Waiting(), d.End())
	}
	var first, second record.Batch
	r.assembler.Flush(&first)
	again.Flush(&second)
	one, other := reading{rejects: map[record.Reason]int{}}, reading{rejects: map[record.Reason]int{}}
	one.add(r.schema, &first)
	other.add(r.schema, &second)
	if !reflect.DeepEqual(one, other) {
		t.Errorf("rows\n%+v\nwant\n%+v", other, one)
	}
	if b := second.Columns[0]; len(b.Wrong) != 1 || len(second.Columns[4].Bare) != 1 || len(second.Columns[5].Quoted) != 1 {
		t.Error("what is wrong, bare and quoted was not kept")
	}

	other2 := *r.schema
	other2.Columns = other2.Columns[:4]
	changed := mapping.NewAssembler(r.spec, &other2)
	d = state.NewDecoder(saved)
	if changed.Load(d); d.End() != nil || changed.Waiting() != 0 {
		t.Errorf("of another schema %d halves wait, %v", changed.Waiting(), d.End())
	}
}

func FuzzAssemblerLoad(f *testing.F) {
	schema := irisSchema()
	s := &mapping.Spec{Format: decode.FormatJSONL, Join: &mapping.Join{Wait: time.Minute, Max: 10}}
	in := &record.Batch{}
	in.Reset(schema)
	in.Bytes = []byte("yes2.0")
	in.Rows, in.IDs, in.Times, in.RowLines = 2, []uint64{5, 6}, []int64{7, 8}, []uint32{0, 1}
	in.Versions = []record.Span{{Offset: 3, Length: 3}, record.Absent}
	in.Halves = []record.Half{{Request: 9, Rows: 1, Part: record.Response, Flat: true}, {Request: 10, Rows: 1, Part: record.Request}}
	for i := range in.Columns {
		if schema.Columns[i].Kind == record.Numeric {
			in.Columns[i].Numbers = []float64{0.5, math.NaN()}
		} else {
			in.Columns[i].Spans = []record.Span{{Length: 3}, record.Absent}
		}
	}
	a, out, e := mapping.NewAssembler(s, schema), &record.Batch{}, &state.Encoder{}
	a.Save(e)
	f.Add(slices.Concat(e.Parts()...))
	e.Reset()
	a.Add(in, out, math.MaxInt64)
	a.Save(e)
	f.Add(slices.Concat(e.Parts()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := mapping.NewAssembler(s, schema)
		d := state.NewDecoder(data)
		a.Load(d)
		if d.Err() != nil && a.Waiting() > 0 {
			t.Fatal("halves wait behind an error")
		}
		var out record.Batch
		a.Flush(&out)
		for i := range out.Columns {
			if c := &out.Columns[i]; max(len(c.Numbers), len(c.Spans)) != out.Rows {
				t.Fatalf("column %d has not one value a row", i)
			}
		}
	})
}
