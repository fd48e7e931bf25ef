package outcome

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestSumIsExact(t *testing.T) {
	for _, test := range []struct {
		name  string
		terms []float64
		want  float64
	}{
		{"nothing", nil, 0},
		{"zeros of both signs", []float64{0, math.Copysign(0, -1)}, 0},
		{"one negative term", []float64{-3.25}, -3.25},
		{"small terms beside large ones that cancel", []float64{1, 1e200, 1e-200, -1e200, -1}, 1e-200},
		{"subnormal terms", []float64{5e-324, 5e-324, -1, 1}, 1e-323},
		{"the largest number", []float64{math.MaxFloat64, -math.MaxFloat64, 2}, 2},
		{"a negative total after a carry", []float64{1 << 32, -(1 << 40), 1}, -1<<40 + 1<<32 + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s sum
			for _, x := range test.terms {
				s.add(x)
			}
			if got := s.value(); got != test.want {
				t.Errorf("sum = %v, want %v", got, test.want)
			}
			s.carry()
			if got := s.value(); got != test.want {
				t.Errorf("sum after carry = %v, want %v", got, test.want)
			}
		})
	}
}

func TestSumEqualsThatOfBigFloats(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var s, part sum
	want := new(big.Float).SetPrec(exactBits)
	for i := range 5000 {
		x := math.Ldexp(random.NormFloat64(), random.IntN(400)-200)
		want.Add(want, new(big.Float).SetFloat64(x))
		part.add(x)
		if i%2 == 0 {
			want.Sub(want, new(big.Float).Mul(
				new(big.Float).SetPrec(exactBits).SetFloat64(x), new(big.Float).SetFloat64(x)))
			part.addSquare(x, -1)
		}
		if i%100 == 99 {
			s.merge(&part)
			part = sum{}
		}
	}
	if s.exact().Cmp(want) != 0 {
		t.Errorf("sum = %v, want %v", s.exact(), want)
	}
}

func TestSumOutlastsItsCarries(t *testing.T) {
	// The digits of one sum are made as large as additions may make them, and merged many times.
	full := sum{digits: []int64{addsBeforeCarry * math.MaxUint32, -addsBeforeCarry * math.MaxUint32}, first: -1}
	one := full.exact()
	var s sum
	for range 1000 {
		s.merge(&full)
	}
	want := one.Mul(one, big.NewFloat(1000))
	if s.exact().Cmp(want) != 0 {
		t.Errorf("sum = %v, want %v", s.exact(), want)
	}
	s.adds = addsBeforeCarry - 1
	s.add(1)
	if s.adds != 0 || s.exact().Cmp(want.Add(want, big.NewFloat(1))) != 0 {
		t.Errorf("sum = %v after %d additions, want %v after 0", s.exact(), s.adds, want)
	}
}
