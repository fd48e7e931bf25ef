package metric

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// lines are those of an exposition, sorted: families may come in any order.
func lines(t *testing.T, h http.Handler, accept, encoding string) (sorted []string, contentType string) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", accept)
	request.Header.Set("Accept-Encoding", encoding)
	response := httptest.NewRecorder()
	h.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		t.Fatalf("status %d: %s", response.Code, response.Body)
	}
	var body io.Reader = response.Body
	if response.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	} else if strings.Contains(encoding, "gzip") && response.Body.Len() > 10_000 {
		t.Errorf("a long exposition was not compressed for %q", encoding)
	}
	all, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if end := "# EOF\n"; strings.Contains(accept, "openmetrics") && !strings.HasSuffix(string(all), end) {
		t.Errorf("the exposition does not end with %q", end)
	}
	sorted = strings.Split(string(all), "\n")
	slices.Sort(sorted)
	return sorted, response.Header().Get("Content-Type")
}

func TestHandlerServesWhatPromhttpDoes(t *testing.T) {
	base := prometheus.NewRegistry()
	scraped := prometheus.NewCounter(prometheus.CounterOpts{Name: "scraped_total", Help: "Of the base."})
	base.MustRegister(scraped)
	store := NewStore(base)
	options := promhttp.HandlerOpts{MaxRequestsInFlight: 2, EnableOpenMetrics: true}
	handler := store.Handler(options)
	reference := promhttp.HandlerFor(store, options)
	for round := range 3 { // nothing is published in the first one
		for _, accept := range []string{
			"", "text/plain;version=0.0.4", "text/plain;version=1.0.0;escaping=allow-utf-8",
			"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.2",
			"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
		} {
			for _, encoding := range []string{"identity", "gzip"} {
				for range 2 {
					scraped.Inc() // what the base has is current, though the rest was written before
					got, gotType := lines(t, handler, accept, encoding)
					want, wantType := lines(t, reference, accept, encoding)
					if gotType != wantType || !slices.Equal(got, want) {
						t.Fatalf("round %d, %q, %q: got %s %q, want %s %q", round, accept, encoding, gotType, got, wantType, want)
					}
				}
			}
		}
		s := NewSnapshot()
		for i := range 100 * (round + 1) {
			s.Add(Score, float64(i), "churn\n\"", "1", strings.Repeat("é", i), "feature", "24h", "psi")
		}
		s.AddHistogram(LabelDelay, []float64{1, 2}, []uint64{3, 4, uint64(round)}, 6, "churn", "1")
		store.Publish(s)
	}
}

// brokenBase is a gatherer of which a part fails.
type brokenBase struct{ prometheus.Gatherer }

func (b brokenBase) Gather() ([]*Family, error) {
	families, err := b.Gatherer.Gather()
	return families, errors.Join(err, errors.New("no /proc"))
}

func TestWhatCannotBeGatheredIsLoggedAndTheRestServed(t *testing.T) {
	base := prometheus.NewRegistry()
	base.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "scraped_total", Help: "Of the base."}))
	store := NewStore(brokenBase{base})
	s := NewSnapshot()
	s.Add(Score, 0.5, "churn", "1", "age", "feature", "24h", "psi")
	store.Publish(s)
	var logged strings.Builder
	handler := store.Handler(promhttp.HandlerOpts{MaxRequestsInFlight: 1, ErrorLog: log.New(&logged, "", 0)})
	got, _ := lines(t, handler, "", "identity")
	for _, want := range []string{"scraped_total 0", Score.Name + "{"} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %q", want)
		}
	}
	if !strings.Contains(logged.String(), "no /proc") {
		t.Errorf("logged was %q", logged.String())
	}
}

func TestHandlerTakesOnlySoManyScrapes(t *testing.T) {
	store := NewStore(nil)
	store.Publish(NewSnapshot())
	handler := store.Handler(promhttp.HandlerOpts{MaxRequestsInFlight: 1})
	second := httptest.NewRecorder()
	first := &inside{ResponseRecorder: httptest.NewRecorder(), do: func() {
		handler.ServeHTTP(second, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	}}
	handler.ServeHTTP(first, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if first.Code != http.StatusOK || second.Code != http.StatusServiceUnavailable {
		t.Errorf("two scrapes at the same time got %d and %d, want %d and %d", first.Code, second.Code, http.StatusOK,
			http.StatusServiceUnavailable)
	}
}

// inside is a response during whose first write something else is done.
type inside struct {
	*httptest.ResponseRecorder
	do func()
}

func (i *inside) Write(b []byte) (int, error) {
	if do := i.do; do != nil {
		i.do = nil
		do()
	}
	return i.ResponseRecorder.Write(b)
}

// manySeries is a snapshot of series as a model with so many columns has them.
func manySeries(columns int) *Snapshot {
	s := NewSnapshot()
	for _, window := range []string{"1h", "24h", "7d"} {
		for i := range columns {
			column := fmt.Sprintf("column_%d", i)
			for k, statistic := range []string{"psi", "jensen_shannon", "hellinger", "ks", "wasserstein"} {
				x := 1 / float64(7+i+k)
				s.Add(Score, x, "wide", "1", column, "feature", window, statistic)
				s.Add(NoiseFloor, x/3, "wide", "1", column, "feature", window, statistic)
			}
		}
	}
	return s
}

// A reader that knows only one piece of gzip must get all of it, so the piece ends with the response.
func TestGzipIsOfOnePiece(t *testing.T) {
	store := NewStore(prometheus.NewRegistry())
	store.Publish(manySeries(3))
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept-Encoding", "gzip")
	response := httptest.NewRecorder()
	store.Handler(promhttp.HandlerOpts{MaxRequestsInFlight: 1}).ServeHTTP(response, request)
	if length := response.Header().Get("Content-Length"); length != strconv.Itoa(response.Body.Len()) {
		t.Errorf("Content-Length %s, want %d", length, response.Body.Len())
	}
	z, err := gzip.NewReader(response.Body) // it reads a byte at a time, and so not more than its piece
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	if _, err := io.Copy(io.Discard, z); err != nil || response.Body.Len() > 0 {
		t.Errorf("%d bytes behind the piece, error %v", response.Body.Len(), err)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, gzip;q=0.5": true, "br,gzip ; q=1.0": true,
		"": false, "identity": false, "gzip;q=0": false, "gzip;q=0.000, br": false, "gzipped": false,
	} {
		if got := acceptsGzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: %t, want %t", header, got, want)
		}
	}
}

// What a scraper has asked for once is there before it asks again, and a scrape takes as much memory for one series as
// for thousands.
func TestScrapesFindTheirTextMade(t *testing.T) {
	store := NewStore(nil)
	store.Publish(NewSnapshot())
	handler := store.Handler(promhttp.HandlerOpts{MaxRequestsInFlight: 1})
	var allocated [2]float64
	for i, columns := range []int{1, 200} {
		for _, encoding := range []string{"identity", "gzip"} {
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept-Encoding", encoding)
			handler.ServeHTTP(&get{header: make(http.Header)}, request)
			store.Publish(manySeries(columns))
			p := store.published.Load()
			if !slices.ContainsFunc(p.texts, func(r *rendering) bool { return r.gzip == (encoding == "gzip") }) {
				t.Fatalf("after a scrape with %s nothing of that is ready", encoding)
			}
			var g *get
			allocated[i] += testing.AllocsPerRun(20, func() {
				g = &get{header: make(http.Header)}
				handler.ServeHTTP(g, request)
			})
			if len(p.texts) > 2 || g.bytes < 100*columns {
				t.Errorf("%d renderings, a scrape of %d bytes", len(p.texts), g.bytes)
			}
		}
	}
	// The pool of compressors may be emptied meanwhile.
	if allocated[1] > allocated[0]+10 {
		t.Errorf("%.0f allocations for a scrape of many series, %.0f for one of few", allocated[1], allocated[0])
	}
}

// get is a scraper that does not keep what it gets.
type get struct {
	header http.Header
	bytes  int
}

func (g *get) Header() http.Header { return g.header }
func (g *get) WriteHeader(int)     {}
func (g *get) Write(b []byte) (int, error) {
	g.bytes += len(b)
	return len(b), nil
}

func BenchmarkPublish(b *testing.B) {
	store := NewStore(nil)
	snapshot := manySeries(400)
	b.ReportAllocs()
	for b.Loop() {
		store.Publish(snapshot)
	}
}

func BenchmarkScrape(b *testing.B) {
	base := prometheus.NewRegistry()
	base.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	store := NewStore(base)
	store.Publish(manySeries(400))
	handler := store.Handler(promhttp.HandlerOpts{MaxRequestsInFlight: 1})
	for _, encoding := range []string{"identity", "gzip"} {
		request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		request.Header.Set("Accept-Encoding", encoding)
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(&get{header: make(http.Header)}, request)
			}
		})
	}
}
