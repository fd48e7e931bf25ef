package detector

import (
	"bytes"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// pattern returns a stream: numbers of outcomes that are right and wrong in turn, beginning with right.
func pattern(lengths ...int) []bool {
	var stream []bool
	for i, n := range lengths {
		stream = append(stream, slices.Repeat([]bool{i%2 == 1}, n)...)
	}
	return stream
}

// bernoulli returns n outcomes of which each is wrong with the probability p.
func bernoulli(random *rand.Rand, n int, p float64) []bool {
	stream := make([]bool, n)
	for i := range stream {
		stream[i] = random.Float64() < p
	}
	return stream
}

// changing returns a stream whose error rate changes now and then, also to none or all.
func changing(random *rand.Rand, n int) []bool {
	var stream []bool
	rates := []float64{0, 0.02, 0.1, 0.3, 0.5, 0.9, 1}
	for len(stream) < n {
		stream = append(stream, bernoulli(random, 1+random.IntN(400), rates[random.IntN(len(rates))])...)
	}
	return stream[:n]
}

// expect compares the indices at which a detector fires, counted from 0.
func expect(t *testing.T, d Detector, stream []bool, warnings, drifts []int) {
	t.Helper()
	gotWarnings, gotDrifts := indices(d, stream)
	if !slices.Equal(gotWarnings, warnings) || !slices.Equal(gotDrifts, drifts) {
		t.Errorf("%T warns at %v and drifts at %v, want %v and %v", d, gotWarnings, gotDrifts, warnings, drifts)
	}
}

// span returns the numbers from first to last.
func span(first, last int) []int {
	var all []int
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

func TestNewKnowsAllNames(t *testing.T) {
	if !slices.Equal(Names, []string{"adwin", "ddm", "eddm", "hddm_a", "hddm_w", "page_hinkley"}) {
		t.Errorf("the names are %q", Names)
	}
	for _, name := range Names {
		d, err := New(name)
		if err != nil || d == nil {
			t.Errorf("New(%q) is %v, %v", name, d, err)
		}
	}
	_, err := New("cusum")
	if err == nil {
		t.Fatal("there is a detector that should not be")
	}
	for _, name := range append([]string{`"cusum"`}, Names...) {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

func TestStatesAreTheValuesOfTheMetric(t *testing.T) {
	if Stable != 0 || Warning != 1 || Drift != 2 {
		t.Errorf("the states are %d, %d and %d", Stable, Warning, Drift)
	}
}

func TestDDM(t *testing.T) {
	// Every fifth is wrong. p + s is smallest at n = 99, after four right ones: p = 19/99 = 0.19192, s = 0.03958. So it
	// warns above 0.27108 and drifts above 0.31065. With k more wrong ones p = (20 + k)/(100 + k), and p + s is
	//
	//	k = 3: 0.2233 + 0.0410 = 0.2643    k = 4: 0.2308 + 0.0413 = 0.2721
	//	k = 9: 0.2661 + 0.0423 = 0.3084    k = 10: 0.2727 + 0.0425 = 0.3152
	var stream []bool
	for range 20 {
		stream = append(stream, pattern(4, 1)...)
	}
	stream = append(stream, pattern(0, 10)...)
	expect(t, NewDDM(), stream, span(103, 108), []int{109})
	// After the drift the same comes again, as nothing is left of what was before.
	expect(t, NewDDM(), append(stream, stream...), append(span(103, 108), span(213, 218)...), []int{109, 219})
	// The best that 31 right ones leave is p = s = 0, above which is any error; 30 ones only count.
	expect(t, NewDDM(), pattern(31, 1), nil, []int{31})
	expect(t, NewDDM(), pattern(29, 1), nil, nil)
	// Rates that fall are none of its business.
	expect(t, NewDDM(), pattern(0, 200, 1000), nil, nil)
}

func TestEDDM(t *testing.T) {
	// 40 errors at a distance of 10, then k at a distance of 1. The mean is m = (400 + k)/(40 + k), the squared deviations
	// add up to 81 · 40 k/(40 + k), and s is the root of that by (39 + k). First s grows, so the maximum is at
	//
	//	k = 15: m + 2 s = 7.5455 + 2 · 4.0452 = 15.6359, of which 0.95 is 14.8541 and 0.9 is 14.0723
	//	k = 34: 5.8649 + 2 · 4.5158 = 14.8965    k = 35: 5.8000 + 2 · 4.5202 = 14.8404
	//	k = 48: 5.0909 + 2 · 4.5070 = 14.1050    k = 49: 5.0449 + 2 · 4.5023 = 14.0495
	stream := append(slices.Repeat(pattern(9, 1), 40), pattern(0, 60)...)
	expect(t, NewEDDM(), stream[:449], span(434, 447), []int{448})
	// Errors that become rarer are none of its business.
	expect(t, NewEDDM(), slices.Repeat(pattern(9, 1), 200), nil, nil)
	expect(t, NewEDDM(), append(pattern(0, 60), slices.Repeat(pattern(9, 1), 200)...), nil, nil)
}

func TestEDDMsWarningLastsUntilAnErrorIsFine(t *testing.T) {
	// With the limits 0.99 and 0.1, errors at 10, 20, 30 and 40 have m + 2 s = 10, and that at 48 has m = 9.6 and
	// s = √(3.2/4) = 0.894, so 11.39, the new maximum. At 57 it is m = 9.5 and s = √(3.5/5) = 0.837, so 11.17, the
	// ratio 0.981. It lasts through the right ones, until the error at 68 brings m = 9.714, s = √(5.429/6) = 0.951, so
	// 11.617, which is a new maximum and judges nothing. The warning ends with the error at 78, where m = 9.75 and
	// s = √(5.5/7) = 0.886, so 11.523, the ratio 0.992.
	d := &EDDM{WarmUp: 3, WarningRatio: 0.99, DriftRatio: 0.1}
	expect(t, d, pattern(9, 1, 9, 1, 9, 1, 9, 1, 7, 1, 8, 1, 10, 1, 9, 1, 5), span(56, 76), nil)
}

func TestPageHinkley(t *testing.T) {
	// Without tolerance and forgetting, the k-th wrong one after ten right ones adds 1 − k/(10 + k) = 10/(10 + k):
	// 0.909 + 0.833 + 0.769 = 2.51 is the first sum above 2. Right ones after ten wrong ones take off as much.
	up, down := pattern(10, 9), pattern(0, 10, 9)
	for _, test := range []struct {
		directions Directions
		stream     []bool
		drifts     []int
	}{
		{Both, up, []int{12}},
		{Up, up, []int{12}},
		{Down, up, nil},
		{Both, down, []int{12}},
		{Up, down, nil},
		{Down, down, []int{12}},
	} {
		d := &PageHinkley{MinRecords: 5, Threshold: 2, Forgetting: 1, Directions: test.directions}
		expect(t, d, test.stream, nil, test.drifts)
	}
	// Not before there are 15 records.
	expect(t, &PageHinkley{MinRecords: 15, Threshold: 2, Forgetting: 1}, pattern(10, 5), nil, []int{14})
	// A tolerance of 0.1 makes it 0.809 + 0.733 + 0.669 = 2.21 above the smallest sum; one of 0.2 makes it 0.709 + 0.633
	// + 0.569 + 0.514 = 2.43. Forgetting half each time makes it 0.769 + 0.833/2 + 0.909/4 and so on, at most 2.
	expect(t, &PageHinkley{Tolerance: 0.1, Threshold: 2, Forgetting: 1}, up, nil, []int{12})
	expect(t, &PageHinkley{Tolerance: 0.2, Threshold: 2, Forgetting: 1}, up, nil, []int{13})
	expect(t, &PageHinkley{Threshold: 2, Forgetting: 0.5}, up, nil, nil)
}

func TestHDDMA(t *testing.T) {
	// The cut is after 20 right ones. With k wrong ones the rate is k/(20 + k), and the rule, squared, is
	//
	//	(k/(20 + k))² ≥ k/(20(20 + k)) · L/2, so 40 k/(20 + k) ≥ L
	//
	// with L = ln(2/0.005) = 5.99 for a warning and ln(2/0.001) = 7.60 for a drift. k = 4 gives 6.67, k = 5 gives 8.
	expect(t, NewHDDMA(), pattern(20, 5), []int{23}, []int{24})
	expect(t, NewHDDMA(), pattern(20, 5, 20, 5), []int{23, 48}, []int{24, 49})
	// Rates that fall give the same numbers.
	both := NewHDDMA()
	both.TwoSided = true
	expect(t, both, pattern(0, 20, 5), []int{23}, []int{24})
	expect(t, NewHDDMA(), pattern(0, 20, 5), nil, nil)
	expect(t, both, pattern(20, 5), []int{23}, []int{24})
}

func TestHDDMW(t *testing.T) {
	// The cut is after 100 right ones: z_1 = 0 and, but for 0.95^200, w_1 = 0.05/1.95 = 0.025641. After it z_2 = 1, as
	// the first replaces 0, and w_2 = 0.025641 + 0.974359 · 0.9025^k. The rule is w_1 + w_2 < 2/ln(1/confidence), which
	// is 0.37748 for a warning and 0.28953 for a drift: k > ln(0.33478)/ln(0.9025) = 10.7 and k > 13.7.
	expect(t, NewHDDMW(), pattern(100, 14), span(110, 112), []int{113})
	expect(t, NewHDDMW(), pattern(100, 14, 100, 14), append(span(110, 112), span(224, 226)...), []int{113, 227})
	// Rates that fall: z_1 = 1, z_2 = 0.
	both := NewHDDMW()
	both.TwoSided = true
	expect(t, both, pattern(0, 100, 14), span(110, 112), []int{113})
	expect(t, NewHDDMW(), pattern(0, 100, 14), nil, nil)
	// A right one as the second makes z_2 = 1 − 0.05 · 0.95^(k − 2). For a drift that has to exceed the root of
	// (0.051282 + 0.974359 · 0.9025^k) ln(1000)/2: 0.9730 against 0.9887 for k = 14, 0.9743 against 0.9484 for k = 15. A
	// warning needs 0.9685 > 0.9853 for k = 11, which is false, and 0.9701 > 0.9431 for k = 12.
	expect(t, NewHDDMW(), pattern(100, 1, 1, 13), span(111, 113), []int{114})
}

func TestSavingInBetweenChangesNothing(t *testing.T) {
	stream := changing(rand.New(rand.NewPCG(1, 2)), 6000)
	everything := map[string]func() Detector{
		"hddm_a both":       func() Detector { d := NewHDDMA(); d.TwoSided = true; return d },
		"hddm_w both":       func() Detector { d := NewHDDMW(); d.TwoSided = true; return d },
		"page_hinkley fast": func() Detector { d := NewPageHinkley(); d.Threshold = 3; return d },
		"adwin two buckets": func() Detector { d := NewADWIN(); d.Buckets, d.Clock = 2, 1; return d },
	}
	maps.Copy(everything, constructors)
	for name, construct := range everything {
		for _, every := range []int{1, 7, 500} {
			whole, parts := construct(), construct()
			seen := make(map[State]bool)
			for i, wrong := range stream {
				if i%every == 0 {
					saved := save(whole)
					if !bytes.Equal(save(parts), saved) {
						t.Fatalf("%s holds something else at %d, saved every %d", name, i, every)
					}
					parts = construct()
					load(t, parts, saved)
				}
				want := whole.Add(wrong)
				seen[want] = true
				if got := parts.Add(wrong); got != want {
					t.Fatalf("%s is in state %d at %d, saved every %d, want %d", name, got, i, every, want)
				}
			}
			if !seen[Drift] || !seen[Stable] {
				t.Errorf("%s has the states %v only", name, seen)
			}
		}
	}
}

func save(d Detector) []byte {
	var e state.Encoder
	d.Save(&e)
	return bytes.Join(e.Parts(), nil)
}

func load(t *testing.T, d Detector, saved []byte) {
	t.Helper()
	decoder := state.NewDecoder(saved)
	d.Load(decoder)
	if err := decoder.End(); err != nil {
		t.Fatal(err)
	}
}

func TestADriftLeavesANewDetector(t *testing.T) {
	stream := changing(rand.New(rand.NewPCG(3, 4)), 6000)
	for _, name := range Names {
		d, _ := New(name)
		fresh := save(d)
		drifts := 0
		for _, wrong := range stream {
			if d.Add(wrong) == Drift {
				drifts++
				if !bytes.Equal(save(d), fresh) {
					t.Fatalf("%s holds something after a drift", name)
				}
			}
		}
		if drifts < 3 {
			t.Errorf("%s drifts %d times", name, drifts)
		}
	}
}

func TestLoadTakesNothingFromABrokenState(t *testing.T) {
	stream := changing(rand.New(rand.NewPCG(5, 6)), 333)
	for _, name := range Names {
		d, _ := New(name)
		for _, wrong := range stream {
			d.Add(wrong)
		}
		saved := save(d)
		for length := range saved {
			decoder := state.NewDecoder(saved[:length])
			d.Load(decoder)
			if decoder.Err() == nil {
				t.Errorf("%s loads %d of %d bytes", name, length, len(saved))
			}
			if !bytes.Equal(save(d), saved) {
				t.Fatalf("%s has changed after a broken state", name)
			}
		}
	}
}

func TestLoadRejectsWhatCannotBe(t *testing.T) {
	const huge = 1<<53 + 1
	for _, test := range []struct {
		name   string
		values []any
	}{
		{"ddm", []any{10, 11, 1, 0}},                        // more wrong ones than there are
		{"ddm", []any{10, 5, 11, 5}},                        // a best beyond all
		{"ddm", []any{10, 5, 7, 1}},                         // more right ones at the best than in all
		{"ddm", []any{huge, 0, 0, 0}},                       // more than there can be
		{"hddm_a", []any{5, 1, 6, 1, 5, 1}},                 // a cut beyond all
		{"hddm_a", []any{5, 1, 0, 0, 5, 1}},                 // no cut
		{"hddm_a", []any{0, 0, 0, 0, 1, 0}},                 // a cut in nothing
		{"eddm", []any{50, 5, 51, 1.0, 1.0, false}},         // a last error to come
		{"eddm", []any{50, 5, 4, 1.0, 1.0, false}},          // five errors in four outcomes
		{"eddm", []any{50, 0, 4, 1.0, 1.0, false}},          // a last error of none
		{"eddm", []any{50, 5, 40, math.NaN(), 1.0, false}},  // no number
		{"eddm", []any{50, 5, 40, -1.0, 1.0, false}},        // negative squares
		{"eddm", []any{50, 5, 40, 1.0, math.Inf(1), false}}, // infinite
		{"page_hinkley", []any{9, 5, math.Inf(1), 0.0, 0.0, 0.0}},
		{"page_hinkley", []any{9, 5, -1.0, 0.0, -0.5, 0.0}},                         // a sum below the lowest
		{"page_hinkley", []any{9, 5, 0.0, 1.0, 0.0, 0.5}},                           // a sum above the highest
		{"page_hinkley", []any{9, 5, 2.0, 0.0, 1.0, 0.0}},                           // a lowest above the start
		{"hddm_w", []any{2.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5}},         // a mean above 1
		{"hddm_w", []any{0.5, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5}},         // a mean of nothing
		{"hddm_w", []any{0.5, math.NaN(), 0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5}},  // no number
		{"adwin", []any{2, 1, 1, 0}},                                                // no buckets in the last row
		{"adwin", []any{1, 6, 0, 0, 0, 0, 0, 0}},                                    // six of one size
		{"adwin", []any{1, 1, 2}},                                                   // two wrong ones of one
		{"adwin", []any{200}},                                                       // more rows than bytes
		{"adwin", append([]any{55}, slices.Repeat([]any{1, 0}, 55)...)},             // more sizes than there can be
		{"adwin", append([]any{54}, slices.Repeat([]any{5, 0, 0, 0, 0, 0}, 54)...)}, // more than there can be
	} {
		var e state.Encoder
		for _, value := range test.values {
			switch x := value.(type) {
			case int:
				e.Uint(uint64(x))
			case float64:
				e.Float(x)
			case bool:
				e.Bool(x)
			}
		}
		d, _ := New(test.name)
		decoder := state.NewDecoder(bytes.Join(e.Parts(), nil))
		d.Load(decoder)
		if err := decoder.Err(); err == nil {
			t.Errorf("%s loads %v", test.name, test.values)
		}
	}
}

func FuzzLoad(f *testing.F) {
	stream := changing(rand.New(rand.NewPCG(7, 8)), 600)
	for i, name := range Names {
		d, _ := New(name)
		f.Add(i, save(d))
		for _, wrong := range stream {
			d.Add(wrong)
		}
		f.Add(i, save(d))
	}
	f.Add(0, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, index int, data []byte) {
		d, err := New(Names[uint(index)%uint(len(Names))])
		if err != nil {
			t.Fatal(err)
		}
		fresh := save(d)
		decoder := state.NewDecoder(data)
		d.Load(decoder)
		if decoder.Err() != nil {
			if !bytes.Equal(save(d), fresh) {
				t.Fatal("a broken state has left something")
			}
			return
		}
		// What is loaded can be saved, loaded, and used, as often as one likes.
		saved := save(d)
		again, _ := New(Names[uint(index)%uint(len(Names))])
		load(t, again, saved)
		for _, wrong := range stream {
			a, b := d.Add(wrong), again.Add(wrong)
			if a != b || a > Drift {
				t.Fatalf("the states are %d and %d", a, b)
			}
		}
		load(t, again, save(d))
	})
}

func TestAddDoesNotAllocate(t *testing.T) {
	for _, name := range Names {
		d, _ := New(name)
		stream := bernoulli(rand.New(rand.NewPCG(9, 10)), 1<<12, 0.2)
		for _, wrong := range stream {
			d.Add(wrong)
		}
		perRound := testing.AllocsPerRun(10, func() {
			for _, wrong := range stream {
				d.Add(wrong)
			}
		})
		// ADWIN's window doubles three times, and the list of its rows grows with that.
		if perRound > 0 && name != "adwin" || perRound > 8 {
			t.Errorf("%s allocates %g times in %d outcomes", name, perRound, len(stream))
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	stream := changing(rand.New(rand.NewPCG(11, 12)), 1<<16)
	for _, name := range Names {
		b.Run(name, func(b *testing.B) {
			d, _ := New(name)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Add(stream[i%len(stream)])
			}
		})
	}
}
