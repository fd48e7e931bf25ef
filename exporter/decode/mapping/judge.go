package mapping

import (
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// newJudge returns a decoder that reads no log: it finds prediction and score in values that are known already.
func newJudge(spec *Spec, s *record.Schema) *Decoder {
	own := *spec
	own.Parts = nil
	return newDecoder(&own, nil, decode.ValueFormat{New: func() decode.ValueReader { return nil }}, s, 0, nil)
}

// uniteVector appends the answer of a response whose rows are the parts of one row's list. A value of the list was
// taken for a score or a prediction when it stood alone. It returns the version of the row.
func (a *Assembler) uniteVector(p *packed, n uint32, version []byte, out *record.Batch) []byte {
	d := a.answer
	d.tree.Reset()
	d.loose, d.strange = d.loose[:0], d.strange[:0]
	clear(d.cells)
	for range n {
		_, _, later := p.head()
		if len(later) > 0 {
			version = later
		}
		d.loose = append(d.loose, a.value(p))
	}
	d.answer()
	d.batch = out
	for i := range d.fields {
		f := &d.fields[i]
		if f.Role != record.Prediction && f.Role != record.Score {
			continue
		}
		for _, c := range f.columns {
			if d.schema.Columns[c].Kind == record.Numeric {
				d.emitNumber(&out.Columns[c], d.cells[i])
			} else {
				d.emitText(&out.Columns[c], d.cells[i])
			}
		}
	}
	return version
}

// value reads the one value that a row of a flat response has, whichever column it went to.
func (a *Assembler) value(p *packed) decode.Value {
	d := a.answer
	var v decode.Value
	for _, i := range a.halves.columns[record.Response] {
		k := p.kind()
		switch c := &a.halves.schema.Columns[i]; {
		case c.Kind == record.Numeric && k == halfValue:
			v = d.tree.AddFloat(math.Float64frombits(p.fixed()))
		case c.Kind != record.Numeric && (k == halfValue || k == halfBare):
			text := p.text()
			// A prediction that the threshold made of the score says less than the score.
			if v.Kind() != decode.None && d.score != none {
				continue
			}
			v = d.bareText(string(text))
		}
	}
	if v.Kind() == decode.None {
		v = d.tree.Add(decode.Null)
	}
	return v
}
