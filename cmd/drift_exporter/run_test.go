package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// call runs the command line and returns what it printed.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

// golden returns the content of a file in testdata, after it was rewritten if that was asked for.
func golden(t *testing.T, path, got string) string {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(want)
}

// testdata returns the absolute path of a file in testdata, which holds after a change of the working directory too.
func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// chdirToRoot makes the root of the repository the working directory, as users have it in the quick start.
func chdirToRoot(t *testing.T) {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
}

func TestHelpNamesEveryFlag(t *testing.T) {
	code, stdout, stderr := call(t, "--help")
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	var got []string
	flags := regexp.MustCompile(`(?m)^ {2,6}(?:-h, )?--(?:\[no-\])?([a-z.-]+)`)
	for _, found := range flags.FindAllStringSubmatch(stdout, -1) {
		got = append(got, found[1])
	}
	want := []string{
		"help", "version", "config.file", "config.check", "once",
		"web.telemetry-path", "web.enable-lifecycle", "web.disable-exporter-metrics",
		"web.listen-address", "web.config.file", "web.systemd-socket", "log.level", "log.format",
	}
	slices.Sort(got)
	slices.Sort(want)
	want = slices.DeleteFunc(want, func(name string) bool {
		return name == "web.systemd-socket" && !slices.Contains(got, name) // There is none outside of Linux.
	})
	if !slices.Equal(got, want) {
		t.Errorf("flags\n got %v\nwant %v", got, want)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := call(t, "--version")
	if code != exitOK || stderr != "" || !strings.HasPrefix(stdout, "drift_exporter, version ") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := write("broken.yaml", "models:\n- name: m\n  reference: {path: r.csv}\n  min_records: 0\n  windos: [1h]\n")
	unreferenced := write("unreferenced.yaml", "models:\n"+
		"- {name: a, reference: {path: a.csv}, predictions: {path: p.jsonl}}\n"+
		"- {name: b, reference: {path: b.csv}, predictions: {path: p.jsonl}}\n")
	write("small.csv", "x,y\n1.5,a\n2.5,b\n")
	single := write("single.yaml",
		"models:\n- {name: a, reference: {path: small.csv}, predictions: {path: p.jsonl}}\n")
	tests := map[string]struct {
		args []string
		code int
		// stderr has each of these.
		stderr []string
	}{
		"an unknown flag":      {[]string{"--bogus"}, exitUsage, []string{"--bogus", "try --help"}},
		"an unknown command":   {[]string{"bogus"}, exitUsage, []string{"bogus", "try --help"}},
		"a profile of nowhere": {[]string{"profile"}, exitUsage, []string{"--output", "try --help"}},
		"a profile that is served once": {
			[]string{"profile", "--output=p.json", "--once"}, exitUsage, []string{"--once", "try --help"},
		},
		"a report that is served once": {[]string{"report", "--once"}, exitUsage, []string{"command report", "try --help"}},
		"a report that fails on anything": {
			[]string{"report", "--fail-on=drift,anything"}, exitUsage, []string{`"anything"`, "try --help"},
		},
		"a report of less than nothing": {[]string{"report", "--top=-1"}, exitUsage, []string{"--top", "try --help"}},
		"a report in an unknown format": {[]string{"report", "--output=xml"}, exitUsage, []string{"xml", "try --help"}},
		"a profile of one of two models": {
			[]string{"profile", "--output=p.json", "--config.file=" + unreferenced}, exitFailure, []string{`one of "a", "b"`},
		},
		"a profile of no training data": {
			[]string{"profile", "--model=b", "--output=p.json", "--config.file=" + unreferenced},
			exitFailure,
			[]string{`model "b": reference: `, filepath.Join(dir, "b.csv")},
		},
		"a profile in a folder that is not there": {
			[]string{"profile", "--output=" + filepath.Join(dir, "gone", "p.json"), "--config.file=" + single},
			exitFailure,
			[]string{`model "a": writing profile: `, "gone"},
		},
		"an unknown log level":    {[]string{"--log.level=loud"}, exitUsage, []string{"loud", "try --help"}},
		"a metrics path taken":    {[]string{"--web.telemetry-path=/-/ready"}, exitUsage, []string{"/-/ready", "/metrics"}},
		"a metrics path of words": {[]string{"--web.telemetry-path=metrics"}, exitUsage, []string{`"metrics"`, "/metrics"}},
		"a missing configuration": {
			[]string{"--config.file=" + filepath.Join(dir, "absent.yaml")},
			exitFailure,
			[]string{filepath.Join(dir, "absent.yaml")},
		},
		"all problems of a configuration, each at its place": {
			[]string{"--config.check", "--config.file=" + broken},
			exitFailure,
			[]string{
				broken + ":2:3: model \"m\": predictions: is missing", "\n" + broken + ":4:16: model \"m\": min_records: ",
				"\n" + broken + ":5:3: model \"m\": windos: unknown key; did you mean windows?\n",
			},
		},
		"all missing references when checking": {
			[]string{"--config.check", "--config.file=" + unreferenced},
			exitFailure,
			[]string{`model "a": reference: `, filepath.Join(dir, "a.csv"), "\nmodel \"b\": reference: "},
		},
		"a missing reference when reading once": {
			[]string{"--once", "--config.file=" + unreferenced}, exitFailure, []string{filepath.Join(dir, "b.csv")},
		},
		"a missing reference when serving": {
			[]string{"--web.listen-address=127.0.0.1:0", "--config.file=" + unreferenced},
			exitFailure,
			[]string{filepath.Join(dir, "a.csv")},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, test.args...)
			if code != test.code || stdout != "" {
				t.Errorf("exit code %d, want %d, stdout %q", code, test.code, stdout)
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, stderr)
				}
			}
		})
	}
}

func TestFailureToPrint(t *testing.T) {
	chdirToRoot(t)
	reader, writer := io.Pipe()
	reader.CloseWithError(errors.New("disk full"))
	for _, mode := range []string{"--config.check", "--once", "report"} {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{mode, "--config.file=config.example.yaml"}, writer, &stderr)
		if code != exitFailure || !strings.Contains(stderr.String(), "disk full") {
			t.Errorf("%s: exit code %d, stderr %q", mode, code, stderr.String())
		}
	}
}

func TestCheckOfTheExample(t *testing.T) {
	file := testdata(t, "config.example.txt")
	chdirToRoot(t)
	code, stdout, stderr := call(t, "--config.check", "--config.file=config.example.yaml")
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if want := golden(t, file, stdout); stdout != want {
		t.Errorf("got\n%s\nwant\n%s", stdout, want)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stdout, root) || !strings.HasSuffix(stdout, "\nconfig.example.yaml: OK\n") {
		t.Errorf("got\n%s", stdout)
	}
}

func TestProfileOfTheExampleIsSmallAndServesTheSame(t *testing.T) {
	chdirToRoot(t)
	output := filepath.Join(t.TempDir(), "flights.profile.json.gz")
	code, stdout, stderr := call(t, "profile", "--config.file=config.example.yaml", "--model=flight-delay",
		"--output="+output)
	if code != exitOK || stderr != "" || !strings.HasSuffix(stdout, "\n"+output+": written\n") {
		t.Fatalf("exit code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	_, check, _ := call(t, "--config.check", "--config.file=config.example.yaml")
	if description := strings.TrimSuffix(stdout, output+": written\n"); !strings.HasPrefix(check, description) {
		t.Errorf("profile prints\n%s--config.check prints\n%s", stdout, check)
	}
	info, err := os.Stat(output)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 100<<10 {
		t.Errorf("the profile has %d bytes", info.Size())
	}
}

// The port is written down in several places.
func TestDockerfileAgreesWithTheFlags(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	instruction := func(name string) string {
		found := regexp.MustCompile(`(?m)^`+name+` (.*)$`).FindAllStringSubmatch(string(text), -1)
		if len(found) != 1 {
			t.Fatalf("the Dockerfile has %d lines with %s", len(found), name)
		}
		return found[0][1]
	}
	if port := instruction("EXPOSE"); ":"+port != defaultAddress {
		t.Errorf("the Dockerfile exposes %s, the default address is %s", port, defaultAddress)
	}
	var command []string
	if err := json.Unmarshal([]byte(instruction("CMD")), &command); err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	f, code, done := parseFlags(command, &printed, &printed)
	if done {
		t.Fatalf("CMD %q: exit code %d: %s", command, code, printed.String())
	}
	if got := *f.web.WebListenAddresses; !slices.Equal(got, []string{defaultAddress}) {
		t.Errorf("CMD listens on %q, not on the default address", got)
	}
	if f.configFile != "/etc/drift_exporter/config.yaml" || f.configCheck || f.once {
		t.Errorf("CMD gives %+v", f)
	}
}

func TestREADMEAgreesWithTheFlags(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	ports := regexp.MustCompile(`localhost(:\d+)`).FindAllStringSubmatch(string(text), -1)
	ours := slices.ContainsFunc(ports, func(found []string) bool { return found[1] == defaultAddress })
	if !ours {
		t.Errorf("README.md never says localhost%s", defaultAddress)
	}
}
