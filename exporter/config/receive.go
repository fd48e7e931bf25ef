package config

import (
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The default bounds of a receiver, in bytes.
const (
	kibi         = 1 << 10
	mebi         = 1 << 20
	gibi         = 1 << 30
	tebi         = 1 << 40
	defaultBody  = 4 * mebi
	defaultSpool = gibi
)

// receiverName is what can be an element of a path on every system, and of a URL without an escape.
var receiverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// received is a receiver that the file names, and where.
type received struct {
	*Receive
	at node
}

func (l *loader) receiveKeys(r *Receive) []key {
	return []key{
		{"name", func(v node) { l.readReceiverName(v, r) }, "name: churn"},
		{"token_file", func(v node) { l.readPath(v, &r.TokenFile) }, ""},
		{"spool", func(v node) { l.readPath(v, &r.Spool) }, ""},
		{"max_body", func(v node) { v.size(&r.MaxBody, kibi, 64*mebi) }, ""},
		{"max_spool", func(v node) { v.size(&r.MaxSpool, mebi, tebi) }, ""},
		{"sync", func(v node) { v.boolean(&r.Sync) }, ""},
	}
}

func (l *loader) readReceive(n node, s *Source) {
	r := &Receive{MaxBody: defaultBody, MaxSpool: defaultSpool}
	if !n.mapping("a mapping such as {name: churn}", l.receiveKeys(r)) {
		return
	}
	if r.MaxSpool/4 < r.MaxBody {
		n.problem("max_spool is %s, less than four times the %s of max_body; raise it or lower that",
			sizeText(r.MaxSpool), sizeText(r.MaxBody))
	}
	s.Receive = r
	l.receivers = append(l.receivers, received{r, n})
}

func (l *loader) readReceiverName(n node, r *Receive) {
	var name string
	if !n.word(&name) {
		return
	}
	if !receiverName.MatchString(name) {
		n.problem("%s cannot be part of a path; write letters, digits and . _ - with a letter or digit first, 63 at most",
			shorten(name))
		return
	}
	for _, o := range l.receivers {
		if strings.EqualFold(o.Name, name) {
			n.problem("is also the name of the receiver on line %d; give every receiver a name of its own", o.at.line)
			return
		}
	}
	r.Name = name
}

// isReceived reports whether an entry says that its records are sent, and reports what cannot stand beside that.
func (n node) isReceived() bool {
	receive, ok := n.find("receive")
	if !ok {
		return false
	}
	if _, both := n.find("path"); both {
		receive.problem("has no place beside path; make two entries of them")
	}
	if format, both := n.find("format"); both && format.Value != string(JSONL) {
		format.problem("what is received becomes jsonl; remove it")
	}
	return true
}

// checkReceived reports a mapping of what cannot be received.
func (s *Source) checkReceived(n node) {
	for _, name := range []string{"preset", "mapping"} {
		if own, ok := n.find(name); ok && s.Spec.Format == string(CSV) {
			own.problem("reads csv, but what is received becomes JSON Lines; use one of the format jsonl or cloudevents")
		}
	}
}

// placeSpools finds out where receivers keep records that do not say it themselves. That depends on state, which may
// stand behind them.
func (l *loader) placeSpools(c *Config) {
	for _, r := range l.receivers {
		switch {
		case r.Spool != "":
		case c.State.Path != "":
			r.Spool = filepath.Join(c.State.Path, "spool")
		default:
			r.at.problem("needs a folder for what has not been counted yet; " +
				"add state: {path: state} to the file, or a spool: here")
		}
	}
}

// units are those of sizes, the largest first.
var units = []struct {
	name  string
	bytes int64
}{{"TiB", tebi}, {"GiB", gibi}, {"MiB", mebi}, {"KiB", kibi}, {"B", 1}}

// size reads a number of bytes in a range.
func (n node) size(dst *int64, least, most int64) bool {
	const example = "a size such as 512KiB, 4MiB or 1GiB"
	if !n.is(yaml.ScalarNode, example) {
		return false
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(n.Value, u.name)
		if !ok {
			continue
		}
		value, err := strconv.ParseInt(number, 10, 64)
		if err != nil || number[0] == '+' || value > math.MaxInt64/u.bytes {
			break
		}
		if value *= u.bytes; value < least || value > most {
			n.problem("must be from %s to %s, not %s", sizeText(least), sizeText(most), n.Value)
			return false
		}
		return assign(dst, value)
	}
	n.problem("must be %s, not %s", example, n)
	return false
}

// sizeText writes a number of bytes as the file does, in the largest unit that leaves nothing over.
func sizeText(bytes int64) string {
	for _, u := range units {
		if bytes%u.bytes == 0 && bytes >= u.bytes {
			return strconv.FormatInt(bytes/u.bytes, 10) + u.name
		}
	}
	return "0B"
}
