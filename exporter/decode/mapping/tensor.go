package mapping

import (
	"encoding/binary"
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// tensor is a tensor of the Open Inference Protocol.
type tensor struct {
	name        []byte
	shape, data decode.Value
	// bare says that numbers may be written as texts.
	bare bool
}

// isTensors reports whether a list is one of tensors.
func isTensors(v decode.Value) bool {
	first := v.Index(0)
	if first.Kind() != decode.Object || first.Member("name").Kind() != decode.String {
		return false
	}
	return first.Member("shape").Kind() == decode.List || first.Member("datatype").Kind() == decode.String
}

// layOutTensors finds the rows of tensors: of a request or a response, or of a list of tensors, or of one. One tensor
// of several columns has values without names; of several tensors, each is a column, or several.
func (d *Decoder) layOutTensors(p *part, body decode.Value, r *rows) *fault {
	list, raw := body, decode.Value{}
	if body.Kind() == decode.Object {
		key, snake, camel := "inputs", "raw_input_contents", "rawInputContents"
		if p.spec.Role != Request {
			key, snake, camel = "outputs", "raw_output_contents", "rawOutputContents"
		}
		if list = body.Member(key); list.Kind() == decode.None && body.Member("data").Kind() > decode.Null {
			return d.addTensor(p, tensorOf(body), true, r)
		}
		if raw = body.Member(snake); raw.Kind() == decode.None {
			raw = body.Member(camel)
		}
	}
	if list.Len() == 0 || list.Kind() != decode.List {
		return faulty(record.Layout, "the body has no tensors")
	}
	r.layout = "tensors"
	parts := list.Parts()
	for i := 0; ; i++ {
		one, ok := parts.Next()
		if !ok {
			return nil
		}
		t := tensorOf(one)
		if raw.Len() > 0 {
			var f *fault
			if t.data, f = d.rawTensor(raw.Index(i), one.Member("datatype")); f != nil {
				return f
			}
		}
		if t.data.Kind() == decode.None && one.Member("parameters").Member("binary_data_size").Kind() > decode.Null {
			return faulty(record.BinaryBody, "tensor %q is binary data behind the JSON", t.name)
		}
		if f := d.addTensor(p, t, list.Len() == 1, r); f != nil {
			return f
		}
	}
}

// tensorOf reads the object of a tensor, as JSON or as protobuf's JSON has it.
func tensorOf(v decode.Value) tensor {
	t := tensor{shape: v.Member("shape"), data: v.Member("data")}
	t.name, _ = v.Member("name").Text()
	kind, _ := v.Member("datatype").Text()
	t.bare = len(kind) > 0 && string(kind) != "BYTES"
	if contents := v.Member("contents"); contents.Len() > 0 {
		parts := contents.Parts()
		_, t.data, _ = parts.NextMember()
	}
	return t
}

// addTensor adds a tensor's columns to the rows.
func (d *Decoder) addTensor(p *part, t tensor, alone bool, r *rows) *fault {
	for _, v := range []*decode.Value{&t.shape, &t.data} {
		if v.Kind() == decode.String { // numbers with commas, as Triton's trace has them
			from, to := v.Span()
			list, f := d.csv(text{from, to})
			if f != nil {
				return f
			}
			*v = list.Index(0)
		}
	}
	if t.data.Kind() != decode.List {
		return faulty(record.Layout, "tensor %q has no list of data", clip(t.name))
	}
	count := 0
	scalars := t.data.Parts()
	for _, ok := scalars.NextScalar(); ok; _, ok = scalars.NextScalar() {
		count++
	}
	n, width, ok := t.dimensions(count)
	switch {
	case !ok:
		return faulty(record.Layout, "tensor %q has %d values, which is not what its shape says", clip(t.name), count)
	case len(r.columns) > 0 && n != r.n:
		return faulty(record.RowsMismatch, "tensor %q has %d rows, those before it have %d", clip(t.name), n, r.n)
	}
	r.n = n
	c := column{parts: t.data.Parts(), width: width, deep: true, bare: t.bare}
	if width == 1 && len(t.name) > 0 {
		// The name of the only tensor often is that of the whole, as in predict.
		if c.target = p.names.at(t.name); alone && c.target.field == none {
			c.target = nil
		}
	}
	r.columns = append(r.columns, c)
	return nil
}

// dimensions returns the number of rows, and of values in each, of a tensor of count values. Without a shape the outer
// list has the rows.
func (t *tensor) dimensions(count int) (n, width int, ok bool) {
	if t.shape.Len() == 0 {
		if n = t.data.Len(); n == 0 {
			return 0, 0, count == 0
		}
		return n, count / n, count%n == 0
	}
	n, width = none, 1
	parts := t.shape.Parts()
	for part, more := parts.Next(); more; part, more = parts.Next() {
		x, ok := part.Number()
		if !ok || x < 0 || x > maxBody || x != math.Trunc(x) || width*int(x) > maxBody {
			return 0, 0, false
		}
		if n == none {
			n = int(x)
		} else {
			width *= int(x)
		}
	}
	return n, width, n*width == count
}

// rawTensor reads the little-endian values of a tensor, which are a text of base64.
func (d *Decoder) rawTensor(v, datatype decode.Value) (decode.Value, *fault) {
	if v.Kind() != decode.String {
		return v, faulty(record.Layout, "a tensor has no text of raw contents")
	}
	from, to := v.Span()
	to, err := d.base64(from, to)
	if err != nil {
		return v, faulty(record.Malformed, "the raw contents of a tensor are not base64: %v", err)
	}
	kind, _ := datatype.Text()
	if string(kind) == "BYTES" {
		return d.rawTexts(from, to)
	}
	size, read := rawKind(string(kind))
	if size == 0 {
		return v, faulty(record.BinaryBody, "raw contents of the type %q are not read", clip(kind))
	}
	if (to-from)%size != 0 {
		return v, faulty(record.Layout, "raw contents have %d bytes, which are no values of the type %s", to-from, kind)
	}
	list := d.tree.Open(decode.List)
	for at := from; at < to; at += size {
		d.tree.AddFloat(read(d.tree.Slice(at, at+size)))
	}
	d.tree.Close(list, (to-from)/size)
	return list, nil
}

// rawTexts reads texts that each have their length before them.
func (d *Decoder) rawTexts(from, to int) (decode.Value, *fault) {
	list := d.tree.Open(decode.List)
	n := 0
	for at := from; at < to; n++ {
		if to-at < 4 {
			return list, faulty(record.Layout, "raw contents of texts are cut")
		}
		length := int(binary.LittleEndian.Uint32(d.tree.Slice(at, at+4)))
		if at += 4; length > to-at {
			return list, faulty(record.Layout, "raw contents of texts are cut")
		}
		d.tree.AddString(string(d.tree.Slice(at, at+length)))
		at += length
	}
	d.tree.Close(list, n)
	return list, nil
}

// rawKind returns the size of a value of a type, and how it is read; 0 for types that are not read. Integers beyond
// 2^53 lose digits.
func rawKind(datatype string) (size int, read func(b []byte) float64) {
	order := binary.LittleEndian
	switch datatype {
	case "BOOL", "UINT8":
		return 1, func(b []byte) float64 { return float64(b[0]) }
	case "INT8":
		return 1, func(b []byte) float64 { return float64(int8(b[0])) }
	case "UINT16":
		return 2, func(b []byte) float64 { return float64(order.Uint16(b)) }
	case "INT16":
		return 2, func(b []byte) float64 { return float64(int16(order.Uint16(b))) }
	case "UINT32":
		return 4, func(b []byte) float64 { return float64(order.Uint32(b)) }
	case "INT32":
		return 4, func(b []byte) float64 { return float64(int32(order.Uint32(b))) }
	case "UINT64":
		return 8, func(b []byte) float64 { return float64(order.Uint64(b)) }
	case "INT64":
		return 8, func(b []byte) float64 { return float64(int64(order.Uint64(b))) }
	case "FP32":
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	case "FP64":
		return 8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	default:
		return 0, nil
	}
}
