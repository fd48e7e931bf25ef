package bundle

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/drift-exporter/drift_exporter/dashboards"
	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/rules"
)

// object is what is common to all Kubernetes objects, and their specification.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name   string
		Labels map[string]string
	}
	Spec map[string]any
	Data map[string]string
}

var options = Options{Image: "registry.example/drift_exporter:1", Labels: map[string]string{"release": "1"}, Version: "1.2.3"}

func made(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := Files(options)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// parse reads all objects of a file.
func parse(t *testing.T, name string, content []byte) []object {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var all []object
	for {
		var o object
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, o)
	}
}

func TestBundleHoldsRulesAndDashboardsAsTheyAre(t *testing.T) {
	files := made(t)
	if !bytes.Equal(files["alertmanager.example.yaml"], rules.Alertmanager()) {
		t.Error("alertmanager.example.yaml is not what is embedded")
	}
	count := 0
	for folder, embedded := range map[string]fs.FS{"rules": rules.Files(), "dashboards": dashboards.Files()} {
		err := each(embedded, func(name string, content []byte) error {
			at := path.Join(folder, name)
			if !bytes.Equal(files[at], content) {
				t.Errorf("%s is not what is embedded", at)
			}
			count++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 9 {
		t.Errorf("only %d files are embedded", count)
	}
	if len(rules.Alertmanager()) == 0 || !bytes.Equal(files["alertmanager.example.yaml"], rules.Alertmanager()) {
		t.Error("alertmanager.example.yaml is not what is embedded")
	}
	again := made(t)
	if !maps.EqualFunc(files, again, bytes.Equal) {
		t.Error("the second bundle differs from the first")
	}
}

func TestPrometheusRulesAreTheRules(t *testing.T) {
	files := made(t)
	seen := map[string]bool{}
	for name, content := range files {
		file, ok := strings.CutPrefix(name, "rules/")
		if !ok {
			continue
		}
		var want map[string]any
		if err := yaml.Unmarshal(content, &want); err != nil {
			t.Fatal(err)
		}
		all := parse(t, name, files["kubernetes/prometheusrule-"+file])
		if len(all) != 1 {
			t.Fatalf("%s: %d objects", name, len(all))
		}
		got := all[0]
		if got.APIVersion != "monitoring.coreos.com/v1" || got.Kind != "PrometheusRule" || seen[got.Metadata.Name] {
			t.Errorf("%s: %s %s %s", name, got.APIVersion, got.Kind, got.Metadata.Name)
		}
		seen[got.Metadata.Name] = true
		if !reflect.DeepEqual(got.Spec, want) {
			t.Errorf("%s: the specification is not what the file says", name)
		}
		if groups, ok := got.Spec["groups"].([]any); !ok || len(groups) == 0 {
			t.Errorf("%s: there are no groups", name)
		}
	}
	if len(seen) < 3 {
		t.Errorf("only %d PrometheusRules", len(seen))
	}
}

func TestDashboardsAreInConfigMaps(t *testing.T) {
	files := made(t)
	for name, content := range files {
		file, ok := strings.CutPrefix(name, "dashboards/")
		if !ok {
			continue
		}
		all := parse(t, name, files["kubernetes/dashboard-"+strings.TrimSuffix(file, ".json")+".yaml"])
		if len(all) != 1 || all[0].Kind != "ConfigMap" || all[0].Metadata.Labels["grafana_dashboard"] != "1" {
			t.Fatalf("%s: %+v", name, all)
		}
		if all[0].Data["drift-"+file] != string(content) {
			t.Errorf("%s: the ConfigMap holds something else", name)
		}
		// kubectl apply keeps the whole object in an annotation, which may have 256 KiB.
		if size := len(files["kubernetes/dashboard-"+strings.TrimSuffix(file, ".json")+".yaml"]); size > 200<<10 {
			t.Errorf("%s: %d bytes are too many for kubectl apply", name, size)
		}
	}
}

func TestObjectsFitEachOther(t *testing.T) {
	files := made(t)
	kinds := map[string]object{}
	for name, content := range files {
		if !strings.HasPrefix(name, "kubernetes/") {
			continue
		}
		for _, o := range parse(t, name, content) {
			for label, value := range map[string]string{
				"app.kubernetes.io/name": "drift_exporter", "app.kubernetes.io/version": "1.2.3", "release": "1",
			} {
				if o.Metadata.Labels[label] != value {
					t.Errorf("%s: %s %s has the label %s=%q", name, o.Kind, o.Metadata.Name, label, o.Metadata.Labels[label])
				}
			}
			if o.Metadata.Name == "drift-exporter" {
				kinds[o.Kind] = o
			}
		}
	}
	want := []string{"ConfigMap", "Deployment", "PersistentVolumeClaim", "Service", "ServiceMonitor"}
	if got := slices.Sorted(maps.Keys(kinds)); !slices.Equal(got, want) {
		t.Fatalf("the kinds are %v, want %v", got, want)
	}
	at := func(o object, keys ...string) any {
		var v any = o.Spec
		for _, key := range keys {
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[key]
		}
		return v
	}
	pods, _ := at(kinds["Deployment"], "template", "metadata", "labels").(map[string]any)
	for _, selector := range []any{
		at(kinds["Service"], "selector"), at(kinds["Deployment"], "selector", "matchLabels"),
		at(kinds["ServiceMonitor"], "selector", "matchLabels"),
	} {
		if len(pods) == 0 || !reflect.DeepEqual(selector, any(pods)) {
			t.Errorf("%v does not select the pods %v", selector, pods)
		}
	}
	for name, value := range pods {
		if kinds["Service"].Metadata.Labels[name] != value {
			t.Errorf("the ServiceMonitor does not select the Service, which lacks %s=%v", name, value)
		}
	}
	if !bytes.Contains(files["kubernetes/exporter.yaml"], []byte("image: registry.example/drift_exporter:1\n")) {
		t.Error("the image is not the one that was given")
	}
	if _, err := config.Parse("config.yaml", []byte(kinds["ConfigMap"].Data["config.yaml"]), "."); err != nil {
		t.Errorf("the configuration is wrong: %v", err)
	}
}

func TestLabels(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"release", "monitoring", ""},
		{"example.com/team", "ml_1.a-b", ""},
		{"empty", "", ""},
		{"long", strings.Repeat("a", 63), ""},
		{"long", strings.Repeat("a", 64), "none that Kubernetes takes"},
		{"release", "two words", "none that Kubernetes takes"},
		{"release", "end-", "none that Kubernetes takes"},
		{"/team", "x", "none that Kubernetes takes"},
		{"a: b", "x", "none that Kubernetes takes"},
		{"app.kubernetes.io/name", "x", `the label "app.kubernetes.io/name" is taken`},
	} {
		_, err := Files(Options{Image: "i", Labels: map[string]string{test.name: test.value}})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%s: %v, want %q", test.name, test.value, err, test.want)
		}
	}
}

func TestWriteKeepsWhatWasEdited(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	files := map[string][]byte{"rules/a.yaml": []byte("a: 1\n"), "b.yaml": []byte("b: 1\n")}
	write := func(force bool) (string, error) {
		var out bytes.Buffer
		err := Write(&out, folder, files, force)
		return strings.ReplaceAll(out.String(), folder+string(filepath.Separator), ""), err
	}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	slash := string(filepath.Separator)
	if out, err := write(false); err != nil || out != "b.yaml: written\nrules"+slash+"a.yaml: written\n" {
		t.Fatalf("the first time: %q, %v", out, err)
	}
	if out, err := write(false); err != nil || out != "b.yaml: unchanged\nrules"+slash+"a.yaml: unchanged\n" {
		t.Fatalf("the second time: %q, %v", out, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "rules", "a.yaml"), []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := write(false)
	if err == nil || !strings.Contains(err.Error(), "a.yaml") || strings.Contains(err.Error(), "b.yaml") ||
		!strings.Contains(err.Error(), "--force") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "b.yaml")); err == nil || read("rules/a.yaml") != "edited" {
		t.Error("something was written although a file differed")
	}
	if out, err := write(true); err != nil || out != "b.yaml: written\nrules"+slash+"a.yaml: overwritten\n" {
		t.Errorf("with force: %q, %v", out, err)
	}
	if read("rules/a.yaml") != "a: 1\n" || read("b.yaml") != "b: 1\n" {
		t.Error("with force, the files are not those of the bundle")
	}
}
