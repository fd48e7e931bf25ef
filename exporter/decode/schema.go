package decode

import (
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// role is what becomes of a value.
type role uint8

const (
	roleID role = iota
	roleIDPart
	roleTime
	roleVersion
	roleWhere
	roleNumber
	roleText
	roleUnknown // not wanted
	roleSeveral // wanted in several slots
	roleEnd     // no value, but the end of a record
)

// slot is one value that a schema wants of every record.
type slot struct {
	role  role
	index int // of Schema.IDParts, Schema.Where or Schema.Columns
	// paths lead to the value, the preferred first.
	paths [][]string

	// row stamps the row of JSON Lines that the value was last read in, and column is where its batch keeps it.
	row    uint64
	column *record.Column
}

// slots lists what a schema wants. The order is that in which an ambiguous key is given away: a key that one slot names
// outright never serves another one as a short form.
func slots(s *record.Schema) []slot {
	var all []slot
	add := func(r role, index int, path []string) {
		if len(path) > 0 {
			all = append(all, slot{role: r, index: index, paths: [][]string{path}})
		}
	}
	add(roleTime, 0, s.Time)
	add(roleID, 0, s.ID)
	for i := range s.IDParts {
		add(roleIDPart, i, s.IDParts[i].Path)
	}
	add(roleVersion, 0, s.Version)
	for i := range s.Columns {
		r := roleText
		if s.Columns[i].Kind == record.Numeric {
			r = roleNumber
		}
		add(r, i, s.Columns[i].Path)
	}
	// owner says by which full path a path is taken. Slots with the same one, as of a column that two references take for
	// different kinds, share their short forms too.
	owner := make(map[string]string)
	key := func(path []string) string { return strings.Join(path, "\x00") }
	for _, sl := range all {
		owner[key(sl.paths[0])] = key(sl.paths[0])
	}
	also := func(sl *slot, path []string) {
		full := key(sl.paths[0])
		if by, taken := owner[key(path)]; !taken || by == full && key(path) != full {
			owner[key(path)] = full
			sl.paths = append(sl.paths, path)
		}
	}
	for i := range all {
		if p := all[i].paths[0]; len(p) > 1 {
			also(&all[i], []string{strings.Join(p, ".")})
		}
	}
	for i := range all {
		if sl := &all[i]; sl.role == roleNumber || sl.role == roleText {
			for _, path := range s.Columns[sl.index].Also {
				also(sl, path)
			}
		}
	}
	for i := range s.Where {
		add(roleWhere, i, s.Where[i].Path)
	}
	return all
}
