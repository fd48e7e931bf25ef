package decode

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// parquetColumn reads a column of a file into one slot of the schema.
type parquetColumn struct {
	parquet *Parquet
	slot    slot
	leaf    *parquetLeaf

	chunk *parquet.FileColumnChunk
	pages parquet.Pages // nil until the first page of the row group is wanted
	page  parquet.Page

	rows, at  int           // rows of the page, and how many of them have been read
	levels    []byte        // definition levels of the page's rows; nil where no value can be missing
	value     int           // values of the page that have been read
	values    parquetValues // of the page; only n with a dictionary
	indexes   []int32       // of the page's values in the dictionary; nil without one
	dict      parquetDictionary
	dictOf    parquet.Dictionary
	batches   uint32 // stamps the spans of the batch at hand
	small     [parquetSmall]stampedSpan
	text      []byte
	parts     []record.Span // of roleIDPart and roleWhere: the texts of the batch
	matches   []bool        // of roleWhere: the rows of the batch that have the value
	wrongTime string        // of roleTime: the first value of the batch that is no time
}

// stampedSpan is the text of a value in the batch with the stamp.
type stampedSpan struct {
	span  record.Span
	stamp uint32
}

// parquetSmall is below which whole numbers are written into a batch only once, as classes are.
const parquetSmall = 64

// parquetDictionary is the dictionary of a column in a row group, with what its values have been turned into.
type parquetDictionary struct {
	values  parquetValues
	numbers []float64
	times   []int64
	spans   []stampedSpan
}

func newParquetColumn(p *Parquet, s slot, leaf *parquetLeaf) *parquetColumn {
	return &parquetColumn{parquet: p, slot: s, leaf: leaf}
}

// begin goes to another row group.
func (c *parquetColumn) begin(g parquet.RowGroup) {
	c.close()
	c.chunk = g.ColumnChunks()[c.leaf.index].(*parquet.FileColumnChunk)
}

func (c *parquetColumn) close() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	if c.pages != nil {
		_ = c.pages.Close() // It was only read.
		c.pages = nil
	}
	c.rows, c.at, c.value, c.dictOf = 0, 0, 0, nil
	c.values, c.indexes, c.levels = parquetValues{}, nil, nil
}

// turn goes to the next page that has rows.
func (c *parquetColumn) turn() error {
	if c.pages == nil {
		if err := c.parquet.checkPages(c.chunk, c.leaf.index); err != nil {
			return err
		}
		c.pages = c.chunk.Pages()
	}
	for c.at == c.rows {
		if c.page != nil {
			parquet.Release(c.page)
			c.page = nil
		}
		page, err := c.pages.ReadPage()
		if err != nil {
			return err
		}
		c.page = page
		if err := c.take(page); err != nil {
			return err
		}
	}
	return nil
}

// take looks at a page.
func (c *parquetColumn) take(page parquet.Page) error {
	c.rows, c.at, c.value = int(page.NumRows()), 0, 0
	c.levels = nil
	values := c.rows
	if c.leaf.level > 0 {
		if c.levels = page.DefinitionLevels(); len(c.levels) != c.rows {
			return fmt.Errorf("is damaged: a page of %d rows has %d levels", c.rows, len(c.levels))
		}
		values = bytes.Count(c.levels, []byte{c.leaf.level})
	}
	d := page.Dictionary()
	if d == nil {
		c.indexes = nil
		if c.values.set(page.Data(), values); c.values.n != values {
			return fmt.Errorf("is damaged: a page has %d values of %d", c.values.n, values)
		}
		return c.checkOffsets(&c.values)
	}
	if d != c.dictOf {
		c.dictOf = d
		c.dict.values.set(d.Page().Data(), d.Len())
		if err := c.checkOffsets(&c.dict.values); err != nil {
			return err
		}
		c.dict.renew()
	}
	data := page.Data()
	if c.indexes = data.Int32(); len(c.indexes) < values {
		return fmt.Errorf("is damaged: a page has %d values of %d", len(c.indexes), values)
	}
	n := uint(c.dict.values.n)
	for _, i := range c.indexes[:values] {
		if uint(i) >= n {
			return fmt.Errorf("is damaged: value %d of a dictionary of %d", i, n)
		}
	}
	return nil
}

// checkOffsets makes sure that no text reaches beyond the bytes.
func (c *parquetColumn) checkOffsets(v *parquetValues) error {
	if v.offsets == nil {
		return nil
	}
	last := uint32(0)
	for _, end := range v.offsets[:v.n+1] {
		if end < last || uint64(end) > uint64(len(v.data)) {
			return errors.New("is damaged: a text reaches beyond its page")
		}
		last = end
	}
	return nil
}

func (d *parquetDictionary) renew() {
	d.numbers, d.times = d.numbers[:0], d.times[:0]
	d.spans = slices.Grow(d.spans[:0], d.values.n)[:d.values.n]
	clear(d.spans)
}

// skip passes over rows of the row group.
func (c *parquetColumn) skip(n int64) error {
	for n > 0 {
		if c.leaf.form.what == parquetOther {
			return nil
		}
		if c.at == c.rows {
			if err := c.turn(); err != nil {
				return noEOF(err)
			}
		}
		k := int(min(n, int64(c.rows-c.at)))
		_, values := c.part(k)
		c.at += k
		c.value += values
		n -= int64(k)
	}
	return nil
}

// part returns the levels of the next k rows of the page, nil if all have a value, and the number of their values.
func (c *parquetColumn) part(k int) (levels []byte, values int) {
	if c.levels == nil {
		return nil, k
	}
	levels = c.levels[c.at : c.at+k]
	if values = bytes.Count(levels, []byte{c.leaf.level}); values == k {
		return nil, k
	}
	return levels, values
}

// read puts the next n rows into the batch.
func (c *parquetColumn) read(b *record.Batch, n int) error {
	c.batches++
	c.matches, c.parts, c.wrongTime = c.matches[:0], c.parts[:0], ""
	if c.leaf.form.what == parquetOther {
		c.addOther(b, n)
		return nil
	}
	for n > 0 {
		if c.at == c.rows {
			if err := c.turn(); err != nil {
				return err
			}
		}
		k := min(n, c.rows-c.at)
		levels, values := c.part(k)
		c.add(b, levels, k, values)
		c.at += k
		c.value += values
		n -= k
	}
	return nil
}

// add puts k rows with a number of values into the batch.
func (c *parquetColumn) add(b *record.Batch, levels []byte, k, values int) {
	level := c.leaf.level
	switch c.slot.role {
	case roleNumber:
		column := &b.Columns[c.slot.index]
		if !c.leaf.form.isNumber() {
			c.addInvalid(column, levels, k)
			break
		}
		column.Numbers = spread(c.appendNumbers(column.Numbers, values), levels, level, math.NaN())
	case roleText:
		column := &b.Columns[c.slot.index]
		row := len(column.Spans)
		column.Spans = spread(c.appendSpans(column.Spans, b, values), levels, level, record.Absent)
		for ; c.leaf.form.isNumber() && row < len(column.Spans); row++ {
			if column.Spans[row].IsString() {
				column.Bare = append(column.Bare, uint32(row))
			}
		}
	case roleVersion:
		b.Versions = spread(c.appendSpans(b.Versions, b, values), levels, level, record.Absent)
	case roleIDPart:
		c.parts = spread(c.appendSpans(c.parts, b, values), levels, level, record.Absent)
	case roleWhere:
		c.parts = spread(c.appendSpans(c.parts[:0], b, values), levels, level, record.Absent)
		want := c.parquet.schema.Where[c.slot.index].Value
		for _, span := range c.parts {
			c.matches = append(c.matches, span.IsString() && string(b.Text(span)) == want)
		}
	case roleTime:
		b.Times = spread(c.appendTimes(b.Times, values), levels, level, timeMissing)
	case roleID:
		b.IDs = spread(c.appendIDs(b.IDs, values), levels, level, 0)
	}
}

// spread moves the values at the end of list apart, where the levels say that rows between them have none.
func spread[T any](list []T, levels []byte, level byte, none T) []T {
	if levels == nil {
		return list
	}
	values := bytes.Count(levels, []byte{level})
	from, at := len(list)-values, len(list)
	list, _ = extend(list, len(levels)-values)
	for row, l := range slices.Backward(levels) {
		if l == level {
			at--
			list[from+row] = list[at]
		} else {
			list[from+row] = none
		}
	}
	return list
}

// extend makes a list longer by n values, and also returns these, for the caller to set.
func extend[T any](list []T, n int) (longer, added []T) {
	longer = slices.Grow(list, n)[:len(list)+n]
	return longer, longer[len(list):]
}

func (c *parquetColumn) appendNumbers(dst []float64, n int) []float64 {
	if c.indexes == nil {
		return c.leaf.form.appendNumbers(dst, &c.values, c.value, c.value+n)
	}
	d := &c.dict
	if len(d.numbers) < d.values.n {
		d.numbers = c.leaf.form.appendNumbers(d.numbers[:0], &d.values, 0, d.values.n)
	}
	dst, added := extend(dst, n)
	for row, i := range c.indexes[c.value : c.value+n] {
		added[row] = d.numbers[i]
	}
	return dst
}

// addInvalid puts values that are no numbers into a numeric column.
func (c *parquetColumn) addInvalid(column *record.Column, levels []byte, k int) {
	i := c.value
	for row := range k {
		here := uint32(len(column.Numbers))
		column.Numbers = append(column.Numbers, math.NaN())
		if levels != nil && levels[row] != c.leaf.level {
			continue
		}
		v, at := c.place(i)
		i++
		if c.leaf.form.what == parquetText {
			text := v.bytes(at)
			if IsNotFinite(text) {
				continue
			}
			if isQuotedNumber(text) {
				column.Quoted = append(column.Quoted, here)
			}
		}
		column.Wrong = append(column.Wrong, here)
	}
}

// place says where a value of the page stands: in the page or in the dictionary.
func (c *parquetColumn) place(i int) (*parquetValues, int) {
	if c.indexes == nil {
		return &c.values, i
	}
	return &c.dict.values, int(c.indexes[i])
}

// appendSpans appends the next n values as texts of the batch. A value of the dictionary is written only once.
func (c *parquetColumn) appendSpans(dst []record.Span, b *record.Batch, n int) []record.Span {
	v := &c.values
	dst, added := extend(dst, n)
	if c.indexes != nil {
		spans, stamp := c.dict.spans, c.batches
		for row, i := range c.indexes[c.value : c.value+n] {
			s := &spans[i]
			if s.stamp != stamp {
				*s = stampedSpan{c.span(b, &c.dict.values, int(i)), stamp}
			}
			added[row] = s.span
		}
		return dst
	}
	if c.leaf.form.what != parquetText || v.offsets == nil {
		for row := range added {
			added[row] = c.smallSpan(b, v, c.value+row)
		}
		return dst
	}
	offsets := v.offsets[c.value : c.value+n+1]
	shift := uint32(len(b.Bytes)) - offsets[0]
	b.Bytes = append(b.Bytes, v.data[offsets[0]:offsets[n]]...)
	for row := range added {
		added[row] = record.Span{Offset: offsets[row] + shift, Length: offsets[row+1] - offsets[row]}
	}
	return dst
}

// smallSpan is span, but writes small whole numbers only once.
func (c *parquetColumn) smallSpan(b *record.Batch, v *parquetValues, i int) record.Span {
	if c.leaf.form.what != parquetInt || uint64(v.integer(i)) >= parquetSmall {
		return c.span(b, v, i)
	}
	s := &c.small[v.integer(i)]
	if s.stamp != c.batches {
		*s = stampedSpan{c.span(b, v, i), c.batches}
	}
	return s.span
}

// span writes a value into the batch as text.
func (c *parquetColumn) span(b *record.Batch, v *parquetValues, i int) record.Span {
	offset := len(b.Bytes)
	text, ok := c.leaf.form.appendText(b.Bytes, v, i)
	if !ok {
		return record.Absent
	}
	b.Bytes = text
	return record.Span{Offset: uint32(offset), Length: uint32(len(text) - offset)}
}

func (c *parquetColumn) appendTimes(dst []int64, n int) []int64 {
	v, d := &c.values, &c.dict
	dst, added := extend(dst, n)
	if c.indexes == nil {
		for row := range added {
			added[row] = c.time(v, c.value+row)
		}
		return dst
	}
	if len(d.times) < d.values.n {
		d.times = d.times[:0]
		for i := range d.values.n {
			d.times = append(d.times, c.time(&d.values, i))
		}
	}
	for row, i := range c.indexes[c.value : c.value+n] {
		added[row] = d.times[i]
	}
	return dst
}

func (c *parquetColumn) time(v *parquetValues, i int) int64 {
	ns, ok := c.leaf.form.time(v, i)
	if !ok {
		if c.wrongTime == "" {
			text, _ := c.leaf.form.appendText(nil, v, i)
			c.wrongTime = string(clip(text))
		}
		return timeWrong
	}
	return ns
}

func (c *parquetColumn) appendIDs(dst []uint64, n int) []uint64 {
	for i := c.value; i < c.value+n; i++ {
		v, at := c.place(i)
		if c.leaf.form.what == parquetText {
			dst = append(dst, hashID(c.parquet.seed, v.bytes(at)))
			continue
		}
		text, ok := c.leaf.form.appendText(c.text[:0], v, at)
		c.text = text
		if !ok {
			text = nil
		}
		dst = append(dst, hashID(c.parquet.seed, text))
	}
	return dst
}

// addOther puts n values of the wrong type into the batch.
func (c *parquetColumn) addOther(b *record.Batch, n int) {
	switch c.slot.role {
	case roleNumber:
		column := &b.Columns[c.slot.index]
		for row := range n {
			column.Wrong = append(column.Wrong, uint32(row))
		}
		column.Numbers = appendTimes(column.Numbers, math.NaN(), n)
	case roleText:
		column := &b.Columns[c.slot.index]
		column.Spans = appendTimes(column.Spans, record.Wrong, n)
	case roleTime:
		b.Times = appendTimes(b.Times, timeWrong, n)
	case roleID:
		b.IDs = appendTimes(b.IDs, 0, n)
	case roleIDPart:
		c.parts = appendTimes(c.parts, record.Absent, n)
	case roleVersion:
		b.Versions = appendTimes(b.Versions, record.Absent, n)
	case roleWhere:
		c.matches = appendTimes(c.matches, false, n)
	}
}
