package decode

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// padNumber returns s with the padding that parseNumber wants.
func padNumber(s string) []byte { return append([]byte(s), make([]byte, numPadding)...) }

// checkNumber checks that the JSON number s is read whole and as strconv reads it, to the bit.
func checkNumber(t *testing.T, s string) {
	t.Helper()
	want, _ := strconv.ParseFloat(s, 64)
	got, end, ok := parseNumber(padNumber(s), 0)
	if !ok || end != len(s) {
		t.Fatalf("parseNumber(%q): end %d, ok %t, want all of its %d bytes", s, end, ok, len(s))
	}
	if math.Float64bits(got) != math.Float64bits(want) {
		t.Fatalf("parseNumber(%q) = %v (%#x), want %v (%#x)", s, got, math.Float64bits(got), want,
			math.Float64bits(want))
	}
}

func TestParseNumberIsBitIdenticalToStrconvAtTheEdges(t *testing.T) {
	numbers := []string{
		"0", "-0", "0.0", "-0.0e-5", "0e999", "1", "-1", "10", "0.1", "0.2", "0.3", "1e0", "1E+5", "1e-05", "123456789",
		"12345678", "1234567", "99999999", "100000000", "1234567890123456", "12345678901234567890", "0.00000001",
		"9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994", "9007199254740995",
		"9007199254740993.0000000000000000000000001", "-9007199254740993", "18446744073709551615",
		"18446744073709551616", "9999999999999999999", "10000000000000000000", "9999999999999999999e10",
		"1e22", "1e23", "-1e23", "8.5e22", "123456789012345e-22", "123456789012345e22", "1e-22", "1e-23",
		"5e-324", "4.9406564584124654e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2e-324", "3e-324",
		"2.2250738585072014e-308", "2.2250738585072011e-308", "2.225073858507201e-308", "1e-310", "1.5e-323",
		"1e-342", "1e-343", "9999999999999999999e-343", "1e-400", "-1e-400",
		"1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e308", "1e309", "1e400",
		"-1e400", "1e99999999999999999999", "1e-99999999999999999999", "17976931348623157e292", "0.1e309",
		"1.00000000000000011102230246251565404236316680908203125", // 1 + 2^-53: half-way, to even
		"1.00000000000000011102230246251565404236316680908203124",
		"1.00000000000000011102230246251565404236316680908203126",
		"1.00000000000000033306690738754696212708950042724609375", // 1 + 3*2^-53: half-way, to even above
		"1090544144181609348671888949248", "1090544144181609348835077142190", "0.1234567890123456789012345",
		"1234567890123456789012345", "1234567890123456789012345e-30", "0.000000000000000000000000012345678901234567",
		"0.00012345678901234567", "0.0000000000000000000000000e10", "100000000000000000000000000000000000000",
		"7.2057594037927933e16", "3.5844466002796428e298", "6.631236846766476e-316", "0.000e5",
		"0." + strings.Repeat("0", 400) + "1", strings.Repeat("9", 309), strings.Repeat("9", 400),
		"0." + strings.Repeat("0", 12000) + "1e12001", "1" + strings.Repeat("0", 10100) + "e-20000",
		"2." + strings.Repeat("2250738585072011", 50) + "e-308",
	}
	for _, s := range numbers {
		checkNumber(t, s)
	}
}

func TestParseNumberTakesOnlyWhatJSONCallsANumber(t *testing.T) {
	for _, test := range []struct {
		name, in string
		end      int
		ok       bool
	}{
		{"a number ends at a comma", "12,3", 2, true},
		{"a number ends at a brace", "-1.5e3}", 6, true},
		{"a number ends at a letter", "1x", 1, true},
		{"a second number is not part of the first", "1-2", 1, true},
		{"a second point is not part of a number", "1.5.2", 3, true},
		{"nothing", "", 0, false},
		{"a lone minus", "-", 0, false},
		{"two minus signs", "--1", 0, false},
		{"a plus sign", "+1", 0, false},
		{"a leading zero", "01", 0, false},
		{"a leading zero behind a minus", "-00.5", 0, false},
		{"no digit behind the point", "1.", 0, false},
		{"no digit before the point", ".5", 0, false},
		{"only a point", ".", 0, false},
		{"no digit behind the point but an exponent", "1.e5", 0, false},
		{"no digit in the exponent", "1e", 0, false},
		{"only a sign in the exponent", "1e+", 0, false},
		{"a letter", "e5", 0, false},
		{"a word", "NaN", 0, false},
		{"bytes above ASCII", "\xb0\xff", 0, false},
	} {
		_, end, ok := parseNumber(padNumber(test.in), 0)
		if ok != test.ok || ok && end != test.end {
			t.Errorf("%s: parseNumber(%q): end %d, ok %t, want %d, %t", test.name, test.in, end, ok, test.end, test.ok)
		}
	}
}

func TestParseNumberStartsWhereItIsTold(t *testing.T) {
	value, end, ok := parseNumber(padNumber(`{"a":-12.5,"b":1}`), 5)
	if value != -12.5 || end != 10 || !ok {
		t.Errorf("got %v, %d, %t, want -12.5, 10, true", value, end, ok)
	}
}

func TestParseNumberIsBitIdenticalToStrconvOnRandomDecimals(t *testing.T) {
	n := 500_000
	if testing.Short() {
		n = 50_000
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		switch i % 5 {
		case 0: // Any float64, shortest.
			x := math.Float64frombits(rnd.Uint64())
			if math.IsNaN(x) || math.IsInf(x, 0) {
				continue
			}
			checkNumber(t, strconv.FormatFloat(x, "eg"[i/5%2], -1, 64))
		case 1: // What models write: values around 1 with 15 to 17 digits.
			checkNumber(t, strconv.FormatFloat(rnd.NormFloat64()*100, 'g', 15+rnd.IntN(3), 64))
		case 2: // Any 19 digits and exponent.
			checkNumber(t, fmt.Sprintf("%de%d", rnd.Uint64()/2, rnd.IntN(700)-360))
		case 3: // Mantissas of up to 40 digits.
			checkNumber(t, fmt.Sprintf("%d.%020d%019d", rnd.IntN(3), rnd.Uint64(), rnd.Uint64()/2)[:3+rnd.IntN(38)])
		default: // Half-way between two neighbours, exactly or nearly.
			checkNumber(t, halfway(rnd))
		}
	}
}

// halfway writes out the decimal half-way between a random float64 of moderate size and its neighbour, or one near it.
func halfway(rnd *rand.Rand) string {
	x := math.Ldexp(1+rnd.Float64(), rnd.IntN(120)-60)
	sum := new(big.Float).SetPrec(200).Add(big.NewFloat(x), big.NewFloat(math.Nextafter(x, math.Inf(1))))
	s := sum.Quo(sum, big.NewFloat(2)).Text('f', 120)
	s = strings.TrimRight(s, "0")
	switch rnd.IntN(3) {
	case 0:
		s += "1"
	case 1:
		s = s[:len(s)-1] + "4"
	}
	return strings.TrimSuffix(s, ".")
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{
		"0", "-0.5e-7", "01", "1.", ".5", "1e", "1e400", "5e-324", "12345678901234567890123456789", "-", "+1",
		"9007199254740993", "2.4703282292062327e-324", "1.7976931348623159e308", "123,", "1e5e5",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value, end, ok := parseNumber(padNumber(s), 0)
		if !ok {
			if len(s) > 0 && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s)) {
				t.Fatalf("parseNumber(%q) is not ok, but encoding/json takes it", s)
			}
			return
		}
		if end > len(s) || !json.Valid([]byte(s[:end])) {
			t.Fatalf("parseNumber(%q) ends at %d: encoding/json does not take that", s, end)
		}
		if end < len(s) && json.Valid([]byte(s)) && !strings.Contains(" \t\r\n", s[end:end+1]) {
			t.Fatalf("parseNumber(%q) ends at %d, but encoding/json takes all of it", s, end)
		}
		want, _ := strconv.ParseFloat(s[:end], 64)
		if math.Float64bits(value) != math.Float64bits(want) {
			t.Fatalf("parseNumber(%q) = %v, strconv has %v", s, value, want)
		}
	})
}

func TestNumTextTellsNumbersFromMissingAndFromText(t *testing.T) {
	for _, test := range []struct {
		name, in string
		value    float64
		kind     numKind
	}{
		{"an integer", "42", 42, numFinite},
		{"a negative decimal", "-1.25", -1.25, numFinite},
		{"spaces and tabs around", " \t7.5 \t", 7.5, numFinite},
		{"a leading plus", "+3e2", 300, numFinite},
		{"leading zeros", "007", 7, numFinite},
		{"no digit before the point", ".5", 0.5, numFinite},
		{"no digit before the point behind a sign", "-.5", -0.5, numFinite},
		{"no digit behind the point", "5.", 5, numFinite},
		{"no digit behind the point but an exponent", "5.e1", 50, numFinite},
		{"a long number", "0." + strings.Repeat("3", 200), 1.0 / 3, numFinite},
		{"a number that rounds to zero", "1e-400", 0, numFinite},
		{"NaN", "NaN", 0, numMissing},
		{"nan with a sign", "-nan", 0, numMissing},
		{"inf", "inf", 0, numMissing},
		{"Infinity with a sign and spaces", " -Infinity ", 0, numMissing},
		{"INF with a plus", "+INF", 0, numMissing},
		{"a number beyond float64", "1e400", 0, numMissing},
		{"empty", "", 0, numNotNumber},
		{"only spaces", "  \t", 0, numNotNumber},
		{"a sign", "-", 0, numNotNumber},
		{"a point", ".", 0, numNotNumber},
		{"a point behind a sign", "+.", 0, numNotNumber},
		{"an exponent of nothing", "e5", 0, numNotNumber},
		{"a point and an exponent", ".e5", 0, numNotNumber},
		{"a cut exponent", "1e", 0, numNotNumber},
		{"a decimal comma", "1,5", 0, numNotNumber},
		{"a hexadecimal float", "0x1p-2", 0, numNotNumber},
		{"a hexadecimal integer", "0xff", 0, numNotNumber},
		{"underscores", "1_000", 0, numNotNumber},
		{"a space inside", "1 000", 0, numNotNumber},
		{"two signs", "+-1", 0, numNotNumber},
		{"a unit", "5kg", 0, numNotNumber},
		{"a boolean", "true", 0, numNotNumber},
		{"a word that starts as infinity does", "infinite", 0, numNotNumber},
		{"a word longer than infinity", "infinitys", 0, numNotNumber},
		{"a line end", "1\n", 0, numNotNumber},
	} {
		value, kind := numText([]byte(test.in))
		if kind != test.kind || kind == numFinite && value != test.value || kind != numFinite && !math.IsNaN(value) {
			t.Errorf("%s: numText(%q) = %v, %d, want %v, %d", test.name, test.in, value, kind, test.value, test.kind)
		}
	}
}

func FuzzNumText(f *testing.F) {
	for _, s := range []string{
		"1", " +1.5e3 ", "nan", "-Inf", "infinity", "0x1p3", "1_0", "1,5", "", ".", "1e400", "00.1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value, kind := numText([]byte(s))
		trimmed := strings.Trim(s, " \t")
		want, err := strconv.ParseFloat(trimmed, 64)
		wantKind := numFinite
		switch {
		case strings.ContainsAny(trimmed, "xX_pP"):
			wantKind = numNotNumber
		case math.IsNaN(want) || math.IsInf(want, 0) || strings.EqualFold(strings.TrimLeft(trimmed, "+-"), "nan"):
			wantKind = numMissing // strconv takes no sign before nan, numText takes one.
			if len(trimmed) > 4 && strings.EqualFold(trimmed[len(trimmed)-3:], "nan") {
				wantKind = numNotNumber
			}
		case err != nil:
			wantKind = numNotNumber
		}
		if kind != wantKind || kind == numFinite && math.Float64bits(value) != math.Float64bits(want) {
			t.Fatalf("numText(%q) = %v, %d; strconv has %v, %v", s, value, kind, want, err)
		}
	})
}

func TestReadingNumbersDoesNotAllocate(t *testing.T) {
	b := padNumber("0.12345678901234567,1234567890123456789012345,5e-324")
	text := []byte(" +0.12345678901234567")
	if n := testing.AllocsPerRun(100, func() {
		_, end, _ := parseNumber(b, 0)
		_, end, _ = parseNumber(b, end+1)
		_, _, _ = parseNumber(b, end+1)
		numText(text)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// benchNumbers are the numbers of the benchmarks, by how they are written.
func benchNumbers(digits int) (joined []byte, each []string) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 1024 {
		s := strconv.Itoa(rnd.IntN(100))
		if digits > 2 {
			s = strconv.FormatFloat(rnd.NormFloat64()*10, 'g', digits, 64)
		}
		each = append(each, s)
	}
	return padNumber(strings.Join(each, ",") + ","), each
}

func BenchmarkParseNumber(b *testing.B) {
	for _, digits := range []int{2, 6, 17} {
		joined, each := benchNumbers(digits)
		b.Run(fmt.Sprintf("%ddigits/own", digits), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); {
				_, end, ok := parseNumber(joined, i)
				if !ok {
					b.Fatal("no number")
				}
				if i = end + 1; joined[i] == 0 {
					i = 0
				}
			}
		})
		b.Run(fmt.Sprintf("%ddigits/strconv", digits), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := strconv.ParseFloat(each[i&1023], 64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
