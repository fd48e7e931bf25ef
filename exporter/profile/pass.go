package profile

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/turns"
)

// pass goes over training data once. It surveys each chunk of them, and reads from it the values of all columns, old
// and new, as whatever they may turn out to be at the end: as numbers, as texts, or as both.
type pass struct {
	*builder
	survey *survey
	format decode.Format
	// schema has the columns that may turn out to be numbers and those that may turn out to be something else, many of
	// them as both. batch is the chunk as it asks for it, and next the one behind it.
	schema      record.Schema
	decoder     decode.Decoder
	batch, next *record.Batch
	// taking is done when batch has been taken in.
	taking sync.WaitGroup
	// replanned says that the columns may turn out to be something else than the schema says.
	replanned atomic.Bool
	// mayBeOutcome are the names under which prediction, score or label may stand.
	mayBeOutcome []string
}

func (b *builder) newPass() *pass {
	p := &pass{builder: b, survey: newSurvey(), batch: &record.Batch{}, next: &record.Batch{}}
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
	err = decode.ReadChunks(r, format, b.options.Path, read)
	p.taking.Wait()
	if err != nil {
		return err
	}
	return b.complete(p.survey.sorted())
}

func (p *pass) read(c *decode.Chunk) error {
	known := len(p.survey.order)
	if err := p.survey.read(c); err != nil {
		return err
	}
	if p.plan(); p.replanned.Load() || c.First {
		p.renew(isNumbers, isNames)
		p.decoder = p.format.New(&p.schema, 0)
	}
	if err := p.find(known, c); err != nil {
		return err
	}
	if err := p.decode(c, p.batch); err != nil {
		return err
	}
	p.add()
	return nil
}

// readFlat is read for formats whose fields are known without looking at their values: the survey sees them as they are
// decoded. While a chunk is taken in, the next one is decoded if there is a processor for that: if it turns out only
// then that a column cannot be numeric, its numbers are in one more chunk.
func (p *pass) readFlat(c *decode.Chunk) error {
	if p.format.Fields != nil {
		p.taking.Wait() // there may be more of them
	}
	known := len(p.survey.order)
	if err := p.survey.readFields(c, p.format); err != nil {
		return err
	}
	if p.replanned.Load() || c.First || len(p.survey.order) > known {
		p.taking.Wait()
		if err := p.find(known, c); err != nil {
			return err
		}
		p.plan()
		p.renew(isNumbers, always)
		p.decoder = p.format.New(&p.schema, 0)
	}
	if runtime.GOMAXPROCS(0) == 1 {
		if err := p.decode(c, p.batch); err != nil {
			return err
		}
		p.surveyAndAdd(p.format.Typed)
		return nil
	}
	if err := p.decode(c, p.next); err != nil {
		return err
	}
	p.taking.Wait()
	p.batch, p.next = p.next, p.batch
	p.batch.Pack() // The chunk is read over.
	p.taking.Go(func() { p.surveyAndAdd(p.format.Typed) })
	return nil
}

// find finds the columns of prediction, score and label in a chunk, before which so many columns were known.
func (p *pass) find(known int, c *decode.Chunk) error {
	if len(p.survey.order) == known {
		return nil
	}
	if err := p.results.find(p.survey.order, p.rows); err != nil {
		return fmt.Errorf("%s:%d: %w", p.options.Path, c.Line, err)
	}
	return nil
}

func isNumbers(s *sighting) bool { return s.asNumbers != nil }

func isNames(s *sighting) bool { return s.asNames != nil }

func always(*sighting) bool { return true }

func (p *pass) decode(c *decode.Chunk, b *record.Batch) error {
	p.decoder.Decode(c.Header, c.Data, b)
	if len(b.Rejects) > 0 {
		if p.options.Format == decode.FormatCSV {
			if err := p.survey.csvProblem(c); err != nil {
				return err
			}
		}
		bad := &b.Rejects[0]
		return fmt.Errorf("%s:%d: %s", p.options.Path, c.DataLine()+bad.Line, bad.Detail)
	}
	return nil
}

// add takes in the rows of the batch.
func (p *pass) add() { p.eachColumn(p.addColumn) }

// surveyAndAdd surveys the rows of the batch, and takes them in as whatever they may turn out to be then. typed says
// that the format tells numbers from other values.
func (p *pass) surveyAndAdd(typed bool) {
	p.eachColumn(func(s *sighting) {
		s.read(p.batch, typed)
		p.planColumn(s)
		p.addColumn(s)
	})
}

// eachColumn does something with each column, and takes in the results of the batch.
func (p *pass) eachColumn(do func(*sighting)) {
	columns := p.survey.order
	turns.Each(len(columns)+1, func(i int) {
		if i < len(columns) {
			do(columns[i])
		} else {
			p.results.add(p.batch)
		}
	})
	p.sample.add(p, p.rows)
	p.rows += p.batch.Rows
}

func (p *pass) addColumn(s *sighting) {
	if s.asNumbers != nil && s.numberField >= 0 {
		s.asNumbers.add(&p.batch.Columns[s.numberField])
	}
	if s.asNames != nil {
		column := &p.batch.Columns[s.nameField]
		s.asNames.add(p.batch, column, p.nameLimit(s))
		s.addTexts(p.batch, column.Spans)
	}
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

// plan decides anew what each column may turn out to be.
func (p *pass) plan() {
	for _, s := range p.survey.order {
		p.planColumn(s)
	}
}

// planColumn decides anew what a column may turn out to be, and notes whether that is something else than before.
func (p *pass) planColumn(s *sighting) {
	number, name := p.mayBe(s)
	p.planTexts(s, name)
	if number == (s.asNumbers != nil) && name == (s.asNames != nil) {
		return
	}
	p.replanned.Store(true)
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
	if s.asTexts == nil {
		return
	}
	for _, span := range spans {
		if span.IsString() {
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

// renew makes the schema anew, of the columns that are to be read as numbers and of those that are to be read as texts.
func (p *pass) renew(number, name func(*sighting) bool) {
	p.schema = record.Schema{Missing: p.options.Missing}
	*p.batch, *p.next = record.Batch{}, record.Batch{}
	p.replanned.Store(false)
	add := func(s *sighting, kind record.Kind, wanted bool) int {
		if !wanted {
			return -1
		}
		p.schema.Columns = append(p.schema.Columns, record.Field{Name: s.name, Path: s.path, Kind: kind})
		return len(p.schema.Columns) - 1
	}
	for _, s := range p.survey.order {
		s.numberField = add(s, record.Numeric, number(s))
		s.nameField = add(s, record.Categorical, name(s))
	}
}
