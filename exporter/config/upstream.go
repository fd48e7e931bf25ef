package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func readUpstreams(n node, m *Model) {
	for _, item := range n.items("a list of models and tables such as [orders, fraud]") {
		var name string
		if !item.word(&name) {
			continue
		}
		if slices.Contains(m.DependsOn, name) {
			item.problem("is given twice; remove one of the two")
			continue
		}
		m.DependsOn = append(m.DependsOn, name)
	}
	slices.Sort(m.DependsOn)
}

// checkCircles reports the first model of each circle of upstreams, in which all would silence each other. The items
// are those that the models were read from.
func checkCircles(items []node, models []Model) {
	upstreams, reported := map[string][]string{}, map[string]bool{}
	for i := range models {
		upstreams[models[i].Name] = models[i].DependsOn
	}
	// circle follows the path on, and returns it when it is back at its start.
	var circle func(path []string, seen map[string]bool) []string
	circle = func(path []string, seen map[string]bool) []string {
		for _, next := range upstreams[path[len(path)-1]] {
			longer := append(slices.Clip(path), next)
			if next == path[0] {
				return longer
			}
			if !seen[next] {
				seen[next] = true
				if found := circle(longer, seen); found != nil {
					return found
				}
			}
		}
		return nil
	}
	for i := range models {
		name := models[i].Name
		path := circle([]string{name}, map[string]bool{})
		if path == nil || reported[name] {
			continue
		}
		for _, member := range path {
			reported[member] = true
		}
		item := items[i]
		item.scope, item.path = fmt.Sprintf("model %s: ", strconv.Quote(name)), ""
		if list, ok := item.find("depends_on"); ok {
			list.problem("goes round in a circle, in which all silence each other: %s; take one out",
				strings.Join(path, " depends on "))
		}
	}
}
