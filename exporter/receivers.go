package exporter

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/receive"
)

// receivers take records over HTTP. They are opened, changed and closed by the goroutine of Run; all else may happen in
// any goroutine.
type receivers struct {
	logger *slog.Logger
	// open are the receivers by name; nil before the first ones are opened.
	open atomic.Pointer[map[string]*receiver]
	// unknown counts the requests to names that no receiver has.
	unknown atomic.Uint64
}

type receiver struct {
	*receive.Source
	folder string
}

// counted says how many bytes have been counted of each file of the spools, by receiver and by name of the file.
type counted map[string]map[string]int64

// and returns what has been counted in both.
func (c counted) and(o counted) counted {
	both := make(counted, len(c))
	for name, segments := range c {
		both[name] = maps.Clone(segments)
		for segment, bytes := range segments {
			both[name][segment] = min(bytes, o[name][segment])
		}
	}
	return both
}

// spools returns what the model has counted of spools.
func (m *model) spools() *counted {
	all := make(counted)
	for _, p := range m.pipelines {
		if p.received {
			all[p.name] = p.segments()
		}
	}
	return &all
}

// receiverChange makes receivers those of another configuration, once apply is called; else abort has to be.
type receiverChange struct {
	receivers *receivers
	next      map[string]*receiver
	opened    []*receiver
	settings  map[string]*receive.Prepared
}

// prepare does all that can fail, and changes nothing that is in use.
func (r *receivers) prepare(c *config.Config) (*receiverChange, error) {
	change := &receiverChange{
		receivers: r, next: make(map[string]*receiver), settings: make(map[string]*receive.Prepared),
	}
	var problems []error
	for i := range c.Models {
		m := &c.Models[i]
		for _, s := range slices.Concat(m.Predictions, m.Labels) {
			if s.Receive == nil {
				continue
			}
			if err := change.add(s.Receive); err != nil {
				problems = append(problems, fmt.Errorf("model %q: receiver %q: %w", m.Name, s.Receive.Name, err))
			}
		}
	}
	if len(problems) > 0 {
		change.abort()
		return nil, errors.Join(problems...)
	}
	return change, nil
}

func (c *receiverChange) add(r *config.Receive) error {
	settings, err := receive.Prepare(receive.Settings{
		TokenFile: r.TokenFile, MaxBody: r.MaxBody, MaxSpool: r.MaxSpool, Sync: r.Sync,
	})
	if err != nil {
		return err
	}
	c.settings[r.Name] = settings
	if old := c.receivers.all()[r.Name]; old != nil && old.folder == r.Folder() {
		c.next[r.Name] = old
		return nil
	}
	source, err := receive.Open(r.Name, r.Folder(), settings, c.receivers.logger)
	if err != nil {
		return err
	}
	c.next[r.Name] = &receiver{source, r.Folder()}
	c.opened = append(c.opened, c.next[r.Name])
	return nil
}

func (c *receiverChange) abort() {
	for _, r := range c.opened {
		c.receivers.close(r)
	}
}

func (c *receiverChange) apply() {
	old := c.receivers.all()
	for name, r := range c.next {
		r.Set(c.settings[name])
	}
	c.receivers.open.Store(&c.next)
	for name, r := range old {
		if c.next[name] != r {
			c.receivers.close(r)
			c.receivers.logger.Warn("Receiver closed; what its folder still holds is not read any more",
				"receiver", name, "folder", r.folder)
		}
	}
}

func (r *receivers) close(one *receiver) {
	if err := one.Close(); err != nil {
		r.logger.Warn("Closing a spool failed", "folder", one.folder, "err", err)
	}
}

// closeAll closes all receivers, which from then on refuse everything.
func (r *receivers) closeAll() {
	for _, one := range r.all() {
		r.close(one)
	}
}

func (r *receivers) all() map[string]*receiver {
	if all := r.open.Load(); all != nil {
		return *all
	}
	return nil
}

// sync returns when all that was received is on the disk.
func (r *receivers) sync() error {
	var problems []error
	for _, one := range r.all() {
		problems = append(problems, one.Spool().Sync())
	}
	return errors.Join(problems...)
}

// release deletes what has been counted.
func (r *receivers) release(c counted) {
	for name, one := range r.all() {
		if err := one.Spool().Release(c[name]); err != nil {
			r.logger.Warn("What has been counted cannot be deleted from a spool", "receiver", name, "err", err)
		}
	}
}

// releaseCounted deletes what models have counted, where there are no checkpoints that could cover it: what is in
// memory alone is lost with it anyway.
func (e *Exporter) releaseCounted() {
	if e.checkpoints != nil || len(e.receivers.all()) == 0 {
		return
	}
	if err := e.receivers.sync(); err != nil {
		e.options.Logger.Warn("Writing spools to the disk failed", "err", err)
	}
	all := make(counted)
	for _, r := range e.models {
		if c := r.counted.Load(); c != nil {
			maps.Copy(all, *c)
		}
	}
	e.receivers.release(all)
}

// ServeHTTP takes records for the receiver whose name is in the path.
func (r *receivers) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	all := r.open.Load()
	if all == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "drift_exporter is starting.", http.StatusServiceUnavailable)
		return
	}
	if one := (*all)[request.PathValue("receiver")]; one != nil {
		one.ServeHTTP(w, request)
		return
	}
	r.unknown.Add(1)
	http.Error(w, "There is no receiver of that name: it is the name of a receive entry of the configuration.",
		http.StatusNotFound)
}

// add writes the metrics of receivers.
func (r *receivers) add(s *metric.Snapshot) {
	all := r.all()
	if len(all) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for i, n := range all[name].Requests() {
			s.Add(metric.ReceiverRequests, float64(n), name, strconv.Itoa(receive.Codes[i]))
		}
		s.Add(metric.ReceiverSpoolBytes, float64(all[name].Spool().Bytes()), name)
		s.Add(metric.ReceiverSpoolLimit, float64(all[name].Spool().Limit()), name)
	}
	s.Add(metric.ReceiverRequests, float64(r.unknown.Load()), "", strconv.Itoa(http.StatusNotFound))
}
