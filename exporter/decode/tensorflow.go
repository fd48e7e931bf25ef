package decode

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// tensorflow reads the messages of TensorFlow and of TensorFlow Serving into records. The numbers of fields are those
// of their .proto files (tensorflow/core/example/example.proto, tensorflow_serving/apis/prediction_log.proto).
type tensorflow struct {
	keyed *keyed
	names [][]byte // of the values of a tensor that has as many a row
	// note is called with the names of fields instead of making records, if it is set.
	note func(field []byte)
	keys map[string]*tensorKeys
	// named are the keys of names.
	named []*key

	meta     logMeta
	tensors  []tensor
	inputs   int // of the tensors, the first ones
	examples [][]byte
	results  []result
	scores   []classScore
	// What the tensors and features at hand hold.
	integers []int64
	floats   []float64
	strings  [][]byte
	name     []byte
}

// tensorKeys are the keys of a tensor or feature: that of its name, and those of the values that stand beside each
// other.
type tensorKeys struct {
	whole *key
	parts []*key
}

// maxParts is the most values of a tensor or feature that get fields of their own.
const maxParts = 4096

func newTensorflow(k *keyed, names []string) *tensorflow {
	t := &tensorflow{keyed: k, keys: make(map[string]*tensorKeys)}
	for _, name := range names {
		t.names = append(t.names, []byte(name))
	}
	return t
}

// read makes records of a message, or says why not.
func (t *tensorflow) read(message []byte, line int) (problem string, reason record.Reason) {
	t.meta = logMeta{}
	var first, body []byte
	kind := protowire.Number(0)
	for rest := message; len(rest) > 0; {
		var w wire
		var ok bool
		if w, rest, ok = nextWire(rest); !ok {
			return notProto, record.Malformed
		}
		switch {
		case w.isBytes(1):
			first = w.bytes
		case w.field >= 2 && w.field <= 7 && w.typ == protowire.BytesType:
			kind, body = w.field, w.bytes
		}
	}
	var ok bool
	switch kind {
	case 0:
		t.start()
		if ok = first != nil && t.readFeatures(first); ok {
			t.finish(line)
		}
	case 2, 3:
		ok = t.meta.readLog(first) && t.readExamples(body, kind == 2, line)
	case 6:
		var wrong string
		if ok = t.meta.readLog(first); ok {
			if ok, wrong = t.readPredict(body, line); wrong != "" {
				return wrong, record.WrongType
			}
		}
	default:
		return "a PredictionLog that is not about classify, regress or predict", record.WrongType
	}
	if !ok {
		return notProto, record.Malformed
	}
	return "", ""
}

const notProto = "neither a tf.Example nor a PredictionLog"

// start begins with a record, and gives it what stands in the metadata.
func (t *tensorflow) start() {
	if t.note == nil {
		t.keyed.start()
	}
	t.meta.set(t)
}

func (t *tensorflow) finish(line int) {
	if t.note == nil {
		t.keyed.finish(line)
	}
}

// keysOf returns the keys of a tensor or feature.
func (t *tensorflow) keysOf(name []byte) *tensorKeys {
	if keys := t.keys[string(name)]; keys != nil {
		return keys
	}
	keys := &tensorKeys{}
	if len(t.keys) < maxLeaves {
		t.keys[string(name)] = keys
	}
	return keys
}

// set gives the record a value under a name.
func (t *tensorflow) set(name []byte, v *value) {
	if t.note != nil {
		t.note(name)
		return
	}
	keys := t.keysOf(name)
	if keys.whole == nil {
		keys.whole = t.keyed.at(name)
	}
	t.keyed.set(keys.whole, v)
}

// setPart gives the record the value at a place of a tensor or feature of several.
func (t *tensorflow) setPart(name []byte, place, of int, v *value) {
	if of == len(t.names) {
		name = t.names[place]
	}
	switch {
	case t.note != nil && of == len(t.names):
		t.note(name)
	case t.note != nil:
		t.note(t.partName(name, place))
	case of == len(t.names):
		for len(t.named) <= place {
			t.named = append(t.named, t.keyed.at(t.names[len(t.named)]))
		}
		t.keyed.set(t.named[place], v)
	default:
		keys := t.keysOf(name)
		for len(keys.parts) <= place {
			keys.parts = append(keys.parts, t.keyed.at(t.partName(name, len(keys.parts))))
		}
		t.keyed.set(keys.parts[place], v)
	}
}

func (t *tensorflow) partName(name []byte, place int) []byte {
	t.name = append(append(t.name[:0], name...), '_')
	t.name = strconv.AppendInt(t.name, int64(place), 10)
	return t.name
}

// readFeatures reads a Features message, of a tf.Example, into the record.
func (t *tensorflow) readFeatures(features []byte) bool {
	for len(features) > 0 {
		var w wire
		var ok bool
		if w, features, ok = nextWire(features); !ok {
			return false
		}
		if !w.isBytes(1) {
			continue
		}
		name, feature, ok := mapEntry(w.bytes)
		if !ok || !t.readFeature(name, feature) {
			return false
		}
	}
	return true
}

// mapEntry reads an entry of a map from names to messages.
func mapEntry(entry []byte) (name, message []byte, ok bool) {
	for len(entry) > 0 {
		var w wire
		if w, entry, ok = nextWire(entry); !ok {
			return nil, nil, false
		}
		switch {
		case w.isBytes(1):
			name = w.bytes
		case w.isBytes(2):
			message = w.bytes
		}
	}
	return name, message, true
}

// readFeature reads a Feature message into the record.
func (t *tensorflow) readFeature(name, feature []byte) bool {
	t.integers, t.floats, t.strings = t.integers[:0], t.floats[:0], t.strings[:0]
	list, kind := []byte(nil), formNull
	for len(feature) > 0 {
		var w wire
		var ok bool
		if w, feature, ok = nextWire(feature); !ok {
			return false
		}
		if w.typ == protowire.BytesType && w.field >= 1 && w.field <= 3 {
			list, kind = w.bytes, [...]form{1: formString, 2: formFloat, 3: formInt}[w.field]
		}
	}
	for len(list) > 0 {
		var w wire
		var ok bool
		if w, list, ok = nextWire(list); !ok {
			return false
		}
		if w.field == 1 && !t.collect(&w, kind) {
			return false
		}
	}
	n := len(t.integers) + len(t.floats) + len(t.strings)
	switch {
	case n == 0:
		t.set(name, &value{form: formNull})
	case n == 1:
		v := t.valueAt(kind, 0)
		t.set(name, &v)
	case n > maxParts:
		t.set(name, &value{form: formList})
	default:
		for i := range n {
			v := t.valueAt(kind, i)
			t.setPart(name, i, n, &v)
		}
	}
	return true
}

// collect adds the values of a repeated field to those at hand.
func (t *tensorflow) collect(w *wire, kind form) bool {
	if kind == formString {
		if w.typ == protowire.BytesType {
			t.strings = append(t.strings, w.bytes)
		}
		return w.typ == protowire.BytesType
	}
	typ := protowire.VarintType
	switch kind {
	case formFloat:
		typ = protowire.Fixed32Type
	case formDouble:
		typ = protowire.Fixed64Type
	}
	for {
		x, more, ok := w.nextPacked(typ)
		if !more || !ok {
			return ok
		}
		switch kind {
		case formFloat:
			t.floats = append(t.floats, float64(math.Float32frombits(uint32(x))))
		case formDouble:
			t.floats = append(t.floats, math.Float64frombits(x))
		default:
			t.integers = append(t.integers, int64(x))
		}
	}
}

// valueAt is the value at a place of those at hand.
func (t *tensorflow) valueAt(kind form, i int) value {
	v := value{form: kind}
	switch kind {
	case formString:
		v.text = t.strings[i]
	case formFloat, formDouble:
		v.number = t.floats[i]
	default:
		v.integer = t.integers[i]
	}
	return v
}

// logMeta is what is known of a request beside its inputs.
type logMeta struct {
	model, label, signature []byte
	version, seconds        int64
	hasVersion              bool
}

// readLog reads a LogMetadata message.
func (m *logMeta) readLog(b []byte) bool {
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		switch {
		case w.isBytes(1):
			if !m.readSpec(w.bytes) {
				return false
			}
		case w.field == 4 && w.typ == protowire.VarintType:
			m.seconds = int64(w.number)
		}
	}
	return true
}

// readSpec reads a ModelSpec message. What is known already stays.
func (m *logMeta) readSpec(b []byte) bool {
	for len(b) > 0 {
		var w wire
		var ok bool
		if w, b, ok = nextWire(b); !ok {
			return false
		}
		switch {
		case w.isBytes(1) && m.model == nil:
			m.model = w.bytes
		case w.isBytes(3) && m.signature == nil:
			m.signature = w.bytes
		case w.isBytes(4) && m.label == nil:
			m.label = w.bytes
		case w.isBytes(2) && !m.hasVersion:
			// An Int64Value without a value is 0.
			m.hasVersion = true
			for number := w.bytes; len(number) > 0; {
				if w, number, ok = nextWire(number); !ok {
					return false
				}
				if w.field == 1 && w.typ == protowire.VarintType {
					m.version = int64(w.number)
				}
			}
		}
	}
	return true
}

// set gives the record what is known.
func (m *logMeta) set(t *tensorflow) {
	if m.seconds != 0 {
		t.set(metaTime, &value{form: formInt, integer: m.seconds})
	}
	if m.model != nil {
		t.set(metaModel, &value{form: formString, text: m.model})
	}
	if m.signature != nil {
		t.set(metaSignature, &value{form: formString, text: m.signature})
	}
	switch {
	case m.hasVersion:
		t.set(metaVersion, &value{form: formInt, integer: m.version})
	case m.label != nil:
		t.set(metaVersion, &value{form: formString, text: m.label})
	}
}

// The names of what stands in the metadata.
var (
	metaTime      = []byte("timestamp")
	metaModel     = []byte("model")
	metaSignature = []byte("signature_name")
	metaVersion   = []byte("model_version")
)
