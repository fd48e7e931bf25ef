package mapping

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// Path says where in a record a value stands. It is compiled once and used by any number of goroutines.
//
// The language is a strict subset of JMESPath: names joined by dots, names in double quotes, [n] and [-n] for a part of
// a list, [*] for all of them, || for the first alternative that is there, and @ for the record itself. Paths that
// users of SageMaker already have, such as instances[*].features, mean what they mean there, with one difference: [*]
// keeps a null for a part that lacks the rest of the path, because rows must stay in line with each other.
//
// The subset is our own, though libraries for the whole language exist: it allocates nothing, what it builds is no
// larger than what it reads, and there are no functions and filters for logic to hide in.
type Path struct {
	text         string
	alternatives []alternative
}

// alternative is one way to a value. No steps stand for the record itself.
type alternative struct {
	root  root
	steps []step
}

// root is where an alternative begins.
type root uint8

const (
	rootRecord root = iota
	rootPath        // what the path of the file tells: _path
	rootRead        // how the record was read: _read
)

// step leads from a value to one in it.
type step struct {
	key   string // of an object
	index int    // of a list, where there is no key
	named bool
	all   bool // every part of a list
}

// String returns the path as it was written.
func (p *Path) String() string {
	if p == nil {
		return ""
	}
	return p.text
}

// maxSteps bounds the length of a path.
const maxSteps = 64

// ParsePath compiles a path. An error tells the position of the fault, counted in bytes from 1.
func ParsePath(text string) (*Path, error) {
	s := pathScanner{text: text}
	p := &Path{text: text}
	for {
		a, err := s.alternative()
		if err != nil {
			return nil, err
		}
		p.alternatives = append(p.alternatives, a)
		s.blanks()
		if s.at == len(text) {
			return p, nil
		}
		if !strings.HasPrefix(text[s.at:], "||") {
			return nil, s.fault("there is more behind the path; join names with dots, and put unusual ones in double quotes")
		}
		s.at += 2
	}
}

type pathScanner struct {
	text string
	at   int
}

func (s *pathScanner) fault(format string, args ...any) error {
	return fmt.Errorf("at position %d: %s", s.at+1, fmt.Sprintf(format, args...))
}

func (s *pathScanner) blanks() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
}

// next returns the next byte, 0 at the end.
func (s *pathScanner) next() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *pathScanner) alternative() (alternative, error) {
	var a alternative
	s.blanks()
	switch c := s.next(); c {
	case '@':
		s.at++
	case '[':
	default:
		key, err := s.key()
		if err != nil {
			return a, err
		}
		switch {
		case key == "_path" && c != '"':
			a.root = rootPath
		case key == "_read" && c != '"':
			a.root = rootRead
		default:
			a.steps = append(a.steps, step{key: key, named: true})
		}
	}
	for {
		var one step
		var err error
		switch s.next() {
		case '.':
			s.at++
			one.named = true
			one.key, err = s.key()
		case '[':
			one, err = s.bracket()
		default:
			return a, nil
		}
		if err != nil {
			return a, err
		}
		if a.steps = append(a.steps, one); len(a.steps) > maxSteps {
			return a, s.fault("the path has more than %d steps", maxSteps)
		}
	}
}

// key reads a name, or one in double quotes, which is written as a JSON string.
func (s *pathScanner) key() (string, error) {
	from := s.at
	if s.next() == '"' {
		for s.at++; s.next() != '"'; s.at++ {
			if s.next() == '\\' {
				s.at++
			}
			if s.at >= len(s.text) {
				s.at = from
				return "", s.fault("a quote is not closed")
			}
		}
		s.at++
		var key string
		if err := json.Unmarshal([]byte(s.text[from:s.at]), &key); err != nil {
			s.at = from
			return "", s.fault("%s is no JSON string", s.text[from:min(len(s.text), from+40)])
		}
		return key, nil
	}
	for c := s.next(); isLetter(c) || s.at > from && isDigit(c); c = s.next() {
		s.at++
	}
	switch {
	case s.at > from:
		return s.text[from:s.at], nil
	case s.at == len(s.text):
		return "", s.fault("a name is missing")
	default:
		return "", s.fault("a name cannot begin with %q; put it in double quotes", s.next())
	}
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// bracket reads [n] or [*].
func (s *pathScanner) bracket() (step, error) {
	from := s.at
	end := strings.IndexByte(s.text[from:], ']')
	if end < 0 {
		return step{}, s.fault("a bracket is not closed")
	}
	inner := s.text[from+1 : from+end]
	s.at += end + 1
	if inner == "*" {
		return step{all: true}, nil
	}
	index, err := strconv.ParseInt(inner, 10, 32)
	if err != nil || inner[0] == '+' {
		s.at = from
		return step{}, s.fault("brackets hold a whole number or *, not %q", inner)
	}
	return step{index: int(index)}, nil
}

// roots are the values at which paths begin.
type roots struct {
	record, path, read decode.Value
}

// in returns the value at the path. Of several alternatives it is the first that is something in the sense of JMESPath:
// not null, false, or an empty text, list or object; and if none is, the last one. What [*] gives is added to t, in
// which the record must be.
func (p *Path) in(t *decode.Tree, from roots) decode.Value {
	var v decode.Value
	if p == nil {
		return v
	}
	for i := range p.alternatives {
		a := &p.alternatives[i]
		start := from.record
		switch a.root {
		case rootPath:
			start = from.path
		case rootRead:
			start = from.read
		}
		if v = walk(t, start, a.steps); isSomething(v) {
			return v
		}
	}
	return v
}

func isSomething(v decode.Value) bool {
	switch v.Kind() {
	case decode.None, decode.Null, decode.False:
		return false
	case decode.List, decode.Object:
		return v.Len() > 0
	case decode.String, decode.Bare:
		from, to := v.Span()
		return to > from
	default:
		return true
	}
}

func walk(t *decode.Tree, v decode.Value, steps []step) decode.Value {
	for i := range steps {
		switch s := &steps[i]; {
		case s.all:
			return walkAll(t, v, steps[i+1:])
		case s.named:
			v = v.Member(s.key)
		default:
			v = v.Index(s.index)
		}
		if v.Kind() == decode.None {
			return v
		}
	}
	return v
}

// walkAll returns the list of what the steps lead to from each part of a list.
func walkAll(t *decode.Tree, v decode.Value, steps []step) decode.Value {
	if v.Kind() != decode.List {
		return decode.Value{}
	}
	if len(steps) == 0 {
		return v
	}
	// A path that goes through further lists adds them where they are to stand, so they are not copied.
	nested := false
	for i := range steps {
		nested = nested || steps[i].all
	}
	n := v.Len()
	list := t.Open(decode.List)
	parts := v.Parts()
	for part, ok := parts.Next(); ok; part, ok = parts.Next() {
		found := walk(t, part, steps)
		switch {
		case found.Kind() == decode.None:
			t.Add(decode.Null)
		case !nested || !t.IsLast(found):
			t.AddCopy(found)
		}
	}
	t.Close(list, n)
	return list
}
