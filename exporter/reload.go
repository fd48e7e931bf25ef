package exporter

import (
	"context"
	"reflect"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/config"
)

// Reload loads the configuration again while Run runs. If anything in it is wrong, nothing changes. A model whose part
// of the configuration is the same, and whose reference has not been written since, goes on as it is; any other one
// begins anew.
func (e *Exporter) Reload(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case e.reloads <- reply:
		return <-reply
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload does all that can fail before it touches a running model.
func (e *Exporter) reload(ctx context.Context) error {
	e.reloadedOK = false
	c, err := config.Load(e.options.ConfigFile)
	if err != nil {
		return err
	}
	kept := make(map[string]*running)
	changed := *c
	changed.Models = nil
	for i := range c.Models {
		if r := e.unchanged(&c.Models[i]); r != nil {
			kept[c.Models[i].Name] = r
		} else {
			changed.Models = append(changed.Models, c.Models[i])
		}
	}
	receiving, err := e.receivers.prepare(c)
	if err != nil {
		return err
	}
	built, err := e.build(&changed, true)
	if err != nil {
		receiving.abort()
		return err
	}
	receiving.apply()
	for _, r := range e.models {
		if kept[r.config.Name] != r {
			r.stop()
			<-r.done
			r.leave(false)
		}
	}
	e.models = e.models[:0:0]
	for i := range c.Models {
		r := kept[c.Models[i].Name]
		if r == nil {
			at := slices.IndexFunc(built, func(m *model) bool { return m.config.Name == c.Models[i].Name })
			r = e.start(ctx, built[at])
		}
		e.models = append(e.models, r)
	}
	if c.State != e.config.Load().State {
		e.options.Logger.Warn("What state says has changed; it takes effect when the exporter is started again")
	}
	e.config.Store(c)
	e.reloadedAt, e.reloadedOK = e.options.Now(), true
	e.options.Logger.Info("Loaded the configuration again", "models", len(e.models), "kept", len(kept))
	return nil
}

// unchanged returns the running model that a configured one asks for, or nil.
func (e *Exporter) unchanged(c *config.Model) *running {
	for _, r := range e.models {
		outdated := func(b *baseline) bool { return b.profile.Outdated() }
		if reflect.DeepEqual(r.config, c) && !slices.ContainsFunc(r.baselines(), outdated) {
			return r
		}
	}
	return nil
}
