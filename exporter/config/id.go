package config

import "strings"

// IDPart is a piece of an id: the text of a field, and before it a text that is always the same.
type IDPart struct {
	Text string
	// Field is a dotted path; it is empty in a last part that is only text.
	Field string
}

// IDParts returns what an id is made of: one field, or the texts and fields of "{request_id}_{row}". ok is false if
// braces are not paired or hold no path.
func IDParts(id string) (parts []IDPart, ok bool) {
	if !strings.ContainsAny(id, "{}") {
		return []IDPart{{Field: id}}, true
	}
	for id != "" {
		text, rest, braced := strings.Cut(id, "{")
		field, after, closed := strings.Cut(rest, "}")
		if strings.Contains(text, "}") || braced && (!closed || strings.Contains(field, "{") || !isDotted(field)) {
			return nil, false
		}
		parts = append(parts, IDPart{Text: text, Field: field})
		id = after
	}
	return parts, true
}

func readID(n node, dst *string) {
	var id string
	if !n.word(&id) {
		return
	}
	if !strings.ContainsAny(id, "{}") {
		n.dotted(dst)
		return
	}
	if _, ok := IDParts(id); !ok {
		n.problem("%s has a brace without its other half, or no path between two; write it as in \"{request_id}_{row}\"",
			shorten(id))
		return
	}
	*dst = id
}
