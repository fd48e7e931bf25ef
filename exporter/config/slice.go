package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxSlices bounds how many ways of dividing the predictions a model may have.
const maxSlices = 10

func readSlices(n node, m *Model) {
	const want = "a list of columns and pairs of columns, such as [country, [country, device]]"
	items := n.items(want)
	if len(items) > maxSlices {
		n.problem("has %d entries; give %d at most", len(items), maxSlices)
		return
	}
	for _, item := range items {
		s, ok := readSlice(item)
		if !ok {
			continue
		}
		if slices.ContainsFunc(m.Slices, func(o Slice) bool { return slices.Equal(o, s) }) {
			item.problem("is given twice; remove one of the two")
			continue
		}
		m.Slices = append(m.Slices, s)
	}
}

// readSlice reads a column or a list of two.
func readSlice(n node) (s Slice, ok bool) {
	items := []node{n}
	if n.Kind == yaml.SequenceNode {
		if items = n.elements(); len(items) == 0 || len(items) > 2 {
			n.problem("must be a column or a pair of columns, not a list of %d", len(items))
			return nil, false
		}
	}
	for _, item := range items {
		var column string
		if !item.word(&column) {
			return nil, false
		}
		if slices.Contains(s, column) {
			item.problem("crosses %s with itself; name two columns", shorten(column))
			return nil, false
		}
		s = append(s, column)
	}
	return s, true
}

// checkSlices reports slices by columns that are left out.
func checkSlices(n node, m *Model) {
	list, ok := n.find("slices")
	if !ok {
		return
	}
	for _, c := range m.Columns {
		by := func(s Slice) bool { return slices.Contains(s, c.Name) }
		if (c.Ignore || c.Kind == Text) && slices.ContainsFunc(m.Slices, by) {
			what := "is ignored"
			if !c.Ignore {
				what = "is text"
			}
			list.problem("the column %s %s; slice by another one", shorten(c.Name), what)
		}
	}
}

// checkChampion reports a champion where versions have no errors to compare.
func checkChampion(n node) {
	champion, ok := n.find("champion")
	if _, labels := n.find("labels"); ok && !labels {
		champion.problem("has no effect without labels; remove it or say where labels are")
	}
}

// detectors returns the names of the detectors of the stream of errors.
func detectors() []string {
	return []string{"adwin", "ddm", "eddm", "hddm_a", "hddm_w", "page_hinkley"}
}

func readDetectors(n node, m *Model) {
	want := "a list of " + strings.Join(detectors(), ", ")
	if !n.is(yaml.SequenceNode, want) {
		return
	}
	m.Detectors = []string{}
	for _, item := range n.elements() {
		switch {
		case !item.is(yaml.ScalarNode, want):
		case !slices.Contains(detectors(), item.Value):
			item.problem("must be one of %s, not %s", strings.Join(detectors(), ", "), item)
		case slices.Contains(m.Detectors, item.Value):
			item.problem("is given twice; remove one of the two")
		default:
			m.Detectors = append(m.Detectors, item.Value)
		}
	}
	slices.Sort(m.Detectors)
}
