package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// node is a value of the file with what a message about it needs. Its read methods write to dst only what is valid,
// report everything else, and say whether they wrote.
type node struct {
	*yaml.Node
	// line and column are where the value stands; for an alias, where the alias stands.
	line, column int
	to           *problems
	// scope starts every message, as in `model "churn": `; path leads from there to the value.
	scope, path string
}

// problem reports a fault of the value.
func (n node) problem(format string, args ...any) {
	where := n.scope
	if n.path != "" {
		where += n.path + ": "
	}
	n.to.add(n.line, n.column, "%s%s", where, fmt.Sprintf(format, args...))
}

// at returns the value y inside n, with its path.
func (n node) at(y *yaml.Node, path string) node {
	inner := node{y, y.Line, y.Column, n.to, n.scope, path}
	if y.Kind == yaml.AliasNode {
		inner.Node = y.Alias
	}
	return inner
}

// key returns the value y of a key of the mapping n.
func (n node) key(key string, y *yaml.Node) node {
	plain := func(r rune) bool { return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	if strings.Trim(key, "_-") == "" || strings.TrimFunc(key, plain) != "" {
		key = strconv.Quote(key)
	}
	if n.path != "" {
		key = n.path + "." + key
	}
	return n.at(y, key)
}

// find returns the value of a key of a mapping.
func (n node) find(key string) (node, bool) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.at(n.Content[i], ""); k.Kind == yaml.ScalarNode && k.Value == key {
				return n.key(key, n.Content[i+1]), true
			}
		}
	}
	return node{}, false
}

// String names the value in a message.
func (n node) String() string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "null"
	case n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool":
		return n.Value
	}
	return "the text " + shorten(n.Value)
}

// shorten quotes a text and cuts it to the length that a message bears.
func shorten(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return strconv.Quote(string(runes[:most])) + "..."
	}
	return strconv.Quote(text)
}

// is reports whether the value is of the kind, and a problem if it is not.
func (n node) is(kind yaml.Kind, want string) bool {
	known := []string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge", "!!map", "!!seq"}
	switch {
	case !slices.Contains(known, n.Tag):
		n.problem("the tag %s means nothing here; remove it", n.Tag)
	case n.Kind != kind || n.Tag == "!!null":
		n.problem("must be %s, not %s", want, n)
	default:
		return true
	}
	return false
}

// items returns the values of a list that must not be empty.
func (n node) items(want string) []node {
	if !n.is(yaml.SequenceNode, want) {
		return nil
	}
	if len(n.Content) == 0 {
		n.problem("is an empty list; write %s", want)
	}
	return n.elements()
}

// elements returns the values of a list.
func (n node) elements() []node {
	var all []node
	for i, y := range n.Content {
		all = append(all, n.at(y, fmt.Sprintf("%s[%d]", n.path, i)))
	}
	return all
}

// text reads any single value as it is written.
func (n node) text(dst *string) bool {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		n.problem("must be text, not null; put it in quotes if the word is meant")
		return false
	}
	if !n.is(yaml.ScalarNode, "text") {
		return false
	}
	*dst = n.Value
	return true
}

// word reads a text that is not empty.
func (n node) word(dst *string) bool {
	var text string
	if !n.text(&text) {
		return false
	}
	if text == "" {
		n.problem("must not be empty; write a value or remove the key")
		return false
	}
	*dst = text
	return true
}

// dotted reads the path of a field inside a record.
func (n node) dotted(dst *string) bool {
	var text string
	if !n.word(&text) {
		return false
	}
	return n.checkDotted(text) && assign(dst, text)
}

// isDotted reports whether a text is names joined by single dots.
func isDotted(text string) bool { return !slices.Contains(strings.Split(text, "."), "") }

func (n node) checkDotted(text string) bool {
	if !isDotted(text) {
		n.problem("%s has an empty name between its dots; write names joined by single dots, as in output.class",
			shorten(text))
		return false
	}
	return true
}

// choice reads one of a few words.
func choice[T ~string](n node, dst *T, words ...T) bool {
	var list []string
	for _, w := range words {
		list = append(list, string(w))
	}
	last := len(list) - 1
	want := strings.Join(list[:last], ", ") + " or " + list[last]
	if !n.is(yaml.ScalarNode, want) {
		return false
	}
	if !slices.Contains(list, n.Value) {
		n.problem("must be %s, not %s", want, n)
		return false
	}
	return assign(dst, T(n.Value))
}

// boolean reads true or false.
func (n node) boolean(dst *bool) bool {
	value, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || err != nil {
		n.problem("must be true or false without quotes, not %s", n)
		return false
	}
	return assign(dst, value)
}

// whole reads an integer in a range. It is read as it is written: 010 is ten.
func (n node) whole(dst *int, least, most int) bool {
	value, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || value < least || value > most {
		n.problem("must be a whole number from %d to %d, not %s", least, most, n)
		return false
	}
	return assign(dst, value)
}

// number reads a finite number.
func (n node) number(dst *float64) bool {
	value, err := strconv.ParseFloat(n.Value, 64)
	numeric := n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float")
	if !numeric || err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
		n.problem("must be a finite number such as 0.5, not %s", n)
		return false
	}
	return assign(dst, value)
}

// duration reads a duration in a range.
func (n node) duration(dst *time.Duration, least, most time.Duration) bool {
	const example = "write a duration such as 15s, 10m, 24h or 1d12h"
	if !n.is(yaml.ScalarNode, "a duration such as 15s, 10m, 24h or 1d12h") {
		return false
	}
	if n.Value != "" && !strings.ContainsFunc(n.Value, unicode.IsLetter) {
		n.problem("the bare number %s has no unit; %s", n.Value, example)
		return false
	}
	value, err := model.ParseDuration(n.Value)
	if err != nil {
		n.problem("%s is not a duration; %s, the largest unit first", shorten(n.Value), example)
		return false
	}
	if d := time.Duration(value); d < least || d > most {
		n.problem("must be from %s to %s, not %s", model.Duration(least), model.Duration(most), n.Value)
		return false
	}
	return assign(dst, time.Duration(value))
}

// assign writes a value that was found valid.
func assign[T any](dst *T, value T) bool {
	*dst = value
	return true
}
