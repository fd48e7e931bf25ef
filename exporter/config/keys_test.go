package config

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// keysOf has the names of a table of keys.
func keysOf(keys []key) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.name)
	}
	return all
}

// knownKeys has the keys that the file may have, by the type that documents them.
func knownKeys() map[string][]string {
	l := &loader{}
	return map[string][]string{
		"Config":  keysOf(l.rootKeys(&Config{})),
		"State":   keysOf(l.stateKeys(&State{})),
		"Model":   keysOf(l.modelKeys(&Model{})),
		"File":    keysOf(l.fileKeys(&File{})),
		"Source":  keysOf(l.sourceKeys(&Source{})),
		"Receive": keysOf(l.receiveKeys(&Receive{})),
		"Kafka":   keysOf(l.kafkaKeys(&Kafka{})),
		"TLS":     keysOf(l.tlsKeys(&TLS{})),
		"SASL":    keysOf(l.saslKeys(&SASL{})),
		"Fields":  keysOf(fieldKeys(&Fields{})),
		"Column":  keysOf(columnKeys(&Column{})),
	}
}

// documentedKeys has the keys that start the comments of fields in config.go, by type.
func documentedKeys(t *testing.T) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	start := regexp.MustCompile("^(\\w+) (?:is|are) `([a-z_.]+)`: ")
	all := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		fields, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range fields.Fields.List {
			comment := field.Doc.Text()
			if comment == "" {
				t.Errorf("%s.%s has no comment", spec.Name, field.Names[0])
			}
			if found := start.FindStringSubmatch(comment); found != nil {
				if found[1] != field.Names[0].Name {
					t.Errorf("the comment of %s.%s is about %s", spec.Name, field.Names[0], found[1])
				}
				all[spec.Name.Name] = append(all[spec.Name.Name], found[2])
			}
		}
		return false
	})
	return all
}

func TestEveryKeyIsDocumentedAndEveryDocumentedKeyIsRead(t *testing.T) {
	documented, known := documentedKeys(t), knownKeys()
	// These stand among the keys of a label source but are the model's.
	known["Model"] = append(known["Model"], "labels.timeout", "labels.in_predictions")
	for name := range documented {
		if known[name] == nil {
			t.Errorf("the keys of %s are documented but not read", name)
		}
	}
	for name, keys := range known {
		slices.Sort(keys)
		slices.Sort(documented[name])
		if !slices.Equal(keys, documented[name]) {
			t.Errorf("%s reads the keys %v, documented are %v", name, keys, documented[name])
		}
	}
	labels := keysOf((&loader{}).labelKeys(&Source{}, new(bool), &labelTimeout{}))
	if want := append(keysOf((&loader{}).sourceKeys(&Source{})), "timeout", "in_predictions"); !slices.Equal(labels, want) {
		t.Errorf("an entry of labels reads the keys %v, want %v", labels, want)
	}
}

// Of complete.good.yaml, which uses every key, every key must come out again.
func TestEveryKeyIsRendered(t *testing.T) {
	c, err := parseFile(t, "complete.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	var rendered struct {
		Models []struct {
			Reference yaml.Node
			Fields    yaml.Node
			Columns   map[string]yaml.Node
			Labels    []yaml.Node
			Sources   []yaml.Node `yaml:"predictions"`
		}
	}
	var root struct {
		Models []yaml.Node
		State  yaml.Node
	}
	var top yaml.Node
	for _, dst := range []any{&rendered, &root, &top} {
		if err := yaml.Unmarshal(text, dst); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string][]yaml.Node{"Config": {*top.Content[0]}, "State": {root.State}, "Model": root.Models}
	for _, m := range rendered.Models {
		found["File"] = append(found["File"], m.Reference)
		found["Fields"] = append(found["Fields"], m.Fields)
		found["Source"] = append(found["Source"], m.Sources...)
		for i := range m.Sources {
			var source struct{ Receive, Kafka yaml.Node }
			var kafka struct{ TLS, SASL yaml.Node }
			if err := errors.Join(m.Sources[i].Decode(&source), source.Kafka.Decode(&kafka)); err != nil {
				t.Fatal(err)
			}
			found["Receive"] = append(found["Receive"], source.Receive)
			found["Kafka"] = append(found["Kafka"], source.Kafka)
			found["TLS"], found["SASL"] = append(found["TLS"], kafka.TLS), append(found["SASL"], kafka.SASL)
		}
		for _, column := range m.Columns {
			found["Column"] = append(found["Column"], column)
		}
		for _, labels := range m.Labels {
			if !slices.Contains(keysIn(labels), "timeout") {
				t.Errorf("an entry of labels on line %d has no timeout", labels.Line)
			}
		}
	}
	for name, keys := range knownKeys() {
		var got []string
		for _, n := range found[name] {
			got = append(got, keysIn(n)...)
		}
		slices.Sort(got)
		slices.Sort(keys)
		if got = slices.Compact(got); !slices.Equal(got, keys) {
			t.Errorf("%s: rendered are the keys %v, known are %v", name, got, keys)
		}
	}
}

// keysIn lists the keys of a mapping.
func keysIn(n yaml.Node) []string {
	var all []string
	for i := 0; i < len(n.Content); i += 2 {
		all = append(all, n.Content[i].Value)
	}
	return all
}
