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
	p.renew(func(s *sighting) bool { return number[s] }, always)
	rows := decode.NewParquet(&p.schema, 0)
	if err := rows.Open(b.options.Path, in, size); err != nil {
		return err
	}
	defer rows.Close()
	for {
		err := rows.Next(p.batch)
		if errors.Is(err, io.EOF) {
			return b.complete(p.survey.sorted())
		}
		if err != nil {
			return err
		}
		p.surveyAndAdd(true)
	}
}
