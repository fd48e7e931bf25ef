package outcome

import "math"

// Other is the code of all class names for which a Classes dictionary has no more room. A prediction and a label that
// are both Other count as equal, because nobody can tell them apart any more: the limit should be one that only junk
// reaches.
const Other uint32 = math.MaxUint32

// Classes gives every class name a code, in the order in which the names first come. Names are compared byte for byte.
type Classes struct {
	limit int
	codes map[string]uint32
	names []string
}

// NewClasses returns an empty dictionary for at most limit names.
func NewClasses(limit int) *Classes {
	return &Classes{limit: limit, codes: make(map[string]uint32)}
}

// Code returns the code of a name and takes the name in if it is new and there is room; else it returns Other.
func (c *Classes) Code(name []byte) uint32 {
	if code, ok := c.Lookup(name); ok {
		return code
	}
	if len(c.names) >= c.limit {
		return Other
	}
	code := uint32(len(c.names))
	c.names = append(c.names, string(name))
	c.codes[c.names[code]] = code
	return code
}

// Lookup returns the code of a name that the dictionary has; ok is false if it has not.
func (c *Classes) Lookup(name []byte) (code uint32, ok bool) {
	// Most models have two classes, which a map takes several times as long to tell apart.
	for i, known := range c.names[:min(len(c.names), 2)] {
		if known == string(name) {
			return uint32(i), true
		}
	}
	code, ok = c.codes[string(name)]
	return code, ok
}

// Name returns the name of a code that the dictionary gave out: "other" for Other.
func (c *Classes) Name(code uint32) string {
	if code == Other {
		return "other"
	}
	return c.names[code]
}

// Len returns the number of names.
func (c *Classes) Len() int {
	return len(c.names)
}
