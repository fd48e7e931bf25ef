package detector

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestADWIN(t *testing.T) {
	// With up to 100 buckets of one outcome nothing is merged, and any parting but that before the last outcome counts.
	// 32 right ones and then 32 wrong ones: p(1 − p) = 1/4, d = ln(2 ln(64)/0.002) = 8.333, and in the middle h = 2/28:
	// √(2/28 · 8.333/2) + ⅔ · 8.333 · 2/28 = 0.546 + 0.397 = 0.942 < 1. With 16 and 16 it is d = 8.151, h = 2/12 and
	// √(2/12 · 8.151/2) + ⅔ · 8.151 · 2/12 = 0.824 + 0.906 = 1.730 > 1, and no parting of 32 is better.
	wide := func(clock uint64) *ADWIN {
		return &ADWIN{Delta: 0.002, Clock: clock, Buckets: 100, MinPart: 5, Grace: 10}
	}
	expect(t, wide(32), pattern(16, 16), nil, nil)
	expect(t, wide(32), pattern(32, 32), nil, []int{63})
	expect(t, wide(32), pattern(0, 32, 32), nil, []int{63}) // Rates that fall.
	expect(t, wide(64), pattern(32, 32, 32, 32), nil, []int{63, 127})
	// Tested at each outcome, with k wrong ones it is p = k/(32 + k) and h = 1/28 + 1/(k − 4): the first k to do is
	//
	//	k = 24: 0.4949, 8.3016, 0.0857: 0.5904 + 0.4744 = 1.0648    k = 28: 0.4989, 8.3189, 0.0774: 0.5660 + 0.4292 = 0.9952
	//	k = 27: 0.4983, 8.3147, 0.0792: 0.5719 + 0.4390 = 1.0109
	//
	// where the first number is √(p(1 − p)), the second d and the third h.
	expect(t, wide(1), pattern(32, 40)[:60], nil, []int{59})
	expect(t, wide(1), pattern(32, 40)[:59], nil, nil)
	// A window has to be longer than Grace.
	late := wide(1)
	late.Grace = 63
	expect(t, late, pattern(32, 40)[:64], nil, []int{63})
}

func TestADWINMergesTheOldestBuckets(t *testing.T) {
	// The sixth outcome makes one bucket of the first two, the eighth one of the third and fourth. The sixteenth makes
	// six of two, so that the first two of these become one of four.
	for _, test := range []struct {
		stream []bool
		want   [][]uint64
	}{
		{pattern(0, 5), [][]uint64{{1, 1, 1, 1, 1}}},
		{pattern(0, 2, 3, 1), [][]uint64{{0, 0, 0, 1}, {2}}},
		{pattern(0, 2, 3, 3), [][]uint64{{0, 1, 1, 1}, {2, 0}}},
		{pattern(0, 3, 1, 12), [][]uint64{{1, 1, 1, 1}, {2, 2, 2, 2}, {3}}},
	} {
		a := NewADWIN()
		for _, wrong := range test.stream {
			a.Add(wrong)
		}
		if !reflect.DeepEqual(a.window.rows, test.want) {
			t.Errorf("the buckets of %v are %v, want %v", test.stream, a.window.rows, test.want)
		}
	}
}

// naive is ADWIN with all outcomes of the window, one by one.
type naive struct {
	ADWIN
	outcomes []bool
	// sizes are those of the buckets, the oldest first.
	sizes []int
}

func (v *naive) Add(wrong bool) State {
	v.outcomes = append(v.outcomes, wrong)
	v.sizes = append(v.sizes, 1)
	for v.merge() {
	}
	n := len(v.outcomes)
	if uint64(n)%v.Clock != 0 || uint64(n) <= v.Grace || !v.changed() {
		return Stable
	}
	v.outcomes, v.sizes = nil, nil
	return Drift
}

// merge makes one of the two oldest buckets of a size of which there are too many.
func (v *naive) merge() bool {
	count := make(map[int]int)
	for _, size := range v.sizes {
		count[size]++
	}
	for i, size := range v.sizes {
		if count[size] > v.Buckets {
			v.sizes[i] *= 2
			v.sizes = append(v.sizes[:i+1], v.sizes[i+2:]...)
			return true
		}
	}
	return false
}

// changed counts the outcomes of both parts anew for each parting. The newest bucket of each size is in the new part.
func (v *naive) changed() bool {
	n := float64(len(v.outcomes))
	p := share(v.outcomes)
	d := math.Log(2 * math.Log(n) / v.Delta)
	for buckets := 1; buckets <= len(v.sizes); buckets++ {
		var old, rest []bool
		at := 0
		for i, size := range v.sizes {
			newest := i == len(v.sizes)-1 || v.sizes[i+1] != size
			if i < buckets && !newest {
				old = append(old, v.outcomes[at:at+size]...)
			} else {
				rest = append(rest, v.outcomes[at:at+size]...)
			}
			at += size
		}
		if len(old) < int(v.MinPart) || len(rest) < int(v.MinPart) {
			continue
		}
		h := 1/float64(len(old)-int(v.MinPart)+1) + 1/float64(len(rest)-int(v.MinPart)+1)
		if math.Abs(share(old)-share(rest)) > math.Sqrt(2*h*p*(1-p)*d)+2*h*d/3 {
			return true
		}
	}
	return false
}

func share(outcomes []bool) float64 {
	wrong := 0.0
	for _, x := range outcomes {
		wrong += number(x)
	}
	return wrong / float64(len(outcomes))
}

func TestADWINEqualsOneThatKeepsAllOutcomes(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	for _, parameters := range []ADWIN{
		*NewADWIN(),
		{Delta: 0.3, Clock: 1, Buckets: 2, MinPart: 3, Grace: 4},
		{Delta: 0.05, Clock: 5, Buckets: 9, MinPart: 5, Grace: 10},
	} {
		a, v := parameters, naive{ADWIN: parameters}
		drifts := 0
		for i, wrong := range changing(random, 4000) {
			got, want := a.Add(wrong), v.Add(wrong)
			if got != want {
				t.Fatalf("%+v at %d is in state %d, want %d", parameters, i, got, want)
			}
			if got == Drift {
				drifts++
			}
			compareWindows(t, &a.window, &v)
			if t.Failed() {
				t.Fatalf("stopped at %d", i)
			}
		}
		if drifts < 4 {
			t.Errorf("%+v drifts %d times", parameters, drifts)
		}
	}
}

// compareWindows compares the window's buckets, the oldest first, with the outcomes that should be in them.
func compareWindows(t *testing.T, w *window, v *naive) {
	t.Helper()
	if w.all.n != uint64(len(v.outcomes)) {
		t.Fatalf("the window has %d outcomes, want %d", w.all.n, len(v.outcomes))
	}
	var bucket, at int
	var sum uint64
	for i, row := range slices.Backward(w.rows) {
		for _, wrong := range row {
			if bucket >= len(v.sizes) || v.sizes[bucket] != 1<<i {
				t.Fatalf("the bucket %d has the size %d, want one of %v", bucket, 1<<i, v.sizes)
			}
			want := uint64(0)
			for _, x := range v.outcomes[at : at+1<<i] {
				want += uint64(number(x))
			}
			if wrong != want {
				t.Errorf("the bucket %d has %d wrong outcomes, want %d", bucket, wrong, want)
			}
			bucket, at, sum = bucket+1, at+1<<i, sum+want
		}
	}
	if bucket != len(v.sizes) || w.all.wrong != sum {
		t.Errorf("the window has %d buckets and %d wrong outcomes, want %d and %d", bucket, w.all.wrong, len(v.sizes), sum)
	}
}

func TestADWINGrowsWithTheLogarithm(t *testing.T) {
	a := NewADWIN()
	a.Clock = 1 << 62 // Keeps the test fast: only the size counts.
	for range 1 << 20 {
		a.Add(false)
	}
	buckets := 0
	for _, row := range a.window.rows {
		buckets += len(row)
		if len(row) > 5 || cap(row) > 6 {
			t.Errorf("a row has %d buckets and place for %d", len(row), cap(row))
		}
	}
	// Rows that hold 4 or 5 buckets each: 2^20 outcomes need 18 or 19 of them.
	if len(a.window.rows) > 19 || buckets > 5*19 {
		t.Errorf("there are %d rows and %d buckets", len(a.window.rows), buckets)
	}
}

func TestADWINFiresRarelyOnStableStreamsAndSoonAfterAJump(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	alarms := 0
	for run := range 100 {
		p := []float64{0.02, 0.1, 0.3, 0.5}[run%4]
		a := NewADWIN()
		_, drifts := indices(a, bernoulli(random, 5000, p))
		alarms += len(drifts)
		if len(drifts) > 0 {
			continue
		}
		jump, _ := New("adwin")
		_, drifts = indices(jump, append(bernoulli(random, 2000, p), bernoulli(random, 500, p+0.3)...))
		if len(drifts) == 0 || drifts[len(drifts)-1] < 2000 {
			t.Errorf("run %d: a jump from %g by 0.3 is not found; drifts at %v", run, p, drifts)
		}
	}
	if alarms > 3 {
		t.Errorf("%d drifts on 100 stable streams", alarms)
	}
}
