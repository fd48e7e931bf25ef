package decode

// clock reads event times of records that follow each other: they mostly lie in the minute of the one before, of which
// then only the seconds have to be read. That makes decoding a log 6% faster.
type clock struct {
	// first and second are the sixteen bytes of the last time up to its minute, minute is what they mean.
	first, second uint64
	minute        int64
	known         bool
}

// parse is parseTime of b[i:end], behind which at least Padding bytes must be readable.
func (c *clock) parse(b []byte, i, end int) (ns int64, ok bool) {
	const seconds = len("2006-01-02T15:04")
	if end-i > seconds && load8(b, i) == c.first && load8(b, i+8) == c.second && c.known {
		if past, ok := secondsOf(b[i+seconds : end]); ok {
			return c.minute + past, true
		}
	}
	ns, ok = parseTime(b[i:end])
	if ok && end-i > seconds {
		if past, plain := secondsOf(b[i+seconds : end]); plain {
			c.first, c.second, c.minute, c.known = load8(b, i), load8(b, i+8), ns-past, true
		}
	}
	return ns, ok
}

// secondsOf reads what follows the minute of a time in UTC: ":05Z", or with up to nine digits of fraction
// ":05.123Z". It leaves everything else, a leap second too, to parseTime.
func secondsOf(s []byte) (ns int64, ok bool) {
	if len(s) < 4 || s[0] != ':' || s[1] < '0' || s[1] > '5' || s[2] < '0' || s[2] > '9' || s[len(s)-1] != 'Z' {
		return 0, false
	}
	ns = int64(s[1]-'0')*10 + int64(s[2]-'0')
	fraction := s[3 : len(s)-1]
	if len(fraction) == 0 {
		return ns * 1e9, true
	}
	if fraction[0] != '.' || len(fraction) == 1 || len(fraction) > 10 {
		return 0, false
	}
	for _, c := range fraction[1:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		ns = ns*10 + int64(c-'0')
	}
	for digits := len(fraction) - 1; digits < 9; digits++ {
		ns *= 10
	}
	return ns, true
}
