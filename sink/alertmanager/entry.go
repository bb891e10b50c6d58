package alertmanager

import (
	"container/list"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// ResolvedRetention is how long after its end, by the wall clock, an instance hears again that an alert resolved. Not
// smaller: an Alertmanager that lost its memory in a restart would not know; not larger: it is noise. Prometheus has the
// same (rules/alerting.go, resolvedRetention), and so have Weir's rules.
const ResolvedRetention = 15 * time.Minute

// version tells the states of an alert apart. Seq alone would not do: it begins anew once an alert was inactive.
type version struct {
	state        telemetry.AlertState
	seq          uint64
	firedAtNanos int64
}

func versionOf(alert *telemetry.Alert) version {
	return version{alert.State, alert.Seq, alert.FiredAt.UnixNano()}
}

// supersedes says whether next is newer than held. Seq decides, and EvaluatedAt where only values changed. EvaluatedAt
// does not come first, because after a crash the rules evaluate a while again, earlier than what they had published.
// An alert that began after the last that is known of held lives anew, and its Seq may have begun anew too.
func supersedes(next, held *telemetry.Alert) bool {
	switch {
	case next.Seq > held.Seq || next.ActiveAt.After(held.EvaluatedAt):
		return true
	case next.Seq < held.Seq:
		return false
	}
	return next.EvaluatedAt.After(held.EvaluatedAt)
}

// entry is one alert as one instance knows it:
//
//	waiting --acknowledged--> told --state changes--> waiting
//	   |                       |
//	   '---refused---> given up '--resolved, retention over, inactive or pending--> dropped
//
// A told alert is sent again every resend delay; given up is as told, without the resends.
type entry struct {
	key          string           // the alert's ID, or formerKey or aheadKey of it
	alert        *telemetry.Alert // the newest state, firing or resolved; shared by the instances and never written
	acknowledged version          // the newest that the instance took
	refused      version          // the newest that it refused
	changed      time.Time        // when the present state came
	sent         time.Time        // when the post that it acknowledged was written
	ended        bool             // the rules know the alert no more, or a new one that does not fire yet: drop it once the instance knows that it resolved

	due     time.Time
	index   int           // in the heap, -1 outside
	flying  bool          // in the post under way
	element *list.Element // in the list of resolved alerts, nil while firing
}

// handled says that the instance needs no telling of the present state.
func (e *entry) handled() bool {
	now := versionOf(e.alert)
	return e.acknowledged == now || e.refused == now
}

// finished says that nothing is left to do for the alert.
func (e *entry) finished(now time.Time) bool {
	expiry, expires := e.expiry()
	switch {
	case !expires:
		return false
	case e.alert.State == telemetry.AlertFiring: // told ahead: whoever has not heard of it need not any more
		return !now.Before(expiry)
	}
	return e.handled() && (e.ended || !now.Before(expiry))
}

// expiry is when the alert is not sent again any more, false for one that fires.
func (e *entry) expiry() (time.Time, bool) {
	if e.alert.State == telemetry.AlertFiring {
		return e.alert.ExpiresAt, !e.alert.ExpiresAt.IsZero()
	}
	return e.alert.ResolvedAt.Add(ResolvedRetention), true
}

// next is when there is something to do for the alert, false for never.
func (e *entry) next(resend time.Duration) (time.Time, bool) {
	if !e.handled() {
		return e.changed, true
	}
	again, resends := e.sent.Add(resend), e.refused != versionOf(e.alert)
	expiry, expires := e.expiry()
	if !expires {
		return again, resends
	}
	if !resends || again.After(expiry) {
		return expiry, true
	}
	return again, true
}

// byDue is a heap of entries, the one due first on top.
type byDue []*entry

func (h byDue) Len() int           { return len(h) }
func (h byDue) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h byDue) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for container/heap.
func (h *byDue) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop is for container/heap.
func (h *byDue) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.index = -1
	return e
}
