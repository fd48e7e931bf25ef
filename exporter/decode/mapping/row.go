package mapping

import "github.com/drift-exporter/drift_exporter/exporter/decode"

// next reads the next row into the cells of the decoder.
func (d *Decoder) next(r *rows) {
	switch {
	case r.one.Kind() != decode.None:
		d.fill(r, r.one)
	case len(r.columns) > 0:
		d.nextOfColumns(r)
	default:
		v, _ := r.list.Next()
		d.fill(r, v)
	}
}

// fill takes a row that is an object, a list or a single value.
func (d *Decoder) fill(r *rows, v decode.Value) {
	switch v.Kind() {
	case decode.Object:
		if inner, ok := r.part.inner(v); ok {
			d.fill(r, inner)
			return
		}
		d.fillObject(r.part, r.part.names, v)
	case decode.List:
		parts := v.Parts()
		i := 0
		for part, ok := parts.Next(); ok; part, ok = parts.Next() {
			d.setAt(r, i, part)
			i++
		}
	default:
		d.setAt(r, 0, v)
	}
}

// inner returns what a row has as its only member, if that is a list or an object and its name says nothing: the
// features of {"features": [1, 2]}.
func (p *part) inner(row decode.Value) (decode.Value, bool) {
	if row.Len() != 1 {
		return decode.Value{}, false
	}
	members := row.Parts()
	key, v, _ := members.NextMember()
	if v.Kind() < decode.List {
		return v, false
	}
	t := p.names.at(key)
	return v, t.field == none && t.below == nil && !t.drop
}

// fillObject takes the members of an object by their names.
func (d *Decoder) fillObject(p *part, n *names, v decode.Value) {
	members := v.Parts()
	for key, member, ok := members.NextMember(); ok; key, member, ok = members.NextMember() {
		t := n.at(key)
		if t.below != nil && member.Kind() == decode.Object {
			d.fillObject(p, t.below, member)
			continue
		}
		if answers := p.spec.Role == Response || p.spec.Role == Truth; answers && t.field == none &&
			member.Kind() == decode.Object {
			d.fillObject(p, n, member)
			continue
		}
		d.set(p, t, member)
	}
}

// setAt takes a value by its position in a row.
func (d *Decoder) setAt(r *rows, i int, v decode.Value) {
	switch {
	case r.header != nil:
		if i < len(r.header) && r.header[i] != nil {
			d.set(r.part, r.header[i], v)
		}
	case i < len(r.part.positions) && r.part.positions[i] != nil:
		d.set(r.part, r.part.positions[i], v)
	case !r.part.named && (r.part.spec.Role == Response || r.part.spec.Role == Truth):
		d.loose = append(d.loose, v)
	}
}

// set takes a value that has a name.
func (d *Decoder) set(p *part, t *target, v decode.Value) {
	switch {
	case t.drop:
	case t.field == none:
		t.records++
		if p.spec.Role == Response || p.spec.Role == Truth {
			d.strange = append(d.strange, v)
		}
	case d.cells[t.field].Kind() == decode.None || t.rank <= d.ranks[t.field]:
		d.cells[t.field], d.ranks[t.field] = v, t.rank
	}
}

// nextOfColumns takes the next values of all columns. A value without a name that is wanted counts by its position.
func (d *Decoder) nextOfColumns(r *rows) {
	at := 0
	for i := range r.columns {
		c := &r.columns[i]
		for range c.width {
			var v decode.Value
			switch {
			case c.deep:
				v, _ = c.parts.NextScalar()
			case c.object:
				_, v, _ = c.parts.NextMember()
			default:
				v, _ = c.parts.Next()
			}
			if c.bare && v.Kind() == decode.String {
				from, to := v.Span()
				v = d.tree.AddText(decode.Bare, from, to)
			}
			if c.target != nil && (c.target.field != none || c.target.drop || !c.deep) {
				d.set(r.part, c.target, v)
			} else {
				d.setAt(r, at, v)
			}
			at++
		}
	}
}
