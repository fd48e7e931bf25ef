package metric

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

// published is what Publish was given last.
type published struct {
	families []*Family

	mu    sync.Mutex
	texts []rendering
}

// rendering is all families in one format.
type rendering struct {
	format expfmt.Format
	body   []byte
}

// maxTexts bounds the formats whose texts are kept. A scraper asks for one, and there are few of them.
const maxTexts = 4

// text returns the families in a format that is text, without what ends an exposition. It is made at the first scrape
// that asks for it, which the others then wait for.
func (p *published) text(format expfmt.Format) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.texts, func(t rendering) bool { return t.format == format }); i >= 0 {
		return p.texts[i].body, nil
	}
	var b bytes.Buffer
	if err := encodeAll(&b, format, p.families); err != nil {
		return nil, err
	}
	if len(p.texts) < maxTexts {
		p.texts = append(p.texts, rendering{format, b.Bytes()})
	}
	return b.Bytes(), nil
}

func encodeAll(w io.Writer, format expfmt.Format, families []*Family) error {
	encoder := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// Handler serves what the store gathers, as promhttp does. But the text of what was published is made once and not for
// each scrape, which makes a scrape of many series ten times faster. Formats that are no text are left to promhttp.
// MaxRequestsInFlight must be positive; of the other options, those for errors hold for such formats only.
func (s *Store) Handler(o promhttp.HandlerOpts) (http.Handler, error) {
	general := promhttp.HandlerFor(s, o)
	scrapes := make(chan struct{}, o.MaxRequestsInFlight)
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case scrapes <- struct{}{}:
			defer func() { <-scrapes }()
		default:
			http.Error(w, "Too many scrapes at the same time, try again later.", http.StatusServiceUnavailable)
			return
		}
		format := negotiate(r)
		w.Header().Set("Content-Type", string(format))
		if err := s.write(w, format); err != nil {
			http.Error(w, "Writing the metrics failed: "+err.Error(), http.StatusInternalServerError)
		}
	})
	compress, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.ContentTypes([]string{
		"text/plain", "application/openmetrics-text",
	}))
	if err != nil {
		return nil, err
	}
	compressed := compress(plain)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch negotiate(r).FormatType() {
		case expfmt.TypeTextPlain, expfmt.TypeOpenMetrics:
			compressed.ServeHTTP(w, r)
		default:
			general.ServeHTTP(w, r)
		}
	}), nil
}

func negotiate(r *http.Request) expfmt.Format {
	return expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
}

// write writes what is published, and behind it the metrics of the base gatherer, of which an error may leave some out.
func (s *Store) write(w io.Writer, format expfmt.Format) error {
	var rest bytes.Buffer
	var base []*Family
	if s.base != nil {
		base, _ = s.base.Gather() // what could be gathered is served, as by promhttp.ContinueOnError
	}
	if err := encodeAll(&rest, format, base); err != nil {
		return err
	}
	if format.FormatType() == expfmt.TypeOpenMetrics {
		rest.WriteString("# EOF\n")
	}
	if p := s.published.Load(); p != nil {
		body, err := p.text(format)
		if err != nil {
			return err
		}
		if _, err := w.Write(body); err != nil {
			return nil // the scraper has gone
		}
	}
	_, _ = w.Write(rest.Bytes()) // an error means that the scraper has gone
	return nil
}
