package decode

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// utc is the nanoseconds since the epoch of a time of the standard layout with nanoseconds.
func utc(t testing.TB, s string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999999", s)
	if err != nil {
		t.Fatalf("the test's own time: %v", err)
	}
	return at.UnixNano()
}

func TestParseTimeReadsTheTimesThatLogsHave(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"RFC 3339 in UTC", "2026-03-14T09:26:53Z", "2026-03-14 09:26:53"},
		{"milliseconds", "2026-03-14T09:26:53.123Z", "2026-03-14 09:26:53.123"},
		{"microseconds and a zone", "2026-03-14T09:26:53.123456+05:30", "2026-03-14 03:56:53.123456"},
		{"nanoseconds west of UTC", "2026-03-14T20:26:53.123456789-08:00", "2026-03-15 04:26:53.123456789"},
		{"a fraction of one digit", "2026-03-14T09:26:53.5Z", "2026-03-14 09:26:53.5"},
		{"more than 9 digits are truncated", "2026-03-14T09:26:53.9999999999Z", "2026-03-14 09:26:53.999999999"},
		{"very many digits", "2026-03-14T09:26:53.1" + strings.Repeat("9", 60) + "Z", "2026-03-14 09:26:53.199999999"},
		{"a comma before the fraction", "2026-03-14 09:26:53,123", "2026-03-14 09:26:53.123"},
		{"a space, as pandas writes it", "2026-03-14 09:26:53.123456", "2026-03-14 09:26:53.123456"},
		{"a space and a zone", "2026-03-14 09:26:53+01:00", "2026-03-14 08:26:53"},
		{"no zone is UTC", "2026-03-14T09:26:53", "2026-03-14 09:26:53"},
		{"a zone without a colon", "2026-03-14T09:26:53+0100", "2026-03-14 08:26:53"},
		{"a zone of hours", "2026-03-14 09:26:53+01", "2026-03-14 08:26:53"},
		{"a negative zero zone", "2026-03-14T09:26:53-00:00", "2026-03-14 09:26:53"},
		{"lower case", "2026-03-14t09:26:53z", "2026-03-14 09:26:53"},
		{"a date", "2026-03-14", "2026-03-14 00:00:00"},
		{"a leap day", "2024-02-29T12:00:00Z", "2024-02-29 12:00:00"},
		{"a leap day of a century", "2000-02-29", "2000-02-29 00:00:00"},
		{"a leap second", "2016-12-31T23:59:60Z", "2017-01-01 00:00:00"},
		{"a leap second with a fraction in a zone", "2017-01-01T00:59:60.5+01:00", "2017-01-01 00:00:00.5"},
		{"before the epoch", "1969-12-31T23:59:59.5Z", "1969-12-31 23:59:59.5"},
		{"the first day", "1677-09-22", "1677-09-22 00:00:00"},
		{"the last day", "2262-04-11T23:47:15Z", "2262-04-11 23:47:15"},
		{"an epoch in a string", "1700000000.123", "2023-11-14 22:13:20.123"},
	} {
		got, ok := parseTime([]byte(test.in))
		if want := utc(t, test.want); got != want || !ok {
			t.Errorf("%s: parseTime(%q) = %d, %t, want %d", test.name, test.in, got, ok, want)
		}
	}
}

func TestParseTimeRefusesWhatIsNoTime(t *testing.T) {
	for _, test := range []struct{ name, in string }{
		{"empty", ""},
		{"a word", "yesterday"},
		{"a long word", "the day before yesterday"},
		{"month 0", "2026-00-14"},
		{"month 13", "2026-13-14"},
		{"day 0", "2026-03-00"},
		{"April 31", "2026-04-31"},
		{"November 31", "2026-11-31"},
		{"February 29 of a common year", "2026-02-29"},
		{"February 29 of a common century", "1900-02-29"},
		{"hour 24", "2026-03-14T24:00:00Z"},
		{"minute 60", "2026-03-14T09:60:00Z"},
		{"second 61", "2026-03-14T09:26:61Z"},
		{"no seconds", "2026-03-14T09:26Z"},
		{"no digits in the fraction", "2026-03-14T09:26:53.Z"},
		{"a letter for a digit", "2026-03-14T09:2x:53Z"},
		{"a letter in the year", "2o26-03-14"},
		{"a sign in the month", "2026-+3-14"},
		{"another separator", "2026-03-14_09:26:53Z"},
		{"dots for colons", "2026-03-14T09.26.53Z"},
		{"a cut time", "2026-03-14T09:26:5"},
		{"a date and a separator", "2026-03-14T"},
		{"a named zone", "2026-03-14T09:26:53CET"},
		{"more behind Z", "2026-03-14T09:26:53Z "},
		{"a zone of 24 hours", "2026-03-14T09:26:53+24:00"},
		{"a zone of 60 minutes", "2026-03-14T09:26:53+01:60"},
		{"a cut zone", "2026-03-14T09:26:53+01:"},
		{"a zone of one digit", "2026-03-14T09:26:53+1"},
		{"a zone with another separator", "2026-03-14T09:26:53+01.30"},
		{"letters in a zone", "2026-03-14T09:26:53+ab:cd"},
		{"before 1677-09-21", "1677-09-20T23:59:59Z"},
		{"year 0", "0000-01-01T00:00:00Z"},
		{"after 2262-04-11", "2262-04-12T00:00:00Z"},
		{"year 9999", "9999-12-31T23:59:59Z"},
		{"day before month", "14-03-2026"},
		{"slashes", "2026/03/14 09:26:53"},
	} {
		if got, ok := parseTime([]byte(test.in)); ok {
			t.Errorf("%s: parseTime(%q) = %d, want no time", test.name, test.in, got)
		}
	}
}

func TestDaysAgreeWithTheStandardLibraryFromYear0To9999(t *testing.T) {
	at := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	for want := int(at.Unix() / 86400); at.Year() < 10000; want++ {
		year, month, day := at.Date()
		if got := timeDays(year, int(month), day); got != want {
			t.Fatalf("timeDays(%d, %d, %d) = %d, want %d", year, month, day, got, want)
		}
		if day > timeMonthDays(year, int(month)) {
			t.Fatalf("timeMonthDays(%d, %d) = %d, but there is a day %d", year, month,
				timeMonthDays(year, int(month)), day)
		}
		next := at.AddDate(0, 0, 1)
		if next.Month() != month && day != timeMonthDays(year, int(month)) {
			t.Fatalf("timeMonthDays(%d, %d) = %d, want %d", year, month, timeMonthDays(year, int(month)), day)
		}
		at = next
	}
}

func TestEpochTimeTellsTheUnitByMagnitude(t *testing.T) {
	for _, test := range []struct {
		name string
		in   string
		want string
	}{
		{"seconds", "1700000000", "2023-11-14 22:13:20"},
		{"seconds with a fraction", "1700000000.5", "2023-11-14 22:13:20.5"},
		{"milliseconds", "1700000000123", "2023-11-14 22:13:20.123"},
		{"milliseconds with a fraction", "1700000000123.5", "2023-11-14 22:13:20.1235"},
		{"microseconds", "1700000000123456", "2023-11-14 22:13:20.123456"},
		{"nanoseconds that float64 holds", "1700000000123456000", "2023-11-14 22:13:20.123456"},
		{"zero", "0", "1970-01-01 00:00:00"},
		{"seconds before the epoch", "-1.5", "1969-12-31 23:59:58.5"},
		{"milliseconds before the epoch", "-100000000000", "1966-10-31 14:13:20"},
		{"an exponent", "1.7e9", "2023-11-14 22:13:20"},
		{"the least milliseconds", "100000000000", "1973-03-03 09:46:40"},
		{"the least microseconds", "100000000000000", "1973-03-03 09:46:40"},
		{"the least nanoseconds", "100000000000000000", "1973-03-03 09:46:40"},
		{"the last second", "9223372035", "2262-04-11 23:47:15"},
		{"the first second", "-9223372035", "1677-09-21 00:12:45"},
	} {
		want := utc(t, test.want)
		if got, ok := epochText([]byte(test.in)); got != want || !ok {
			t.Errorf("%s: epochText(%q) = %d, %t, want %d", test.name, test.in, got, ok, want)
		}
		x, err := strconv.ParseFloat(test.in, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := epochTime(x); got != want || !ok {
			t.Errorf("%s: epochTime(%v) = %d, %t, want %d", test.name, x, got, ok, want)
		}
	}
}

func TestEpochTextKeepsEveryDigit(t *testing.T) {
	for _, test := range []struct {
		in   string
		want int64
	}{
		{"1700000000123456789", 1700000000123456789},
		{"1700000000123456789.9", 1700000000123456789},
		{"1700000000.123456789", 1700000000123456789},
		{"1700000000.1234567899", 1700000000123456789},
		{"1700000000123.456789", 1700000000123456789},
		{"-1700000000.123456789", -1700000000123456789},
		{"9223372036854775807", math.MaxInt64},
		{"9223372036.854775807", math.MaxInt64},
		{"+1700000000", 1700000000e9},
		{" 1700000000 ", 1700000000e9},
		{"1700000000.", 1700000000e9},
		{"00000000000000000001700000000", 1700000000e9},
	} {
		if got, ok := epochText([]byte(test.in)); got != test.want || !ok {
			t.Errorf("epochText(%q) = %d, %t, want %d", test.in, got, ok, test.want)
		}
	}
}

func TestEpochRefusesWhatNanosecondsDoNotHold(t *testing.T) {
	for _, s := range []string{
		"", "-", ".", "x", "nan", "inf", "-Infinity", "1e400", "9300000000", "-9300000000", "9223372036.854775808",
		"99999999999", "99999999999999", "9223372036854775808", "99999999999999999999", "1e19", "-1e19", "0x10", "1_0",
		"9223372036854775807000", "1700000000s",
	} {
		if got, ok := epochText([]byte(s)); ok {
			t.Errorf("epochText(%q) = %d, want no time", s, got)
		}
	}
	for _, x := range []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), 9.3e9, -9.3e9, 9.9e10, 9.9e13, 9.9e16, 1 << 63, -(1 << 63), 1e300,
	} {
		if got, ok := epochTime(x); ok {
			t.Errorf("epochTime(%v) = %d, want no time", x, got)
		}
	}
}

// rfc3339 is the part of RFC 3339 on which time.Parse and parseTime must agree. time.Parse alone takes single-digit
// hours, zones of 24 hours and 60 minutes; parseTime alone takes leap seconds.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// checkRFC3339 checks parseTime against time.Parse if s is in their common subset.
func checkRFC3339(t *testing.T, s string) {
	t.Helper()
	got, ok := parseTime([]byte(s))
	if !rfc3339.MatchString(s) || s[17:19] == "60" {
		return
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || at.Unix() < timeMinSecond || at.Unix() > timeMaxSecond {
		if ok {
			t.Fatalf("parseTime(%q) = %d, want no time: time.Parse has %v, %v", s, got, at, err)
		}
		return
	}
	if !ok || got != at.UnixNano() {
		t.Fatalf("parseTime(%q) = %d, %t, time.Parse has %d", s, got, ok, at.UnixNano())
	}
}

func TestParseTimeAgreesWithTimeParseOnRandomTimes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		at := time.Unix(rnd.Int64N(2*9_300_000_000)-9_300_000_000, rnd.Int64N(1_000_000_000))
		zone := time.FixedZone("", (rnd.IntN(2*24*60-1)-24*60+1)*60)
		checkRFC3339(t, at.In(zone).Format(time.RFC3339Nano))
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-03-14T09:26:53Z", "2026-03-14T09:26:53.123456+05:30", "2024-02-29T23:59:59-23:59", "2026-02-29T00:00:00Z",
		"2026-03-14T09:26:53.9999999999Z", "2016-12-31T23:59:60Z", "2026-03-14", "1700000000.5", "2262-04-11T23:47:16Z",
	} {
		f.Add(s)
	}
	f.Fuzz(checkRFC3339)
}

func FuzzEpochText(f *testing.F) {
	for _, s := range []string{"1700000000.123", "-1.5e9", "1700000000123456789", "9223372036.9", "+0", "1e-5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := epochText([]byte(s))
		value, kind := numText([]byte(s))
		if ok && kind != numFinite {
			t.Fatalf("epochText(%q) = %d, but that is no number", s, got)
		}
		if !ok || strings.Contains(s, "99999") { // Nines may round up to the next unit's threshold as float64.
			return
		}
		// The two differ by what float64 cannot hold, which is at most a unit in its last place, and by truncation.
		size := math.Abs(value)
		limit := (math.Nextafter(size, math.Inf(1))-size)*float64(timeUnit(uint64(size))) + 2
		if want, ok := epochTime(value); ok && math.Abs(float64(got-want)) > limit {
			t.Fatalf("epochText(%q) = %d, epochTime(%v) = %d", s, got, value, want)
		}
	})
}

func TestReadingTimesDoesNotAllocate(t *testing.T) {
	text, epoch := []byte("2026-03-14T09:26:53.123456+05:30"), []byte("1700000000.123")
	if n := testing.AllocsPerRun(100, func() {
		parseTime(text)
		parseTime(epoch)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkParseTime(b *testing.B) {
	for _, s := range []string{"2026-03-14T09:26:53.123456Z", "2026-03-14 09:26:53", "1700000000.123"} {
		text := []byte(s)
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := parseTime(text); !ok {
					b.Fatal("no time")
				}
			}
		})
	}
}
