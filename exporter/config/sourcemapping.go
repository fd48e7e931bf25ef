package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/decode/presets"
)

// native is the preset that stands for none: the log has the exporter's own format.
const native = "native"

// PresetNames lists the presets that a log may have.
func PresetNames() []string { return append([]string{native}, presets.Names()...) }

// Preset returns the mapping of a preset; ok is false if there is none of that name.
func Preset(name string) (spec *mapping.Spec, ok bool) {
	data, ok := presets.Read(name)
	if !ok {
		return nil, false
	}
	spec, err := ParseMapping("preset "+name, data)
	if err != nil {
		panic("bug: " + err.Error())
	}
	return spec, true
}

// ParseMapping reads a mapping from YAML. The name stands for the file in messages. The error joins all problems.
func ParseMapping(name string, data []byte) (*mapping.Spec, error) {
	to := &problems{file: name}
	s := &mapping.Spec{}
	if root, ok := parseDocument(data, to); ok {
		readMapping(root, s)
	}
	if err := to.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// readPreset reads the name of a preset.
func readPreset(n node, dst **mapping.Spec, name *string) {
	var word string
	if !n.word(&word) {
		return
	}
	if word == native {
		*name = ""
		return
	}
	spec, ok := Preset(word)
	if !ok {
		n.problem("%s is no preset; use one of %s", shorten(word), strings.Join(PresetNames(), ", "))
		return
	}
	*dst, *name = spec, word
}

// readInline reads a mapping in the configuration itself, and keeps its YAML in a form of its own.
func readInline(n node, s *Source) {
	spec := &mapping.Spec{}
	if !readMapping(n, spec) {
		return
	}
	left := maxMapping
	text, err := yaml.Marshal(plainCopy(n.Node, &left))
	if err != nil || left < 0 {
		n.problem("is too large; write fewer than %d values", maxMapping)
		return
	}
	s.Spec, s.Mapping = spec, string(text)
}

// maxMapping bounds the values of a mapping.
const maxMapping = 10_000

// plainCopy copies a value without aliases, comments and styles. It stops when nothing is left.
func plainCopy(y *yaml.Node, left *int) *yaml.Node {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	same := &yaml.Node{Kind: y.Kind, Tag: y.Tag, Value: y.Value}
	for _, part := range y.Content {
		if *left--; *left < 0 {
			break
		}
		same.Content = append(same.Content, plainCopy(part, left))
	}
	return same
}

// readMapping reads a mapping over the one that it extends.
func readMapping(n node, s *mapping.Spec) bool {
	if base, ok := n.find("extends"); ok {
		var spec *mapping.Spec
		var name string
		if readPreset(base, &spec, &name); spec != nil {
			*s = *spec
			s.Parts = slices.Clone(spec.Parts) // select changes them
		}
	}
	if !n.mapping("a mapping such as {extends: sagemaker}", mappingKeys(s)) {
		return false
	}
	if selects, ok := n.find("select"); ok {
		readSelects(selects, s)
	}
	checkMapping(n, s)
	return true
}

func mappingKeys(s *mapping.Spec) []key {
	return []key{
		{"extends", func(node) {}, ""}, // read before all others
		{"format", func(v node) { choice(v, &s.Format, mapping.Formats()...) }, ""},
		{"path", func(v node) { s.Files = readTemplates(v) }, ""},
		{"unwrap", func(v node) { choice(v, &s.Unwrap, string(Docker), string(CRI)) }, ""},
		{"keep", func(v node) { s.Keep = readConditions(v) }, ""},
		{"skip", func(v node) { s.Skip = readConditions(v) }, ""},
		{"request_id", func(v node) { readRecordPath(v, &s.RequestID) }, ""},
		{"row_id", func(v node) { readRowID(v, &s.RowID) }, ""},
		{"row", func(v node) { readRecordPath(v, &s.Row) }, ""},
		{"rows_in_turn", func(v node) { v.boolean(&s.RowsInTurn) }, ""},
		{"time", func(v node) { readRecordPath(v, &s.Time) }, ""},
		{"model", func(v node) { readRecordPath(v, &s.Model) }, ""},
		{"version", func(v node) { readRecordPath(v, &s.Version) }, ""},
		{"sampled", func(v node) { readRecordPath(v, &s.Sampled) }, ""},
		{"join", func(v node) { readJoin(v, s) }, ""},
		{"parts", func(v node) { s.Parts = readParts(v) }, ""},
		{"select", func(node) {}, ""}, // read behind parts
		{"feature_names", func(v node) { s.Names = readWords(v, "a list of names such as [age, plan]") }, ""},
		{"classes", func(v node) { s.Classes = readWords(v, "a list of classes such as [no, yes]") }, ""},
		{"threshold", func(v node) { readThreshold(v, &s.Threshold) }, ""},
	}
}

// checkMapping reports what a mapping lacks, and what does not go together.
func checkMapping(n node, s *mapping.Spec) {
	missing := func(name, example string) {
		at := n.key(name, n.Node)
		at.line, at.column = n.line, n.column
		at.problem("is missing; add it, as in %s, or extend a preset", example)
	}
	_, hasFormat := n.find("format")
	_, hasParts := n.find("parts")
	_, hasBase := n.find("extends")
	if !hasFormat && !hasBase {
		missing("format", "format: jsonl")
	}
	if !hasParts && !hasBase {
		missing("parts", "parts: [{role: row, value: \"@\"}]")
	}
	if at, ok := n.find("join"); ok && s.Join != nil && s.RequestID == nil {
		at.problem("needs a request_id; add it")
	}
	if at, ok := n.find("threshold"); ok && len(s.Classes) != 2 {
		at.problem("is for two classes; add them, as in classes: [no, yes]")
	}
	if at, ok := n.find("unwrap"); ok && s.Format != "" && !mapping.TakesUnwrap(s.Format) {
		at.problem("the records of %s are not single lines; remove it, or set format to jsonl", s.Format)
	}
}

func readRecordPath(n node, dst **mapping.Path) {
	var text string
	if !n.word(&text) {
		return
	}
	p, err := mapping.ParsePath(text)
	if err != nil {
		n.problem("%s is no path: %v", shorten(text), err)
		return
	}
	*dst = p
}

func readTemplates(n node) []string {
	items := []node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.items("a template of paths, or a list of them")
	}
	var all []string
	for _, item := range items {
		var text string
		if !item.word(&text) {
			continue
		}
		if err := mapping.CheckFiles(text); err != nil {
			item.problem("%s is no template of paths: %v", shorten(text), err)
			continue
		}
		all = append(all, text)
	}
	return all
}

func readRowID(n node, dst *string) {
	var text string
	if !n.word(&text) {
		return
	}
	if err := mapping.CheckRowID(text); err != nil {
		n.problem("%s is no template of ids: %v", shorten(text), err)
		return
	}
	*dst = text
}

// readChoices reads one of a few words, or a list of them.
func readChoices(n node, words []string) []string {
	items := []node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.elements()
	}
	var all []string
	for _, item := range items {
		var word string
		if choice(item, &word, words...) {
			all = append(all, word)
		}
	}
	return all
}

// readWords reads a list of texts that are not empty.
func readWords(n node, want string) []string {
	var all []string
	for _, item := range n.items(want) {
		var word string
		if item.word(&word) {
			all = append(all, word)
		}
	}
	return all
}

func readThreshold(n node, dst *float64) {
	var x float64
	if !n.number(&x) {
		return
	}
	if x <= 0 || x >= 1 {
		n.problem("must lie between 0 and 1, not %s", n)
		return
	}
	*dst = x
}

// readJoin reads request_id, or a mapping of the bounds of what waits.
func readJoin(n node, s *mapping.Spec) {
	join := mapping.DefaultJoin()
	if n.Kind == yaml.ScalarNode {
		if n.Value != "request_id" {
			n.problem("must be request_id or a mapping such as {wait: 10m, max: 100000}, not %s", n)
			return
		}
		s.Join = &join
		return
	}
	if n.mapping("request_id or a mapping such as {wait: 10m, max: 100000}", joinKeys(&join)) {
		s.Join = &join
	}
}

func joinKeys(j *mapping.Join) []key {
	return []key{
		{"wait", func(v node) { v.duration(&j.Wait, time.Second, day) }, ""},
		{"max", func(v node) { v.whole(&j.Max, 1, 10_000_000) }, ""},
	}
}

func readConditions(n node) []mapping.Condition {
	var all []mapping.Condition
	if !n.is(yaml.SequenceNode, "a list of conditions such as [{path: status_code, equals: 200}]") {
		return nil
	}
	for _, item := range n.elements() {
		if c := readCondition(item); c != nil {
			all = append(all, *c)
		}
	}
	return all
}

func readCondition(n node) *mapping.Condition {
	c := &mapping.Condition{}
	if !n.mapping("a condition such as {path: status_code, equals: 200}", conditionKeys(c)) {
		return nil
	}
	tests := 0
	for _, name := range []string{"equals", "in", "suffix", "contains", "exists"} {
		if _, ok := n.find(name); ok {
			tests++
		}
	}
	if tests != 1 {
		n.problem("has %d tests; give exactly one of equals, in, suffix, contains and exists", tests)
		return nil
	}
	return c
}

func conditionKeys(c *mapping.Condition) []key {
	return []key{
		{"path", func(v node) { readRecordPath(v, &c.Path) }, "path: status_code"},
		{"equals", func(v node) {
			var text string
			if v.text(&text) {
				c.In = []string{text}
			}
		}, ""},
		{"in", func(v node) { c.In = readWords(v, "a list of texts such as [a, b]") }, ""},
		{"suffix", func(v node) { v.word(&c.Suffix) }, ""},
		{"contains", func(v node) { v.word(&c.Contains) }, ""},
		{"exists", func(v node) {
			var exists bool
			if v.boolean(&exists) {
				c.Exists = &exists
			}
		}, ""},
	}
}

func readParts(n node) []mapping.Part {
	var all []mapping.Part
	for _, item := range n.items(`a list of parts such as [{role: request, value: body}]`) {
		var p mapping.Part
		if item.mapping("a part such as {role: request, value: body}", partKeys(&p)) {
			all = append(all, p)
		}
	}
	return all
}

func partKeys(p *mapping.Part) []key {
	return []key{
		{"role", func(v node) { choice(v, &p.Role, mapping.Roles()...) }, "role: request"},
		{"when", func(v node) { p.When = readCondition(v) }, ""},
		{"value", func(v node) { readRecordPath(v, &p.Value) }, "value: body"},
		{"encoding", func(v node) { readRecordPath(v, &p.Encoding) }, ""},
		{"content_type", func(v node) { readRecordPath(v, &p.ContentType) }, ""},
		{"decode", func(v node) { p.Decode = readChoices(v, mapping.Decodings()) }, ""},
		{"select", func(v node) { readRecordPath(v, &p.Select) }, ""},
		{"layout", func(v node) { choice(v, &p.Layout, mapping.Layouts()...) }, ""},
		{"drop", func(v node) { p.Drop = readWords(v, "a list of fields such as [timestamp]") }, ""},
		{"names", func(v node) { p.Names = readWords(v, "a list of names such as [label, score]") }, ""},
		{"prefix", func(v node) { v.word(&p.Prefix) }, ""},
	}
}

// readSelects sets where in their bodies the rows of all parts of a role are.
func readSelects(n node, s *mapping.Spec) {
	var keys []key
	for _, role := range mapping.Roles() {
		keys = append(keys, key{string(role), func(v node) {
			var p *mapping.Path
			readRecordPath(v, &p)
			for i := range s.Parts {
				if s.Parts[i].Role == role && p != nil {
					s.Parts[i].Select = p
				}
			}
		}, ""})
	}
	n.mapping(fmt.Sprintf("a mapping such as {%s: \"instances[*].features\"}", mapping.Request), keys)
}
