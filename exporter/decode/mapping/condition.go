package mapping

import (
	"bytes"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// holds reports whether a record meets the condition.
func (c *Condition) holds(t *decode.Tree, from roots) bool {
	v := c.Path.in(t, from)
	if c.Exists != nil {
		return *c.Exists == (v.Kind() > decode.Null)
	}
	text, ok := v.Text()
	switch {
	case !ok:
		return false
	case c.Suffix != "":
		return bytes.HasSuffix(text, []byte(c.Suffix))
	case c.Contains != "":
		return bytes.Contains(text, []byte(c.Contains))
	default:
		return slices.ContainsFunc(c.In, func(one string) bool { return one == string(text) })
	}
}
