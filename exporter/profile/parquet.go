package profile

import (
	"errors"
	"io"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// readParquet builds the profile of training data in a Parquet file. The file says which columns there are, so all are
// read from its beginning: as texts, by which they are surveyed too, and numbers also as such.
func (b *builder) readParquet(in io.ReaderAt, size int64) error {
	fields, err := decode.ParquetFields(b.options.Path, in, size)
	if err != nil {
		return err
	}
	p := b.newPass()
	number := make(map[*sighting]bool)
	for _, f := range fields {
		s := p.survey.column(f.Path)
		number[s] = f.Number || p.isOutcome(s) || p.says(s).HasKind && p.says(s).Kind == record.Numeric
	}
	if err := p.survey.checkColumns(); err != nil {
		return err
	}
	if err := p.results.find(p.survey.order, 0); err != nil {
		return err
	}
	p.names.renew(nil, record.Categorical, p.survey.order, func(*sighting) bool { return true })
	p.numbers.renew(nil, record.Numeric, p.survey.order, func(s *sighting) bool { return number[s] })
	names, numbers := decode.NewParquet(&p.names.schema, 0), decode.NewParquet(&p.numbers.schema, 0)
	for _, r := range []*decode.Parquet{names, numbers} {
		if err := r.Open(b.options.Path, in, size); err != nil {
			return err
		}
		defer r.Close()
	}
	for {
		err := names.Next(&p.names.batch)
		if errors.Is(err, io.EOF) {
			return b.complete(p.survey.sorted())
		}
		if err == nil {
			err = numbers.Next(&p.numbers.batch)
		}
		if err != nil {
			return err
		}
		p.survey.readBatch(&p.names, &p.numbers, true)
		p.plan()
		p.add()
	}
}
