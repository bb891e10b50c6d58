package pipeline

import (
	"maps"
	"slices"
	"sync"

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
	historyEnd int64                      // first offset that is not history
	history    map[string]telemetry.Alert // newest states, nil once handed on
	ids        map[string]struct{}        // of live alerts
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
	feed := &alertFeed{historyEnd: end, history: map[string]telemetry.Alert{}, ids: map[string]struct{}{}}
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
	return slices.Sorted(maps.Keys(feed.ids))
}

// take takes the state at an offset, nil where that is no alert's, and returns what
// is to be told now.
func (f *alertFeed) take(offset int64, alert *telemetry.Alert) []telemetry.Alert {
	if alert != nil {
		if alert.State == telemetry.AlertInactive {
			delete(f.ids, alert.ID)
		} else {
			f.ids[alert.ID] = struct{}{}
		}
	}
	if f.history == nil {
		if alert == nil || alert.Labels == nil { // a tombstone: what resolved before it was told
			return nil
		}
		return []telemetry.Alert{*alert}
	}
	switch {
	case alert == nil:
	case alert.State == telemetry.AlertInactive:
		delete(f.history, alert.ID)
	default:
		f.history[alert.ID] = *alert
	}
	if offset+1 < f.historyEnd {
		return nil
	}
	states := slices.Collect(maps.Values(f.history))
	f.history = nil
	return states
}
