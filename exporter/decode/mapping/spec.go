package mapping

import (
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// Spec is a mapping as it was configured: how the records of a log become rows. The zero value of a field stands for
// what is not there. A Spec is not changed once it is in use.
type Spec struct {
	// Format is how bytes become records: one of Formats. Required.
	Format string
	// Files are templates for the paths of files, as in "{endpoint}/{variant}/{yyyy}/{mm}/{dd}/{hh}/{file}". The first
	// that fits the end of a path counts, and its parts can be read as _path.endpoint and so on.
	Files []string
	// Unwrap is what a container runtime has wrapped the lines of the log in: one of decode's Unwrap constants, or "".
	Unwrap string
	// Keep are conditions that a record must meet, and Skip such that it must not. The others are passed over.
	Keep, Skip []Condition
	// RequestID is what a record, or the two records of a request and its response, are known by.
	RequestID *Path
	// RowID is the template of the ids of rows: text with {request_id}, {row}, and names of fields of the row in
	// braces. Empty for DefaultRowID.
	RowID string
	// Row is the number of the row in its request, where every row is a record. It is counted where it is not there.
	Row *Path
	// RowsInTurn says that rows of one request are records that follow each other, and are numbered as they do.
	RowsInTurn bool
	// Time, Model and Version are the event time, the model's name and its version.
	Time, Model, Version *Path
	// Sampled is the share of the requests that were logged. It is shown, and nothing is computed from it.
	Sampled *Path
	// Join says that requests and responses are records of their own; nil if they are not.
	Join *Join
	// Parts are where requests, responses, truths and rows are.
	Parts []Part
	// Names are the names of the features in the order of a request that has values only. Without them they are f0, f1
	// and so on.
	Names []string
	// Classes are the names of the classes in the order of a response that is a list of probabilities. Without them
	// they are 0, 1 and so on.
	Classes []string
	// Threshold is the score from which on, of two Classes, the second is predicted where a response has a score only.
	// Without Classes nothing is. Default 0.5.
	Threshold float64
}

// DefaultRowID is the template of row ids where there is none.
const DefaultRowID = "{request_id}_{row}"

// Join bounds what waits for its other half.
type Join struct {
	// Wait is for how long, in event time, a request waits for its response, or a response for its request.
	Wait time.Duration
	// Max is how many of them wait at most; beyond it the oldest is given up.
	Max int
}

// DefaultJoin waits as long as a slow model answers and keeps what a busy one has under way.
func DefaultJoin() Join { return Join{Wait: 10 * time.Minute, Max: 100_000} }

// Role is what a part of a record is.
type Role string

// The roles.
const (
	Request  Role = "request"  // features
	Response Role = "response" // prediction and score
	Truth    Role = "truth"    // the label
	Row      Role = "row"      // all of them side by side
)

// Part is a place of a record in which rows are.
type Part struct {
	Role Role
	// When limits the part to the records that meet it.
	When *Condition
	// Value is where the body is. Required.
	Value *Path
	// Encoding and ContentType are where the record itself says how the body is encoded: CSV, JSON or BASE64, and as
	// HTTP names it.
	Encoding, ContentType *Path
	// Decode are the steps from the value to the body, in order: of Decodings. Without them, and without Encoding, a
	// text is taken for JSON or CSV by what it begins with.
	Decode []string
	// Select is where in the body the rows are.
	Select *Path
	// Layout is how the body holds rows: one of Layouts. Empty and "auto" for what the body looks like.
	Layout string
	// Drop are fields of the body that are nothing.
	Drop []string
	// Names are the names of the values of a row that has values only.
	Names []string
	// Prefix is what the names of features begin with in the body, and not in the reference.
	Prefix string
}

// Condition is what a value must be; exactly one of its tests is set. Values are compared as text, so 200 and "200" are
// the same. A value that is not there, or is no scalar, meets only Exists: false.
type Condition struct {
	Path *Path
	// In holds what Equals and In stand for: the value must be one of these.
	In []string
	// Suffix and Contains must end the value, and stand in it.
	Suffix, Contains string
	// Exists says whether the value must be there, and not null.
	Exists *bool
}

// Formats are the names of the formats of records.
func Formats() []string { return decode.ValueFormats() }

// TakesUnwrap reports whether the records of a format are lines, which may be wrapped.
func TakesUnwrap(format string) bool {
	f, err := decode.LookupValues(format)
	return err == nil && f.Lines
}

// Decodings are the steps from a value to a body. each-json takes a list of JSON texts.
func Decodings() []string { return []string{"base64", "gzip", "json", "each-json", "csv"} }

// Layouts are the ways in which a body holds rows.
func Layouts() []string {
	return []string{
		"auto", "records", "matrix", "vector", "row", "split", "columns", "index-map", "tensors", "seldon", "csv", "object",
	}
}

// Roles are the roles of parts.
func Roles() []Role { return []Role{Request, Response, Truth, Row} }
