package decode

import "math"

// numKind says what a text is as a number.
type numKind uint8

const (
	numNotNumber numKind = iota
	numFinite            // a finite number
	numMissing           // NaN, an infinity, or a number beyond the range of float64
)

// numText reads text, with spaces and tabs around it, as a decimal number: as JSON writes it, or with a plus sign,
// leading zeros, or no digit on one side of the point. "inf", "infinity" and "nan" in any case and with any sign stand
// for a missing value. The value is NaN unless the kind is numFinite.
func numText(s []byte) (value float64, kind numKind) {
	var short [numPadding + 40]byte
	padded := short[:]
	if len(s)+numPadding > len(padded) {
		padded = make([]byte, len(s)+numPadding)
	}
	i, j := numTrim(padded, 0, copy(padded, s))
	return numSpan(padded, i, j)
}

// numSpan is numText of b[i:j], which has no spaces or tabs around it. At least numPadding bytes must be readable
// behind j, and the first of them must be none that a number may contain.
func numSpan(b []byte, i, j int) (value float64, kind numKind) {
	if i == j {
		return math.NaN(), numNotNumber
	}
	value, end, form := numRead(b, i)
	switch {
	case form == numNone || end != j:
		if numIsWord(b[i:j]) {
			return math.NaN(), numMissing
		}
		return math.NaN(), numNotNumber
	case math.IsInf(value, 0):
		return math.NaN(), numMissing
	}
	return value, numFinite
}

// numTrim drops the spaces and tabs around b[i:j].
func numTrim(b []byte, i, j int) (int, int) {
	for i < j && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	for i < j && (b[j-1] == ' ' || b[j-1] == '\t') {
		j--
	}
	return i, j
}

// numIsWord reports whether s is "inf", "infinity" or "nan" in any case, with a sign or without.
func numIsWord(s []byte) bool {
	if s[0] == '-' || s[0] == '+' {
		s = s[1:]
	}
	var lower [8]byte
	if len(s) > len(lower) {
		return false
	}
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(s)]) {
	case "inf", "infinity", "nan":
		return true
	}
	return false
}
