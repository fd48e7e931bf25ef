package main

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// The shipped rules wait for minutes and the example for Alertmanager for hours, as is right for models whose windows
// are days. In the demo a minute is a month, so the same files are used with shorter durations: this is the only place
// that changes them.
//
// Divided by the factor are the keys that say how long something waits, the ranges and offsets of expressions, and
// thresholds in seconds. Other numbers of expressions stay as they are, and so do words in descriptions.
//
// What looks back at other days is divided by the factor twice: nobody watches the demo for the three hours that are a
// week divided by 60. A day is 24 seconds there.
var (
	keys    = regexp.MustCompile(`(?m)^(\s*(?:keep_firing_for|interval|group_interval|repeat_interval): )(\w+)$`)
	fors    = regexp.MustCompile(`(?m)^(\s*for: )(\w+)$`)
	groups  = regexp.MustCompile(`(?m)^(\s*group_wait: )(\w+)$`)
	ranges  = regexp.MustCompile(`(\[)(\w+)([]:])`)
	offsets = regexp.MustCompile(`(\boffset )(\w+)`)
	// Offsets of ten hours or more, and ranges that have one.
	dayRanges  = regexp.MustCompile(`(\[)(\w+)(\] offset (?:\d{2,}h|\d+d))`)
	dayOffsets = regexp.MustCompile(`(\boffset )(\d{2,}h|\d+d)`)
	seconds    = regexp.MustCompile(
		`(?m)(vector\()(\d+)(\)\n\s+labels:\n(?:\s+(?:severity|model): \w+\n)*\s+statistic: \w+_seconds$)`)
)

// What durations become at least.
const (
	// shortest is once a second, as often as Prometheus looks.
	shortest = time.Second
	// shortestRange is so long that some scrapes may be missed.
	shortestRange = 5 * time.Second
	// shortestFor is longer than the five seconds that Prometheus takes after its start before it scrapes, lest the
	// exporter seem to be down.
	shortestFor = 10 * time.Second
	// shortestGroup leaves alerts that silence others some seconds to come.
	shortestGroup = 5 * time.Second
)

// scale returns rules, or a configuration of Alertmanager, with all durations divided by the factor and rounded up to
// whole seconds.
func scale(content []byte, factor float64) []byte {
	replace := func(pattern *regexp.Regexp, value func(string) (string, bool)) {
		content = pattern.ReplaceAllFunc(content, func(found []byte) []byte {
			parts := pattern.FindSubmatch(found)
			scaled, ok := value(string(parts[2]))
			if !ok {
				return found // a word that is no duration, such as the label in group_by: [model]
			}
			parts[2] = []byte(scaled)
			return bytes.Join(parts[1:], nil)
		})
	}
	duration := func(atLeast time.Duration) func(string) (string, bool) {
		return func(text string) (string, bool) {
			d, err := model.ParseDuration(text)
			whole := time.Duration(math.Ceil(time.Duration(d).Seconds()/factor)) * time.Second
			return model.Duration(max(whole, atLeast)).String(), err == nil && d > 0
		}
	}
	replace(keys, duration(shortest))
	replace(fors, duration(shortestFor))
	replace(groups, duration(shortestGroup))
	replace(dayRanges, duration(0))
	replace(dayOffsets, duration(0))
	replace(ranges, duration(shortestRange))
	replace(offsets, duration(shortest))
	replace(seconds, func(text string) (string, bool) {
		n, err := strconv.ParseFloat(text, 64)
		return strconv.FormatFloat(max(math.Ceil(n/factor), shortestRange.Seconds()), 'g', -1, 64), err == nil
	})
	return content
}
