package decode

import (
	"slices"
	"strings"
)

// missingTexts are the texts of Schema.Missing, without the spaces around them.
type missingTexts struct {
	texts []string
	// first says which bytes they start with, so that most values need no look at them, and empty whether the empty text
	// is one.
	first [256]bool
	empty bool
	// doubtful says which bytes a field may begin with that holds such a text and spaces.
	doubtful [256]bool
}

func newMissingTexts(texts []string) *missingTexts {
	m := new(missingTexts)
	for _, text := range texts {
		text = strings.Trim(text, " \t")
		m.texts = append(m.texts, text)
		if text == "" {
			m.empty = true
		} else {
			m.first[text[0]] = true
		}
	}
	m.doubtful = m.first
	m.doubtful[' '], m.doubtful['\t'] = true, true
	return m
}

// has reports whether text, which has no spaces around it, is one of them.
func (m *missingTexts) has(text []byte) bool {
	if len(text) == 0 {
		return m.empty
	}
	return m.first[text[0]] && slices.Contains(m.texts, string(text))
}
