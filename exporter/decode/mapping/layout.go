package mapping

import (
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// rows are the rows of a body, which are read one after the other.
type rows struct {
	part *part // nil if the record has no such part
	n    int
	// layout is what the body looked like.
	layout string
	// Of these, one has the rows: a list of them, a single one, or columns.
	list    decode.Parts
	one     decode.Value
	columns []column
	// header are what the values of a row are, if the body says it.
	header []*target
	// flat says that the rows are the parts of one list of scalars, which is whole.
	flat  bool
	whole decode.Value
}

// column is a column of a body that has columns.
type column struct {
	target *target // nil if it has no name, or one that says nothing
	parts  decode.Parts
	// width is how many values of it belong to a row.
	width int
	// deep goes into the lists of the column; object takes the values of an object.
	deep, object bool
	// bare says that texts may be numbers.
	bare bool
}

// maxRows bounds the rows of one record.
const maxRows = 1 << 17

// layOut finds the rows of a body.
func (d *Decoder) layOut(p *part, body decode.Value, r *rows) *fault {
	f := d.layOutAs(p, p.spec.Layout, body, r)
	if f == nil && r.n > maxRows {
		return faulty(record.TooLong, "the body has %d rows, more than %d", r.n, maxRows)
	}
	return f
}

func (d *Decoder) layOutAs(p *part, layout string, body decode.Value, r *rows) *fault {
	list, object := body.Kind() == decode.List, body.Kind() == decode.Object
	switch {
	case layout == "" || layout == "auto":
		return d.recognise(p, body, r)
	case (layout == "records" || layout == "matrix" || layout == "csv") && list:
		return d.layOutList(p, layout, body, r)
	case layout == "vector" && list:
		r.setList("vector", body)
		return nil
	case layout == "row" && list, layout == "object" && object:
		r.setOne(layout, body)
		return nil
	case layout == "split" && object:
		return d.layOutSplit(p, body.Member("columns"), body.Member("data"), r)
	case layout == "columns" && object && d.layOutColumns(p, body, decode.List, r):
		return nil
	case layout == "index-map" && object && d.layOutColumns(p, body, decode.Object, r):
		return nil
	case layout == "tensors":
		return d.layOutTensors(p, body, r)
	case layout == "seldon" && object:
		return d.layOutSeldon(p, body, r)
	default:
		return faulty(record.Layout, "the body at %s does not have the layout %s", p.spec.Value, layout)
	}
}

func (r *rows) setList(layout string, v decode.Value) {
	r.layout, r.list, r.n, r.whole = layout, v.Parts(), v.Len(), v
}

func (r *rows) setOne(layout string, v decode.Value) {
	r.layout, r.one, r.n = layout, v, 1
}

// recognise finds the rows of a body by what it looks like.
func (d *Decoder) recognise(p *part, body decode.Value, r *rows) *fault {
	switch body.Kind() {
	case decode.List:
		return d.layOutListUnder(p, "", body, r)
	case decode.Object:
		return d.recogniseObject(p, body, r)
	case decode.Null, decode.None:
		return faulty(record.NoBody, "the body at %s is null", p.spec.Value)
	default:
		r.setOne("object", body)
		return nil
	}
}

// bodyKeys are the members of an object that tell its layout.
type bodyKeys struct {
	split, records, instances, predictions, inputs, outputs decode.Value
	columns, data, names, ndarray, tensor, jsonData         decode.Value
}

func keysOf(body decode.Value) (k bodyKeys) {
	parts := body.Parts()
	for key, v, ok := parts.NextMember(); ok; key, v, ok = parts.NextMember() {
		switch string(key) {
		case "dataframe_split":
			k.split = v
		case "dataframe_records":
			k.records = v
		case "instances":
			k.instances = v
		case "predictions":
			k.predictions = v
		case "inputs":
			k.inputs = v
		case "outputs":
			k.outputs = v
		case "columns":
			k.columns = v
		case "data":
			k.data = v
		case "names":
			k.names = v
		case "ndarray":
			k.ndarray = v
		case "tensor":
			k.tensor = v
		case "jsonData":
			k.jsonData = v
		}
	}
	return k
}

// recogniseObject finds the rows of an object by its keys. The keys of requests do not count in a response, nor those
// of responses in a request, for a feature may have such a name.
func (d *Decoder) recogniseObject(p *part, body decode.Value, r *rows) *fault {
	if p.spec.Role == Row {
		r.setOne("object", body)
		return nil
	}
	k := keysOf(body)
	isList := func(v decode.Value) bool { return v.Kind() == decode.List }
	isBody := func(v decode.Value) bool { return v.Kind() >= decode.List }
	answer := p.spec.Role != Request
	switch {
	case isBody(k.split):
		return d.layOutSplit(p, k.split.Member("columns"), k.split.Member("data"), r)
	case isList(k.columns) && isList(k.data):
		return d.layOutSplit(p, k.columns, k.data, r)
	case isList(k.records):
		return d.layOutList(p, "records", k.records, r)
	case isList(k.ndarray) || isBody(k.tensor):
		return d.layOutSeldon(p, body, r)
	case isBody(k.instances):
		return d.layOutUnder(p, "instances", k.instances, r)
	case isBody(k.inputs) && !answer && isTensors(k.inputs), isBody(k.outputs) && answer && isTensors(k.outputs):
		return d.layOutTensors(p, body, r)
	case isBody(k.inputs) && !answer:
		return d.layOutUnder(p, "inputs", k.inputs, r)
	case k.outputs.Kind() > decode.Null && answer:
		return d.layOutUnder(p, "outputs", k.outputs, r)
	case k.predictions.Kind() > decode.Null && answer:
		return d.layOutUnder(p, "predictions", k.predictions, r)
	case isBody(k.data):
		return d.layOutUnder(p, "data", k.data, r)
	case isBody(k.jsonData):
		return d.recognise(p, k.jsonData, r)
	default:
		return d.layOutObject(p, body, r)
	}
}

// layOutUnder finds the rows of a value that stands under a key.
func (d *Decoder) layOutUnder(p *part, key string, v decode.Value, r *rows) *fault {
	if v.Kind() == decode.List {
		return d.layOutListUnder(p, key, v, r)
	}
	return d.recognise(p, v, r)
}

// layOutObject finds the rows of an object whose keys are names of columns, or one name around it all.
func (d *Decoder) layOutObject(p *part, body decode.Value, r *rows) *fault {
	parts := body.Parts()
	key, v, _ := parts.NextMember()
	if body.Len() == 1 && v.Kind() == decode.List {
		if t := p.names.at(key); t.field == none {
			return d.layOutListUnder(p, "", v, r)
		}
	}
	if d.layOutColumns(p, body, decode.List, r) || d.layOutColumns(p, body, decode.Object, r) {
		return nil
	}
	r.setOne("object", body)
	return nil
}

// layOutListUnder finds the rows of a list. A flat one is one value for each row in a response, and under instances;
// in other requests it is one row.
func (d *Decoder) layOutListUnder(p *part, key string, v decode.Value, r *rows) *fault {
	first := v.Index(0)
	switch first.Kind() {
	case decode.Object:
		if key == "" && isTensors(v) {
			return d.layOutTensors(p, v, r)
		}
		return d.layOutList(p, "records", v, r)
	case decode.List:
		return d.layOutList(p, "matrix", v, r)
	}
	if key != "instances" && p.spec.Role == Request {
		r.setOne("row", v)
		return nil
	}
	r.setList("vector", v)
	r.flat = true
	return nil
}

// layOutList finds the rows of a list of rows. A first row of names, as CSV may have it, is the header of the others.
func (d *Decoder) layOutList(p *part, layout string, v decode.Value, r *rows) *fault {
	r.setList(layout, v)
	if first := v.Index(0); first.Kind() == decode.List && d.isHeader(p, first) {
		_, _ = r.list.Next()
		r.n--
		r.header = d.targets(p, first)
	}
	return nil
}

// isHeader reports whether a row is texts of a format without types, of which one at least is a name that is wanted.
func (d *Decoder) isHeader(p *part, row decode.Value) bool {
	known := false
	parts := row.Parts()
	for part, ok := parts.Next(); ok; part, ok = parts.Next() {
		if part.Kind() != decode.Bare {
			return false
		}
		if _, numeric := part.Number(); numeric {
			return false
		}
		text, _ := part.Text()
		known = known || p.names.keys[string(text)] != nil
	}
	return known
}

// targets returns what the names in a list lead to.
func (d *Decoder) targets(p *part, list decode.Value) []*target {
	var all []*target
	parts := list.Parts()
	for part, ok := parts.Next(); ok; part, ok = parts.Next() {
		name, ok := part.Text()
		if !ok {
			all = append(all, nil)
			continue
		}
		all = append(all, p.names.at(name))
	}
	return all
}

// layOutSplit finds the rows of columns and data apart, as pandas writes them.
func (d *Decoder) layOutSplit(p *part, columns, data decode.Value, r *rows) *fault {
	if data.Kind() != decode.List {
		return faulty(record.Layout, "a body of columns and data has no list of data")
	}
	r.setList("split", data)
	if columns.Kind() == decode.List {
		r.header = d.targets(p, columns)
	}
	return nil
}

// layOutColumns takes an object of lists of equal length, or of objects with the same number of members, for columns.
// It reports whether the object is one.
func (d *Decoder) layOutColumns(p *part, body decode.Value, kind decode.Kind, r *rows) bool {
	n := none
	parts := body.Parts()
	for _, v, ok := parts.NextMember(); ok; _, v, ok = parts.NextMember() {
		if v.Kind() != kind || n != none && v.Len() != n {
			return false
		}
		n = v.Len()
		if kind == decode.Object && !hasScalars(v) {
			return false
		}
	}
	if n == none {
		return false
	}
	r.layout, r.n = "columns", n
	if kind == decode.Object {
		r.layout = "index-map"
	}
	parts = body.Parts()
	for key, v, ok := parts.NextMember(); ok; key, v, ok = parts.NextMember() {
		r.columns = append(r.columns, column{
			target: p.names.at(key), parts: v.Parts(), width: 1, object: kind == decode.Object,
		})
	}
	return true
}

func hasScalars(object decode.Value) bool {
	parts := object.Parts()
	for _, v, ok := parts.NextMember(); ok; _, v, ok = parts.NextMember() {
		if v.Kind() >= decode.List {
			return false
		}
	}
	return true
}

// layOutSeldon finds the rows of Seldon's own protocol: names, and an ndarray or a tensor.
func (d *Decoder) layOutSeldon(p *part, body decode.Value, r *rows) *fault {
	k := keysOf(body)
	if k.data.Kind() == decode.Object && k.ndarray.Kind() == decode.None && k.tensor.Kind() == decode.None {
		k = keysOf(k.data)
	}
	if k.names.Kind() == decode.List {
		r.header = d.targets(p, k.names)
	}
	if k.ndarray.Kind() == decode.List {
		first := k.ndarray.Index(0)
		if first.Kind() < decode.List && p.spec.Role == Request {
			r.setOne("seldon", k.ndarray)
			return nil
		}
		r.setList("seldon", k.ndarray)
		r.flat = first.Kind() < decode.List
		return nil
	}
	r.layout = "seldon"
	return d.addTensor(p, tensor{shape: k.tensor.Member("shape"), data: k.tensor.Member("values")}, true, r)
}
