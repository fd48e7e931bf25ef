package metric

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
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
	handler, err := store.Handler(options)
	if err != nil {
		t.Fatal(err)
	}
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

func TestHandlerTakesOnlySoManyScrapes(t *testing.T) {
	store := NewStore(nil)
	store.Publish(NewSnapshot())
	handler, err := store.Handler(promhttp.HandlerOpts{MaxRequestsInFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
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
