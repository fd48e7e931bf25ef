package decode

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding"
)

// parquetMeaning is what the values of a column stand for.
type parquetMeaning uint8

const (
	parquetOther parquetMeaning = iota // a list, a map, or nothing that is known here
	parquetBool
	parquetInt
	parquetUint
	parquetFloat
	parquetHalf
	parquetDecimal
	parquetText
	parquetBytes
	parquetUUID
	parquetDate
	parquetTime
	parquetTimestamp
	parquetInt96 // a timestamp as old writers have it
)

// parquetForm says how to read the values of a column.
type parquetForm struct {
	what  parquetMeaning
	unit  int64 // of times, in nanoseconds
	scale int   // of decimals: digits behind the point
	size  int   // of values that have all the same size, in bytes
}

// isNumber reports whether JSON would have numbers for such values.
func (f *parquetForm) isNumber() bool {
	switch f.what {
	case parquetInt, parquetUint, parquetFloat, parquetHalf, parquetDecimal:
		return true
	default:
		return false
	}
}

// parquetLeaf is a column of a file.
type parquetLeaf struct {
	path  []string
	index int
	// level is the definition level of a value that is there.
	level byte
	form  parquetForm
}

func (l *parquetLeaf) name() string { return strings.Join(l.path, ".") }

// parquetValues are the values of a page or of a dictionary, in the type in which the file has them.
type parquetValues struct {
	n       int
	int32s  []int32
	int64s  []int64
	floats  []float32
	doubles []float64
	int96s  []deprecated.Int96
	data    []byte // of booleans the bits, of others the bytes
	offsets []uint32
	size    int
}

// set takes the n values of a page, or fewer if the page has fewer.
func (v *parquetValues) set(e encoding.Values, n int) {
	*v = parquetValues{}
	switch e.Kind() {
	case encoding.Boolean:
		v.data = e.Boolean()
		v.n = min(n, 8*len(v.data))
	case encoding.Int32:
		v.int32s = e.Int32()
		v.n = min(n, len(v.int32s))
	case encoding.Int64:
		v.int64s = e.Int64()
		v.n = min(n, len(v.int64s))
	case encoding.Int96:
		v.int96s = e.Int96()
		v.n = min(n, len(v.int96s))
	case encoding.Float:
		v.floats = e.Float()
		v.n = min(n, len(v.floats))
	case encoding.Double:
		v.doubles = e.Double()
		v.n = min(n, len(v.doubles))
	case encoding.ByteArray:
		v.data, v.offsets = e.ByteArray()
		v.n = max(0, min(n, len(v.offsets)-1))
	case encoding.FixedLenByteArray:
		if v.data, v.size = e.FixedLenByteArray(); v.size > 0 {
			v.n = min(n, len(v.data)/v.size)
		}
	}
}

// bytes are those of a value.
func (v *parquetValues) bytes(i int) []byte {
	if v.offsets != nil {
		return v.data[v.offsets[i]:v.offsets[i+1]]
	}
	return v.data[i*v.size : (i+1)*v.size]
}

func (v *parquetValues) integer(i int) int64 {
	if v.int64s != nil {
		return v.int64s[i]
	}
	return int64(v.int32s[i])
}

func (v *parquetValues) unsigned(i int) uint64 {
	if v.int64s != nil {
		return uint64(v.int64s[i])
	}
	return uint64(uint32(v.int32s[i]))
}

// float is a floating-point number and the number of its bits.
func (v *parquetValues) float(f *parquetForm, i int) (x float64, bits int) {
	switch {
	case f.what == parquetHalf:
		return halfFloat(v.bytes(i)), 32
	case v.doubles != nil:
		return v.doubles[i], 64
	default:
		return float64(v.floats[i]), 32
	}
}

// appendNumbers appends the values from one to another, which are numbers, as float64; what is not finite is NaN.
func (f *parquetForm) appendNumbers(dst []float64, v *parquetValues, from, to int) []float64 {
	dst, added := extend(dst, to-from)
	switch {
	case f.what == parquetFloat && v.doubles != nil:
		copyFinite(added, v.doubles[from:to])
	case f.what == parquetInt && v.int64s != nil:
		for i, x := range v.int64s[from:to] {
			added[i] = float64(x)
		}
	case f.what == parquetInt:
		for i, x := range v.int32s[from:to] {
			added[i] = float64(x)
		}
	default:
		for i := range added {
			added[i] = f.number(v, from+i)
		}
	}
	return dst
}

// copyFinite copies numbers, with NaN for infinities.
func copyFinite(dst, src []float64) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = finite(x)
	}
}

// finite is x, or NaN for an infinity.
func finite(x float64) float64 {
	if x-x != 0 {
		return math.NaN()
	}
	return x
}

// number is a value that is a number.
func (f *parquetForm) number(v *parquetValues, i int) float64 {
	switch f.what {
	case parquetInt:
		return float64(v.integer(i))
	case parquetUint:
		return float64(v.unsigned(i))
	case parquetDecimal:
		// Below 2^53 and 10^23 both are exact, and their quotient is the number nearest to the decimal.
		if u, ok := v.unscaled(i); ok && f.scale < len(exactTens) && u > -1<<53 && u < 1<<53 {
			return float64(u) / exactTens[f.scale]
		}
		var short [64]byte
		x, err := strconv.ParseFloat(string(f.appendDecimal(short[:0], v, i)), 64)
		if err != nil {
			return math.NaN()
		}
		return x
	default:
		x, _ := v.float(f, i)
		return finite(x)
	}
}

// exactTens are the powers of ten that float64 has exactly.
var exactTens = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
	1e22,
}

// maxScale is the most digits that a decimal may have behind its point.
const maxScale = 256

// unscaled is a decimal without its point, if that has at most 64 bits.
func (v *parquetValues) unscaled(i int) (int64, bool) {
	if v.data == nil && v.offsets == nil {
		return v.integer(i), true
	}
	b := v.bytes(i)
	fill := byte(0)
	if len(b) > 0 && b[0] >= 0x80 {
		fill = 0xff
	}
	for len(b) > 8 && b[0] == fill {
		b = b[1:]
	}
	if len(b) > 8 {
		return 0, false
	}
	u := uint64(int64(int8(fill)))
	for _, c := range b {
		u = u<<8 | uint64(c)
	}
	return int64(u), fill>>7 == byte(u>>63)
}

// appendDecimal writes a decimal with all its digits.
func (f *parquetForm) appendDecimal(dst []byte, v *parquetValues, i int) []byte {
	from := len(dst)
	if u, ok := v.unscaled(i); ok {
		dst = strconv.AppendInt(dst, u, 10)
	} else {
		b := v.bytes(i)
		x := new(big.Int).SetBytes(b)
		if b[0] >= 0x80 {
			x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		dst = x.Append(dst, 10)
	}
	if f.scale == 0 {
		return dst
	}
	digits := from
	if dst[from] == '-' {
		digits++
	}
	for len(dst)-digits <= f.scale {
		dst = append(dst, 0)
		copy(dst[digits+1:], dst[digits:])
		dst[digits] = '0'
	}
	point := len(dst) - f.scale
	dst = append(dst, 0)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

// halfFloat is a floating-point number of 16 bits (IEEE 754 binary16), little endian.
func halfFloat(b []byte) float64 {
	h := uint(b[0]) | uint(b[1])<<8
	exponent, fraction := int(h>>10&31), float64(h&1023)
	var x float64
	switch exponent {
	case 0:
		x = math.Ldexp(fraction, -24)
	case 31:
		x = math.NaN() // An infinity would be missing just so.
	default:
		x = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 == 1 {
		x = -x
	}
	return x
}

// appendText appends a value as text: as JSON would have it. ok is false for NaN and the infinities.
func (f *parquetForm) appendText(dst []byte, v *parquetValues, i int) (text []byte, ok bool) {
	switch f.what {
	case parquetBool:
		return strconv.AppendBool(dst, v.data[i/8]>>(i%8)&1 == 1), true
	case parquetInt:
		return strconv.AppendInt(dst, v.integer(i), 10), true
	case parquetUint:
		return strconv.AppendUint(dst, v.unsigned(i), 10), true
	case parquetFloat, parquetHalf:
		x, bits := v.float(f, i)
		if x-x != 0 {
			return dst, false
		}
		return appendFloat(dst, x, bits), true
	case parquetDecimal:
		return f.appendDecimal(dst, v, i), true
	case parquetUUID:
		return appendUUID(dst, v.bytes(i)), true
	case parquetDate:
		return time.Unix(int64(v.int32s[i])*86400, 0).UTC().AppendFormat(dst, time.DateOnly), true
	case parquetTime:
		midnight := time.Unix(0, 0).UTC()
		return midnight.Add(time.Duration(v.integer(i)*f.unit)).AppendFormat(dst, "15:04:05.999999999"), true
	case parquetTimestamp, parquetInt96:
		ns, ok := f.time(v, i)
		return time.Unix(0, ns).UTC().AppendFormat(dst, time.RFC3339Nano), ok
	default:
		return append(dst, v.bytes(i)...), true
	}
}

// appendFloat writes a number as encoding/json does, with the digits that tell it from its neighbours.
func appendFloat(dst []byte, x float64, bits int) []byte {
	form := byte('f')
	if size := math.Abs(x); size != 0 && (size < 1e-6 || size >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(dst, x, form, -1, bits)
}

func appendUUID(dst, b []byte) []byte {
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:16]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// The times of a row that has none, and of one whose time is not understood. No event time is that old.
const (
	timeMissing = math.MinInt64
	timeWrong   = math.MinInt64 + 1
)

// julianEpoch is the Julian day number of 1970-01-01.
const julianEpoch = 2440588

// time is a value as an event time, in nanoseconds since the epoch. Numbers are times since the epoch in a unit that
// their magnitude tells, texts are read as those of JSON.
func (f *parquetForm) time(v *parquetValues, i int) (ns int64, ok bool) {
	switch f.what {
	case parquetTimestamp:
		x := v.integer(i)
		const edge = math.MaxInt64 - 1e9
		if x > edge/f.unit || x < -edge/f.unit {
			return 0, false
		}
		return x * f.unit, true
	case parquetDate:
		return dayTime(int64(v.int32s[i]), 0)
	case parquetInt96:
		x := v.int96s[i]
		return dayTime(int64(x[2])-julianEpoch, int64(uint64(x[1])<<32|uint64(x[0])))
	case parquetFloat:
		x, _ := v.float(f, i)
		return epochTime(x)
	case parquetInt, parquetUint, parquetDecimal:
		var short [64]byte
		text, _ := f.appendText(short[:0], v, i)
		return epochText(text)
	case parquetText:
		return parseTime(v.bytes(i))
	default:
		return 0, false
	}
}

// dayTime is a time by its day since the epoch and the nanoseconds of that day.
func dayTime(day, ns int64) (int64, bool) {
	if day < timeMinSecond/86400+1 || day > timeMaxSecond/86400-1 || ns < 0 || ns > 86400e9 {
		return 0, false
	}
	return day*86400e9 + ns, true
}
