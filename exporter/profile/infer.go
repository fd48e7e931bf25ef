package profile

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// The rule by which a column's kind is found; docs/configuration.md states it.
const (
	// fewIntegers is the largest number of distinct values at which integers are taken as codes, not quantities.
	fewIntegers = 5
	// proseLength is the mean number of bytes from which strings with spaces may be prose.
	proseLength = 20
	// proseDistinct and idDistinct are the shares of distinct values from which strings are prose or ids.
	proseDistinct, idDistinct = 0.5, 0.95
	// fewRows is the number of values below which distinctness says nothing.
	fewRows = 100
	// maxDistinct bounds the memory that counting distinct values takes.
	maxDistinct = 1 << 17
)

// sighting is what the pass over the reference learns of a column.
type sighting struct {
	name                     string
	path                     []string
	values                   int
	numbers, integers, times int
	composite                int
	length, spaced           int
	distinct                 map[uint64]struct{}
	seed                     maphash.Seed
	textual                  bool // a JSON string or boolean was met, so numbers in text are no numbers

	// asNumbers and asNames collect the values as the kinds that the column may yet have; nil for others. The fields are
	// those of the batches of numbers and of texts, -1 without.
	asNumbers              *numbers
	asNames                *names
	asTexts                *vocabulary
	noTexts                bool // asTexts has been given up
	numberField, nameField int
}

func newSighting(name string, path []string, seed maphash.Seed) *sighting {
	return &sighting{
		name: name, path: path, distinct: make(map[uint64]struct{}), seed: seed, numberField: -1, nameField: -1,
	}
}

// text sees a value of a format without types, or of a JSON string or boolean if typed.
func (s *sighting) text(value []byte, typed bool) {
	bare := bytes.TrimSpace(value)
	x, isNumber, beyond := parseNumber(bare)
	switch {
	case typed:
		s.textual = true
	case isNumber:
		s.number(value, x)
		return
	case beyond:
		return // Numbers beyond the range of float64 are missing wherever values are read.
	}
	s.values++
	s.length += len(value)
	if bytes.IndexByte(bare, ' ') >= 0 {
		s.spaced++
	}
	if !isNumber && s.times == s.values-1 { // A bare number in a string is rather a code than an epoch.
		if _, ok := decode.ParseTime(value); ok {
			s.times++
		}
	}
	s.distinguish(value)
}

// number sees a value that is a number.
func (s *sighting) number(value []byte, x float64) {
	s.values++
	s.length += len(value)
	s.numbers++
	if x == math.Trunc(x) {
		s.integers++
	}
	if s.numbers < s.values || len(s.distinct) <= fewIntegers { // else it does not matter how many more there are
		s.distinguish(value)
	}
}

// distinguish counts the distinct values.
func (s *sighting) distinguish(value []byte) {
	if len(s.distinct) < maxDistinct {
		s.distinct[maphash.Bytes(s.seed, value)] = struct{}{}
	}
}

// parseNumber reads a text as a number; beyond says that it is one beyond the range of float64. Most texts that are no
// number are known by their first byte, without an error to be made for each.
func parseNumber(text []byte) (x float64, ok, beyond bool) {
	if len(text) == 0 || strings.IndexByte("+-.0123456789", text[0]) < 0 && !decode.IsNotFinite(text) {
		return 0, false, false
	}
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil, errors.Is(err, strconv.ErrRange)
}

// onlyNumbers reports whether all values so far can be those of a numeric column.
func (s *sighting) onlyNumbers() bool { return !s.textual && s.numbers == s.values }

// kind applies the rule. leave is why the column is left out, "" if it is not.
func (s *sighting) kind() (kind record.Kind, why, leave string) {
	distinct := len(s.distinct)
	share := float64(distinct) / float64(max(1, s.values))
	many := s.values >= fewRows
	switch {
	case s.composite > 0:
		return 0, "", "holds lists or objects"
	case s.values == 0:
		return 0, "", "has no values"
	case !s.textual && s.numbers == s.values && s.integers == s.values && distinct <= fewIntegers:
		return record.Categorical, fmt.Sprintf("integers with at most %d distinct values", fewIntegers), ""
	case !s.textual && s.numbers == s.values:
		return record.Numeric, "all values are numbers", ""
	case s.times == s.values:
		return 0, "", "holds timestamps"
	case s.length >= proseLength*s.values && 2*s.spaced > s.values && (share > proseDistinct || distinct == maxDistinct):
		return record.Text, "long strings with spaces, mostly distinct", ""
	case many && share > idDistinct && distinct < maxDistinct, distinct == maxDistinct && s.spaced == 0:
		return 0, "", "looks like an id: nearly all values are distinct"
	default:
		return record.Categorical, "strings or booleans", ""
	}
}
