// Package receive takes records over HTTP: requests go in, lines in files come out, which a source then reads as it
// reads any log. It knows nothing of models, and of the records no more than where each begins and ends.
package receive

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxBody is the largest limit of a body, in bytes.
	MaxBody = 64 << 20
	// MaxLine is longer than any line of a spool, in bytes: a body in base64, and attributes.
	MaxLine = MaxBody/3*4 + 4<<20
	// concurrent is how many requests of a source are worked on at the same time; others wait.
	concurrent = 32
	// slowest is how long the body of a request may take.
	slowest = 30 * time.Second
	// logInterval is the least time between two messages about refused requests of a source.
	logInterval = time.Minute
)

// Codes are the status codes that a source answers with.
var Codes = []int{
	http.StatusAccepted, http.StatusBadRequest, http.StatusUnauthorized, http.StatusMethodNotAllowed,
	http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests,
	http.StatusServiceUnavailable,
}

// Settings are what can be changed while a source is open.
type Settings struct {
	// TokenFile has the bearer token that requests must have; empty stands for none.
	TokenFile string
	// MaxBody is how long a body may be, in bytes, before and after it is unpacked; at most the constant MaxBody.
	MaxBody int64
	// MaxSpool is how much the spool may hold, in bytes.
	MaxSpool int64
	// Sync has every request answered only when its records are on the disk.
	Sync bool
}

// Source takes the requests of one source. It is an http.Handler.
type Source struct {
	name   string
	spool  *Spool
	logger *slog.Logger

	settings atomic.Pointer[settings]
	requests []atomic.Uint64 // by the index of the code
	slots    chan struct{}
	workers  sync.Pool
	logged   atomic.Int64 // when a refusal was last logged, in nanoseconds
}

type settings struct {
	Settings
	token *token // nil without a token
}

// Prepared are settings that have been checked.
type Prepared struct{ settings }

// Prepare reads what settings name, so that Set cannot fail.
func Prepare(s Settings) (*Prepared, error) {
	p := &Prepared{settings{Settings: s}}
	if s.TokenFile == "" {
		return p, nil
	}
	var err error
	p.token, err = newToken(s.TokenFile)
	return p, err
}

// Open opens a source whose records are kept in a folder of its own until Release.
func Open(name, folder string, p *Prepared, logger *slog.Logger) (*Source, error) {
	spool, err := OpenSpool(folder, p.MaxSpool)
	if err != nil {
		return nil, err
	}
	s := &Source{
		name: name, spool: spool, logger: logger.With("receiver", name),
		requests: make([]atomic.Uint64, len(Codes)), slots: make(chan struct{}, concurrent),
	}
	s.workers.New = func() any { return &worker{} }
	s.Set(p)
	return s, nil
}

// Set changes the settings.
func (s *Source) Set(p *Prepared) {
	s.settings.Store(&p.settings)
	s.spool.SetLimit(p.MaxSpool)
}

// Spool returns where the records are.
func (s *Source) Spool() *Spool { return s.spool }

// Requests returns how many requests were answered with each of the Codes.
func (s *Source) Requests() []uint64 {
	counts := make([]uint64, len(Codes))
	for i := range counts {
		counts[i] = s.requests[i].Load()
	}
	return counts
}

// refusal is why a request was not taken.
type refusal struct {
	code int
	text string // for who sent it
	err  error  // for the log alone
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// ServeHTTP takes the records of a request, and answers 202 when the spool has them.
func (s *Source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refused := s.serve(w, r)
	if refused == nil {
		s.count(http.StatusAccepted)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	s.count(refused.code)
	s.log(refused, r.RemoteAddr)
	switch refused.code {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "10")
	}
	http.Error(w, refused.text, refused.code)
}

// log says at most once a minute that requests are refused.
func (s *Source) log(refused *refusal, from string) {
	now, last := time.Now().UnixNano(), s.logged.Load()
	if now-last >= int64(logInterval) && s.logged.CompareAndSwap(last, now) {
		s.logger.Warn("Request refused; more of them within the next minute are counted but not logged",
			"code", refused.code, "reason", refused.text, "err", refused.err, "from", from)
	}
}

func (s *Source) count(code int) {
	for i, c := range Codes {
		if c == code {
			s.requests[i].Add(1)
			return
		}
	}
	panic("bug: " + strconv.Itoa(code) + " is not among the codes of a source")
}

// serve does what a request asks for, or says why not. Nobody is told about anything but the token before they have
// shown it.
func (s *Source) serve(w http.ResponseWriter, r *http.Request) *refusal {
	set := s.settings.Load()
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "records are sent with POST, not %s", r.Method)
	}
	if set.token != nil {
		ok, err := set.token.admits(r.Header.Get("Authorization"))
		if err != nil {
			return &refusal{http.StatusServiceUnavailable, "the token cannot be checked now", err}
		}
		if !ok {
			return refuse(http.StatusUnauthorized, "the request needs the header Authorization: Bearer with the right token")
		}
	}
	f := formOf(r.Header)
	if f == unknownForm {
		return refuse(http.StatusUnsupportedMediaType, "the Content-Type %q is not understood; %s",
			r.Header.Get("Content-Type"), understood)
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "gzip" && e != "identity" {
		return refuse(http.StatusUnsupportedMediaType, "the Content-Encoding %q is not understood; use gzip or none", e)
	}
	if r.ContentLength > set.MaxBody {
		return tooLarge(set.MaxBody)
	}
	if !s.spool.Fits(max(r.ContentLength, 0)) {
		return full()
	}
	return s.take(w, r, f, set)
}

func tooLarge(limit int64) *refusal {
	return refuse(http.StatusRequestEntityTooLarge,
		"the body is longer than max_body, %d bytes; send fewer records at a time", limit)
}

func full() *refusal {
	return refuse(http.StatusTooManyRequests,
		"the spool is full until the exporter has counted more of it; send this again")
}

// take reads the body of a request and gives its records to the spool.
func (s *Source) take(w http.ResponseWriter, r *http.Request, f form, set *settings) *refusal {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return refuse(http.StatusServiceUnavailable, "the request was given up before it was its turn")
	}
	// Where deadlines are not supported, a server's own hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowest))
	work := s.workers.Get().(*worker)
	defer func() {
		work.trim()
		s.workers.Put(work)
	}()
	body, err := work.read(http.MaxBytesReader(w, r.Body, set.MaxBody), r.ContentLength, set.MaxBody)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long) || errors.Is(err, errUnpackedTooLong):
		return tooLarge(set.MaxBody)
	case err != nil:
		return refuse(http.StatusBadRequest, "reading the body: %v", err)
	}
	work.lines, err = appendRecords(work.lines[:0], f, r.Header, body)
	if err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	if len(work.lines) == 0 {
		return nil // an empty array
	}
	switch err := s.spool.Append(work.lines, set.Sync); {
	case errors.Is(err, ErrFull):
		return full()
	case err != nil:
		return &refusal{http.StatusServiceUnavailable, "the records cannot be written now; send this again", err}
	}
	return nil
}

// Close ends the source. What it has taken stays in its folder.
func (s *Source) Close() error { return s.spool.Close() }
