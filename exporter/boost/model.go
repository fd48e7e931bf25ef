package boost

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Model is a sum of trees. It does not change once it is fitted.
type Model struct {
	Loss Loss `json:"loss"`
	// Base has what every prediction begins with, for each output.
	Base []float64 `json:"base"`
	// Ranks has for each column the place of each of its categories, -1 for one that counts as missing; nil for a
	// numeric column.
	Ranks [][]int `json:"ranks"`
	Trees []Tree  `json:"trees"`
}

// Tree is a binary tree. Its first node is the top.
type Tree struct {
	Nodes []Node `json:"nodes"`
	// Leaves have a value for each output.
	Leaves [][]float64 `json:"leaves"`
}

// Node parts rows in two. A file has its fields as a list of five numbers.
type Node struct {
	// Column is the input that is looked at. What is at most At goes to the left, more to the right; missing values as
	// MissingLeft says.
	Column      int
	At          float64
	MissingLeft bool
	// Left and Right are the nodes below, ^i for leaf i.
	Left, Right int
}

func (n *Node) setChild(right bool, child int) {
	if right {
		n.Right = child
	} else {
		n.Left = child
	}
}

// MarshalJSON implements json.Marshaler.
func (n Node) MarshalJSON() ([]byte, error) {
	missing := 0.0
	if n.MissingLeft {
		missing = 1
	}
	return json.Marshal([5]float64{float64(n.Column), n.At, missing, float64(n.Left), float64(n.Right)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Node) UnmarshalJSON(data []byte) error {
	var list []float64
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list) != 5 {
		return fmt.Errorf("a node of a tree has %d numbers instead of 5", len(list))
	}
	var whole [5]int
	for i, x := range list {
		if i == 1 {
			continue
		}
		if x != math.Trunc(x) || math.Abs(x) > math.MaxInt32 {
			return fmt.Errorf("a node of a tree has %g where a whole number belongs", x)
		}
		whole[i] = int(x)
	}
	if whole[2] != 0 && whole[2] != 1 {
		return fmt.Errorf("a node of a tree has %d for where missing values go, not 0 or 1", whole[2])
	}
	*n = Node{Column: whole[0], At: list[1], MissingLeft: whole[2] == 1, Left: whole[3], Right: whole[4]}
	return nil
}

// leaf returns the leaf of a row in which categories are places.
func (t *Tree) leaf(row []float64) int {
	at := 0
	for at >= 0 {
		n := &t.Nodes[at]
		x := row[n.Column]
		at = n.Right
		if x <= n.At || n.MissingLeft && x != x {
			at = n.Left
		}
	}
	return ^at
}

// thresholds returns the values at which the trees part a column, ascending.
func (m *Model) thresholds(column int) []float64 {
	var all []float64
	for i := range m.Trees {
		for _, n := range m.Trees[i].Nodes {
			if n.Column == column {
				all = append(all, n.At)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// Check reports what is wrong with a model that was read from a file: if nothing is, its predictor takes rows of as
// many columns and gives as many outputs as said.
func (m *Model) Check(columns, outputs int) error {
	if m.Loss > Logistic || m.Loss == Logistic && outputs != 1 || len(m.Base) != outputs || !finite(m.Base) {
		return fmt.Errorf("the trees have another loss or other outputs than %d", outputs)
	}
	if len(m.Ranks) != columns {
		return fmt.Errorf("the trees look at %d columns, not %d", len(m.Ranks), columns)
	}
	for _, ranks := range m.Ranks {
		for _, place := range ranks {
			if place < noRank || place >= len(ranks) {
				return fmt.Errorf("a category of the trees has the place %d among %d", place, len(ranks))
			}
		}
	}
	for i := range m.Trees {
		if err := m.Trees[i].check(columns, outputs); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
	}
	return nil
}

// check makes sure that every node and every leaf hangs on one node, which stands before it, so that each way down ends
// in a leaf of its own.
func (t *Tree) check(columns, outputs int) error {
	if len(t.Nodes) == 0 || len(t.Nodes) >= maxLeaves || len(t.Leaves) != len(t.Nodes)+1 {
		return fmt.Errorf("%d nodes do not part rows into %d leaves", len(t.Nodes), len(t.Leaves))
	}
	var nodes, leaves [maxLeaves]bool
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.Column < 0 || n.Column >= columns || math.IsNaN(n.At) {
			return fmt.Errorf("node %d looks at column %d of %d", i, n.Column, columns)
		}
		for _, below := range []int{n.Left, n.Right} {
			seen, number, known := &nodes, below, below > i && below < len(t.Nodes)
			if below < 0 {
				seen, number, known = &leaves, ^below, ^below < len(t.Leaves)
			}
			if !known || seen[number] {
				return fmt.Errorf("node %d has %d below it", i, below)
			}
			seen[number] = true
		}
	}
	for _, values := range t.Leaves {
		if len(values) != outputs || !finite(values) {
			return fmt.Errorf("a leaf has no value for each of %d outputs", outputs)
		}
	}
	return nil
}

func finite(values []float64) bool {
	for _, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
