package decode

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is fields of a message: numbers and what stands under them. A float64 is written as a double, a float32 as a
// float, and lists of them packed.
func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		field := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
		case float32:
			b = protowire.AppendFixed32(protowire.AppendTag(b, field, protowire.Fixed32Type), math.Float32bits(v))
		case float64:
			b = protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
		case []float32:
			var packed []byte
			for _, x := range v {
				packed = protowire.AppendFixed32(packed, math.Float32bits(x))
			}
			b = protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), packed)
		case []int:
			var packed []byte
			for _, x := range v {
				packed = protowire.AppendVarint(packed, uint64(x))
			}
			b = protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), packed)
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
		default:
			panic(fmt.Sprintf("bug: no field of %T", v))
		}
	}
	return b
}

// frames writes messages as a TFRecord file.
func frames(messages ...[]byte) []byte {
	var out []byte
	for _, m := range messages {
		out = binary.LittleEndian.AppendUint64(out, uint64(len(m)))
		out = binary.LittleEndian.AppendUint32(out, maskedSum(out[len(out)-8:]))
		out = append(out, m...)
		out = binary.LittleEndian.AppendUint32(out, maskedSum(m))
	}
	return out
}

// example is a tf.Example of features: names, and an int, a float32, a string, a list, or nil.
func example(features ...any) []byte {
	var all []byte
	for i := 0; i < len(features); i += 2 {
		var feature []byte
		switch v := features[i+1].(type) {
		case nil:
		case int:
			feature = message(3, message(1, []int{v}))
		case float32:
			feature = message(2, message(1, []float32{v}))
		case string:
			feature = message(1, message(1, v))
		case []float32:
			feature = message(2, message(1, v))
		}
		all = append(all, message(1, message(1, features[i].(string), 2, feature))...)
	}
	return message(1, all)
}

// tensorOf is a TensorProto with its name in a map. values are fields of it.
func tensorOf(name string, typ int, dims []int, values ...any) []byte {
	var shape []byte
	for _, n := range dims {
		shape = append(shape, message(2, message(1, n))...)
	}
	return message(1, name, 2, append(message(1, typ, 2, shape), message(values...)...))
}

// predictLog is a PredictionLog of a predict request.
func predictLog(seconds int, inputs, outputs [][]byte) []byte {
	spec := message(1, "iris", 2, message(1, 3), 3, "serving_default")
	request, response := message(1, spec), message(2, spec)
	for _, x := range inputs {
		request = append(request, message(2, x)...)
	}
	for _, x := range outputs {
		response = append(response, message(1, x)...)
	}
	return message(1, message(1, spec, 4, seconds), 6, message(1, request, 2, response))
}
