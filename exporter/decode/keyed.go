package decode

import (
	"math"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// keyed makes batches of records that are keys with values, without nesting: those of logfmt and TFRecord. A path of
// the schema is the key that is its elements joined with dots. A record's values are collected first and enter the
// batch when it is complete.
type keyed struct {
	schema  *record.Schema
	seed    uint64
	slots   []slot
	keys    map[string]*key
	unknown []*key
	// missing are the texts that stand for no value, if the format has no types.
	missing *missingTexts

	batch   *record.Batch
	row     uint64 // stamps what belongs to the record at hand
	values  []value
	visited []*key // the unknown keys of the record
	text    []byte // where texts are written that do not stand in the data
	clock   clock
	// idParts are the slots of Schema.IDParts, and idPart is the method of that name: to make a value of it for each
	// record would take memory.
	idParts []int
	idPart  func(k int) (text []byte, ok bool)
}

// key is a key of the records.
type key struct {
	name  string
	slots []keySlot
	// row stamps the record in which an unknown key was last seen, records counts those of the batch.
	row     uint64
	records int
}

// keySlot is a slot that a key serves. Of two keys of a record the one with the lower rank does.
type keySlot struct{ slot, rank int }

// form is what a value is.
type form uint8

const (
	formNull   form = iota // none, though the key is there
	formRaw                // a text of a format without types, which stands in the data
	formText               // such a text that stands somewhere else
	formString             // a string of a format that also has numbers
	formInt
	formFloat // with 32 bits
	formDouble
	formBool
	formList // or anything else that is no single value
)

// value is a value of the record at hand.
type value struct {
	row     uint64 // that the value belongs to
	rank    int
	form    form
	text    []byte
	integer int64 // of a formBool 0 or 1
	number  float64
}

func newKeyed(s *record.Schema, seed uint64) *keyed {
	k := &keyed{schema: s, seed: seed, slots: slots(s), keys: make(map[string]*key), missing: newMissingTexts(s.Missing)}
	k.values = make([]value, len(k.slots))
	k.idParts, k.idPart = make([]int, len(s.IDParts)), k.partOfID
	for i := range k.slots {
		if sl := &k.slots[i]; sl.role == roleIDPart {
			k.idParts[sl.index] = i
		}
		for rank, path := range k.slots[i].paths {
			name := strings.Join(path, ".")
			at := k.keys[name]
			if at == nil {
				at = &key{name: name}
				k.keys[name] = at
			}
			if n := len(at.slots); n == 0 || at.slots[n-1].slot != i {
				at.slots = append(at.slots, keySlot{i, rank})
			}
		}
	}
	return k
}

// begin starts a batch.
func (k *keyed) begin(b *record.Batch) {
	b.Reset(k.schema)
	k.batch = b
}

// end completes the batch.
func (k *keyed) end() {
	b := k.batch
	for _, at := range k.unknown {
		if at.records > 0 {
			b.Unknown = append(b.Unknown, record.Unknown{Name: at.name, Count: at.records})
			at.records = 0
		}
	}
	if len(k.schema.Time) == 0 {
		b.Times = appendTimes(b.Times, 0, b.Rows)
	}
	if len(k.schema.ID)+len(k.schema.IDParts) == 0 {
		b.IDs = appendTimes(b.IDs, 0, b.Rows)
	}
	if len(k.schema.Version) == 0 {
		b.Versions = appendTimes(b.Versions, record.Absent, b.Rows)
	}
}

// at returns the key of a name, nil if it is unknown and can not be remembered.
func (k *keyed) at(name []byte) *key {
	if at := k.keys[string(name)]; at != nil || len(k.unknown) >= maxUnknown {
		return at
	}
	at := &key{name: string(name)}
	k.keys[at.name] = at
	k.unknown = append(k.unknown, at)
	return at
}

// start begins with a record.
func (k *keyed) start() {
	k.row++
	k.visited, k.text = k.visited[:0], k.text[:0]
}

// set notes a value of the record at hand. Of several of the same key the last one counts.
func (k *keyed) set(at *key, v *value) {
	if at == nil {
		return
	}
	if at.slots == nil && at.row != k.row {
		at.row = k.row
		k.visited = append(k.visited, at)
	}
	for _, s := range at.slots {
		if old := &k.values[s.slot]; old.row != k.row || s.rank <= old.rank {
			*old = *v
			old.row, old.rank = k.row, s.rank
		}
	}
}

// finish puts the record at hand into the batch. line is the line that it begins on.
func (k *keyed) finish(line int) {
	b := k.batch
	for i := range k.slots {
		if s := &k.slots[i]; s.role == roleWhere {
			text, ok := k.textOf(k.valueOf(i))
			if !ok || string(text) != k.schema.Where[s.index].Value {
				b.Skipped++
				return
			}
		}
	}
	for i := range k.slots {
		if k.slots[i].role != roleTime {
			continue
		}
		t, problem := k.time(k.valueOf(i))
		if problem != "" {
			k.reject(line, record.NoTime, "field "+fieldName(k.schema.Time)+problem)
			return
		}
		b.Times = append(b.Times, t)
	}
	for i := range k.slots {
		k.take(i)
	}
	if len(k.schema.IDParts) > 0 {
		b.IDs = append(b.IDs, hashParts(k.seed, k.schema.IDParts, k.idPart))
	}
	for _, at := range k.visited {
		at.records++
	}
	b.RowLines = append(b.RowLines, uint32(line))
	b.Rows++
}

func (k *keyed) reject(line int, reason record.Reason, detail string) {
	k.batch.Rejects = append(k.batch.Rejects, record.Reject{Line: line, Reason: reason, Detail: detail})
}

// valueOf is the value of a slot in the record at hand, nil if it has none.
func (k *keyed) valueOf(slot int) *value {
	if v := &k.values[slot]; v.row == k.row {
		return v
	}
	return nil
}

// take puts the value of a slot into the batch.
func (k *keyed) take(slot int) {
	b, s, v := k.batch, &k.slots[slot], k.valueOf(slot)
	switch s.role {
	case roleNumber:
		c := &b.Columns[s.index]
		c.Numbers = append(c.Numbers, k.number(c, v))
		if v == nil {
			c.Lacking++
		}
	case roleText:
		c := &b.Columns[s.index]
		c.Spans = append(c.Spans, k.span(v))
		if v == nil {
			c.Lacking++
		} else if v.form == formInt || v.form == formFloat || v.form == formDouble {
			c.Bare = append(c.Bare, uint32(b.Rows))
		}
	case roleVersion:
		span := k.span(v)
		if !span.IsString() {
			span = record.Absent
		}
		b.Versions = append(b.Versions, span)
	case roleID:
		text, _ := k.present(v)
		b.IDs = append(b.IDs, hashID(k.seed, text))
	}
}

// partOfID is the text of the field of a part of the id.
func (k *keyed) partOfID(part int) (text []byte, ok bool) {
	return k.present(k.valueOf(k.idParts[part]))
}

// number is a value of a numeric column: NaN where it is missing or wrong.
func (k *keyed) number(c *record.Column, v *value) float64 {
	if v == nil {
		return math.NaN()
	}
	row := uint32(k.batch.Rows)
	switch v.form {
	case formInt:
		return float64(v.integer)
	case formFloat, formDouble:
		return finite(v.number)
	case formNull:
		return math.NaN()
	case formRaw, formText:
		x, wrong := k.parse(v)
		if wrong {
			c.Wrong = append(c.Wrong, row)
		}
		return x
	case formString:
		if IsNotFinite(v.text) {
			return math.NaN()
		}
		if isQuotedNumber(v.text) {
			c.Quoted = append(c.Quoted, row)
		}
	}
	c.Wrong = append(c.Wrong, row)
	return math.NaN()
}

// parse reads a text as a number.
func (k *keyed) parse(v *value) (x float64, wrong bool) {
	i, j := numTrim(v.text, 0, len(v.text))
	if k.missing.has(v.text[i:j]) {
		return math.NaN(), false
	}
	var kind numKind
	if v.form == formRaw {
		// Behind it the data go on, with a blank or a quote first.
		x, kind = numSpan(v.text[:cap(v.text)], i, j)
	} else {
		x, kind = numText(v.text)
	}
	return x, kind == numNotNumber
}

// span writes a value into the batch as text.
func (k *keyed) span(v *value) record.Span {
	if v != nil && v.form == formList {
		return record.Wrong
	}
	text, ok := k.present(v)
	if !ok {
		return record.Absent
	}
	b := k.batch
	span := record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(text))}
	b.Bytes = append(b.Bytes, text...)
	return span
}

// present is textOf, but without the texts that stand for no value.
func (k *keyed) present(v *value) (text []byte, ok bool) {
	text, ok = k.textOf(v)
	if ok && (v.form == formRaw || v.form == formText) {
		i, j := numTrim(text, 0, len(text))
		ok = !k.missing.has(text[i:j])
	}
	if !ok {
		return nil, false
	}
	return text, true
}

// textOf is a value as text, which is valid until the next record.
func (k *keyed) textOf(v *value) (text []byte, ok bool) {
	if v == nil {
		return nil, false
	}
	from := len(k.text)
	switch v.form {
	case formRaw, formText, formString:
		return v.text, true
	case formInt:
		k.text = strconv.AppendInt(k.text, v.integer, 10)
	case formBool:
		k.text = strconv.AppendBool(k.text, v.integer != 0)
	case formFloat, formDouble:
		bits := 64
		if v.form == formFloat {
			bits = 32
		}
		if v.number-v.number != 0 {
			return nil, false
		}
		k.text = appendFloat(k.text, v.number, bits)
	default:
		return nil, false
	}
	return k.text[from:], true
}

// time is a value as an event time, or what is wrong with it.
func (k *keyed) time(v *value) (ns int64, problem string) {
	if v == nil {
		return 0, " is missing"
	}
	ok := false
	text, isText := k.textOf(v)
	switch {
	case v.form == formRaw && cap(v.text)-len(v.text) >= Padding:
		ns, ok = k.clock.parse(text[:cap(text)], 0, len(text))
	case v.form == formFloat || v.form == formDouble:
		ns, ok = epochTime(v.number)
	case isText && v.form != formBool:
		ns, ok = parseTime(text)
	}
	if !ok {
		return 0, " is no time: " + string(clip(text)) + "; use RFC 3339 or an epoch number"
	}
	return ns, ""
}
