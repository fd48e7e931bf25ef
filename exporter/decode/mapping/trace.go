package mapping

import "github.com/drift-exporter/drift_exporter/exporter/decode"

// trace notes how each record was understood, for Explain.
type trace struct {
	entries []entry
	// ids are those of the rows of the batch.
	ids []string
}

// entry is what became of a record. One that was passed over has no rows.
type entry struct {
	line int
	// skipped says why it was passed over; empty if it was not.
	skipped string
	// request, model and sampled are texts of the record.
	request, model, sampled string
	// layouts are those of its bodies, with their roles.
	layouts []string
	// row is the first of its rows, of which there are n.
	row, n int
}

func (t *trace) skip(d *Decoder, why string) {
	t.entries = append(t.entries, entry{line: d.batch.Lines, skipped: why})
}

func (t *trace) rows(d *Decoder, n int) {
	e := entry{line: d.batch.Lines, request: string(d.head.request), row: d.batch.Rows - n, n: n}
	for _, one := range []struct {
		path *Path
		text *string
	}{{d.spec.Model, &e.model}, {d.spec.Sampled, &e.sampled}} {
		text, _ := one.path.in(d.tree, d.roots).Text()
		*one.text = string(text)
	}
	for _, r := range []*rows{&d.first, &d.second} {
		if r.part != nil {
			e.layouts = append(e.layouts, string(r.part.spec.Role)+" as "+r.layout)
		}
	}
	t.entries = append(t.entries, e)
}

// The path of a file tells things that its records do not.
var _ decode.FileDecoder = (*Decoder)(nil)
