package bundle

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"gopkg.in/yaml.v3"
)

//go:embed kubernetes/*.tmpl
var templates embed.FS

// What Kubernetes takes for the name of a label, and for its value.
var (
	labelName  = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$`)
)

// objects makes Kubernetes objects.
type objects struct {
	templates *template.Template
	image     string
	labels    map[string]string
}

// common are the labels of all objects.
func common() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":      "drift_exporter",
		"app.kubernetes.io/component": "exporter",
		"app.kubernetes.io/part-of":   "drift_exporter",
	}
}

func newObjects(o Options) (*objects, error) {
	all, err := template.New("").Option("missingkey=error").ParseFS(templates, "kubernetes/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("bug: a template cannot be parsed: %w", err)
	}
	labels := common()
	if labelValue.MatchString(o.Version) && o.Version != "" {
		labels["app.kubernetes.io/version"] = o.Version
	}
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		value := o.Labels[name]
		if _, ok := labels[name]; ok {
			return nil, fmt.Errorf("the label %q is taken, choose another one", name)
		}
		if !labelName.MatchString(name) || !labelValue.MatchString(value) {
			return nil, fmt.Errorf("the label %s=%s is none that Kubernetes takes: up to 63 letters, digits, -, _ and . "+
				"each, with a letter or digit at both ends; before the name there may be a domain and /", name, value)
		}
		labels[name] = value
	}
	return &objects{all, o.Image, labels}, nil
}

// template fills in one of the embedded templates.
func (o *objects) template(name string) ([]byte, error) {
	pods := common()
	delete(pods, "app.kubernetes.io/part-of")
	labels, err := indented(o.labels, 4)
	if err != nil {
		return nil, err
	}
	podLabels, err := indented(pods, 8)
	if err != nil {
		return nil, err
	}
	image, err := indented(o.image, 0)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	values := map[string]string{"Labels": labels, "PodLabels": podLabels, "Image": image}
	if err := o.templates.ExecuteTemplate(&text, name+".tmpl", values); err != nil {
		return nil, fmt.Errorf("filling in %s: %w", name, err)
	}
	return text.Bytes(), nil
}

// indented returns a value as YAML, each line behind so many spaces.
func indented(value any, spaces int) (string, error) {
	text, err := yaml.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	indent := strings.Repeat(" ", spaces)
	return indent + strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\n"+indent), nil
}

// prometheusRule wraps the groups of a rule file.
func (o *objects) prometheusRule(name string, content []byte) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("parsing rules: %w", err)
	}
	groups := valueOf(file.Content[0], "groups")
	if groups == nil {
		return nil, fmt.Errorf("it has no groups of rules")
	}
	dropComments(groups)
	object := "drift-" + strings.TrimSuffix(name, ".yaml")
	return encode("Made from rules/"+name+", which says why the rules are as they are.", mapping(
		text("apiVersion"), text("monitoring.coreos.com/v1"),
		text("kind"), text("PrometheusRule"),
		text("metadata"), o.metadata(object, nil),
		text("spec"), mapping(text("groups"), groups),
	))
}

// dashboard puts a dashboard where Grafana's sidecar finds it.
func (o *objects) dashboard(name string, content []byte) ([]byte, error) {
	object := "drift-dashboard-" + strings.TrimSuffix(name, ".json")
	data := text(string(content))
	data.Style = yaml.LiteralStyle
	return encode("Made from dashboards/"+name+".", mapping(
		text("apiVersion"), text("v1"),
		text("kind"), text("ConfigMap"),
		text("metadata"), o.metadata(object, map[string]string{"grafana_dashboard": "1"}),
		text("data"), mapping(text("drift-"+name), data),
	))
}

func (o *objects) metadata(name string, more map[string]string) *yaml.Node {
	labels := maps.Clone(o.labels)
	maps.Copy(labels, more)
	var pairs []*yaml.Node
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, text(key), text(labels[key]))
	}
	return mapping(text("name"), text(name), text("labels"), mapping(pairs...))
}

// text returns a node with a text, which is quoted where it would be read as something else.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func mapping(pairs ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: pairs}
}

// valueOf returns the value of a key, nil if there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// dropComments removes comments, which would be wrapped and moved.
func dropComments(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, child := range n.Content {
		dropComments(child)
	}
}

// encode writes an object behind a line that tells where it comes from.
func encode(comment string, object *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n", comment)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(object); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return out.Bytes(), nil
}
