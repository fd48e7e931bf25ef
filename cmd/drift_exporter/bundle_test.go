package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/bundle"
)

func TestBundleIsWrittenAndNotOverwritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bundle")
	code, stdout, stderr := call(t, "bundle", "--output="+folder, "--image=registry.example/drift:1", "--label=release=prom")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %s", code, stderr)
	}
	for _, name := range []string{
		"rules/thresholds.yaml", "rules/recording.yaml", "dashboards/models.json", "dashboards/model.json",
		"dashboards/column.json", "dashboards/exporter.json", "kubernetes/exporter.yaml", "kubernetes/servicemonitor.yaml",
		"kubernetes/prometheusrule-thresholds.yaml", "kubernetes/dashboard-model.yaml",
	} {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if _, err := os.Stat(file); err != nil || !strings.Contains(stdout, file+": written\n") {
			t.Errorf("%s was not written, or that was not said: %v", name, err)
		}
	}
	exporter := filepath.Join(folder, "kubernetes", "exporter.yaml")
	content, err := os.ReadFile(exporter)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"image: registry.example/drift:1\n", "    release: prom\n", defaultAddress[1:]} {
		if !strings.Contains(string(content), want) {
			t.Errorf("the Deployment does not say %q", want)
		}
	}
	if err := os.WriteFile(exporter, []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr = call(t, "bundle", "--output="+folder); code != exitFailure || !strings.Contains(stderr, exporter) {
		t.Errorf("over an edited file: exit code %d, stderr %s", code, stderr)
	}
	if code, stdout, _ = call(t, "bundle", "--output="+folder, "--force"); code != exitOK ||
		!strings.Contains(stdout, exporter+": overwritten\n") {
		t.Errorf("with --force: exit code %d, stdout %s", code, stdout)
	}
}

func TestBundleOfAWrongCommandLine(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no folder":       {nil, exitUsage, "--output"},
		"with --once":     {[]string{"--output=x", "--once"}, exitUsage, "the command bundle takes neither"},
		"a label of ours": {[]string{"--output=x", "--label=app.kubernetes.io/name=x"}, exitFailure, "is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			code, _, stderr := call(t, append([]string{"bundle"}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, want %d; stderr %s", code, test.code, stderr)
			}
		})
	}
}

// The page names each file and each flag, and no others.
func TestThePageOfBundleIsRight(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "bundle.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := bundle.Files(bundle.Options{Image: "drift_exporter"})
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	patterns := regexp.MustCompile("(?m)^\\| `([a-z*./-]+\\.[a-z]+)` \\|").FindAllStringSubmatch(string(page), -1)
	for name := range files {
		found := false
		for _, pattern := range patterns {
			if ok, err := path.Match(pattern[1], name); err != nil {
				t.Fatal(err)
			} else if ok {
				found, used[pattern[1]] = true, true
			}
		}
		if !found {
			t.Errorf("docs/bundle.md does not say what %s is for", name)
		}
	}
	for _, pattern := range patterns {
		if !used[pattern[1]] {
			t.Errorf("docs/bundle.md explains %s, which is not in the bundle", pattern[1])
		}
	}
	_, help, _ := call(t, "bundle", "--help")
	for _, flag := range []string{"--output", "--image", "--label", "--force"} {
		if !strings.Contains(string(page), "| `"+flag+"` | ") || !strings.Contains(strings.ReplaceAll(help, "[no-]", ""), flag) {
			t.Errorf("the flag %s is not both in docs/bundle.md and in --help:\n%s", flag, help)
		}
	}
}
