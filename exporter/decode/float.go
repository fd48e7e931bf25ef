package decode

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// numPadding is how many bytes must be readable behind the last byte of anything that parseNumber reads.
const numPadding = 64

// parseNumber reads the JSON number that starts at b[i]; end is the index behind it. The value is the float64 nearest
// to the number, ties to even, bit for bit what strconv.ParseFloat gives; a number beyond the range of float64 is
// ±Inf. ok is false where there is no JSON number, and also where the digits go on as no JSON number does: 01, 1.,
// 1e. What follows a number otherwise is the caller's to judge.
//
// At least numPadding bytes must be readable behind the last byte of the number; the first must be no digit.
func parseNumber(b []byte, i int) (value float64, end int, ok bool) {
	if value, length := numUsual((*[numUsualBytes]byte)(b[i : i+numUsualBytes])); length > 0 {
		return value, i + length, true
	}
	value, end, form := numRead(b, i)
	return value, end, form == numJSON
}

// numUsualBytes is how many bytes numUsual may look at.
const numUsualBytes = 41

// numUsual is parseNumber for numbers of the usual shape at the start of some bytes, with up to seven digits in front
// of the point and no exponent; length is 0 for others. Numbers take a third of the time of decoding. So nothing is
// called here, and what the processor can guess from one record to the next is a branch, so that it need not wait for
// it to know where the number ends: the sign, whether one digit is in front of the point, whether there are few or many
// behind it. What it cannot guess, the digits themselves and how many there are, is none.
func numUsual(b *[numUsualBytes]byte) (value float64, length int) {
	d, sign := (*[40]byte)(b[:40]), uint64(0)
	if b[0] == '-' {
		d, sign, length = (*[40]byte)(b[1:]), 1<<63, 1
	}
	x, stop := numBytes(d[:8])
	if stop == 0 {
		return 0, 0
	}
	n := uint64(bits.TrailingZeros64(stop)) &^ 7 // the bits of the digits in front of the point
	if n == 0 || x&0xff|(n-16)>>63 == 0 {        // no digit, or a zero and another digit
		return 0, 0
	}
	after := byte(x >> (n & 63))
	whole := x << ((64 - n) & 63)
	if after != '.'^'0' {
		if after|0x20 == numExpMark {
			return 0, 0
		}
		value = float64(int64(numEight(whole)))
		return math.Float64frombits(math.Float64bits(value) | sign), length + int(n/8)
	}
	if stop &= stop - 1; stop != 0 { // The number ends within the eight bytes.
		k := uint64(bits.TrailingZeros64(stop)) &^ 7
		m := k - n - 8 // the bits of the digits behind the point
		if after = byte(x >> (k & 63)); m == 0 || after|0x20 == numExpMark {
			return 0, 0
		}
		man := numEight(whole>>(m&63) | x>>((n+8)&63)<<((64-m)&63))
		value = float64(int64(man)) / numExact[m/8&15] // as in numValue
		return math.Float64frombits(math.Float64bits(value) | sign), length + int(k/8)
	}
	k := n/8 + 1 // the index of the digit that has not been read
	man, f := x&0xff, (*[32]byte)(d[2:34])
	if n != 8 {
		man, f = numEight(whole), (*[32]byte)(d[k:k+32])
	}
	if x, stop = numBytes(f[:8]); stop == 0 {
		man, k = man*1e8+numEight(x), k+8
		if x, stop = numBytes(f[8:16]); stop == 0 {
			man, k = man*1e8+numEight(x), k+8
			x, stop = numBytes(f[16:24])
		}
	}
	m := uint64(bits.TrailingZeros64(stop|1<<63)) &^ 7
	man = man*numTens[m/8&15] + numEight(x<<((56-m)&63)<<8) // Two shifts, for one by all 64 bits takes more.
	k += m / 8
	exp := int(n/8) + 1 - int(k)
	if after = byte(x >> (m & 63)); after|0x20 == numExpMark || exp == 0 || k > numMaxDigits+1 || man == 0 {
		return 0, 0
	}
	if exp > -8 {
		value = float64(int64(man)) / numExact[-exp&15] // Up to 14 digits are exact.
		return math.Float64frombits(math.Float64bits(value) | sign), length + int(k)
	}
	// What numEiselLemire does, where with such an exponent there are no ties and no subnormal numbers, and one
	// multiplication mostly is enough.
	shift := uint64(bits.LeadingZeros64(man))
	hi, _ := bits.Mul64(man<<(shift&63), numPowers[exp-numMinExp].hi)
	if hi&0x1ff == 0x1ff {
		return 0, 0
	}
	upper := hi >> 63
	fraction := hi >> ((upper + 9) & 63)
	e := uint64((217706*exp)>>16+63-1+1023) + upper - shift
	return math.Float64frombits((fraction+fraction&1)>>1 + e<<52 | sign), length + int(k)
}

// numExpMark is an e or E in a word of numBytes, made lower case.
const numExpMark = 'E' ^ '0'

// numForm says how a number is written.
type numForm uint8

const (
	numNone  numForm = iota // no number
	numJSON                 // as JSON has it
	numLoose                // a decimal that JSON does not have: +1, 007, .5, 5.
)

// numRead reads the decimal number at b[i].
func numRead(b []byte, i int) (value float64, end int, form numForm) {
	start := i
	neg, plus := b[i] == '-', b[i] == '+'
	if neg || plus {
		i++
	}
	first := i
	man, i := numDigits(b, i, 0)
	digits := i - first
	form = numJSON
	if plus || digits != 1 && (digits == 0 || b[first] == '0') {
		form = numLoose
	}
	exp := 0
	if b[i] == '.' {
		point := i + 1
		man, i = numDigits(b, point, man)
		exp = point - i
		digits -= exp
		if exp == 0 {
			form = numLoose
		}
	}
	if digits == 0 {
		return 0, i, numNone
	}
	if b[i]|0x20 == 'e' {
		e, after := numExponent(b, i+1)
		if after == 0 {
			return 0, i, numNone
		}
		exp, i = exp+e, after
	}
	if digits > numMaxDigits {
		return numLong(b[start:i], man, exp, digits), i, form
	}
	value, known := numValue(man, exp)
	if !known {
		return numSlow(b[start:i]), i, form
	}
	if neg {
		value = -value
	}
	return value, i, form
}

// numMaxDigits is how many decimal digits always fit a uint64.
const numMaxDigits = 19

// numTens are the powers of ten by which a group of up to 8 digits moves the digits before it.
var numTens = [16]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// numDigits appends the decimal digits at b[i:] to man, which overflows silently after numMaxDigits digits, and returns
// the index behind the last. Digits are taken 8 at a time from one little-endian word: they are counted, moved to
// the upper end, so that zeros lead, and then added up in pairs, fours and eights. Behind eight digits the processor
// need not wait for their count: it goes on with the next ones meanwhile.
func numDigits(b []byte, i int, man uint64) (uint64, int) {
	for {
		x, n := numCount(b, i)
		if n < 8 {
			// Two shifts, for one by all 64 bits takes more.
			return man*numTens[n&15] + numEight(x<<(56-8*n&63)<<8), i + int(n)
		}
		man = man*1e8 + numEight(x)
		i += 8
	}
}

// numBytes returns the first eight bytes of b, of which decimal digits are made 0 to 9, and a word in which the highest
// bit of the first byte is set that is no digit; it is 0 if all are digits. Behind that byte and a point there, the
// next one is marked too; further bits may be wrong.
func numBytes(b []byte) (x, stop uint64) {
	x = binary.LittleEndian.Uint64(b) ^ 0x3030303030303030
	// A byte is now 0 to 9 if it was a digit. The sum carries out of bytes from 0x8a on, which a digit and a point are
	// not, so only into bytes behind the first that is neither.
	return x, (x + 0x7676767676767676 | x) & highs
}

// numCount is numBytes at b[i:] with the number of digits before the first byte that is none.
func numCount(b []byte, i int) (x uint64, n uint) {
	x, stop := numBytes(b[i : i+8])
	return x, uint(bits.TrailingZeros64(stop)) / 8
}

// numEight is the value of the eight decimal digits in the bytes of x, the first of them in the lowest.
func numEight(x uint64) uint64 {
	x = x*10 + x>>8
	return ((x&0x000000ff000000ff)*0x000f424000000064 + (x>>16&0x000000ff000000ff)*0x0000271000000001) >> 32
}

// numExponent reads the exponent that starts at b[i], behind the letter; after is 0 if there is none. It stops to grow
// at 10000 as strconv's does, which is felt only by numbers of thousands of digits.
func numExponent(b []byte, i int) (exp, after int) {
	neg := b[i] == '-'
	if neg || b[i] == '+' {
		i++
	}
	first := i
	for ; b[i]-'0' <= 9; i++ {
		if exp < 10000 {
			exp = exp*10 + int(b[i]-'0')
		}
	}
	if i == first {
		return 0, 0
	}
	if neg {
		exp = -exp
	}
	return exp, i
}

// numLong is the value of the number s of more than numMaxDigits digits, leading zeros included. If more than
// numMaxDigits are significant, the number lies between two decimals of that many digits; where both have the same
// nearest float64, so has the number.
func numLong(s []byte, man uint64, exp, digits int) float64 {
	i := 0
	for ; i < len(s) && (s[i] < '1' || s[i] > '9'); i++ {
		if s[i] == '0' {
			digits--
		}
		if s[i]|0x20 == 'e' {
			break
		}
	}
	kept := digits
	if digits > numMaxDigits {
		man, kept = 0, 0
		for ; kept < numMaxDigits; i++ {
			if s[i] != '.' {
				man = man*10 + uint64(s[i]-'0')
				kept++
			}
		}
	}
	exp += digits - kept
	value, known := numValue(man, exp)
	if known && digits > kept {
		var above float64
		above, known = numValue(man+1, exp)
		known = known && value == above
	}
	if !known {
		return numSlow(s)
	}
	if s[0] == '-' {
		value = -value
	}
	return value
}

// numSlow is the value of the number s by strconv, for the few that the fast ways leave undecided.
func numSlow(s []byte) float64 {
	value, err := strconv.ParseFloat(string(s), 64)
	if err != nil && !math.IsInf(value, 0) {
		panic("bug: strconv takes no decimal number: " + err.Error())
	}
	return value
}

// numExact are the powers of ten that float64 holds exactly.
var numExact = [23]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
	1e21, 1e22,
}

// numValue is the float64 nearest to man * 10^exp; known is false where it cannot tell. Where both man and the power of
// ten are exact as float64, one operation rounds correctly (Clinger, "How to Read Floating Point Numbers Accurately",
// 1990).
func numValue(man uint64, exp int) (value float64, known bool) {
	if man < 1<<53 {
		switch {
		case exp == 0:
			return float64(int64(man)), true
		case exp < 0 && exp >= -22:
			return float64(int64(man)) / numExact[-exp], true
		case exp > 0 && exp <= 22:
			return float64(int64(man)) * numExact[exp], true
		}
	}
	return numEiselLemire(man, exp)
}

// The decimal exponents outside of which a mantissa of numMaxDigits digits is 0 or infinite.
const (
	numMinExp = -342
	numMaxExp = 308
)

// numEiselLemire is the float64 nearest to man * 10^exp for any man and exp, by the algorithm of Daniel Lemire, "Number
// Parsing at a Gigabyte per Second", Software: Practice and Experience 51 (2021), section 5: the upper 128 bits of man
// times a power of five decide, but for a rare product of ones, for which known is false.
func numEiselLemire(man uint64, exp int) (value float64, known bool) {
	if man == 0 || exp < numMinExp {
		return 0, true
	}
	if exp > numMaxExp {
		return math.Inf(1), true
	}
	shift := bits.LeadingZeros64(man)
	man <<= uint(shift)
	power := &numPowers[exp-numMinExp]
	hi, lo := bits.Mul64(man, power.hi)
	if hi&0x1ff == 0x1ff {
		// The bits below the rounding position are all ones, so what the lower half adds may carry into it.
		more, _ := bits.Mul64(man, power.lo)
		var carry uint64
		lo, carry = bits.Add64(lo, more, 0)
		hi += carry
		if lo == math.MaxUint64 && (exp < -27 || exp > 55) {
			return 0, false
		}
	}
	upper := int(hi >> 63)
	m := hi >> uint(upper+9) // 54 bits: one more than the mantissa, for rounding.
	// The binary exponent, biased: floor(exp * log2(10)) by a fraction that is exact in the range of exp.
	e := (217706*exp)>>16 + 63 + upper - shift + 1023
	if e <= 0 {
		return numSubnormal(m, e), true
	}
	if lo <= 1 && exp >= -4 && exp <= 23 && m&3 == 1 && m<<uint(upper+9) == hi {
		m &^= 1 // Half-way between two values, of which the lower one is even.
	}
	m = (m + m&1) >> 1
	if m == 1<<53 {
		m, e = 1<<52, e+1
	}
	if e >= 0x7ff {
		return math.Inf(1), true
	}
	return math.Float64frombits(m&^(1<<52) | uint64(e)<<52), true
}

// numSubnormal rounds the 54 bits m of a value whose biased exponent e is not positive. Ties do not occur here. A value
// that rounds up to the least normal one gets its exponent from the carry.
func numSubnormal(m uint64, e int) float64 {
	if e <= -63 {
		return 0
	}
	m >>= uint(1 - e)
	return math.Float64frombits((m + m&1) >> 1)
}

// numPower is the upper 128 bits of a power of five, of which the highest is set.
type numPower struct{ hi, lo uint64 }

// numPowers are the powers of five from numMinExp to numMaxExp. They are constant.
var numPowers = numBuildPowers()

// numBuildPowers computes numPowers: truncated, but for 5^-27 to 5^-1, which the algorithm needs rounded up.
func numBuildPowers() *[numMaxExp - numMinExp + 1]numPower {
	var powers [numMaxExp - numMinExp + 1]numPower
	put := func(exp int, x *big.Int) {
		lo := new(big.Int).And(x, new(big.Int).SetUint64(math.MaxUint64))
		powers[exp-numMinExp] = numPower{new(big.Int).Rsh(x, 64).Uint64(), lo.Uint64()}
	}
	five, power := big.NewInt(5), big.NewInt(1)
	for k := 0; k <= -numMinExp; k++ {
		size := uint(power.BitLen())
		if k <= numMaxExp {
			if size <= 128 {
				put(k, new(big.Int).Lsh(power, 128-size))
			} else {
				put(k, new(big.Int).Rsh(power, size-128))
			}
		}
		if k > 0 {
			x := new(big.Int).Lsh(big.NewInt(1), size+127)
			x.Quo(x, power)
			if k <= 27 {
				x.Add(x, big.NewInt(1))
			}
			put(-k, x)
		}
		power.Mul(power, five)
	}
	return &powers
}
