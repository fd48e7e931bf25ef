package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// blocks returns the code of a language in a page of the documentation.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, part := range strings.Split(string(content), "```"+language+"\n")[1:] {
		found = append(found, regexp.MustCompile("\n *```").Split(part, 2)[0])
	}
	if len(found) == 0 {
		t.Fatalf("%s has no code in %s", page, language)
	}
	return found
}

// airflow stands for Airflow: it makes runs, and refuses one that exists.
type airflow struct {
	mu   sync.Mutex
	down bool
	// runs has what each run was started with.
	runs map[string]string
}

func (a *airflow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var body struct {
		Run  string            `json:"dag_run_id"`
		Conf map[string]string `json:"conf"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	switch {
	case a.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case err != nil || r.URL.Path != "/api/v2/dags/retrain/dagRuns" || r.Header.Get("Authorization") != "Bearer a":
		w.WriteHeader(http.StatusBadRequest)
	case a.runs[body.Run] != "":
		w.WriteHeader(http.StatusConflict)
	default:
		a.runs[body.Run] = body.Conf["model"] + " " + body.Conf["version"]
	}
}

func (a *airflow) fail(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// The receiver of docs/retraining.md does what the page says: it starts a run once, answers an error that makes
// Alertmanager send again, and listens to nobody else.
func TestReceiverOfTheDocumentation(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skipf("%v: the receiver in docs/retraining.md is Python; get python3", err)
	}
	platform := &airflow{runs: map[string]string{}}
	server := httptest.NewServer(platform)
	defer server.Close()
	host, port, _ := strings.Cut(freeAddress(t), ":")
	command := exec.CommandContext(t.Context(), python, "-c", blocks(t, "retraining.md", "python")[0])
	command.Env = append(os.Environ(), "AIRFLOW_URL="+server.URL, "AIRFLOW_TOKEN=a", "WEBHOOK_TOKEN=w", "HOST="+host,
		"PORT="+port)
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(log) // it ends with the process
		said <- string(all)
	}()
	defer func() {
		_ = command.Process.Kill()
		if text := <-said; t.Failed() {
			t.Log(text)
		}
		_ = command.Wait()
	}()
	address := "http://" + host + ":" + port + "/"
	awaitListener(t, host+":"+port)

	body := blocks(t, "retraining.md", "json")[0]
	platform.fail(true)
	steps := []struct {
		what, token, body string
		want              int
	}{
		{"while Airflow is down", "w", body, http.StatusInternalServerError},
		{"with a wrong token", "x", body, http.StatusUnauthorized},
		{"the first time", "w", body, http.StatusAccepted},
		{"again", "w", body, http.StatusAccepted},
		{"when it has ended", "w", strings.ReplaceAll(body, "firing", "resolved"), http.StatusAccepted},
	}
	for i, step := range steps {
		platform.fail(i == 0)
		if code := post(t, address, step.token, step.body); code != step.want {
			t.Errorf("%s it answers %d, want %d", step.what, code, step.want)
		}
	}
	platform.mu.Lock()
	defer platform.mu.Unlock()
	want := map[string]string{"retrain-a831e51f2d33444b-20260314092653": "churn 1.0"}
	if fmt.Sprint(platform.runs) != fmt.Sprint(want) {
		t.Errorf("runs %v, want %v", platform.runs, want)
	}
}

// awaitListener waits until something listens.
func awaitListener(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); ; {
		response, err := http.Get("http://" + address)
		if err == nil {
			_ = response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// What docs/retraining.md shows in YAML is YAML, and the request is what Alertmanager sends.
func TestExamplesOfTheRetrainingPageAreWellFormed(t *testing.T) {
	for _, code := range blocks(t, "retraining.md", "yaml") {
		if err := yaml.Unmarshal([]byte(code), new(any)); err != nil {
			t.Errorf("%v in\n%s", err, code)
		}
	}
	var n notification
	if err := json.Unmarshal([]byte(blocks(t, "retraining.md", "json")[0]), &n); err != nil {
		t.Fatal(err)
	}
	if len(n.Alerts) != 1 || n.Alerts[0].Fingerprint == "" || n.Alerts[0].StartsAt.IsZero() || n.Status != "firing" {
		t.Errorf("the request is %+v", n)
	}
	// SageMaker's token has at least 32 characters.
	if run := "retrain-" + n.Alerts[0].Fingerprint + n.Alerts[0].StartsAt.Format("-20060102150405"); len(run) < 32 {
		t.Errorf("%s is too short for SageMaker", run)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Logf("the Python is not checked: %v", err)
		return
	}
	for _, code := range blocks(t, "retraining.md", "python") {
		compile := exec.CommandContext(t.Context(), python, "-c", "import ast, sys; ast.parse(sys.stdin.read())")
		compile.Stdin = strings.NewReader(code)
		if output, err := compile.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\nin\n%s", err, output, code)
		}
	}
}
