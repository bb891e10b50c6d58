package rules

import (
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// slide is what a section adds up to over a stretch of a group's panes that moves on with event time: what it leaves behind
// is taken away, and what it comes to is added. All that is added up are whole numbers, so that nothing is lost by it.
type slide struct {
	from, to int64  // Unix seconds; nothing where they are equal
	changes  uint32 // of the group, when its panes were read

	messages, bytes, rebalances uint64
	errors                      []telemetry.ErrorCount
	rates                       []float64
	histogram                   telemetry.Histogram // but for its maximum
	emptied                     int                 // buckets of histogram that are empty, at most
	peak                        peak
	rosters                     rosters
}

// peak is the greatest maximum of panes, which cannot be taken away again, and the start of the newest of those that have it.
type peak struct {
	value uint64
	pane  int64
}

func (p *peak) rise(maximum uint64, pane int64) {
	if maximum >= p.value {
		*p = peak{maximum, pane}
	}
}

// slides says that a section is added up of whole numbers, or is a list of what each pane has.
func (s section) slides() bool {
	return s != sectionGauges && s != sectionDeparted
}

// slider moves a slide of one section along a group's panes.
type slider struct {
	*slide
	section section
	group   *groupState
	pane    int64 // seconds
}

// move brings the slide to the panes in [from, to). It begins anew where less than half of them are in it, where one that is
// in it has changed, and where one that it would leave is from before oldest and so is not there any more.
func (s slider) move(from, to, oldest int64) {
	stays := s.to - from
	if s.changes != s.group.changes || s.from < oldest || from < s.from || to < s.to || 2*stays < to-from {
		s.histogram.Reset()
		s.rosters.clear()
		*s.slide = slide{from: from, to: from, changes: s.group.changes, errors: s.errors[:0], rates: s.rates[:0], histogram: s.histogram, rosters: s.rosters}
	}
	for ; s.from < from; s.from += s.pane {
		s.leave(s.group.panes.at(s.from))
	}
	for ; s.to < to; s.to += s.pane {
		s.come(s.group.panes.at(s.to))
	}
	if s.peak.pane < from && s.section.histogram(&noTotals) != nil {
		s.peak = peak{pane: to - s.pane}
		for at := from; at < to; at += s.pane {
			if pane := s.group.panes.at(at); pane != nil {
				s.peak.rise(s.section.maximum(pane.total()), at)
			}
		}
	}
	if 2*s.emptied > len(s.histogram.Indexes) {
		s.histogram.Compact()
		s.emptied = 0
	}
}

// noTotals are those of a pane that a group does not have; nobody writes to it.
var noTotals telemetry.Totals

// come adds the pane that the slide ends before, nil where the group has none.
func (s slider) come(pane *paneState) {
	t := &noTotals
	if pane != nil {
		t = pane.total()
	}
	switch s.section {
	case sectionCounters:
		s.messages, s.bytes, s.rebalances = s.messages+t.Messages, s.bytes+t.Bytes, s.rebalances+t.Rebalances
	case sectionErrors:
		s.messages += t.Messages
		for _, e := range t.Errors {
			s.count(e.Class, e.Count)
		}
	case sectionRates:
		s.rates = append(s.rates, float64(t.Messages)/float64(s.pane))
	case sectionLatencyMax, sectionSizeMax:
		s.peak.rise(s.section.maximum(t), s.to)
	case sectionDistincts:
		s.rosters.come(t)
	default:
		s.histogram.Merge(s.section.histogram(t))
		s.peak.rise(s.section.maximum(t), s.to)
	}
}

// leave takes away the pane that the slide begins with, nil where the group has none.
func (s slider) leave(pane *paneState) {
	t := &noTotals
	if pane != nil {
		t = pane.total()
	}
	switch s.section {
	case sectionCounters:
		s.messages, s.bytes, s.rebalances = s.messages-t.Messages, s.bytes-t.Bytes, s.rebalances-t.Rebalances
	case sectionErrors:
		s.messages -= t.Messages
		for _, e := range t.Errors {
			s.count(e.Class, -e.Count)
		}
	case sectionRates:
		s.rates = slices.Delete(s.rates, 0, 1)
	case sectionLatencyMax, sectionSizeMax:
	case sectionDistincts:
		s.rosters.leave()
	default:
		s.emptied += s.histogram.Subtract(s.section.histogram(t))
	}
}

// count adds failed messages of a class. To take some away, add what is less than nothing of them: it wraps around.
func (s *slide) count(class string, messages uint64) {
	at, found := slices.BinarySearchFunc(s.errors, class, func(e telemetry.ErrorCount, class string) int { return strings.Compare(e.Class, class) })
	if !found {
		s.errors = slices.Insert(s.errors, at, telemetry.ErrorCount{Class: class})
	}
	if s.errors[at].Count += messages; s.errors[at].Count == 0 {
		s.errors = slices.Delete(s.errors, at, at+1)
	}
}

// show makes a stretch of what a section added up. They share memory.
func (s slider) show(out *stretch) {
	t := &out.totals
	t.Messages, t.Bytes, t.Rebalances, t.Errors = s.messages, s.bytes, s.rebalances, s.errors
	if h := s.section.histogram(t); h != nil {
		*h = s.histogram
		h.Max = s.peak.value
	}
	if s.section == sectionDistincts {
		of := s.rosters.together()
		t.Clients, t.OverflowedClients, t.Nodes, t.Versions = of.Clients, of.OverflowedClients, of.Nodes, of.Versions
	}
	out.paneTPS, out.seconds = s.rates, float64(s.to-s.from)
}

// maximum is the greatest value of the histogram that a section reads, 0 where it reads none.
func (s section) maximum(t *telemetry.Totals) uint64 {
	if h := s.histogram(t); h != nil && len(h.Indexes) > 0 {
		return h.Max
	}
	return 0
}
