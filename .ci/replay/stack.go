package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	shipped "github.com/drift-exporter/drift_exporter/rules"
)

// stack is Prometheus without its web server, its scraper and its clock: its database in memory, its query engine and
// its rule manager with the rule files that are shipped.
type stack struct {
	head   *tsdb.Head
	groups []*rules.Group
	text   string          // of all rule files
	used   map[string]bool // whether a rule names the metric; others are not stored
	// thresholds are the statistics that have one.
	thresholds map[string]bool
	series     map[string]*series
	scrape     int // the number of the last one
	key        []byte
	// forgotten is the time up to which samples have been dropped.
	forgotten time.Time
}

// series is one that has been scraped.
type series struct {
	labels labels.Labels
	ref    storage.SeriesRef
	scrape int // the last one that had it
}

// span is the time range of the database's blocks. No replay is as long, so nothing is written to disk.
const span = 1000 * 24 * time.Hour

// memory is for how long samples are kept: a day more than any rule looks back.
const memory = 8 * 24 * time.Hour

// newStack makes a stack that keeps what files it needs in the folder.
func newStack(ctx context.Context, folder string, interval time.Duration, logger *slog.Logger) (*stack, error) {
	options := tsdb.DefaultHeadOptions()
	options.ChunkDirRoot = folder
	options.ChunkRange = span.Milliseconds()
	options.StripeSize = 1 << 10
	options.SamplesPerChunk = 40 // queries are about the last minutes and unpack a chunk from its beginning
	head, err := tsdb.NewHead(nil, logger, nil, nil, options, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	s := &stack{
		head: head, used: make(map[string]bool), thresholds: make(map[string]bool), series: make(map[string]*series),
	}
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: logger, MaxSamples: 50e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true,
	})
	queryable := storage.QueryableFunc(func(mint, maxt int64) (storage.Querier, error) {
		return tsdb.NewBlockQuerier(tsdb.NewRangeHead(head, mint, maxt), mint, maxt)
	})
	manager := rules.NewManager(&rules.ManagerOptions{
		ExternalURL: &url.URL{}, QueryFunc: rules.EngineQueryFunc(engine, queryable), Context: ctx, Logger: logger,
		Appendable: head, Queryable: queryable,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	if err := s.load(manager, folder, interval, logger); err != nil {
		return nil, errors.Join(err, head.Close())
	}
	return s, nil
}

// load reads the shipped rules. Groups are in an order in which each reads what those before it have recorded, while
// those of Prometheus run side by side and see what the others recorded up to an interval before.
func (s *stack) load(manager *rules.Manager, folder string, interval time.Duration, logger *slog.Logger) error {
	names, err := fs.Glob(shipped.Files(), "*.yaml")
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "alertmanager") })
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range names {
		content, err := fs.ReadFile(shipped.Files(), name)
		if err != nil {
			return err
		}
		s.text += string(content)
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		loaded, problems := manager.LoadGroups(interval, labels.EmptyLabels(), "", nil, false, path)
		if len(problems) > 0 {
			return errors.Join(problems...)
		}
		file, problems := rulefmt.ParseFile(path, false, model.UTF8Validation, parser.NewParser(parser.Options{}), logger)
		if len(problems) > 0 {
			return errors.Join(problems...)
		}
		for _, g := range file.Groups {
			s.groups = append(s.groups, loaded[rules.GroupKey(path, g.Name)])
			for _, r := range g.Rules {
				if r.Record == "drift_threshold" {
					s.thresholds[r.Labels["statistic"]] = true
				}
			}
		}
	}
	for _, g := range s.groups {
		for _, r := range g.AlertingRules() {
			r.SetRestored(true) // there is nothing to restore, and without this no series ALERTS is written
		}
	}
	return nil
}

func (s *stack) close() error { return s.head.Close() }

// rank says when the rules of a file are evaluated: thresholds, verdicts, alerts.
func rank(name string) int {
	switch {
	case name == "thresholds.yaml":
		return 0
	case strings.Contains(name, "alerts"):
		return 2
	default:
		return 1
	}
}

// target are the labels that Prometheus gives to all that it scrapes from the exporter.
var target = []string{"job", "drift_exporter", "instance", "localhost:10058"}

// store stores what a scrape of the exporter gives at a time.
func (s *stack) store(ctx context.Context, now time.Time, families []*dto.MetricFamily) error {
	s.scrape++
	up := &dto.MetricFamily{
		Name: new("up"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(1.0)}}},
	}
	app := s.head.Appender(ctx)
	problems := []error{s.append(app, now, up)}
	for _, f := range families {
		problems = append(problems, s.append(app, now, f))
	}
	for key, one := range s.series {
		if one.scrape == s.scrape {
			continue
		}
		_, err := app.Append(one.ref, one.labels, now.UnixMilli(), math.Float64frombits(value.StaleNaN))
		problems = append(problems, err)
		delete(s.series, key)
	}
	problems = append(problems, app.Commit())
	if now.Sub(s.forgotten) > memory+24*time.Hour {
		s.forgotten = now.Add(-memory)
		problems = append(problems, s.head.Truncate(s.forgotten.UnixMilli()))
	}
	return errors.Join(problems...)
}

// append stores a metric family, if a rule uses it.
func (s *stack) append(app storage.Appender, now time.Time, f *dto.MetricFamily) error {
	name := f.GetName()
	used, known := s.used[name]
	if !known {
		used = strings.Contains(s.text, name)
		s.used[name] = used
	}
	if !used {
		return nil
	}
	for _, m := range f.Metric {
		if s.idle(name, m) {
			continue
		}
		var err error
		switch f.GetType() {
		case dto.MetricType_GAUGE:
			err = s.sample(app, now, name, m, m.GetGauge().GetValue())
		case dto.MetricType_COUNTER:
			err = s.sample(app, now, name, m, m.GetCounter().GetValue())
		case dto.MetricType_HISTOGRAM:
			err = errors.Join(s.sample(app, now, name+"_sum", m, m.GetHistogram().GetSampleSum()),
				s.sample(app, now, name+"_count", m, float64(m.GetHistogram().GetSampleCount())))
		default:
			err = fmt.Errorf("metrics of the type %s are not stored here", f.GetType())
		}
		if err != nil {
			return fmt.Errorf("storing %s: %w", name, err)
		}
	}
	return nil
}

// idle reports whether a series is one of those that rules read but do not use: a score of a statistic that has no
// threshold, which is most of them.
func (s *stack) idle(name string, m *dto.Metric) bool {
	if name != "drift_score" && name != "drift_noise_floor" {
		return false
	}
	for _, l := range m.Label {
		if l.GetName() == "statistic" {
			return !s.thresholds[l.GetValue()]
		}
	}
	return false
}

func (s *stack) sample(app storage.Appender, now time.Time, name string, m *dto.Metric, v float64) error {
	key := append(s.key[:0], name...)
	for _, l := range m.Label {
		key = append(append(key, 0xff), l.GetName()...)
		key = append(append(key, 0xff), l.GetValue()...)
	}
	s.key = key
	one := s.series[string(key)]
	if one == nil {
		all := append([]string{model.MetricNameLabel, name}, target...)
		for _, l := range m.Label {
			all = append(all, l.GetName(), l.GetValue())
		}
		one = &series{labels: labels.FromStrings(all...)}
		s.series[string(key)] = one
	}
	one.scrape = s.scrape
	ref, err := app.Append(one.ref, one.labels, now.UnixMilli(), v)
	one.ref = ref
	return err
}

// evaluate evaluates all rules at a time and returns the alerts that fire.
func (s *stack) evaluate(ctx context.Context, now time.Time) ([]*rules.Alert, error) {
	var firing []*rules.Alert
	for _, g := range s.groups {
		g.Eval(ctx, now)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				return nil, fmt.Errorf("rule %s at %s: %w", r.Name(), now.Format(time.RFC3339), err)
			}
		}
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					firing = append(firing, a)
				}
			}
		}
	}
	return firing, nil
}
