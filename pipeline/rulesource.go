package pipeline

import (
	"fmt"
	"sync"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// ruleSource holds the running rules. A reload validates all files, then swaps at
// once; a broken file leaves what runs in place.
type ruleSource struct {
	dir string

	mu       sync.RWMutex
	set      *rules.Set
	version  uint64 // rises with every swap
	loadedAt time.Time
	lastErr  error
}

func newRuleSource(dir string) (*ruleSource, error) {
	s := &ruleSource{dir: dir}
	if err := s.reload(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *ruleSource) reload() error {
	set, err := rules.Load(s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.lastErr = fmt.Errorf("load rules: %w", err)
		return s.lastErr
	}
	s.set, s.lastErr, s.loadedAt = set, nil, time.Now().UTC()
	s.version++
	return nil
}

func (s *ruleSource) current() (*rules.Set, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.set, s.version
}

func (s *ruleSource) groupings() ([]telemetry.Grouping, uint64) {
	set, version := s.current()
	return set.Groupings(), version
}

func (s *ruleSource) status() RulesStatus {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := RulesStatus{Count: rules.Count(s.set.Rules) + rules.Count(s.set.Inspections), LoadedAt: s.loadedAt}
	if s.lastErr != nil {
		out.LastError = s.lastErr.Error()
	}
	return out
}
