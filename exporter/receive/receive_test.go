package receive

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// site is a source and its folder.
type site struct {
	t      testing.TB
	folder string
	source *Source
	log    bytes.Buffer
}

func newSite(t testing.TB, set Settings) *site {
	t.Helper()
	s := &site{t: t, folder: t.TempDir()}
	if set.MaxBody == 0 {
		set.MaxBody, set.MaxSpool = 64<<10, mebi
	}
	p, err := Prepare(set)
	if err != nil {
		t.Fatal(err)
	}
	if s.source, err = Open("churn", s.folder, p, slog.New(slog.NewTextHandler(&s.log, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.source.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send returns the answer to a request.
func (s *site) send(method, contentType string, body []byte, more ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/ingest/churn", bytes.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, pair := range pairs(more) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	s.source.ServeHTTP(w, r)
	return w
}

func (s *site) spooled(t *testing.T) string {
	t.Helper()
	_, texts := segmentsOf(t, s.folder)
	return strings.Join(texts, "")
}

func (s *site) requests(code int) uint64 { return s.source.Requests()[slices.Index(Codes, code)] }

func zipped(t testing.TB, body string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write([]byte(body))
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	structured = `{"specversion":"1.0","id":"1","type":"t","source":"s","data":{"a":1}}`
	accepted   = http.StatusAccepted
	bad        = http.StatusBadRequest
	tooLong    = http.StatusRequestEntityTooLarge
	noSuchType = http.StatusUnsupportedMediaType
)

var asEvent = []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Type", "t", "Ce-Source", "s"}

func TestRequests(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 64<<10) + `"}`
	tests := []struct {
		name, contentType, body string
		more                    []string
		code                    int
		want                    string // in the spool, or in the answer if it is not accepted
	}{
		{"an object", "application/json", `{"a":1}`, nil, accepted, "{\"a\":1}\n"},
		{"an object over lines", "application/json; charset=utf-8", "{\n \"a\": 1\n}\n", nil, accepted, "{  \"a\": 1 }\n"},
		{"an array", "APPLICATION/JSON", "[{\"a\":1} ,\n{\"b\":\n[2,{}]}]", nil, accepted, "{\"a\":1}\n{\"b\": [2,{}]}\n"},
		{"an empty array", "application/json", "[ ]", nil, accepted, ""},
		{"a byte order mark", "application/json", "\xef\xbb\xbf{}", nil, accepted, "{}\n"},
		{"numbers that are not finite", "application/json", `{"a":NaN}`, nil, accepted, "{\"a\":NaN}\n"},
		{"JSON Lines", "application/x-ndjson", "{\"a\":1}\r\n\n {\"b\":2}", nil, accepted, "{\"a\":1}\n{\"b\":2}\n"},
		{"JSON Lines by their other name", "application/jsonl", "{}\n{}\n", nil, accepted, "{}\n{}\n"},
		{"lines that nobody has looked into", "application/jsonl", "{a}\n", nil, accepted, "{a}\n"},
		{"a structured event", "application/cloudevents+json; charset=utf-8", structured, nil, accepted, structured + "\n"},
		{"a batch of events", "application/cloudevents-batch+json", "[" + structured + ",\n" + structured + "]", nil, accepted, structured + "\n" + structured + "\n"},
		{"a structured event with headers of a binary one", "application/cloudevents+json", structured, asEvent, accepted, structured + "\n"},
		{"a binary event", "application/json", `{"a":1}`, asEvent, accepted, `{"specversion":"1.0","id":"1","type":"t","source":"s","datacontenttype":"application/json","data":{"a":1}}` + "\n"},
		{"a binary event of any type", "text/plain", `x`, asEvent, accepted, `{"specversion":"1.0","id":"1","type":"t","source":"s","datacontenttype":"text/plain","data_base64":"eA=="}` + "\n"},
		{"gzip that nobody speaks of", "application/json", string(zipped(t, `[{"a":1}]`)), nil, accepted, "{\"a\":1}\n"},
		{"gzip", "application/json", string(zipped(t, `{}`)), []string{"Content-Encoding", "gzip"}, accepted, "{}\n"},
		{"a binary event in gzip", "application/json", string(zipped(t, `[1]`)), asEvent, accepted, `{"specversion":"1.0","id":"1","type":"t","source":"s","datacontenttype":"application/json","data":[1]}` + "\n"},

		{"no JSON", "application/json", `{"a":1,}`, nil, bad, "byte 8"},
		{"cut JSON", "application/json", `{"a":`, nil, bad, "cut"},
		{"several objects", "application/json", "{}\n{}", nil, bad, "application/x-ndjson"},
		{"a number", "application/json", "3", nil, bad, "not an object"},
		{"an array of numbers", "application/json", `[{},2]`, nil, bad, "byte 5"},
		{"an array as one event", "application/cloudevents+json", `[{}]`, nil, bad, "not an object"},
		{"nothing", "application/json", " ", nil, bad, "no record"},
		{"no lines", "application/jsonl", "\n\n", nil, bad, "no record"},
		{"lines of one object", "application/x-ndjson", "{}\n{\n\"a\": 1\n}\n", nil, bad, "line 2"},
		{"a binary event without id", "application/json", "{}", asEvent[:2], bad, "ce-id"},
		{"broken gzip", "application/json", string(zipped(t, `{}`)[:15]), nil, bad, "gzip"},
		{"no gzip behind its first bytes", "application/json", "\x1f\x8bxxxxxxxxxxxxxxx", nil, bad, "gzip"},
		{"a body that is too long", "application/json", long, nil, tooLong, "max_body"},
		{"a body that is too long once it is unpacked", "application/json", string(zipped(t, long)), nil, tooLong, "max_body"},
		{"no type", "", `{}`, nil, noSuchType, "application/x-ndjson"},
		{"a form", "application/x-www-form-urlencoded", `{}`, nil, noSuchType, "form"},
		{"events in another format", "application/cloudevents+avro", `{}`, asEvent, noSuchType, "avro"},
		{"an encoding", "application/json", `{}`, []string{"Content-Encoding", "br"}, noSuchType, "br"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, Settings{})
			w := s.send(http.MethodPost, test.contentType, []byte(test.body), test.more...)
			if w.Code != test.code {
				t.Fatalf("code %d: %s", w.Code, w.Body)
			}
			if s.requests(test.code) != 1 {
				t.Errorf("the counts are %v", s.source.Requests())
			}
			got := s.spooled(t)
			if test.code != accepted {
				if !strings.Contains(w.Body.String(), test.want) || got != "" || !strings.Contains(s.log.String(), "refused") {
					t.Errorf("the answer is %q, want %q; the spool has %q; the log %q", w.Body, test.want, got, &s.log)
				}
				return
			}
			if got != test.want || w.Body.Len() != 0 || s.log.Len() != 0 {
				t.Errorf("the spool has\n%swant\n%sthe answer is %q, the log %q", got, test.want, w.Body, &s.log)
			}
		})
	}
}

func TestOtherMethods(t *testing.T) {
	s := newSite(t, Settings{})
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := s.send(method, "application/json", []byte(`{}`))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s gives %d, allowed is %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

// Bodies without a length are bounded as well.
func TestBodyWithoutLength(t *testing.T) {
	s := newSite(t, Settings{})
	for _, test := range []struct{ length, code int }{{60 << 10, accepted}, {65 << 10, tooLong}} {
		body := io.MultiReader(strings.NewReader(`{"a":"`), strings.NewReader(strings.Repeat("x", test.length)), strings.NewReader(`"}`))
		r := httptest.NewRequest(http.MethodPost, "/ingest/churn", body)
		r.ContentLength = -1
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.source.ServeHTTP(w, r)
		if w.Code != test.code {
			t.Errorf("%d bytes give %d: %s", test.length, w.Code, w.Body)
		}
	}
}

func TestFullSpoolAndItsRecovery(t *testing.T) {
	s := newSite(t, Settings{})
	body := []byte(`{"a":"` + strings.Repeat("x", 60<<10) + `"}`)
	taken := 0
	w := s.send(http.MethodPost, "application/json", body)
	for ; w.Code == accepted && taken < 100; taken++ {
		w = s.send(http.MethodPost, "application/json", body)
	}
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || taken < 10 {
		t.Fatalf("after %d requests: %d, %v", taken, w.Code, w.Header())
	}
	// What a client does not announce is refused as well, when it has come.
	r := httptest.NewRequest(http.MethodPost, "/ingest/churn", bytes.NewReader(body))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json")
	again := httptest.NewRecorder()
	if s.source.ServeHTTP(again, r); again.Code != http.StatusTooManyRequests {
		t.Errorf("without a length: %d", again.Code)
	}
	names, _ := segmentsOf(t, s.folder)
	if err := s.source.Spool().Release(map[string]int64{names[0]: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	if w := s.send(http.MethodPost, "application/json", body); w.Code != accepted {
		t.Errorf("after some was released: %d", w.Code)
	}
}

func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	change := 0
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		change++
		when := time.Date(2026, 1, 1, 0, 0, change, 0, time.UTC)
		if err := os.Chtimes(file, when, when); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Prepare(Settings{TokenFile: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a token that is not there: %v", err)
	}
	write(" \n")
	if _, err := Prepare(Settings{TokenFile: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("an empty token: %v", err)
	}
	write("first-secret\n")
	s := newSite(t, Settings{TokenFile: file, MaxBody: 1 << 10, MaxSpool: mebi})
	check := func(authorization string, code int) {
		t.Helper()
		w := s.send(http.MethodPost, "application/json", []byte(`{}`), "Authorization", authorization)
		if w.Code != code || code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q gives %d, want %d", authorization, w.Code, code)
		}
		if text := w.Body.String() + s.log.String(); strings.Contains(text, "secret") {
			t.Errorf("the secret is told: %s", text)
		}
	}
	check("Bearer first-secret", accepted)
	check("bearer  first-secret", accepted)
	for _, wrong := range []string{"", "Bearer", "Bearer ", "first-secret", "Basic first-secret", "Bearer first-secre", "Bearer first-secret2"} {
		check(wrong, http.StatusUnauthorized)
	}
	write("other-secret")
	check("Bearer first-secret", http.StatusUnauthorized)
	check("Bearer other-secret", accepted)
	write("")
	check("Bearer other-secret", http.StatusServiceUnavailable)
	check("Bearer ", http.StatusServiceUnavailable)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	check("Bearer other-secret", http.StatusServiceUnavailable)
	write("third-secret")
	check("Bearer third-secret", accepted)
	// Who has no token is not told what else is wrong.
	if w := s.send(http.MethodPost, "text/plain", make([]byte, 2<<10)); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong request without a token gives %d", w.Code)
	}
}

func TestSettingsChange(t *testing.T) {
	s := newSite(t, Settings{MaxBody: 10, MaxSpool: mebi})
	body := []byte(`{"a":"0123456789"}`)
	if w := s.send(http.MethodPost, "application/json", body); w.Code != tooLong {
		t.Errorf("a long body gives %d", w.Code)
	}
	p, err := Prepare(Settings{MaxBody: 100, MaxSpool: mebi, Sync: true})
	if err != nil {
		t.Fatal(err)
	}
	s.source.Set(p)
	if w := s.send(http.MethodPost, "application/json", body); w.Code != accepted {
		t.Errorf("after the change it gives %d", w.Code)
	}
	if s.source.spool.synced != 1 {
		t.Error("the answer came before the disk had the record")
	}
	if err := s.source.Close(); err != nil {
		t.Fatal(err)
	}
	if w := s.send(http.MethodPost, "application/json", body); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a closed source gives %d", w.Code)
	}
}

// The longest line that can become of a request is one that the reader of the spool takes.
func TestLongestLine(t *testing.T) {
	h := event("Ce-Owner", strings.Repeat("%01", 300<<10))
	line, err := appendEvent(nil, h, make([]byte, MaxBody))
	if err != nil {
		t.Fatal(err)
	}
	if len(line) >= MaxLine {
		t.Errorf("the line has %d bytes", len(line))
	}
}

// kserve is an event as the payload logger of KServe sends it.
func kserve(i int) (http.Header, []byte) {
	h := event("Ce-Id", fmt.Sprintf("3f0c8d5a-0000-4000-8000-%012d", i), "Ce-Time", "2026-03-14T09:26:53.589793238Z",
		"Ce-Inferenceservicename", "iris", "Ce-Namespace", "prod", "Ce-Component", "predictor", "Ce-Endpoint", "default",
		"Ce-Metadata", "{}", "Content-Type", "application/json")
	return h, []byte(`{"instances":[[5.1,3.5,1.4,0.2],[6.7,3.0,5.2,2.3]],"parameters":{"content_type":"np"}}`)
}

// The work on one event, without what net/http does for it.
func BenchmarkEvent(b *testing.B) {
	h, body := kserve(1)
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if line, err = appendEvent(line[:0], h, body); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(line)))
}

// Events over loopback, one a request, from as many clients at once.
func BenchmarkIngest(b *testing.B) {
	for _, sync := range []bool{false, true} {
		for _, clients := range []int{5, 32} {
			b.Run(fmt.Sprintf("sync=%t/clients=%d", sync, clients), func(b *testing.B) { benchmarkIngest(b, sync, clients) })
		}
	}
}

func benchmarkIngest(b *testing.B, sync bool, clients int) {
	s := newSite(b, Settings{MaxBody: 4 * mebi, MaxSpool: 64 << 30, Sync: sync})
	server := httptest.NewServer(s.source)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	jobs, done := make(chan int), make(chan error, clients)
	b.ReportAllocs()
	for range clients {
		go func() { done <- post(client, server.URL, jobs) }()
	}
	for i := range b.N {
		jobs <- i
	}
	close(jobs)
	for range clients {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func post(client *http.Client, url string, jobs <-chan int) error {
	var failed error
	for i := range jobs {
		h, body := kserve(i)
		r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header = h
		response, err := client.Do(r)
		if err != nil {
			failed = err
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != accepted {
			failed = errors.New("status " + response.Status)
		}
		if err := response.Body.Close(); err != nil {
			failed = err
		}
	}
	return failed
}
