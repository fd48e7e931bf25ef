package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// field is something that a row may have: a feature, the prediction, the score or the label.
type field struct {
	record.Field
	// columns are the batch columns that keep it: two if two references take it for different kinds, none if only the
	// ids of rows are made of it.
	columns []int
	inID    bool
}

// names says what the keys of an object are.
type names struct {
	keys map[string]*target
	// unknown counts the keys that nothing wants, as far as they are few; beyond is for the others.
	unknown map[string]*target
	beyond  target
}

// target is what a key leads to.
type target struct {
	key string
	// field is an index of fields, none if the key itself is nothing.
	field int
	// rank orders the names that one field may have, the best first.
	rank int
	// below is what stands in the object under the key; nil if nothing does.
	below *names
	drop  bool
	// records counts the rows that have an unknown key.
	records int
}

const (
	none = -1
	// maxUnknown bounds the keys of one place that are counted though nothing wants them.
	maxUnknown = 64
)

func newNames() *names {
	return &names{keys: make(map[string]*target), unknown: make(map[string]*target), beyond: target{field: none}}
}

// add makes a path lead to a field. A path that leads to one already stays as it is.
func (n *names) add(path []string, field, rank int) {
	for i, key := range path {
		t := n.keys[key]
		if t == nil {
			t = &target{key: key, field: none}
			n.keys[key] = t
		}
		if i == len(path)-1 {
			if t.field == none {
				t.field, t.rank = field, rank
			}
			return
		}
		if t.below == nil {
			t.below = newNames()
		}
		n = t.below
	}
}

// at returns what a key leads to. It is never nil.
func (n *names) at(key []byte) *target {
	if t := n.keys[string(key)]; t != nil {
		return t
	}
	if t := n.unknown[string(key)]; t != nil {
		return t
	}
	if len(n.unknown) >= maxUnknown {
		return &n.beyond
	}
	t := &target{key: string(key), field: none}
	n.unknown[t.key] = t
	return t
}

// dropped makes keys lead nowhere.
func (n *names) dropped(keys []string) {
	for _, key := range keys {
		n.keys[key] = &target{key: key, field: none, drop: true}
	}
}

// takeUnknown tells the batch which unknown keys occurred, and forgets it.
func (n *names) takeUnknown(b *record.Batch, above string) {
	for key, t := range n.unknown {
		if t.records > 0 {
			b.Unknown = append(b.Unknown, record.Unknown{Name: above + key, Count: t.records})
			t.records = 0
		}
	}
	for key, t := range n.keys {
		if t.below != nil {
			t.below.takeUnknown(b, above+key+".")
		}
	}
}

// otherNames are the names that an outcome often has, beside the one that is configured.
func otherNames(r record.Role) []string {
	switch r {
	case record.Prediction:
		return []string{"prediction", "predicted_label", "predicted_class", "predicted_value", "pred"}
	case record.Score:
		return []string{"score", "probability", "predicted_probability", "proba", "prob"}
	case record.Label:
		return []string{"label", "ground_truth", "groundtruth", "target", "truth", "actual"}
	default:
		return nil
	}
}

// addOutcome makes the configured path of an outcome, and the names that it often has, lead to a field.
func (n *names) addOutcome(f *record.Field, at int) {
	if len(f.Path) > 0 {
		n.add(f.Path, at, 0)
		n.add([]string{strings.Join(f.Path, ".")}, at, 0)
		n.add(f.Path[len(f.Path)-1:], at, 1)
	}
	for i, name := range otherNames(f.Role) {
		n.add([]string{name}, at, i+2)
	}
}

// addFeature makes the name of a feature lead to a field, as one key and as nested objects.
func (n *names) addFeature(name string, at int) {
	n.add([]string{name}, at, 0)
	if path := strings.Split(name, "."); len(path) > 1 && !slices.Contains(path, "") {
		n.add(path, at, 1)
	}
}

// positions returns what the values of a row that has no names are: by the names that they are given, or else the
// features that are called f0, f1 and so on.
func (n *names) positions(given []string) []*target {
	var all []*target
	if len(given) > 0 {
		for _, name := range given {
			all = append(all, n.at([]byte(name)))
		}
		return all
	}
	for key, t := range n.keys {
		digits, ok := strings.CutPrefix(key, "f")
		k, err := strconv.Atoi(digits)
		if !ok || err != nil || k < 0 || k >= maxPositions || t.field == none || strconv.Itoa(k) != digits {
			continue
		}
		for len(all) <= k {
			all = append(all, nil)
		}
		all[k] = t
	}
	return all
}

// maxPositions bounds the values of a row that can be told apart without names.
const maxPositions = 1 << 16
