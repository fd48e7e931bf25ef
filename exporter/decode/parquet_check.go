package decode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// What a Parquet file may have. The library takes a file's word for how much memory its parts need, so what it says is
// looked at first.
const (
	// maxFooter is the largest footer, in bytes: that of ten thousand columns in a thousand row groups.
	maxFooter = 32 << 20
	// maxPageSize is the largest page, compressed or not, in bytes, and maxPageValues the most values of one.
	maxPageSize   = 64 << 20
	maxPageValues = 1 << 24
	// maxLeaves and maxGroups are the most columns, and the deepest nesting of groups.
	maxLeaves, maxGroups = 10_000, 32
	// maxFixed is the largest size of values that have all the same, in bytes.
	maxFixed = 1024
)

// parquetMagic begins and ends a Parquet file.
const parquetMagic = "PAR1"

// parquetLeaves returns the columns of a file, after a look at whether its footer can be true.
func parquetLeaves(in io.ReaderAt, size int64) ([]parquetLeaf, error) {
	meta, err := parquetFooter(in, size)
	if err != nil {
		return nil, err
	}
	leaves, err := schemaLeaves(meta.Schema)
	if err != nil {
		return nil, err
	}
	for i := range meta.RowGroups {
		g := &meta.RowGroups[i]
		if g.NumRows < 0 || len(g.Columns) != len(leaves) {
			return nil, fmt.Errorf("is damaged: row group %d has %d rows and %d columns of %d",
				i, g.NumRows, len(g.Columns), len(leaves))
		}
		for k := range g.Columns {
			if len(g.Columns[k].FilePath) > 0 {
				return nil, fmt.Errorf("column %s stands in another file, %q", leaves[k].name(), g.Columns[k].FilePath)
			}
		}
	}
	return leaves, nil
}

// parquetFooter reads the footer of a file.
func parquetFooter(in io.ReaderAt, size int64) (*format.FileMetaData, error) {
	var ends [12]byte
	if size < int64(len(ends)) {
		return nil, fmt.Errorf("is no Parquet file: it has %d bytes", size)
	}
	if err := readAt(in, ends[:4], 0); err != nil {
		return nil, fmt.Errorf("reading the first bytes: %w", err)
	}
	if err := readAt(in, ends[4:], size-8); err != nil {
		return nil, fmt.Errorf("reading the last bytes: %w", err)
	}
	switch {
	case string(ends[:4]) == "PARE" || string(ends[8:]) == "PARE":
		return nil, errors.New("is encrypted, which is not supported")
	case string(ends[:4]) != parquetMagic:
		return nil, fmt.Errorf("is no Parquet file: it begins with %q", ends[:4])
	case string(ends[8:]) != parquetMagic:
		return nil, fmt.Errorf("is cut, or is still being written: it ends with %q", ends[8:])
	}
	length := int64(binary.LittleEndian.Uint32(ends[4:]))
	if length > maxFooter || length > size-int64(len(ends)) {
		return nil, fmt.Errorf("is damaged: its footer would have %d bytes", length)
	}
	footer := make([]byte, length)
	if err := readAt(in, footer, size-8-length); err != nil {
		return nil, fmt.Errorf("reading the footer: %w", err)
	}
	meta := new(format.FileMetaData)
	protocol := new(thrift.CompactProtocol)
	if err := thrift.NewDecoder(protocol.NewReaderFromBytes(footer)).Decode(meta); err != nil {
		return nil, fmt.Errorf("is damaged: its footer: %w", noEOF(err))
	}
	return meta, nil
}

// readAt fills b with the bytes from at on.
func readAt(in io.ReaderAt, b []byte, at int64) error {
	if n, err := in.ReadAt(b, at); n < len(b) {
		return noEOF(err)
	}
	return nil
}

// schemaLeaves lists the columns of a schema, which has its elements depth first.
func schemaLeaves(elements []format.SchemaElement) ([]parquetLeaf, error) {
	if len(elements) == 0 || len(elements) > 2*maxLeaves {
		return nil, fmt.Errorf("is damaged, or too large: its schema has %d elements", len(elements))
	}
	type group struct {
		path     []string
		level    byte
		repeated bool
		children int32
	}
	open := []group{{children: elements[0].NumChildren.V}}
	var leaves []parquetLeaf
	for i := range elements[1:] {
		e := &elements[i+1]
		for len(open) > 0 && open[len(open)-1].children <= 0 {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return nil, errors.New("is damaged: its schema has elements behind its end")
		}
		top := &open[len(open)-1]
		top.children--
		g := group{level: top.level, repeated: top.repeated, children: e.NumChildren.V}
		if e.RepetitionType.Valid && e.RepetitionType.V != format.Required {
			g.level++
			g.repeated = g.repeated || e.RepetitionType.V == format.Repeated
		}
		// A list has the name of the group that holds nothing but what is repeated.
		if g.path = top.path; !g.repeated || len(g.path) == 0 {
			g.path = append(slices.Clip(top.path), e.Name)
		}
		switch {
		case e.Type.Valid && (e.TypeLength.V < 0 || e.TypeLength.V > maxFixed):
			return nil, fmt.Errorf("is damaged, or too large: column %s has values of %d bytes", e.Name, e.TypeLength.V)
		case e.Type.Valid:
			leaf := parquetLeaf{path: g.path, index: len(leaves), level: g.level}
			if leaf.form = formOf(e); g.repeated {
				leaf.form.what = parquetOther
			}
			leaves = append(leaves, leaf)
		case len(open) > maxGroups:
			return nil, fmt.Errorf("is damaged, or too large: its groups are nested deeper than %d", maxGroups)
		default:
			open = append(open, g)
		}
	}
	if len(leaves) > maxLeaves {
		return nil, fmt.Errorf("has %d columns, more than %d", len(leaves), maxLeaves)
	}
	return leaves, nil
}

// formOf says how the values of a column are to be read.
func formOf(e *format.SchemaElement) parquetForm {
	f := parquetForm{size: int(e.TypeLength.V)}
	switch e.Type.V {
	case format.Boolean:
		f.what = parquetBool
	case format.Int32, format.Int64:
		f.what = parquetInt
	case format.Float, format.Double:
		f.what = parquetFloat
	case format.ByteArray:
		f.what = parquetText
	case format.FixedLenByteArray:
		f.what = parquetBytes
	case format.Int96:
		f.what = parquetInt96
	default:
		f.what = parquetOther
	}
	f.refine(e)
	return f
}

// refine looks at what the writer says that the values stand for, in its new and in its old words.
func (f *parquetForm) refine(e *format.SchemaElement) {
	switch t := e.LogicalType.Value.(type) {
	case *format.DecimalType:
		f.decimal(t.Scale)
	case *format.DateType:
		f.what = parquetDate
	case *format.TimeType:
		f.what, f.unit = parquetTime, unitOf(t.Unit)
	case *format.TimestampType:
		f.what, f.unit = parquetTimestamp, unitOf(t.Unit)
	case *format.IntType:
		if !t.IsSigned && f.what == parquetInt {
			f.what = parquetUint
		}
	case *format.UUIDType:
		f.what = parquetUUID
	case *format.Float16Type:
		f.what = parquetHalf
	case *format.StringType, *format.EnumType, *format.JsonType:
		f.what = parquetText
	case nil:
		if e.ConvertedType.Valid {
			f.refineOld(e)
		}
	}
	f.check(e.Type.V)
}

func (f *parquetForm) refineOld(e *format.SchemaElement) {
	switch e.ConvertedType.V {
	case deprecated.Decimal:
		f.decimal(e.Scale.V)
	case deprecated.Date:
		f.what = parquetDate
	case deprecated.TimeMillis:
		f.what, f.unit = parquetTime, 1e6
	case deprecated.TimeMicros:
		f.what, f.unit = parquetTime, 1e3
	case deprecated.TimestampMillis:
		f.what, f.unit = parquetTimestamp, 1e6
	case deprecated.TimestampMicros:
		f.what, f.unit = parquetTimestamp, 1e3
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		f.what = parquetUint
	case deprecated.Interval:
		f.what = parquetOther
	}
}

func (f *parquetForm) decimal(scale int32) {
	f.what, f.scale = parquetDecimal, int(scale)
	if scale < 0 || scale > maxScale {
		f.what = parquetOther
	}
}

// check gives up on a meaning that does not go with how the values are stored.
func (f *parquetForm) check(stored format.Type) {
	ok := true
	switch f.what {
	case parquetDate:
		ok = stored == format.Int32
	case parquetTime, parquetTimestamp, parquetUint:
		ok = stored == format.Int32 || stored == format.Int64
	case parquetUUID:
		ok = stored == format.FixedLenByteArray && f.size == 16
	case parquetHalf:
		ok = stored == format.FixedLenByteArray && f.size == 2
	case parquetText:
		ok = stored == format.ByteArray || stored == format.FixedLenByteArray
	case parquetDecimal:
		ok = slices.Contains([]format.Type{format.Int32, format.Int64, format.ByteArray, format.FixedLenByteArray}, stored)
	}
	if !ok {
		f.what = parquetOther
	}
}

// unitOf is a unit of time in nanoseconds.
func unitOf(u format.TimeUnit) int64 {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return 1e6
	case *format.MicroSeconds:
		return 1e3
	default:
		return 1
	}
}

// checkPages goes through the headers of the pages of a column in a row group, and refuses what would need more memory
// than a page should.
func (p *Parquet) checkPages(chunk *parquet.FileColumnChunk, leaf int) error {
	meta := &p.file.Metadata().RowGroups[p.group].Columns[leaf].MetaData
	at := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		at = meta.DictionaryPageOffset
	}
	end := at + meta.TotalCompressedSize
	if at < 0 || meta.TotalCompressedSize < 0 || end < at || end > p.size {
		return fmt.Errorf("is damaged: pages from byte %d to %d of %d", at, end, p.size)
	}
	for values := int64(0); at < end && values < chunk.NumValues(); {
		header, length, err := p.pageHeader(at, end)
		if err != nil {
			return fmt.Errorf("page at byte %d: %w", at, err)
		}
		n := header.DataPageHeader.V.NumValues
		if header.DataPageHeaderV2.Valid {
			n = header.DataPageHeaderV2.V.NumValues
		}
		dictionary := header.DictionaryPageHeader.V.NumValues
		if size := max(header.CompressedPageSize, header.UncompressedPageSize); size > maxPageSize ||
			max(n, dictionary) > maxPageValues {
			return fmt.Errorf("page at byte %d: has %d bytes and %d values, more than %d and %d; write smaller pages",
				at, size, max(n, dictionary), maxPageSize, maxPageValues)
		}
		if header.CompressedPageSize < 0 || n < 0 || at+int64(length)+int64(header.CompressedPageSize) > end {
			return fmt.Errorf("page at byte %d: is damaged: %d bytes", at, header.CompressedPageSize)
		}
		at += int64(length) + int64(header.CompressedPageSize)
		values += int64(n)
	}
	return nil
}

// pageHeader reads the header of the page at a byte of the file. Only statistics make one longer than some tens of
// bytes.
func (p *Parquet) pageHeader(at, end int64) (*format.PageHeader, int, error) {
	const most = 1 << 20
	for size := int64(512); ; size *= 8 {
		size = min(size, end-at)
		if int64(cap(p.header)) < size {
			p.header = make([]byte, size)
		}
		b := p.header[:size]
		if err := readAt(p.in, b, at); err != nil {
			return nil, 0, err
		}
		protocol := new(thrift.CompactProtocol)
		r := protocol.NewReaderFromBytes(b)
		header := new(format.PageHeader)
		err := thrift.NewDecoder(r).Decode(header)
		if err == nil {
			return header, r.BytesRead(), nil
		}
		if size == end-at || size >= most {
			return nil, 0, fmt.Errorf("is damaged: %w", noEOF(err))
		}
	}
}
