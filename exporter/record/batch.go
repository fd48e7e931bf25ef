// Package record holds prediction and label records in columns: what decode writes and windows and joins read.
package record

import "slices"

// Kind is how the values of a column are read.
type Kind uint8

// The kinds of columns.
const (
	// Numeric columns hold float64 values.
	Numeric Kind = iota
	// Categorical columns hold strings that are compared byte for byte.
	Categorical
	// Text columns hold prose: their values are strings, their distances are taken over words.
	Text
)

// String returns the kind's name as the configuration writes it.
func (k Kind) String() string {
	switch k {
	case Numeric:
		return "numeric"
	case Categorical:
		return "categorical"
	default:
		return "text"
	}
}

// Role is what a column means.
type Role uint8

// The roles of columns.
const (
	Feature Role = iota
	Prediction
	Score
	Label
)

// Field is one value to read from every record of a log: where it is, and as what it is kept.
type Field struct {
	// Name is the column's name in metrics and messages.
	Name string
	// Path leads to the value through nested objects; a single element is a key of the record itself.
	Path []string
	// Also are other paths under which the value may stand, if nothing stands at Path.
	Also [][]string
	Kind Kind
	// Role is what the column means: where requests and responses are apart, it is in one of them only.
	Role Role
}

// Schema says what to read from a log. A record's other fields are passed over.
type Schema struct {
	// ID, Time and Version are the paths of the record's id, event time and model version; empty where not wanted.
	ID, Time, Version []string
	// IDParts make up the id where it stands in more than one field; then ID is empty. A record that lacks one of the
	// fields has no id.
	IDParts []IDPart
	// Columns are the values, in the order of Batch.Columns.
	Columns []Field
	// Where keeps only the records in which each of these fields has the given value; the others are passed over
	// and are not errors.
	Where []Condition
	// Missing are the texts that stand for no value in formats without types (CSV).
	Missing []string
}

// IDPart is a piece of an id: a text that is always the same, and behind it that of a field.
type IDPart struct {
	Text string
	// Path is empty in a last part that is only text.
	Path []string
}

// Condition is one "field equals value" of Schema.Where.
type Condition struct {
	Path  []string
	Value string
}

// Span is a string inside Batch.Bytes.
type Span struct {
	Offset, Length uint32
}

// Absent and Wrong are spans of no string: of a missing value, and of a value of the wrong type.
var (
	Absent = Span{Length: 1<<32 - 1}
	Wrong  = Span{Length: 1<<32 - 2}
)

// IsString reports whether the span is a string, be it an empty one.
func (s Span) IsString() bool { return s.Length < 1<<32-2 }

// Column is one column of a batch. Only the slice of its kind is used.
type Column struct {
	// Numbers holds one value a row; NaN where there is none.
	Numbers []float64
	// Wrong lists, in order, the rows of Numbers that are NaN because the log had a value of the wrong type there.
	// The other NaN are missing values.
	Wrong []uint32
	// Spans holds one string a row for categorical and text columns; Absent and Wrong mark the rest.
	Spans []Span

	// Lacking counts the records that lack the column's field altogether, which are missing too.
	Lacking int
	// Quoted lists the rows, of those in Wrong, that have a number as a string.
	Quoted []uint32
	// Bare lists the rows of Spans that have a number where the format also has strings.
	Bare []uint32
}

// Unknown is a field of a log that its schema does not want.
type Unknown struct {
	// Name is the field's dotted path.
	Name string
	// Count is the number of records that have it.
	Count int
}

// Reject is one line of a log that is no record.
type Reject struct {
	// Line counts from 0 at the batch's first line.
	Line int
	// Reason is one of the Reason constants.
	Reason Reason
	// Detail says what is wrong with it, for a log message.
	Detail string
}

// Reason is why a record, or a line that should have been one, was not counted. It is a label value of
// drift_source_errors_total.
type Reason string

// The reasons. The first group is found by source and decode, the second where the log of a serving platform is mapped,
// the third where a topic is read, the fourth where records are counted.
const (
	Malformed Reason = "malformed" // not JSON, not CSV, or cut
	WrongType Reason = "wrong_type"
	TooLong   Reason = "too_long"
	NoTime    Reason = "timestamp" // missing or not understood
	NoID      Reason = "id"        // a label without an id, or half a prediction
	NoLabel   Reason = "label"     // a label record without a label

	BinaryBody   Reason = "binary_body"   // a request or response that is no text, or is kept elsewhere
	NoBody       Reason = "no_body"       // neither request nor response where they should be
	Layout       Reason = "layout"        // a request or response in which no rows can be recognised
	RowsMismatch Reason = "rows_mismatch" // a response with more or fewer rows than its request
	JoinTimeout  Reason = "join_timeout"  // a request without its response, or the other way round
	JoinFull     Reason = "join_full"     // the same, given up because too many were waiting

	Tombstone Reason = "tombstone" // a message without a value
	Lost      Reason = "lost"      // a message that was deleted before it was read

	Future    Reason = "future"
	Late      Reason = "late"
	Duplicate Reason = "duplicate"
)

// Reasons lists the reasons that any log may have, for counters that start at 0.
var Reasons = []Reason{Malformed, WrongType, TooLong, NoTime, NoID, NoLabel, Future, Late, Duplicate}

// MappedReasons lists those that only a mapped log has beside them.
var MappedReasons = []Reason{BinaryBody, NoBody, Layout, RowsMismatch, JoinTimeout, JoinFull}

// TopicReasons lists those that only a topic has beside them.
var TopicReasons = []Reason{Tombstone, Lost}

// Skip is why a record was passed over because the configuration says so. It is a label value of
// drift_source_skipped_total.
type Skip string

// The reasons to pass a record over.
const (
	ByCondition Skip = "condition" // where, keep or skip
	ByStart     Skip = "start_at"  // it is older
)

// Skips lists them.
var Skips = []Skip{ByCondition, ByStart}

// Part says what a row has of a prediction.
type Part uint8

// The parts of a prediction.
const (
	Whole    Part = iota
	Request       // features only
	Response      // prediction and score only
)

// String returns the part's name.
func (p Part) String() string { return [...]string{"whole", "request", "response"}[p] }

// Half is what is known of a row beside its values where requests and responses may be apart.
type Half struct {
	// Request is a hash of the id of the request that the row is of, 0 if there is none.
	Request uint64
	// Row is the row's number in its request, from 0, and Rows how many rows of it the record has.
	Row, Rows uint32
	Part      Part
	// Flat says that the rows are the parts of one list, which may also be one row's.
	Flat bool
}

// Batch is a run of records of one log, in the order of the log. Batches are reused: nothing may keep a slice of one.
type Batch struct {
	// Rows is the number of records.
	Rows int
	// RowLines are the lines that the records begin on, counted as in Reject.
	RowLines []uint32
	// Times are event times in nanoseconds since the epoch.
	Times []int64
	// IDs are 64-bit hashes of the records' ids, 0 where a record has none or the schema asks for none.
	IDs []uint64
	// Versions are the model versions; Absent where a record has none.
	Versions []Span
	Columns  []Column
	// Halves are the parts of predictions that the rows have. It is empty in logs that have whole ones only.
	Halves []Half
	// Bytes is what all spans point into.
	Bytes []byte
	// own is the memory of Bytes while they are borrowed.
	own      []byte
	borrowed bool
	packed   []byte // the memory of Pack
	// Lines is the number of lines that the batch was read from, blank ones and rejects included.
	Lines int
	// Skipped is the number of records that Schema.Where or a mapping's conditions kept out.
	Skipped int
	Rejects []Reject
	// Unknown are the fields of the records that the schema does not want, as far as they are few.
	Unknown []Unknown
	// Objects are the dotted paths of the nested objects that occurred and in which the schema wants something.
	Objects []string
}

// Part returns what a row has of a prediction.
func (b *Batch) Part(row int) Part {
	if len(b.Halves) == 0 {
		return Whole
	}
	return b.Halves[row].Part
}

// String returns the string of a span.
func (b *Batch) String(s Span) string { return string(b.Text(s)) }

// Text returns the bytes of a span, which are valid until the batch is reset.
func (b *Batch) Text(s Span) []byte { return b.Bytes[s.Offset : s.Offset+s.Length] }

// Borrow makes Bytes be data, which must stay as it is until the batch is reset.
func (b *Batch) Borrow(data []byte) { b.own, b.Bytes, b.borrowed = b.Bytes, data, true }

// Own copies the first n of the borrowed bytes to memory of the batch's own, so that others can be appended to them.
func (b *Batch) Own(n int) {
	b.Bytes, b.own, b.borrowed = append(b.own[:0], b.Bytes[:n]...), nil, false
}

// Borrowed reports whether Bytes are borrowed, so that nothing may be appended to them.
func (b *Batch) Borrowed() bool { return b.borrowed }

// wordSize is how many bytes Pack copies at once, and leaves room for behind the last text, as Batch.Short wants it.
const wordSize = MaxShort + 1

// Pack copies all texts to memory of the batch's own, the values of each column one behind the other. A processor that
// did not decode them then has a few lines of memory to fetch where it would have had one or two for every record.
func (b *Batch) Pack() {
	from := b.Bytes
	to := b.pack(b.packed[:0], b.Versions)
	for i := range b.Columns {
		to = b.pack(to, b.Columns[i].Spans)
	}
	b.packed = append(to, make([]byte, wordSize)...)
	if !b.borrowed {
		b.own, b.borrowed = from, true
	}
	b.Bytes = b.packed
}

// pack appends the texts of spans to a buffer and makes the spans point there.
func (b *Batch) pack(to []byte, spans []Span) []byte {
	n := len(to)
	for i, span := range spans {
		if !span.IsString() {
			continue
		}
		if cap(to)-n < wordSize {
			to = slices.Grow(to[:n], len(spans)*wordSize)
		}
		spans[i].Offset = uint32(n)
		if at := int(span.Offset); span.Length <= wordSize && at+wordSize <= len(b.Bytes) {
			// Most categories are short: what follows them is copied too, and the next text written over it.
			*(*[wordSize]byte)(to[n : n+wordSize : cap(to)]) = *(*[wordSize]byte)(b.Bytes[at : at+wordSize])
		} else {
			to = append(to[:n], b.Text(span)...)
		}
		n += int(span.Length)
	}
	return to[:n]
}

// Reset empties the batch and shapes it for the schema, keeping its memory.
func (b *Batch) Reset(s *Schema) {
	if len(b.Columns) != len(s.Columns) {
		b.Columns = make([]Column, len(s.Columns))
	}
	if b.borrowed {
		b.Bytes, b.own, b.borrowed = b.own, nil, false
	}
	b.Rows, b.Lines, b.Skipped = 0, 0, 0
	b.Halves = b.Halves[:0]
	b.RowLines, b.Times, b.IDs, b.Versions = b.RowLines[:0], b.Times[:0], b.IDs[:0], b.Versions[:0]
	b.Bytes, b.Rejects, b.Unknown, b.Objects = b.Bytes[:0], b.Rejects[:0], b.Unknown[:0], b.Objects[:0]
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Numbers, c.Wrong, c.Spans = c.Numbers[:0], c.Wrong[:0], c.Spans[:0]
		c.Lacking, c.Quoted, c.Bare = 0, c.Quoted[:0], c.Bare[:0]
	}
}
