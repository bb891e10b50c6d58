package telemetry

import (
	"cmp"
	"slices"
	"strings"
)

// MaxListedEvents bounds the lifecycle events kept in one Totals: the newest stay.
const MaxListedEvents = 64

// Totals is what reports add up to: the value of a cell and of a group partial.
// Lists are sorted by what names their items.
type Totals struct {
	Reports, Messages, Bytes uint64
	Errors                   []ErrorCount
	LatencyMicros            Histogram
	DelayMicros              Histogram
	SizeBytes                Histogram
	HeartbeatMicros          Histogram
	Rebalances               uint64
	DroppedReports           uint64
	IntervalMillis           uint64 // sum of the reports' lengths
	Gauges                   []GaugeValue
	Versions                 []VersionTotals // groups only
	Clients, Nodes           []string        // groups only
	StoppedClients           []string        // groups only: those that said they stopped or paused
	OverflowedClients        uint64          // at least so many clients are not listed
	Events                   []Event
}

// VersionTotals is the part of a group that one version of a client library has.
type VersionTotals struct {
	SDKLang, SDKVersion string
	Messages            uint64
	Clients             []string
}

// AddReport folds one report in.
func (t *Totals) AddReport(r *Report) {
	t.Reports++
	t.Messages += r.Messages
	t.Bytes += r.Bytes
	t.LatencyMicros.Merge(&r.LatencyMicros)
	t.DelayMicros.Merge(&r.DelayMicros)
	t.SizeBytes.Merge(&r.SizeBytes)
	t.HeartbeatMicros.Merge(&r.HeartbeatMicros)
	t.Rebalances += r.Rebalances
	t.DroppedReports += r.DroppedReports
	t.IntervalMillis += uint64(r.LengthMillis)
	t.AddLists(r)
}

// AddLists folds in what a report lists: errors, gauges and events. Strings are copied.
func (t *Totals) AddLists(r *Report) {
	for _, e := range r.Errors {
		t.addError(e)
	}
	at := r.StartUnixMillis + int64(r.LengthMillis)
	for _, g := range r.Gauges {
		t.joinGauge(GaugeValue{g.Name, at, g.Value, g.Value, g.Value, g.Value, 1}, newestGauge)
	}
	for _, e := range r.Events {
		e.Detail = strings.Clone(e.Detail)
		t.addEvent(e)
	}
}

// JoinSeries adds one series of a group: what its cells hold so far in one segment
// and pane. It leaves OverflowedClients alone: a client may have many series, and only
// the caller knows which clients it has joined.
func (t *Totals) JoinSeries(labels *Labels, cell *Totals) {
	t.JoinIdentity(labels)
	t.JoinCounters(labels, cell)
	t.JoinGauges(cell)
}

// JoinIdentity adds who a series is to a group's distincts.
func (t *Totals) JoinIdentity(labels *Labels) {
	if labels.Client != "" {
		t.Clients = insertBounded(t.Clients, labels.Client)
	}
	if labels.Node != "" {
		t.Nodes = insertBounded(t.Nodes, labels.Node)
	}
	if labels.SDKVersion != "" || labels.SDKLang != "" {
		t.addVersion(VersionTotals{labels.SDKLang, labels.SDKVersion, 0, nil}, labels.Client)
	}
}

// JoinCounters adds a part of what a series counted: parts that together are the
// series' totals add up to it.
func (t *Totals) JoinCounters(labels *Labels, part *Totals) {
	t.addCounters(part)
	t.JoinStopped(labels.Client, part.Events)
	if part.Messages > 0 && (labels.SDKVersion != "" || labels.SDKLang != "") {
		t.addVersion(VersionTotals{labels.SDKLang, labels.SDKVersion, part.Messages, nil})
	}
}

// JoinStopped adds a client of a group to those that stopped or paused, where an event says so.
func (t *Totals) JoinStopped(client string, events []Event) {
	if client == "" {
		return
	}
	for _, e := range events {
		if e.Kind == EventStopped || e.Kind == EventPaused {
			t.StoppedClients = insertBounded(t.StoppedClients, client)
		}
	}
}

// JoinGauges adds all gauges of a series, or of a source.
func (t *Totals) JoinGauges(o *Totals) {
	for _, g := range o.Gauges {
		t.joinGauge(g, sumGauge)
	}
}

// JoinMoments adds the gauges that a series had last. Of each gauge those count whose time is the newest of all: series that
// are gone before that are no part of it.
func (t *Totals) JoinMoments(cell *Totals) {
	for _, g := range cell.Gauges {
		t.joinGauge(g, momentGauge)
	}
}

// MergeSources adds what another source or segment contributed to the same group
// and pane.
func (t *Totals) MergeSources(o *Totals) {
	t.addCounters(o)
	t.MergeDistincts(o)
	t.JoinGauges(o)
}

// MergePanes adds the same group's totals of another pane: counters add, gauges
// keep the newest.
func (t *Totals) MergePanes(o *Totals) {
	t.addCounters(o)
	t.MergeDistincts(o)
	t.MergeGauges(o)
}

// MergeGauges keeps of each gauge the newest value, and the greatest maximum.
func (t *Totals) MergeGauges(o *Totals) {
	for _, g := range o.Gauges {
		t.joinGauge(g, newestGauge)
	}
}

func (t *Totals) addCounters(o *Totals) {
	t.Reports += o.Reports
	t.Messages += o.Messages
	t.Bytes += o.Bytes
	for _, e := range o.Errors {
		t.addError(e)
	}
	t.LatencyMicros.Merge(&o.LatencyMicros)
	t.DelayMicros.Merge(&o.DelayMicros)
	t.SizeBytes.Merge(&o.SizeBytes)
	t.HeartbeatMicros.Merge(&o.HeartbeatMicros)
	t.Rebalances += o.Rebalances
	t.DroppedReports += o.DroppedReports
	t.IntervalMillis += o.IntervalMillis
	for _, e := range o.Events {
		t.addEvent(e)
	}
}

// ErrorTotal returns the failed messages of all classes.
func (t *Totals) ErrorTotal() uint64 {
	var n uint64
	for _, e := range t.Errors {
		n += e.Count
	}
	return n
}

func (t *Totals) addError(e ErrorCount) {
	at, found := slices.BinarySearchFunc(t.Errors, e.Class, func(a ErrorCount, class string) int {
		return strings.Compare(a.Class, class)
	})
	if found {
		t.Errors[at].Count += e.Count
		return
	}
	t.Errors = slices.Insert(t.Errors, at, ErrorCount{strings.Clone(e.Class), e.Count})
}

func (t *Totals) addEvent(e Event) {
	at, found := slices.BinarySearchFunc(t.Events, e, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.TimeUnixMillis, b.TimeUnixMillis), cmp.Compare(a.Kind, b.Kind),
			strings.Compare(a.Detail, b.Detail))
	})
	if found {
		return
	}
	t.Events = slices.Insert(t.Events, at, e)
	if len(t.Events) > MaxListedEvents {
		t.Events = slices.Delete(t.Events, 0, 1)
	}
}

// Reset empties the totals and keeps their memory.
func (t *Totals) Reset() {
	for _, h := range []*Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
		h.Reset()
	}
	*t = Totals{Errors: t.Errors[:0], LatencyMicros: t.LatencyMicros, DelayMicros: t.DelayMicros, SizeBytes: t.SizeBytes,
		HeartbeatMicros: t.HeartbeatMicros, Gauges: t.Gauges[:0], Events: t.Events[:0], Clients: t.Clients[:0], Nodes: t.Nodes[:0],
		StoppedClients: t.StoppedClients[:0]}
}

// Drop takes parts away that somebody does not read. What shares memory with t keeps them.
func (t *Totals) Drop(parts Parts) {
	for _, of := range [...]struct {
		part      Parts
		histogram *Histogram
	}{{PartLatency, &t.LatencyMicros}, {PartDelay, &t.DelayMicros}, {PartSize, &t.SizeBytes}, {PartHeartbeat, &t.HeartbeatMicros}} {
		if parts.Has(of.part) {
			*of.histogram = Histogram{}
		}
	}
	if parts.Has(PartDistincts) {
		t.Clients, t.Nodes, t.Versions, t.StoppedClients = nil, nil, nil, nil
	}
}

// Clone returns totals that share no memory with t, but for strings.
func (t *Totals) Clone() Totals {
	out := *t
	out.Errors = slices.Clone(t.Errors)
	out.LatencyMicros, out.DelayMicros = t.LatencyMicros.Clone(), t.DelayMicros.Clone()
	out.SizeBytes, out.HeartbeatMicros = t.SizeBytes.Clone(), t.HeartbeatMicros.Clone()
	out.Gauges, out.Events = slices.Clone(t.Gauges), slices.Clone(t.Events)
	out.Clients, out.Nodes = slices.Clone(t.Clients), slices.Clone(t.Nodes)
	out.StoppedClients = slices.Clone(t.StoppedClients)
	out.Versions = slices.Clone(t.Versions)
	for i := range out.Versions {
		out.Versions[i].Clients = slices.Clone(t.Versions[i].Clients)
	}
	return out
}
