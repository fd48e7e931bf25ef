package config

import (
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// The words of start_at.
const (
	beginning = "beginning"
	end       = "end"
)

// String returns the value as the file has it.
func (s StartAt) String() string {
	switch {
	case s.End:
		return end
	case s.Back > 0:
		return model.Duration(s.Back).String()
	default:
		return beginning
	}
}

func readStartAt(n node, dst *StartAt) {
	const want = "beginning, end or a duration back such as 7d"
	switch {
	case !n.is(yaml.ScalarNode, want):
	case n.Value == beginning:
		*dst = StartAt{}
	case n.Value == end:
		*dst = StartAt{End: true}
	case !strings.ContainsFunc(n.Value, unicode.IsDigit):
		n.problem("must be %s, not %s", want, n)
	default:
		n.duration(&dst.Back, time.Second, longestSpan)
	}
}

// checkStartAt reports a start that the log does not have.
func checkStartAt(n node, s *Source) {
	at, ok := n.find("start_at")
	switch {
	case !ok:
	case s.Receive != nil:
		at.problem("what is received has no past; remove it")
	case s.Path == Stdin && s.StartAt.End:
		at.problem("the end of the standard input is where nothing comes any more; remove it")
	}
}
