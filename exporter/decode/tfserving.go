package decode

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// tensor is an input or output of a model.
type tensor struct {
	name []byte
	form form
	// rows is the first dimension, -1 of a scalar; width is how many values a row has.
	rows, width int
	// from and to are where its values stand among those of the request: in integers, floats or strings.
	from, to int
}

// maxRows is the most rows of a request. maxRepeated is how many values there may be for a byte of it, since one that
// is always the same need not be repeated.
const maxRows, maxRepeated = 65536, 16

// readPredict makes records of a PredictLog message. wrong says what makes it unusable though it is well formed.
func (t *tensorflow) readPredict(log []byte, line int) (ok bool, wrong string) {
	t.tensors, t.inputs = t.tensors[:0], 0
	t.integers, t.floats, t.strings = t.integers[:0], t.floats[:0], t.strings[:0]
	request, response, ok := mapEntry(log) // The two have the numbers 1 and 2.
	if !ok || !t.readTensors(request, 2, 1) {
		return false, ""
	}
	t.inputs = len(t.tensors)
	if !t.readTensors(response, 1, 2) {
		return false, ""
	}
	rows := t.countRows(t.tensors[:t.inputs])
	if rows < 0 {
		rows = t.countRows(t.tensors[t.inputs:])
	}
	if rows < 0 {
		rows = 1 // Nothing but scalars.
	}
	values := rows
	for i := range t.tensors {
		values += rows * t.tensors[i].width
	}
	if rows > maxRows || values > maxRepeated*len(log) {
		return true, fmt.Sprintf("a request of %d rows and %d values in %d bytes", rows, values, len(log))
	}
	for row := range rows {
		t.start()
		for i := range t.tensors {
			t.setTensor(&t.tensors[i], rows, row)
		}
		t.finish(line)
		if t.note != nil {
			break
		}
	}
	return true, ""
}

// countRows is the number of rows that tensors have, -1 if they have none.
func (t *tensorflow) countRows(all []tensor) int {
	rows := -1
	for i := range all {
		rows = max(rows, all[i].rows)
	}
	return rows
}

// setTensor gives the record the values of a row of a tensor. A scalar holds for all rows; a tensor with another number
// of rows is no value of any.
func (t *tensorflow) setTensor(x *tensor, rows, row int) {
	if x.form == formList || x.rows >= 0 && x.rows != rows || x.width > maxParts {
		t.set(x.name, &value{form: formList})
		return
	}
	if x.rows < 0 {
		row = 0
	}
	for i := range x.width {
		v := value{form: x.form}
		// Where there are too few values the last one stands for the rest.
		if at := min(x.from+row*x.width+i, x.to-1); at >= x.from {
			v = t.valueAt(x.form, at)
		}
		if x.width == 1 {
			t.set(x.name, &v)
		} else {
			t.setPart(x.name, i, x.width, &v)
		}
	}
}

// readTensors reads the tensors of a request or response, which has them in a map that is one of its fields, and a
// ModelSpec in another.
func (t *tensorflow) readTensors(b []byte, tensors, spec protowire.Number) bool {
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		switch {
		case w.isBytes(spec):
			ok = t.meta.readSpec(w.bytes)
		case w.isBytes(tensors):
			var name, message []byte
			if name, message, ok = mapEntry(w.bytes); ok {
				ok = t.readTensor(name, message)
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// tensorValues are the fields of a TensorProto that hold values, with what they hold.
var tensorValues = [...]form{
	5: formFloat, 6: formDouble, 7: formInt, 8: formString, 10: formInt, 11: formBool,
	13: formInt, 16: formInt, 17: formInt,
}

// readTensor reads a TensorProto message.
func (t *tensorflow) readTensor(name, b []byte) bool {
	x := tensor{name: name, rows: -1, width: 1}
	var content []byte
	typ := uint64(0)
	ends := [...]int{len(t.integers), len(t.floats), len(t.strings)}
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		switch {
		case w.field == 1 && w.typ == protowire.VarintType:
			typ = w.number
		case w.isBytes(2):
			ok = x.readShape(w.bytes)
		case w.isBytes(4):
			content = w.bytes
		case w.field > 0 && int(w.field) < len(tensorValues) && tensorValues[w.field] != formNull:
			ok = t.collect(&w, tensorValues[w.field])
		}
		if !ok {
			return false
		}
	}
	if x.form == formNull {
		x.form = tensorForm(typ)
	}
	if len(content) > 0 && x.form != formString && x.form != formList {
		t.unpackContent(typ, content)
	}
	if x.form == formFloat && typ != tensorFloat {
		t.widen(typ, ends[0])
	}
	switch x.form {
	case formString:
		x.from, x.to = ends[2], len(t.strings)
	case formFloat, formDouble:
		x.from, x.to = ends[1], len(t.floats)
	default:
		x.from, x.to = ends[0], len(t.integers)
	}
	t.tensors = append(t.tensors, x)
	return true
}

// readShape reads a TensorShapeProto message. A tensor of more than two dimensions whose rows have more than one value
// is taken for no value.
func (x *tensor) readShape(b []byte) bool {
	dims := 0
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		if !w.isBytes(2) {
			continue
		}
		size := int64(0)
		for dim := w.bytes; len(dim) > 0; {
			if w, dim, ok = nextWire(dim); !ok {
				return false
			}
			if w.field == 1 && w.typ == protowire.VarintType {
				size = int64(w.number)
			}
		}
		if size < 0 || size > math.MaxInt32 {
			return false
		}
		if dims == 0 {
			x.rows = int(size)
		} else {
			x.width = int(min(int64(x.width)*size, maxParts+1))
		}
		dims++
	}
	if dims > 2 && x.width > 1 || x.width > maxParts {
		x.form = formList
	}
	return true
}

// The types of tensors (tensorflow/core/framework/types.proto).
const (
	tensorFloat, tensorDouble, tensorInt32, tensorUint8, tensorInt16, tensorInt8 = 1, 2, 3, 4, 5, 6
	tensorString, tensorInt64, tensorBool, tensorBrain, tensorUint16, tensorHalf = 7, 9, 10, 14, 17, 19
	tensorUint32, tensorUint64                                                   = 22, 23
)

// tensorForm is what the values of a type are.
func tensorForm(typ uint64) form {
	switch typ {
	case tensorFloat, tensorHalf, tensorBrain:
		return formFloat
	case tensorDouble:
		return formDouble
	case tensorString:
		return formString
	case tensorBool:
		return formBool
	case tensorInt8, tensorInt16, tensorInt32, tensorInt64, tensorUint8, tensorUint16, tensorUint32, tensorUint64:
		return formInt
	default:
		return formList
	}
}

// unpackContent reads the values of a tensor that stand as they do in memory, little endian.
func (t *tensorflow) unpackContent(typ uint64, b []byte) {
	size := 8
	switch typ {
	case tensorInt8, tensorUint8, tensorBool:
		size = 1
	case tensorInt16, tensorUint16, tensorHalf, tensorBrain:
		size = 2
	case tensorFloat, tensorInt32, tensorUint32:
		size = 4
	}
	for ; len(b) >= size; b = b[size:] {
		switch typ {
		case tensorFloat:
			t.floats = append(t.floats, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		case tensorDouble:
			t.floats = append(t.floats, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		case tensorInt32:
			t.integers = append(t.integers, int64(int32(binary.LittleEndian.Uint32(b))))
		case tensorUint32:
			t.integers = append(t.integers, int64(binary.LittleEndian.Uint32(b)))
		case tensorInt16:
			t.integers = append(t.integers, int64(int16(binary.LittleEndian.Uint16(b))))
		case tensorUint16, tensorHalf, tensorBrain:
			t.integers = append(t.integers, int64(binary.LittleEndian.Uint16(b)))
		case tensorInt8:
			t.integers = append(t.integers, int64(int8(b[0])))
		case tensorUint8, tensorBool:
			t.integers = append(t.integers, int64(b[0]))
		default:
			t.integers = append(t.integers, int64(binary.LittleEndian.Uint64(b)))
		}
	}
}

// widen makes floating-point numbers of those of 16 bits among the integers, from one of them on.
func (t *tensorflow) widen(typ uint64, from int) {
	for _, bits := range t.integers[from:] {
		if typ == tensorBrain { // the upper half of one of 32 bits
			t.floats = append(t.floats, float64(math.Float32frombits(uint32(bits)<<16)))
			continue
		}
		t.floats = append(t.floats, halfFloat([]byte{byte(bits), byte(bits >> 8)}))
	}
	t.integers = t.integers[:from]
}
