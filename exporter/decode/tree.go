package decode

import (
	"math"
	"slices"
	"strconv"
)

// Kind is what a Value is.
type Kind uint8

// The kinds of values.
const (
	// None is the kind of a value that is not there.
	None Kind = iota
	Null
	False
	True
	// Number is a number as it is written, so that no digit is lost.
	Number
	// Float is a number that never was text, as from a binary format.
	Float
	// String is a text of a format that tells texts from numbers.
	String
	// Bare is a text of a format without types, such as CSV: it may mean a number.
	Bare
	List
	Object
)

// Tree holds the values of a record, whatever its format was: what mappings read. Values are read and written in the
// order of the record and take 16 bytes each beside their text. A tree is used again for the next record after a Reset;
// nothing in it is valid any longer then. A tree belongs to one goroutine.
type Tree struct {
	nodes []node
	// text holds all texts. Behind every one stands a zero byte, and at least Padding more may be read.
	text []byte
}

// node is a value. The parts of a list and the members of an object follow it, a member as its key and its value.
type node struct {
	kind Kind
	// size is the number of nodes of the value, itself included.
	size uint32
	// from and length are the text; of a list or an object, length is the number of parts. Of a Float they are its bits.
	from, length uint32
}

// Reset empties the tree and keeps its memory.
func (t *Tree) Reset() { t.nodes, t.text = t.nodes[:0], t.text[:0] }

// Value is a value in a tree. The zero value is of the kind None.
type Value struct {
	t  *Tree
	at int32
}

// Kind returns what the value is.
func (v Value) Kind() Kind {
	if v.t == nil {
		return None
	}
	return v.t.nodes[v.at].kind
}

// Len returns the number of parts of a list, or of members of an object.
func (v Value) Len() int {
	if k := v.Kind(); k != List && k != Object {
		return 0
	}
	return int(v.t.nodes[v.at].length)
}

// IsScalar reports whether the value is a number, a text or a truth value.
func (v Value) IsScalar() bool {
	k := v.Kind()
	return k > Null && k < List
}

// Text returns a scalar as text, numbers as they are written. ok is false for everything else. It is valid until the
// tree is changed.
func (v Value) Text() (text []byte, ok bool) {
	switch v.Kind() {
	case False:
		return []byte("false"), true
	case True:
		return []byte("true"), true
	case Number, String, Bare:
		return v.bytes(), true
	case Float:
		return strconv.AppendFloat(nil, v.float(), 'g', -1, 64), true
	default:
		return nil, false
	}
}

func (v Value) bytes() []byte {
	n := &v.t.nodes[v.at]
	return v.t.text[n.from : n.from+n.length : n.from+n.length]
}

func (v Value) float() float64 {
	n := &v.t.nodes[v.at]
	return math.Float64frombits(uint64(n.from)<<32 | uint64(n.length))
}

// Number returns the value as a finite number: what is one, and a text that reads as one. ok is false for all else.
func (v Value) Number() (x float64, ok bool) {
	switch v.Kind() {
	case Number:
		n := &v.t.nodes[v.at]
		x, _, _ = numRead(v.t.text[:cap(v.t.text)], int(n.from))
		return x, !math.IsInf(x, 0)
	case Float:
		x = v.float()
		return x, x-x == 0
	case String, Bare:
		from, to := v.Span()
		padded := v.t.text[:cap(v.t.text)]
		from, to = numTrim(padded, from, to)
		x, kind := numSpan(padded, from, to)
		return x, kind == numFinite
	default:
		return 0, false
	}
}

// Time returns the value as an event time in nanoseconds since the epoch: see ParseTime for texts; a number is since
// the epoch in the unit that its magnitude tells.
func (v Value) Time() (ns int64, ok bool) {
	switch v.Kind() {
	case String, Bare:
		return parseTime(v.bytes())
	case Number:
		return epochText(v.bytes())
	case Float:
		return epochTime(v.float())
	default:
		return 0, false
	}
}

// Member returns the value of an object's key, of a key given twice the last one.
func (v Value) Member(key string) Value {
	var found Value
	if v.Kind() != Object {
		return found
	}
	nodes, text := v.t.nodes, v.t.text
	end := v.at + int32(nodes[v.at].size)
	for at := v.at + 1; at < end; at += 1 + int32(nodes[at+1].size) {
		k := &nodes[at]
		if int(k.length) == len(key) && string(text[k.from:k.from+k.length]) == key {
			found = Value{v.t, at + 1}
		}
	}
	return found
}

// Index returns a part of a list, counted from 0, or from the end with -1 for the last.
func (v Value) Index(i int) Value {
	n := v.Len()
	if i < 0 {
		i += n
	}
	if v.Kind() != List || i < 0 || i >= n {
		return Value{}
	}
	parts := v.Parts()
	var part Value
	for ; i >= 0; i-- {
		part, _ = parts.Next()
	}
	return part
}

// Parts goes through the parts of a list or the members of an object.
type Parts struct {
	t       *Tree
	at, end int32
}

// Parts returns the parts of a list or an object; there are none of anything else.
func (v Value) Parts() Parts {
	if k := v.Kind(); k != List && k != Object {
		return Parts{}
	}
	return Parts{v.t, v.at + 1, v.at + int32(v.t.nodes[v.at].size)}
}

// Next returns the next part of a list.
func (p *Parts) Next() (v Value, ok bool) {
	if p.at >= p.end {
		return Value{}, false
	}
	v = Value{p.t, p.at}
	p.at += int32(p.t.nodes[p.at].size)
	return v, true
}

// NextMember returns the next member of an object.
func (p *Parts) NextMember() (key []byte, v Value, ok bool) {
	if p.at >= p.end {
		return nil, Value{}, false
	}
	key = Value{p.t, p.at}.bytes()
	v = Value{p.t, p.at + 1}
	p.at += 1 + int32(p.t.nodes[p.at+1].size)
	return key, v, true
}

// NextScalar returns the next part that is no list, going into lists: the numbers of a matrix row by row.
func (p *Parts) NextScalar() (v Value, ok bool) {
	for p.at < p.end {
		v = Value{p.t, p.at}
		if v.Kind() == List {
			p.at++
			continue
		}
		p.at += int32(p.t.nodes[p.at].size)
		return v, true
	}
	return Value{}, false
}

// Load puts text into the tree and returns where it is.
func (t *Tree) Load(text []byte) (from, to int) {
	from = len(t.text)
	t.text = slices.Grow(t.text, len(text)+1+Padding)
	t.text = append(append(t.text, text...), 0)
	return from, from + len(text)
}

// Slice returns the text between two places of the tree.
func (t *Tree) Slice(from, to int) []byte { return t.text[from:to:to] }

// Span returns where the text of a Number, String or Bare is.
func (v Value) Span() (from, to int) {
	n := &v.t.nodes[v.at]
	return int(n.from), int(n.from + n.length)
}

// Cut makes a text end at a place, so that what is read of it as a number ends there too. The byte there, which must be
// none of the text, is lost.
func (t *Tree) Cut(to int) { t.text[to] = 0 }

// Add adds a value without text: Null, False or True.
func (t *Tree) Add(k Kind) Value { return t.add(node{kind: k, size: 1}) }

// AddFloat adds a number that has no text.
func (t *Tree) AddFloat(x float64) Value {
	bits := math.Float64bits(x)
	return t.add(node{kind: Float, size: 1, from: uint32(bits >> 32), length: uint32(bits)})
}

// AddText adds a value whose text is in the tree already: a Number, String or Bare. The byte behind it must be none
// that a number goes on with, and the text of a Number must be one as JSON has it.
func (t *Tree) AddText(k Kind, from, to int) Value {
	return t.add(node{kind: k, size: 1, from: uint32(from), length: uint32(to - from)})
}

// AddString adds a text that it copies: a value, or the key of the next value of an object.
func (t *Tree) AddString(text string) Value {
	from := len(t.text)
	t.text = append(append(slices.Grow(t.text, len(text)+1+Padding), text...), 0)
	return t.AddText(String, from, from+len(text))
}

// Open begins a list or an object; what is added until Close belongs to it.
func (t *Tree) Open(k Kind) Value { return t.add(node{kind: k}) }

// Close ends a list or an object of n parts.
func (t *Tree) Close(v Value, n int) {
	t.nodes[v.at].size = uint32(len(t.nodes) - int(v.at))
	t.nodes[v.at].length = uint32(n)
}

// AddCopy adds a copy of a value of the tree.
func (t *Tree) AddCopy(v Value) Value {
	at := len(t.nodes)
	t.nodes = append(t.nodes, t.nodes[v.at:v.at+int32(t.nodes[v.at].size)]...)
	return Value{t, int32(at)}
}

func (t *Tree) add(n node) Value {
	t.nodes = append(t.nodes, n)
	return Value{t, int32(len(t.nodes) - 1)}
}

// IsLast reports whether nothing was added since the value was: it then is a part of what is open already.
func (t *Tree) IsLast(v Value) bool {
	return v.t == t && int(v.at)+int(t.nodes[v.at].size) == len(t.nodes)
}
