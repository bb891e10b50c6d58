package pipeline

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// alertFeeds holds a feed for each partition of weir.alerts that is read.
type alertFeeds struct {
	mu          sync.Mutex // guards byPartition: rebalances come from the client's goroutine
	byPartition map[int32]*alertFeed
}

// alertFeed follows one partition of weir.alerts from its start. What stood in it
// when reading began is history: an alert that fires there may resolve further on,
// so nothing is handed on before history's end, and then each alert's newest state.
type alertFeed struct {
	log        alertLog
	historyEnd int64                      // first offset that is not history
	history    map[string]telemetry.Alert // newest states, nil once handed on

	mu     sync.Mutex                 // guards live: people look at alerts meanwhile
	live   map[string]telemetry.Alert // newest states of alerts without a tombstone
	told   map[string]telemetry.Alert // what is told ahead of alerts that do not fire yet
	pruned time.Time                  // of told: the newest end of a pane
}

// of returns a partition's feed; end is where the partition ends now.
func (f *alertFeeds) of(partition int32, end int64) *alertFeed {
	f.mu.Lock()
	defer f.mu.Unlock()
	if feed := f.byPartition[partition]; feed != nil {
		return feed
	}
	if f.byPartition == nil {
		f.byPartition = map[int32]*alertFeed{}
	}
	feed := &alertFeed{historyEnd: end, history: map[string]telemetry.Alert{}, live: map[string]telemetry.Alert{}, told: map[string]telemetry.Alert{}}
	f.byPartition[partition] = feed
	return feed
}

// drop ends a partition's feed and returns the IDs of its alerts.
func (f *alertFeeds) drop(partition int32) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	feed := f.byPartition[partition]
	delete(f.byPartition, partition)
	if feed == nil {
		return nil
	}
	feed.mu.Lock()
	defer feed.mu.Unlock()
	ids := slices.Concat(slices.Collect(maps.Keys(feed.live)), slices.Collect(maps.Keys(feed.told)))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// find returns the newest state of a live alert in any partition, or what is told ahead of it and has not expired.
func (f *alertFeeds) find(id string) (telemetry.Alert, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, feed := range f.byPartition {
		feed.mu.Lock()
		alert, found := feed.told[id]
		if !found || !alert.ExpiresAt.After(time.Now()) {
			alert, found = feed.live[id]
		}
		feed.mu.Unlock()
		if found {
			return alert, true
		}
	}
	return telemetry.Alert{}, false
}

// keep remembers a state as the newest of its alert, and what is told ahead until the alert fires, or until it has expired.
func (f *alertFeed) keep(alert *telemetry.Alert) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !alert.ExpiresAt.IsZero():
		if f.told[alert.ID] = *alert; alert.ActiveAt.After(f.pruned) {
			f.pruned = alert.ActiveAt
			maps.DeleteFunc(f.told, func(_ string, told telemetry.Alert) bool { return !told.ExpiresAt.After(f.pruned) })
		}
		return
	case alert.State == telemetry.AlertInactive:
		delete(f.live, alert.ID)
		return
	case alert.State == telemetry.AlertFiring:
		delete(f.told, alert.ID)
	}
	f.live[alert.ID] = *alert
}

// take takes the state at an offset, nil where that is no alert's, and returns what
// is to be told now.
func (f *alertFeed) take(offset int64, alert *telemetry.Alert) []telemetry.Alert {
	if alert != nil {
		f.keep(alert)
	}
	if f.history == nil {
		if alert == nil || alert.Labels == nil { // a tombstone: what resolved before it was told
			return nil
		}
		return []telemetry.Alert{*alert}
	}
	switch {
	case alert == nil || !alert.ExpiresAt.IsZero():
	case alert.State == telemetry.AlertInactive:
		delete(f.history, alert.ID)
	default:
		f.history[alert.ID] = *alert
	}
	if offset+1 < f.historyEnd {
		return nil
	}
	// What is told ahead comes first. The notifier then knows a state as that of the life before, and does not send that it
	// resolved: to Alertmanager that would end what another process told ahead.
	told, states := slices.Collect(maps.Values(f.told)), maps.Values(f.history)
	f.history = nil
	return slices.AppendSeq(told, states)
}
