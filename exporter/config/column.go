package config

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

func columnKeys(c *Column) []key {
	return []key{
		{"kind", func(v node) { choice(v, &c.Kind, Numeric, Categorical, Text) }, ""},
		{"edges", func(v node) { readEdges(v, c) }, ""},
		{"ignore", func(v node) { v.boolean(&c.Ignore) }, ""},
	}
}

func readColumns(n node, m *Model) {
	if !n.is(yaml.MappingNode, "a mapping from column names, such as {age: {kind: numeric}}") {
		return
	}
	n.pairs(func(at node, name string, value node) {
		if name == "" {
			at.problem("a column needs a name; write it before the colon")
		}
		c := Column{Name: name}
		if !at.hasValue(value) || !value.mapping("a mapping such as {kind: numeric}", columnKeys(&c)) {
			return
		}
		checkColumn(value, &c)
		m.Columns = append(m.Columns, c)
	})
	slices.SortFunc(m.Columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
}

// checkColumn reports keys that do not go together, and makes a column with edges numeric.
func checkColumn(n node, c *Column) {
	if c.Ignore {
		for _, name := range []string{"kind", "edges"} {
			if other, ok := n.find(name); ok {
				other.problem("has no effect on a column that is ignored; remove it or ignore: true")
			}
		}
		return
	}
	edges, ok := n.find("edges")
	switch {
	case ok && c.Kind == "":
		c.Kind = Numeric
	case ok && c.Kind != Numeric:
		edges.problem("are for numeric columns; remove them or write kind: numeric")
	}
}

func readEdges(n node, c *Column) {
	items := n.items("a list of at least one number, such as [18, 30, 45]")
	for _, item := range items {
		var edge float64
		if !item.number(&edge) {
			continue
		}
		if last := len(c.Edges) - 1; last >= 0 && edge <= c.Edges[last] {
			item.problem("must be greater than %s, the edge before it; sort the edges and remove repeated ones",
				formatNumber(c.Edges[last]))
		}
		c.Edges = append(c.Edges, edge)
	}
}

// checkEdges reports columns with more edges than cut points, of which the edges are a part.
func checkEdges(n node, m *Model) {
	columns, ok := n.find("columns")
	if !ok {
		return
	}
	for _, c := range m.Columns {
		if len(c.Edges) <= m.CutPoints {
			continue
		}
		column, _ := columns.find(c.Name)
		edges, _ := column.find("edges")
		edges.problem("has %d edges, more than cut_points (%d); raise that or give fewer edges",
			len(c.Edges), m.CutPoints)
	}
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
