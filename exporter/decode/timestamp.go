package decode

import "math"

// The whole seconds since the epoch whose nanoseconds int64 holds at any fraction: 1677-09-21 to 2262-04-11.
const (
	timeMinSecond = math.MinInt64/1_000_000_000 + 1
	timeMaxSecond = math.MaxInt64/1_000_000_000 - 1
)

// parseTime reads an event time from a string, in nanoseconds since the epoch. It takes
//
//   - RFC 3339 times: 2026-03-14T09:26:53.123456Z, with an optional fraction behind a point or a comma, whose digits
//     from the tenth on are dropped, and a zone Z, ±hh:mm, ±hhmm or ±hh; t and z may be lower case;
//   - the same with a space instead of the T, and without a zone, as pandas writes it; no zone means UTC;
//   - a date alone, which means its midnight in UTC;
//   - a number since the epoch, as epochText reads it.
//
// A second 60, which RFC 3339 has for leap seconds, is the first second of the next minute. ok is false for anything
// else, for dates that no calendar has, and for times outside of 1677-09-21 to 2262-04-11.
func parseTime(b []byte) (ns int64, ok bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return epochText(b)
	}
	year, month, day := timeTwo(b, 0)*100+timeTwo(b, 2), timeTwo(b, 5), timeTwo(b, 8)
	if year < 0 || month < 1 || month > 12 || day < 1 || day > timeMonthDays(year, month) {
		return 0, false
	}
	second := timeDays(year, month, day) * 86400
	nano := 0
	if len(b) > 10 {
		clock, fraction, ok := timeClock(b[10:])
		if !ok {
			return 0, false
		}
		second, nano = second+clock, fraction
	}
	if second < timeMinSecond || second > timeMaxSecond {
		return 0, false
	}
	return int64(second)*1_000_000_000 + int64(nano), true
}

// timeTwo is the two digits at b[i], or a negative number of a magnitude that no further digits make positive.
func timeTwo(b []byte, i int) int {
	tens, ones := b[i]-'0', b[i+1]-'0'
	if tens > 9 || ones > 9 {
		return -10000
	}
	return int(tens)*10 + int(ones)
}

// timeMonthDays is the number of days of a month in the Gregorian calendar.
func timeMonthDays(year, month int) int {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (month+month>>3)&1 // 31 in odd months up to July and in even months from August on.
}

// timeDays is the number of days from 1970-01-01 to a date of the years 0 to 9999 in the Gregorian calendar. Years are
// taken to start in March, so that the leap day is the last one; (153*m+2)/5 are the days before the m-th month since
// March. The 400 years that keep year 0 positive have 146097 days; from 0000-03-01 to the epoch there are 719468.
func timeDays(year, month, day int) int {
	year += 400
	month -= 3
	if month < 0 {
		year, month = year-1, month+12
	}
	return year*365 + year/4 - year/100 + year/400 + (153*month+2)/5 + day - 1 - 719468 - 146097
}

// timeClock reads what follows the date: a separator, hh:mm:ss, fraction and zone. It returns the seconds of the day
// minus those of the zone, and the nanoseconds.
func timeClock(b []byte) (second, nano int, ok bool) {
	if len(b) < 9 || b[0]|0x20 != 't' && b[0] != ' ' || b[3] != ':' || b[6] != ':' {
		return 0, 0, false
	}
	hour, minute, sec := timeTwo(b, 1), timeTwo(b, 4), timeTwo(b, 7)
	if uint(hour) > 23 || uint(minute) > 59 || uint(sec) > 60 {
		return 0, 0, false
	}
	second = hour*3600 + minute*60 + sec
	i := 9
	if i < len(b) && (b[i] == '.' || b[i] == ',') {
		first := i + 1
		unit := 100_000_000
		for i = first; i < len(b) && b[i]-'0' <= 9; i++ {
			nano += int(b[i]-'0') * unit
			unit /= 10
		}
		if i == first {
			return 0, 0, false
		}
	}
	offset, ok := timeZone(b[i:])
	return second - offset, nano, ok
}

// timeZone reads a zone to the end of b, in seconds east of UTC.
func timeZone(b []byte) (offset int, ok bool) {
	switch {
	case len(b) == 0:
		return 0, true
	case b[0]|0x20 == 'z':
		return 0, len(b) == 1
	case len(b) < 3 || b[0] != '+' && b[0] != '-':
		return 0, false
	}
	hour, minute := timeTwo(b, 1), 0
	switch {
	case len(b) == 6 && b[3] == ':':
		minute = timeTwo(b, 4)
	case len(b) == 5:
		minute = timeTwo(b, 3)
	case len(b) != 3:
		return 0, false
	}
	if uint(hour) > 23 || uint(minute) > 59 {
		return 0, false
	}
	offset = hour*3600 + minute*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// timeUnit is the unit, in nanoseconds, of a time since the epoch whose magnitude before the point is whole. Below 1e11
// it is seconds (to the year 5138), below 1e14 milliseconds (from 1973 on), below 1e17 microseconds (from 1973 on), and
// from there on nanoseconds (from 1973 on). Times between 1966 and 1973 in a unit smaller than seconds are thus
// misread; no prediction log has them.
func timeUnit(whole uint64) uint64 {
	switch {
	case whole < 1e11:
		return 1_000_000_000
	case whole < 1e14:
		return 1_000_000
	case whole < 1e17:
		return 1_000
	}
	return 1
}

// epochTime takes x as a time since the epoch in seconds, milliseconds, microseconds or nanoseconds, by its magnitude:
// see timeUnit. The result is rounded to the nearest nanosecond, but float64 itself resolves today's times to 0.2 µs
// only. ok is false if x is not finite or the time lies outside of 1677-09-21 to 2262-04-11.
func epochTime(x float64) (ns int64, ok bool) {
	if !(math.Abs(x) < math.MaxInt64) {
		return 0, false
	}
	whole, fraction := math.Modf(x)
	unit := int64(timeUnit(uint64(math.Abs(whole))))
	if second := whole / (1e9 / float64(unit)); second < timeMinSecond || second > timeMaxSecond {
		return 0, false
	}
	return int64(whole)*unit + int64(math.Round(fraction*float64(unit))), true
}

// epochText is epochTime of a decimal number in text, as numText reads it, but keeps every digit of numbers without an
// exponent, so that nanoseconds since the epoch come out as they were written; below nanoseconds it truncates.
func epochText(b []byte) (ns int64, ok bool) {
	i := 0
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		i++
	}
	first := i
	whole := uint64(0)
	for ; i < len(b) && b[i]-'0' <= 9 && i-first < numMaxDigits; i++ {
		whole = whole*10 + uint64(b[i]-'0')
	}
	if i == first {
		return epochLoose(b)
	}
	billionths := uint64(0)
	if i < len(b) && b[i] == '.' {
		place := uint64(100_000_000)
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
			billionths += uint64(b[i]-'0') * place
			place /= 10
		}
	}
	if i < len(b) {
		return epochLoose(b)
	}
	unit := timeUnit(whole)
	part := billionths * unit / 1_000_000_000
	if whole > (math.MaxInt64-part)/unit {
		return 0, false
	}
	ns = int64(whole*unit + part)
	if neg {
		ns = -ns
	}
	return ns, true
}

// epochLoose is epochText by way of float64, for numbers in unusual notation.
func epochLoose(b []byte) (ns int64, ok bool) {
	value, kind := numText(b)
	if kind != numFinite {
		return 0, false
	}
	return epochTime(value)
}
