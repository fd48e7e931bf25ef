package profile

import "github.com/drift-exporter/drift_exporter/exporter/record"

// nameIndex numbers names. Nearly all of them are short, and a float, which may be a name until the whole reference has
// been read, mostly is one that is not known: a table of short names with open addressing tells both several times
// faster than a map of strings. The zero value is empty.
type nameIndex struct {
	slots []nameSlot // a power of two of them, at least a quarter of which are free
	short int        // how many are not
	long  map[string]int32
}

// nameSlot is free if it has the zero name.
type nameSlot struct {
	name   record.Short
	number int32
}

// find returns the number of a text of a batch.
func (x *nameIndex) find(b *record.Batch, text record.Span) (number int32, ok bool) {
	name := b.Short(text)
	if name == record.NoShort {
		return x.findText(b.Text(text))
	}
	return x.findShort(name)
}

// findText returns the number of a name.
func (x *nameIndex) findText(text []byte) (number int32, ok bool) {
	if name := record.ShortOf(text); name != record.NoShort {
		return x.findShort(name)
	}
	number, ok = x.long[string(text)]
	return number, ok
}

func (x *nameIndex) findShort(name record.Short) (number int32, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	s := x.slot(name)
	return s.number, s.name == name
}

// slot returns the slot of a name: the one that has it, or else the one where it belongs.
func (x *nameIndex) slot(name record.Short) *nameSlot {
	const odd = 0x9e3779b97f4a7c15
	mask := uint64(len(x.slots) - 1)
	for i := (name.Head*odd ^ name.Tail) * odd >> 32; ; i++ {
		if s := &x.slots[i&mask]; s.name == name || s.name == (record.Short{}) {
			return s
		}
	}
}

// put gives a name that has none a number.
func (x *nameIndex) put(text string, number int32) {
	name := record.ShortOf([]byte(text))
	if name == record.NoShort {
		if x.long == nil {
			x.long = make(map[string]int32)
		}
		x.long[text] = number
		return
	}
	if x.short >= len(x.slots)*3/4 {
		before := x.slots
		x.slots = make([]nameSlot, max(2*len(before), 64))
		for _, s := range before {
			if s.name != (record.Short{}) {
				*x.slot(s.name) = s
			}
		}
	}
	*x.slot(name) = nameSlot{name, number}
	x.short++
}

// each calls a function for each name, in no particular order.
func (x *nameIndex) each(do func(name string, number int32)) {
	for _, s := range x.slots {
		if s.name != (record.Short{}) {
			do(string(s.name.Append(nil)), s.number)
		}
	}
	for name, number := range x.long {
		do(name, number)
	}
}
