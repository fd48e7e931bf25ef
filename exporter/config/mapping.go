package config

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// key is one key that a mapping may have.
type key struct {
	name string
	// read takes the key's value.
	read func(node)
	// example is what to write where the key is missing; empty for keys that may be.
	example string
}

// mapping reads a mapping whose keys are known. It reports keys that are not, and required ones that are missing.
func (n node) mapping(want string, keys []key) bool {
	if !n.is(yaml.MappingNode, want) {
		return false
	}
	seen := map[string]bool{}
	n.pairs(func(at node, name string, value node) {
		for _, k := range keys {
			if k.name == name {
				seen[name] = true
				if at.hasValue(value) {
					k.read(value)
				}
				return
			}
		}
		meant := nearest(name, keys)
		seen[meant] = true // A misspelt key is reported once, not as missing too.
		switch {
		case meant != "":
			at.problem("unknown key; did you mean %s?", meant)
		default:
			at.problem("unknown key; remove it, the keys here are %s", names(keys))
		}
	})
	for _, k := range keys {
		if k.example != "" && !seen[k.name] {
			missing := n.key(k.name, n.Node)
			missing.line, missing.column = n.line, n.column
			missing.problem("is missing; add it, as in %s", k.example)
		}
	}
	return true
}

// pairs visits the keys of a mapping in the file's order: where the key stands, what it is, and its value. Keys that
// are no text and keys given before are reported instead.
func (n node) pairs(visit func(at node, name string, value node)) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		y := n.Content[i]
		at := n.at(y, n.path)
		switch {
		case at.Kind != yaml.ScalarNode:
			at.problem("a key must be text, not %s; write it on one line as key: value", at)
			continue
		case at.Tag == "!!merge":
			at.problem("merge keys are not read; write the keys out, or use an alias for a whole value")
			continue
		}
		name := at.Value
		at = n.key(name, y)
		if line, ok := lines[name]; ok {
			at.problem("is given again, after line %d; remove one of the two", line)
			continue
		}
		lines[name] = at.line
		visit(at, name, n.key(name, n.Content[i+1]))
	}
}

// hasValue reports a key with nothing behind it.
func (n node) hasValue(value node) bool {
	if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
		n.problem("has no value; write one or remove the key")
		return false
	}
	return true
}

// names lists keys for a message.
func names(keys []key) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.name)
	}
	return strings.Join(all, ", ")
}

// nearest returns the key that a misspelt one was likely meant to be: the one with the least edit distance, if that is
// about a third of what was written at most. It returns "" if there is none.
func nearest(written string, keys []key) string {
	written = strings.ToLower(written)
	best, least := "", min((len(written)+1)/3, 3)+1
	for _, k := range keys {
		if d := editDistance(written, k.name); d < least {
			best, least = k.name, d
		}
	}
	return best
}

// editDistance returns Levenshtein's distance: how many bytes must be inserted, removed or replaced to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
