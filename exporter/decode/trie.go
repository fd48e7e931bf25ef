package decode

import "github.com/drift-exporter/drift_exporter/exporter/record"

// object is a JSON object in which wanted values stand: the record itself, or one below it.
type object struct {
	parent *object
	keys   map[string]*place
	// unknown holds the places behind keys that the schema does not want, as far as they were met and are few.
	unknown map[string]*place
	// rest stands for further unknown keys.
	rest place
	// row stamps the record in which the object was last entered, so that a second one is noticed.
	row uint64
}

// place is a key of an object.
type place struct {
	object *object
	// slots are the wanted values that stand at this key: usually one, none at an unknown key.
	slots []int
	// child is set if wanted values stand below this key.
	child *object
	// records counts the records of the batch that have an unknown key; row stamps the last one.
	records int
	row     uint64
}

// maxUnknown bounds the unknown keys of one object that get a place of their own.
const maxUnknown = 64

func newObject(parent *object) *object {
	o := &object{parent: parent, keys: make(map[string]*place), unknown: make(map[string]*place)}
	o.rest.object = o
	return o
}

// build lays out the objects in which the slots stand.
func build(all []slot) *object {
	root := newObject(nil)
	for i := range all {
		for _, path := range all[i].paths {
			o := root
			for depth, key := range path {
				p := o.keys[key]
				if p == nil {
					p = &place{object: o}
					o.keys[key] = p
				}
				if depth == len(path)-1 {
					p.slots = append(p.slots, i)
					break
				}
				if p.child == nil {
					p.child = newObject(o)
				}
				o = p.child
			}
		}
	}
	return root
}

// at returns the place of a key.
func (o *object) at(key []byte) *place {
	if p := o.keys[string(key)]; p != nil {
		return p
	}
	if p := o.unknown[string(key)]; p != nil {
		return p
	}
	if len(o.unknown) >= maxUnknown {
		return &o.rest
	}
	p := &place{object: o}
	o.unknown[string(key)] = p
	return p
}

// takeUnknown tells the batch which unknown keys occurred in o and below it, and which objects below it occurred since
// the given row, and forgets it. above is the path of o.
func (o *object) takeUnknown(b *record.Batch, above string, since uint64) {
	for key, p := range o.unknown {
		if p.records > 0 {
			b.Unknown = append(b.Unknown, record.Unknown{Name: above + key, Count: p.records})
			p.records = 0
		}
	}
	for key, p := range o.keys {
		if p.child == nil {
			continue
		}
		if p.child.row >= since {
			b.Objects = append(b.Objects, above+key)
		}
		p.child.takeUnknown(b, above+key+".", since)
	}
}
