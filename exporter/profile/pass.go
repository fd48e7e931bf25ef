package profile

import (
	"fmt"
	"io"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// pass goes over training data once. It surveys each chunk of them, and then reads from it the values of all columns,
// old and new, as whatever they may turn out to be at the end: as numbers, as texts, or as both.
type pass struct {
	*builder
	survey  *survey
	format  decode.Format
	numbers reading
	names   reading
	// replanned says that some columns are not read as numbers any more.
	replanned bool
	// mayBeOutcome are the names under which prediction, score or label may stand.
	mayBeOutcome []string
}

// reading is the values of one kind.
type reading struct {
	schema  record.Schema
	decoder decode.Decoder
	batch   record.Batch
	columns []*sighting
}

func (b *builder) newPass() *pass {
	p := &pass{builder: b, survey: newSurvey()}
	p.survey.format, p.survey.name, p.survey.given = b.options.Format, b.options.Path, b.options.Header
	b.sample = newSample()
	n := b.options.Names
	p.mayBeOutcome = slices.Concat(spellings(n.Prediction, string(Prediction)), spellings(n.Score, string(Score)),
		spellings(n.Label, string(Label)))
	return p
}

// readRows builds the profile of training data.
func (b *builder) readRows(r io.Reader) error {
	format, err := decode.Lookup(b.options.Format, decode.Options{Names: b.options.Header})
	if err != nil {
		return err
	}
	p := b.newPass()
	p.format = format
	read := p.read
	if format.Fields != nil || b.options.Format == decode.FormatCSV {
		read = p.readFlat
	}
	if err := decode.ReadChunks(r, format, b.options.Path, read); err != nil {
		return err
	}
	return b.complete(p.survey.sorted())
}

func (p *pass) read(c *decode.Chunk) error {
	known := len(p.survey.order)
	if err := p.survey.read(c); err != nil {
		return err
	}
	if p.plan() || c.First {
		p.numbers.renew(p.options.Missing, record.Numeric, p.survey.order, isNumbers)
		p.names.renew(p.options.Missing, record.Categorical, p.survey.order, isNames)
		p.numbers.decoder, p.names.decoder = p.format.New(&p.numbers.schema, 0), p.format.New(&p.names.schema, 0)
	}
	if len(p.survey.order) > known {
		if err := p.results.find(p.survey.order, p.rows); err != nil {
			return fmt.Errorf("%s:%d: %w", p.options.Path, c.Line, err)
		}
	}
	for _, r := range []*reading{&p.names, &p.numbers} {
		if err := p.decode(r, c); err != nil {
			return err
		}
	}
	p.add()
	return nil
}

// readFlat is read for formats whose fields are known without looking at their values: the survey sees them as they are
// decoded.
func (p *pass) readFlat(c *decode.Chunk) error {
	known := len(p.survey.order)
	if err := p.survey.readFields(c, p.format); err != nil {
		return err
	}
	if len(p.survey.order) > known || c.First {
		if err := p.results.find(p.survey.order, p.rows); err != nil {
			return fmt.Errorf("%s:%d: %w", p.options.Path, c.Line, err)
		}
		p.plan()
		p.replanned = true
		p.names.renew(p.options.Missing, record.Categorical, p.survey.order, func(*sighting) bool { return true })
		p.names.decoder = p.format.New(&p.names.schema, 0)
	}
	if p.replanned {
		p.numbers.renew(p.options.Missing, record.Numeric, p.survey.order, isNumbers)
		p.numbers.decoder = p.format.New(&p.numbers.schema, 0)
	}
	for _, r := range []*reading{&p.names, &p.numbers} {
		if err := p.decode(r, c); err != nil {
			return err
		}
	}
	p.survey.readBatch(&p.names, &p.numbers, p.format.Typed)
	p.replanned = p.plan()
	p.add()
	return nil
}

func isNumbers(s *sighting) bool { return s.asNumbers != nil }

func isNames(s *sighting) bool { return s.asNames != nil }

func (p *pass) decode(r *reading, c *decode.Chunk) error {
	r.decoder.Decode(c.Header, c.Data, &r.batch)
	if len(r.batch.Rejects) > 0 {
		if p.options.Format == decode.FormatCSV {
			if err := p.survey.csvProblem(c); err != nil {
				return err
			}
		}
		bad := &r.batch.Rejects[0]
		return fmt.Errorf("%s:%d: %s", p.options.Path, c.DataLine()+bad.Line, bad.Detail)
	}
	return nil
}

// add takes in the rows that have been read both as numbers and as names.
func (p *pass) add() {
	if p.names.batch.Rows != p.numbers.batch.Rows {
		panic("bug: the same chunk has different numbers of rows")
	}
	for i, s := range p.numbers.columns {
		if s.asNumbers != nil {
			s.asNumbers.add(&p.numbers.batch.Columns[i])
		}
	}
	for i, s := range p.names.columns {
		if s.asNames != nil {
			s.asNames.add(&p.names.batch, &p.names.batch.Columns[i], p.nameLimit(s))
			s.addTexts(&p.names.batch, p.names.batch.Columns[i].Spans)
		}
	}
	p.results.add(&p.numbers.batch, &p.names.batch)
	p.sample.add(p, p.rows)
	p.rows += p.names.batch.Rows
}

// nameLimit is how many categories of a column are counted by name.
func (p *pass) nameLimit(s *sighting) int {
	says := p.says(s)
	switch {
	case says.HasKind && says.Kind == record.Text && !p.isOutcome(s):
		return 0
	case says.HasKind || !s.onlyNumbers():
		return maxNames
	case s.integers == s.numbers:
		return maxIntegerNames
	default:
		return maxNumberNames
	}
}

// plan decides anew what each column may turn out to be, and reports whether that is something else than before.
func (p *pass) plan() (changed bool) {
	for _, s := range p.survey.order {
		number, name := p.mayBe(s)
		p.planTexts(s, name)
		if number == (s.asNumbers != nil) && name == (s.asNames != nil) {
			continue
		}
		changed = true
		switch {
		case !number:
			s.asNumbers = nil
		case s.asNumbers == nil:
			s.asNumbers = &numbers{limit: p.options.CutPoints, missing: uint64(p.rows)}
		}
		switch {
		case !name:
			s.asNames = nil
		case s.asNames == nil:
			s.asNames = newNames(uint64(p.rows))
		}
	}
	return changed
}

// planTexts begins to collect the words of a column that may turn out to be prose, and gives it up where it does
// not look like it: what has no spaces at the start of a reference is an id or a category, and would fill the
// memory with words.
func (p *pass) planTexts(s *sighting, name bool) {
	says := p.says(s)
	configured := says.HasKind && says.Kind == record.Text
	prose := s.values < fewRows || 4*s.spaced > s.values
	switch {
	case !name || p.isOutcome(s) || says.HasKind && !configured || !configured && !prose:
		s.asTexts, s.noTexts = nil, true
	case s.asTexts == nil && !s.noTexts:
		s.asTexts = newVocabulary(p.options.CutPoints)
	}
}

// addTexts collects the words of a batch, if the column may be prose.
func (s *sighting) addTexts(b *record.Batch, spans []record.Span) {
	for _, span := range spans {
		if s.asTexts != nil && span.IsString() {
			s.asTexts.add(b.Text(span))
		}
	}
}

// mayBe reports whether a column may turn out to be numeric, and whether it may turn out to be of another kind. What it
// cannot be it cannot become again.
func (p *pass) mayBe(s *sighting) (number, name bool) {
	says := p.says(s)
	switch {
	case p.isOutcome(s):
		return true, true
	case says.Ignore:
		return false, false
	case says.HasKind:
		return says.Kind == record.Numeric, says.Kind != record.Numeric
	case s.composite > 0:
		return false, false
	default:
		return s.onlyNumbers(), true
	}
}

func (p *pass) says(s *sighting) ColumnOptions {
	return p.options.Columns[featureName(s, p.options.Names.Features)]
}

func (p *pass) isOutcome(s *sighting) bool { return slices.Contains(p.mayBeOutcome, s.name) }

// renew makes a schema of all columns that are wanted as the kind.
func (r *reading) renew(missing []string, kind record.Kind, all []*sighting, wanted func(*sighting) bool) {
	r.schema = record.Schema{Missing: missing}
	r.columns = r.columns[:0]
	for _, s := range all {
		field := &s.nameField
		if kind == record.Numeric {
			field = &s.numberField
		}
		*field = -1
		if wanted(s) {
			*field = len(r.columns)
			r.columns = append(r.columns, s)
			r.schema.Columns = append(r.schema.Columns, record.Field{Name: s.name, Path: s.path, Kind: kind})
		}
	}
	r.batch = record.Batch{}
}
