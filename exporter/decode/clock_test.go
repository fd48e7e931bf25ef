package decode

import (
	"strings"
	"testing"
)

// Whatever byte stands in a time with milliseconds, a clock must read it as parseTime does.
func TestClockReadsMilliseconds(t *testing.T) {
	const minute = "2026-01-02T03:04"
	var c clock
	for _, seconds := range []string{":00.000Z", ":59.999Z", ":07.040Z", ":31.506Z"} {
		for at := range seconds {
			for b := range 256 {
				s := minute + seconds[:at] + string([]byte{byte(b)}) + seconds[at+1:]
				padded := s + strings.Repeat("\x00", Padding)
				want, wantOK := parseTime([]byte(s))
				got, ok := c.parse([]byte(padded), 0, len(s))
				if ok != wantOK || ok && got != want {
					t.Errorf("%q is %d (%t), want %d (%t)", s, got, ok, want, wantOK)
				}
			}
		}
	}
}

// However the times before were written, a clock must read each one as parseTime does.
func FuzzClockAgainstParseTime(f *testing.F) {
	for _, pair := range [][2]string{
		{"2026-01-02T03:04:05Z", "2026-01-02T03:04:06.5Z"},
		{"2026-01-02T03:04:60Z", "2026-01-02T03:04:01Z"},
		{"2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05Z"},
		{"2026-01-02 03:04:05.123456789Z", "2026-01-02 03:04:05.1234567890Z"},
		{"2026-01-02T03:04Z", "2026-01-02T03:04:05"},
		{"1700000000.1234567", "1700000000.123456:05Z"},
		{"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00:05Z"},
		{"2026-01-02T03:04:05.Z", "2026-01-02T03:04:5Z"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, before, text string) {
		var c clock
		for _, s := range []string{before, text, before, text, text} {
			b := append([]byte(s), make([]byte, Padding)...)
			want, wantOK := parseTime([]byte(s))
			got, ok := c.parse(b, 0, len(s))
			if ok != wantOK || ok && got != want {
				t.Errorf("%q after %q is %d (%t), want %d (%t)", s, before, got, ok, want, wantOK)
			}
		}
	})
}
