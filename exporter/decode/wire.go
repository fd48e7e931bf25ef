package decode

import "google.golang.org/protobuf/encoding/protowire"

// wire is a field of a message in the wire format of protocol buffers.
type wire struct {
	field protowire.Number
	typ   protowire.Type
	// number is the value of a varint or of a number of fixed size, bytes that of everything with a length.
	number uint64
	bytes  []byte
}

// isBytes reports whether the field is the given one and has a length, as messages, strings and packed numbers have.
func (w *wire) isBytes(field protowire.Number) bool {
	return w.field == field && w.typ == protowire.BytesType
}

// nextWire takes the first field off a message. ok is false where the message is malformed.
func nextWire(b []byte) (w wire, rest []byte, ok bool) {
	field, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return w, nil, false
	}
	w.field, w.typ = field, typ
	b = b[n:]
	switch typ {
	case protowire.VarintType:
		w.number, n = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		w.number, n = protowire.ConsumeFixed64(b)
	case protowire.Fixed32Type:
		var x uint32
		x, n = protowire.ConsumeFixed32(b)
		w.number = uint64(x)
	case protowire.BytesType:
		w.bytes, n = protowire.ConsumeBytes(b)
	default:
		n = protowire.ConsumeFieldValue(field, typ, b)
	}
	if n < 0 {
		return w, nil, false
	}
	return w, b[n:], true
}

// nextPacked takes the next number off a repeated field, whose numbers stand apart or packed: wire is one that stands
// apart, or packed ones, of which it takes one after the other. more is false behind the last one.
func (w *wire) nextPacked(typ protowire.Type) (x uint64, more, ok bool) {
	if w.typ == typ {
		w.typ = -1
		return w.number, true, true
	}
	if w.typ == -1 || w.typ == protowire.BytesType && len(w.bytes) == 0 {
		return 0, false, true
	}
	if w.typ != protowire.BytesType {
		return 0, false, false
	}
	n := 0
	switch typ {
	case protowire.VarintType:
		x, n = protowire.ConsumeVarint(w.bytes)
	case protowire.Fixed64Type:
		x, n = protowire.ConsumeFixed64(w.bytes)
	default:
		var short uint32
		short, n = protowire.ConsumeFixed32(w.bytes)
		x = uint64(short)
	}
	if n < 0 {
		return 0, false, false
	}
	w.bytes = w.bytes[n:]
	return x, true, true
}
