package decode

// clock reads event times of records that follow each other: they mostly lie in the minute of the one before, of which
// then only the seconds have to be read. That makes decoding a log 6% faster.
type clock struct {
	// first and second are the sixteen bytes of the last time up to its minute, minute is what they mean.
	first, second uint64
	minute        int64
	known         bool
}

// toMinute is the length of a time up to its minute.
const toMinute = len("2006-01-02T15:04")

// parse is parseTime of b[i:end], behind which at least Padding bytes must be readable.
func (c *clock) parse(b []byte, i, end int) (ns int64, ok bool) {
	if ns, after := c.follow(b, i); after == end && after > 0 {
		return ns, true
	}
	ns, ok = parseTime(b[i:end])
	if ok && end-i > toMinute {
		if past, after := seconds(b, i+toMinute); after == end && after > 0 {
			c.first, c.second, c.minute, c.known = load8(b, i), load8(b, i+8), ns-past, true
		}
	}
	return ns, ok
}

// follow reads a time in the minute of the one before from b[i:], behind which at least Padding bytes must be readable,
// and returns the index behind it; 0 if there is none.
func (c *clock) follow(b []byte, i int) (ns int64, end int) {
	if load8(b, i) != c.first || load8(b, i+8) != c.second || !c.known {
		return 0, 0
	}
	ns, end = seconds(b, i+toMinute)
	return c.minute + ns, end
}

// milliseconds is ":00.000Z" as a little-endian word. milliLimits is what may be added to each of its bytes, be it a
// digit of such a time or not one, before its highest bit is set.
const (
	milliseconds = 0x5a3030302e30303a
	milliLimits  = 0x7f7676767f767a7f
)

// seconds reads what follows the minute of a time in UTC: ":05Z", or with up to nine digits of fraction
// ":05.123Z". It returns the index behind it, and leaves everything else, a leap second too, to parseTime: then it
// returns 0.
func seconds(b []byte, i int) (ns int64, end int) {
	// Most logs have milliseconds. Then these are eight bytes, which read as digits, the others as zeros, are 100,000 for
	// each second and 10 for each millisecond.
	if x := load8(b, i) ^ milliseconds; (x+milliLimits|x)&highs == 0 {
		n := numEight(x)
		return int64(n/1e5*1e9 + n%1e5*1e5), i + 8
	}
	tens, one := b[i+1]-'0', b[i+2]-'0'
	if b[i] != ':' || tens > 5 || one > 9 {
		return 0, 0
	}
	ns = (int64(tens)*10 + int64(one)) * 1e9
	i += 3
	if b[i] == '.' {
		fraction, end := numDigits(b, i+1, 0)
		digits := end - i - 1
		if digits == 0 || digits > 9 {
			return 0, 0
		}
		ns += int64(fraction * numTens[9-digits])
		i = end
	}
	if b[i] != 'Z' {
		return 0, 0
	}
	return ns, i + 1
}
