package decode

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// ParquetRows is the most rows that Parquet.Next puts into a batch.
const ParquetRows = 8192

// Parquet reads the rows of a Parquet file in batches. It belongs to one goroutine and reads one file after the other.
//
// Of the file only the columns that the schema wants are read. A path of the schema leads through the file's groups, or
// is the name of a column with dots in it; where there is neither, the column or the inner column of the path's last
// name serves. Columns of numbers, booleans and strings are read as their values would be from JSON; decimals are
// numbers, dates, times and UUIDs are texts; lists and maps are of the wrong type in every row.
//
// Memory is bounded by the file's pages, not by its row groups: of each wanted column two pages and the dictionary of
// the row group at hand are held, as they are when decompressed, and 8192 values of the batch. Writers make pages of
// about 1 MiB. A file with pages beyond maxPageSize or maxPageValues is refused.
type Parquet struct {
	schema *record.Schema
	seed   uint64

	name    string
	file    *parquet.File
	in      io.ReaderAt
	size    int64
	leaves  []parquetLeaf
	columns []*parquetColumn // one for each slot that the file has
	missing []slot           // slots that the file lacks
	unknown []string
	objects []string

	group int   // the row group at hand
	left  int64 // rows of it that have not been read
	rows  int64 // rows of the file that have been read

	keep   []bool   // of the rows of the batch, those that meet Schema.Where and have a time
	moved  []uint32 // where the rows of the batch go that are kept
	header []byte   // what the headers of pages are read into
}

// NewParquet returns a reader for the schema. Ids are hashed with the seed.
func NewParquet(s *record.Schema, seed uint64) *Parquet {
	return &Parquet{schema: s, seed: seed}
}

// Open begins with a file. name is how messages call it. The file must not change until it has been read. An error
// says that it is no Parquet file, is cut or damaged, or is more than is read here.
func (p *Parquet) Open(name string, in io.ReaderAt, size int64) (err error) {
	p.Close()
	defer p.guard(name, &err)
	p.name, p.in, p.size = name, in, size
	leaves, err := parquetLeaves(in, size)
	if err == nil {
		p.file, err = parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true),
			parquet.ReadBufferSize(parquetBuffer))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.plan(leaves)
	p.leaves = leaves
	p.group, p.left, p.rows = -1, 0, 0
	return nil
}

// parquetBuffer is how many bytes of a column are read at once.
const parquetBuffer = 64 << 10

// guard turns a panic into an error. The library panics on some damaged files, in calls that are all below Open, Next
// and Skip; what it has in memory of the file is not used again.
func (p *Parquet) guard(name string, err *error) {
	r := recover()
	if r == nil {
		return
	}
	if text, ok := r.(string); ok && strings.HasPrefix(text, "bug: ") {
		panic(r)
	}
	p.file, p.columns = nil, nil
	*err = fmt.Errorf("%s: is damaged: %v", name, r)
}

// Close lets go of the file.
func (p *Parquet) Close() {
	for _, c := range p.columns {
		c.close()
	}
	p.file, p.in, p.columns = nil, nil, nil
}

// plan finds the columns of the file for the slots of the schema.
func (p *Parquet) plan(leaves []parquetLeaf) {
	p.columns, p.missing, p.unknown, p.objects = nil, nil, nil, nil
	all := slots(p.schema)
	wanted := make(map[int]bool)
	var short []slot
	take := func(s slot, leaf int) {
		wanted[leaf] = true
		p.columns = append(p.columns, newParquetColumn(p, s, &leaves[leaf]))
	}
	for _, s := range all {
		if i := findLeaf(leaves, s.paths); i >= 0 {
			take(s, i)
		} else {
			short = append(short, s)
		}
	}
	for _, s := range short {
		path := s.paths[0]
		if i := findLeaf(leaves, [][]string{path[len(path)-1:]}); i >= 0 && !wanted[i] {
			take(s, i)
		} else {
			p.missing = append(p.missing, s)
		}
	}
	p.noteOthers(leaves, all, wanted)
}

// ParquetField is a column of a Parquet file.
type ParquetField struct {
	// Path leads through the groups of the file to the column.
	Path []string
	// Number says that the values are numbers.
	Number bool
}

// ParquetFields returns the columns of a Parquet file. The errors are those of Parquet.Open.
func ParquetFields(name string, in io.ReaderAt, size int64) ([]ParquetField, error) {
	p := NewParquet(&record.Schema{}, 0)
	if err := p.Open(name, in, size); err != nil {
		return nil, err
	}
	defer p.Close()
	var fields []ParquetField
	for i := range p.leaves {
		fields = append(fields, ParquetField{Path: p.leaves[i].path, Number: p.leaves[i].form.isNumber()})
	}
	return fields, nil
}

// findLeaf returns the first of the leaves to which one of the paths leads, the first path that leads to any; -1 if
// there is none.
func findLeaf(leaves []parquetLeaf, paths [][]string) int {
	for _, path := range paths {
		for i := range leaves {
			if slices.Equal(leaves[i].path, path) {
				return i
			}
		}
	}
	return -1
}

// noteOthers finds the unknown fields of the file, and the groups in which wanted ones may stand.
func (p *Parquet) noteOthers(leaves []parquetLeaf, all []slot, wanted map[int]bool) {
	root := build(all)
	for i := range leaves {
		o := root
		path := leaves[i].path
		for depth, key := range path {
			name := strings.Join(path[:depth+1], ".")
			at := o.keys[key]
			if at == nil || at.child == nil || depth == len(path)-1 {
				if !wanted[i] && (at == nil || len(at.slots) == 0) && len(p.unknown) < maxUnknown &&
					!slices.Contains(p.unknown, name) {
					p.unknown = append(p.unknown, name)
				}
				break
			}
			if !slices.Contains(p.objects, name) {
				p.objects = append(p.objects, name)
			}
			o = at.child
		}
	}
}

// Skip passes over rows, as after a restart.
func (p *Parquet) Skip(rows int64) (err error) {
	defer p.guard(p.name, &err)
	for rows > 0 {
		if err := p.begin(); err != nil {
			return err
		}
		n := min(rows, p.left)
		if n < p.left {
			for _, c := range p.columns {
				if err := c.skip(n); err != nil {
					return fmt.Errorf("%s: column %s: %w", p.name, c.leaf.name(), err)
				}
			}
		}
		p.left -= n
		p.rows += n
		rows -= n
	}
	return nil
}

// begin goes to the next row group with rows if the one at hand has no more. It returns io.EOF behind the last one.
func (p *Parquet) begin() error {
	groups := p.file.RowGroups()
	for p.left == 0 {
		if p.group++; p.group >= len(groups) {
			p.group = len(groups)
			return io.EOF
		}
		p.left = groups[p.group].NumRows()
		for _, c := range p.columns {
			c.begin(groups[p.group])
		}
	}
	return nil
}

// Next fills the batch with the next rows, at most ParquetRows of them. It returns io.EOF and an empty batch if there
// are none, and another error if the file is damaged; the rows of earlier batches were right. Lines of the batch are
// rows.
func (p *Parquet) Next(b *record.Batch) (err error) {
	b.Reset(p.schema)
	defer p.guard(p.name, &err)
	if p.file == nil {
		return io.EOF
	}
	if err := p.begin(); err != nil {
		return err
	}
	n := int(min(p.left, ParquetRows))
	for _, c := range p.columns {
		if err := c.read(b, n); err != nil {
			b.Reset(p.schema)
			return fmt.Errorf("%s: column %s, behind row %d: %w", p.name, c.leaf.name(), p.rows, noEOF(err))
		}
	}
	p.left -= int64(n)
	p.rows += int64(n)
	p.finish(b, n)
	return nil
}

// noEOF makes an unexpected end of what ends too soon.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// finish completes a batch of n rows: with what the file lacks, and without the rows that do not count.
func (p *Parquet) finish(b *record.Batch, n int) {
	p.fillMissing(b, n)
	b.Rows, b.Lines = n, n
	for row := range n {
		b.RowLines = append(b.RowLines, uint32(row))
	}
	p.choose(b)
	if b.Rows == 0 {
		return
	}
	// Texts that stand here once for all rows are looked at in words, which must not end behind the last of them.
	b.Bytes = append(b.Bytes, make([]byte, 16)...)
	for i := range p.missing {
		if s := &p.missing[i]; s.role == roleNumber || s.role == roleText {
			b.Columns[s.index].Lacking = b.Rows
		}
	}
	for _, name := range p.unknown {
		b.Unknown = append(b.Unknown, record.Unknown{Name: name, Count: b.Rows})
	}
	b.Objects = append(b.Objects, p.objects...)
}

// fillMissing gives n rows what the file, or the schema, lacks.
func (p *Parquet) fillMissing(b *record.Batch, n int) {
	for i := range p.missing {
		switch s := &p.missing[i]; s.role {
		case roleNumber:
			b.Columns[s.index].Numbers = appendTimes(b.Columns[s.index].Numbers, math.NaN(), n)
		case roleText:
			b.Columns[s.index].Spans = appendTimes(b.Columns[s.index].Spans, record.Absent, n)
		}
	}
	if len(p.schema.IDParts) > 0 {
		p.joinIDs(b, n)
	}
	if len(b.IDs) == 0 {
		b.IDs = appendTimes(b.IDs, 0, n)
	}
	if len(b.Versions) == 0 {
		b.Versions = appendTimes(b.Versions, record.Absent, n)
	}
	if len(b.Times) == 0 {
		none := int64(0)
		if len(p.schema.Time) > 0 {
			none = timeMissing
		}
		b.Times = appendTimes(b.Times, none, n)
	}
}

// joinIDs makes the ids of n rows of their parts.
func (p *Parquet) joinIDs(b *record.Batch, n int) {
	for row := range n {
		part := func(k int) (text []byte, ok bool) { return p.partOfID(b, k, row) }
		b.IDs = append(b.IDs, hashParts(p.seed, p.schema.IDParts, part))
	}
}

// partOfID is the text of the field of a part of a row's id.
func (p *Parquet) partOfID(b *record.Batch, part, row int) (text []byte, ok bool) {
	for _, c := range p.columns {
		if c.slot.role == roleIDPart && c.slot.index == part && c.parts[row].IsString() {
			return b.Text(c.parts[row]), true
		}
	}
	return nil, false
}

func appendTimes[T any](dst []T, value T, n int) []T {
	for range n {
		dst = append(dst, value)
	}
	return dst
}

// choose takes out of the batch the rows of other models and those without a time.
func (p *Parquet) choose(b *record.Batch) {
	if len(p.schema.Where) == 0 && slices.Min(b.Times) > max(timeMissing, timeWrong) {
		return
	}
	p.keep = p.keep[:0]
	kept := 0
	for row := range b.Rows {
		keep := !p.isOther(row)
		switch {
		case !keep:
			b.Skipped++
		case b.Times[row] == timeMissing:
			p.reject(b, row, "is missing")
			keep = false
		case b.Times[row] == timeWrong:
			p.reject(b, row, p.wrongTime())
			keep = false
		default:
			kept++
		}
		p.keep = append(p.keep, keep)
	}
	if kept < b.Rows {
		p.compact(b)
		b.Rows = kept
	}
}

// isOther reports whether a row does not meet Schema.Where.
func (p *Parquet) isOther(row int) bool {
	for i := range p.missing {
		if p.missing[i].role == roleWhere {
			return true
		}
	}
	for _, c := range p.columns {
		if c.slot.role == roleWhere && !c.matches[row] {
			return true
		}
	}
	return false
}

// wrongTime says what is wrong with the first time of the batch that is none.
func (p *Parquet) wrongTime() string {
	for _, c := range p.columns {
		if c.slot.role == roleTime && c.wrongTime != "" {
			return "is no time: " + c.wrongTime
		}
	}
	return "is no time"
}

func (p *Parquet) reject(b *record.Batch, row int, what string) {
	b.Rejects = append(b.Rejects, record.Reject{
		Line: row, Reason: record.NoTime, Detail: "field " + fieldName(p.schema.Time) + " " + what,
	})
}

// compact takes the rows that are not kept out of a batch.
func (p *Parquet) compact(b *record.Batch) {
	keep := p.keep
	p.moved = p.moved[:0]
	n := uint32(0)
	for _, k := range keep {
		p.moved = append(p.moved, n)
		if k {
			n++
		}
	}
	b.RowLines, b.Times = kept(b.RowLines, keep), kept(b.Times, keep)
	b.IDs, b.Versions = kept(b.IDs, keep), kept(b.Versions, keep)
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Numbers, c.Spans = kept(c.Numbers, keep), kept(c.Spans, keep)
		for _, rows := range []*[]uint32{&c.Wrong, &c.Quoted, &c.Bare} {
			list := (*rows)[:0]
			for _, row := range *rows {
				if keep[row] {
					list = append(list, p.moved[row])
				}
			}
			*rows = list
		}
	}
}

// kept moves the values of the rows that are kept to the front.
func kept[T any](values []T, keep []bool) []T {
	if len(values) == 0 {
		return values
	}
	list := values[:0]
	for row, k := range keep {
		if k {
			list = append(list, values[row])
		}
	}
	return list
}
