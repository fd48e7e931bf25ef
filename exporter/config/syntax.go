package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkCharacters reports the first character that YAML does not allow, which the YAML package would report without
// its place.
func checkCharacters(data []byte, to *problems) bool {
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			line, column := position(text, i)
			to.add(line, column, "the byte 0x%02x is not UTF-8; save the file as UTF-8", text[i])
			return false
		}
		control := unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r)
		if control || r == 0xfeff || r == 0xfffe || r == 0xffff {
			line, column := position(text, i)
			to.add(line, column, "the character %U is not allowed in YAML; remove it", r)
			return false
		}
		i += size
	}
	return true
}

// position returns the line and column, in characters from 1, of an offset.
func position(text []byte, offset int) (line, column int) {
	before := text[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

// hint is what to do about a message of the YAML package that starts with text.
type hint struct {
	text string
	// above says that the package counts the lines of this message from 0.
	above  bool
	advice string
}

const (
	checkIndentation = "check the indentation of the lines that follow"
	quoteSpecial     = "put a value that starts with *, &, @, ` or % in quotes, and indent with spaces, not tabs"
)

// hints returns the advice for common mistakes. The messages are those of the YAML package's parser (above) and of its
// scanner, which count lines differently.
func hints() []hint {
	return []hint{
		{"did not find expected key", true, checkIndentation},
		{"did not find expected '-' indicator", true, checkIndentation},
		{"did not find expected ',' or", true, "close the bracket or add the comma"},
		{"did not find expected node content", true, "write the missing value or close the bracket"},
		{"did not find expected <", true, "remove what stands before the document"},
		{"found undefined tag handle", true, "remove the tag, or put the value in quotes"},
		{"found duplicate %", true, "remove one of the directives"},
		{"found incompatible YAML", true, "remove the %YAML directive"},
		{"mapping values are not allowed", false, "check the indentation, and put a value that holds a colon in quotes"},
		{"could not find expected ':'", false, "write a colon and a space after the key"},
		{"found unexpected end of stream", false, "close the quotes that are opened here or above"},
		{"found unknown escape character", false, `use single quotes, or write a backslash as \\`},
		{"found a tab character", false, "indent with spaces"},
		{"found character that cannot start any token", false, quoteSpecial},
		{"did not find expected alphabetic or numeric", false, quoteSpecial},
	}
}

// addSyntaxError reports an error of the YAML package, which gives a line at best.
func addSyntaxError(data []byte, err error, to *problems) {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	} else if anchor, ok := strings.CutPrefix(text, "unknown anchor '"); ok {
		anchor, _, _ = strings.Cut(anchor, "'")
		to.add(aliasLine(data, anchor), 0,
			"YAML: unknown anchor %q; put a value that starts with * in quotes, as in \"*.jsonl\"", anchor)
		return
	} else {
		line = 0
	}
	advice := "check the YAML on this line and above"
	for _, h := range hints() {
		if strings.HasPrefix(text, h.text) {
			advice = h.advice
			if h.above {
				line++
			}
			break
		}
	}
	last := 1 + bytes.Count(bytes.TrimRight(data, "\n"), []byte("\n"))
	to.add(min(max(line, 1), last), 0, "YAML: %s; %s", text, advice)
}

// aliasLine returns the first line that has the alias where a value may start.
func aliasLine(data []byte, name string) int {
	for number, line := range strings.Split(string(data), "\n") {
		before, _, found := strings.Cut(line, "*"+name)
		comment := strings.HasPrefix(strings.TrimSpace(line), "#")
		if found && !comment && (before == "" || strings.ContainsAny(before[len(before)-1:], " \t[{,")) {
			return number + 1
		}
	}
	return 1
}
