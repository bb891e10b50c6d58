package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Reread has reloads read the configuration again by load, and take from it what can be changed without a restart. Call it
// before Run. Without it reloads are of rules alone.
func (p *Pipeline) Reread(load func() (Config, error)) { p.reread = load }

// Reload loads the rules and the configuration again; of each the former stays where it has an error. Other says which keys of
// the configuration have another value than they run with: those take effect at a restart.
func (p *Pipeline) Reload() (other []string, err error) {
	errRules := p.reloadRules()
	other, err = p.reloadConfig()
	return other, errors.Join(errRules, err)
}

// reloadRules loads the rules again; on an error the running ones stay.
func (p *Pipeline) reloadRules() error {
	if err := p.rules.reload(); err != nil {
		p.metrics.reloadFailures.Inc()
		p.log.Error("rules were not reloaded, the former ones run on", "error", err)
		return err
	}
	p.log.Info("rules reloaded", "rules", p.rules.status().Count)
	return nil
}

// reloadConfig reads the configuration again, if it is known how.
func (p *Pipeline) reloadConfig() (other []string, err error) {
	if p.reread == nil {
		return nil, nil
	}
	config, err := p.reread()
	if err != nil {
		err = fmt.Errorf("load the configuration: %w", err)
		p.log.Error("the configuration was not reloaded, the former one stays", "error", err)
		return nil, err
	}
	if before, at := p.inspections.set(config.Inspection); before != at {
		p.log.Info("inspection.at is changed", "inspection.at", config.Inspection.At)
	}
	if p.retention.set(&config.ClickHouse.Retention) {
		p.log.Info("clickhouse.retention is changed")
	}
	if before := p.actions.Swap(&config.Control.Actions); *before != config.Control.Actions {
		p.log.Info(actionsKey + " is changed")
	}
	other = changedKeys(&p.config, &config)
	if len(other) > 0 {
		p.log.Warn("the configuration has changes that take effect at a restart", "keys", strings.Join(other, ", "))
	}
	return other, nil
}

// reloadedKeys are the keys that a reload takes over, sections with all that is in them.
var reloadedKeys = []string{"inspection.at", retentionKey, actionsKey}

func isReloaded(key string) bool {
	return slices.ContainsFunc(reloadedKeys, func(of string) bool { return key == of || strings.HasPrefix(key, of+".") })
}

// changedKeys are those whose values differ, but for those that are reloaded, in the order of weir.yaml; behind them those of sections of
// lists that are gone.
func changedKeys(before, after *Config) []string {
	values := map[string]any{}
	var names, out []string
	_ = eachField(reflect.ValueOf(before).Elem(), "", func(key string, field reflect.Value, _ string) error {
		values[key] = field.Interface()
		names = append(names, key)
		return nil
	})
	_ = eachField(reflect.ValueOf(after).Elem(), "", func(key string, field reflect.Value, _ string) error {
		if was, known := values[key]; !isReloaded(key) && (!known || !reflect.DeepEqual(was, field.Interface())) {
			out = append(out, key)
		}
		delete(values, key)
		return nil
	})
	for _, key := range names {
		if _, gone := values[key]; gone && !isReloaded(key) {
			out = append(out, key)
		}
	}
	return out
}

// inspectionClock holds inspection.at, which a reload changes while the inspector reads it.
type inspectionClock struct{ at atomic.Int64 } // time.Duration since midnight, in UTC

// set takes a configuration that was checked. It returns what was before, and what is from now on.
func (c *inspectionClock) set(config InspectionConfig) (before, at time.Duration) {
	at, err := config.sinceMidnight()
	if err != nil {
		at = 0 // it was checked when the configuration was
	}
	return time.Duration(c.at.Swap(int64(at))), at
}

func (c *inspectionClock) schedule() schedule { return schedule{time.Duration(c.at.Load())} }
