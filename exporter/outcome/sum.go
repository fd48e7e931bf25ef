package outcome

import (
	"math"
	"math/big"
	"slices"
)

const (
	// digitBits is the number of bits of a digit of a sum.
	digitBits = 32
	// addsBeforeCarry keeps digits within an int64: each addition adds less than 2^32 to a digit.
	addsBeforeCarry = 1 << 29
	// exactBits is a precision at which no sum of float64 numbers is rounded, nor the product of two of them.
	exactBits = 4600
)

// sum is an exact sum of finite float64 numbers, kept as one long fixed-point number with as many digits as its terms
// needed so far, which is five or so for terms of similar size. Being exact it does not depend on the order of its
// terms, and a term that is taken back leaves no trace however large it was. The idea is that of Kulisch's long
// accumulator ("Computer Arithmetic and Validity", 2008). The zero value is 0.
type sum struct {
	// digits[i] counts for 2^(32·(first+i)). A digit may have any sign and exceed 32 bits until the next carry.
	digits []int64
	first  int
	adds   int
}

// add adds a finite number.
func (s *sum) add(x float64) {
	bits := math.Float64bits(x)
	exponent, mantissa := int(bits>>52&0x7ff), bits&(1<<52-1)
	switch {
	case exponent != 0:
		mantissa |= 1 << 52
	case mantissa == 0:
		return
	default:
		exponent = 1 // Subnormal numbers.
	}
	exponent -= 1075 // Now abs(x) = mantissa · 2^exponent.
	at, shift := exponent>>5, uint(exponent&(digitBits-1))
	low, high := mantissa<<shift, mantissa>>(64-shift)
	d := s.room(at, 3)
	if x > 0 {
		d[0] += int64(low & math.MaxUint32)
		d[1] += int64(low >> digitBits)
		d[2] += int64(high)
	} else {
		d[0] -= int64(low & math.MaxUint32)
		d[1] -= int64(low >> digitBits)
		d[2] -= int64(high)
	}
	s.adds++
	if s.adds >= addsBeforeCarry {
		s.carry()
	}
}

// addSquare adds by · x², exactly unless the square is below 1e-270. by is 1 or -1.
func (s *sum) addSquare(x float64, by int64) {
	square := float64(x * x) // The conversion keeps the compiler from fusing, so that the next line gives the rounding.
	s.add(square * float64(by))
	s.add(math.FMA(x, x, -square) * float64(by))
}

// room returns n digits from 2^(32·at) on.
func (s *sum) room(at, n int) []int64 {
	if len(s.digits) == 0 {
		s.first = at
	}
	first, end := min(s.first, at), max(s.first+len(s.digits), at+n)
	if end-first > len(s.digits) {
		digits := make([]int64, end-first)
		copy(digits[s.first-first:], s.digits)
		s.digits, s.first = digits, first
	}
	return s.digits[at-s.first:][:n]
}

// carry brings all digits but the last into [0, 2^32), and the last one to less than 2^32 in magnitude.
func (s *sum) carry() {
	s.adds = 0
	for i := 0; i < len(s.digits); i++ {
		over := s.digits[i] >> digitBits
		if i == len(s.digits)-1 {
			if over == 0 || over == -1 {
				return
			}
			s.digits = append(s.digits, 0)
		}
		s.digits[i] -= over << digitBits
		s.digits[i+1] += over
	}
}

// merge adds another sum.
func (s *sum) merge(other *sum) {
	if len(other.digits) == 0 {
		return
	}
	s.carry()
	digits := s.room(other.first, len(other.digits))
	for i, digit := range other.digits {
		digits[i] += digit
	}
	s.carry()
}

// exact returns the sum without rounding.
func (s *sum) exact() *big.Float {
	total := new(big.Int)
	for _, v := range slices.Backward(s.digits) {
		total.Lsh(total, digitBits)
		total.Add(total, big.NewInt(v))
	}
	x := new(big.Float).SetPrec(exactBits).SetInt(total)
	return x.SetMantExp(x, digitBits*s.first)
}

// value returns the float64 nearest to the sum.
func (s *sum) value() float64 {
	x, _ := s.exact().Float64()
	return x
}
