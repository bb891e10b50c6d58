package rules

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Patience with a source that is behind the furthest one. Not smaller than two
// panes: clients report late by one; not below the floor: brokers pause for a few
// seconds when leaders move; not larger: every alert waits that long for a source
// that nobody reads.
const (
	patiencePanes = 2
	patienceFloor = 5 * time.Second
)

// sources knows how far each source of telemetry has come.
type sources struct {
	watermarks map[telemetry.Source]telemetry.Watermark
	newest     telemetry.Watermark // by the aggregator's clock
	patience   time.Duration
}

func newSources(pane time.Duration) *sources {
	return &sources{watermarks: map[telemetry.Source]telemetry.Watermark{}, patience: max(patiencePanes*pane, patienceFloor)}
}

// put keeps a source's highest watermark. A topic created again has sources of its
// own; those of the old one are forgotten.
func (s *sources) put(w telemetry.Watermark) {
	if !w.At.Before(s.newest.At) {
		if w.Source.TopicID != s.newest.Source.TopicID {
			clear(s.watermarks)
		}
		s.newest = w
	} else if w.Source.TopicID != s.newest.Source.TopicID {
		return
	}
	if old, ok := s.watermarks[w.Source]; ok && !w.EventTime.After(old.EventTime) {
		return
	}
	s.watermarks[w.Source] = w
}

// eventTime is the lowest watermark of the sources that keep up: those no further
// behind the furthest one than patience. Zero before any is known.
func (s *sources) eventTime() time.Time {
	var furthest time.Time
	for _, w := range s.watermarks {
		if w.EventTime.After(furthest) {
			furthest = w.EventTime
		}
	}
	lowest := furthest
	for _, w := range s.watermarks {
		if w.EventTime.Before(lowest) && !w.EventTime.Before(furthest.Add(-s.patience)) {
			lowest = w.EventTime
		}
	}
	return lowest
}

// completeness is the share 0-1 of all sources that have passed at.
func (s *sources) completeness(at time.Time) float64 {
	passed := 0
	for _, w := range s.watermarks {
		if !w.EventTime.Before(at) {
			passed++
		}
	}
	return ratio(float64(passed), float64(max(int(s.newest.Sources), len(s.watermarks))))
}
