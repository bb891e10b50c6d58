package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// slide is what sections add up to over a stretch of a group's panes that moves on with event time: what it leaves behind
// is taken away, and what it comes to is added. All that is added up are whole numbers, so that nothing is lost by it.
type slide struct {
	from, to int64    // Unix seconds; nothing where they are equal
	changes  uint32   // of the group, when its panes were read
	held     sections // that are added up
	asked    sections // of these, since it came here

	messages, bytes, rebalances uint64
	errors                      []telemetry.ErrorCount
	rates                       []float64
	histograms                  [histogramKinds]*slidHistogram // but for their maxima
	peaks                       [histogramKinds]peak
	rosters                     rosters
}

// slidHistogram is a histogram of which some buckets are empty, so many at most.
type slidHistogram struct {
	telemetry.Histogram
	emptied int
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

// slider moves a slide along a group's panes.
type slider struct {
	*slide
	group *groupState
	pane  int64 // seconds
}

// stand brings the slide to the panes in [from, to), where sections are asked for. Those that were asked for where it stood
// before are moved, so that each pane is looked at once for all of them; others are added up anew.
func (s slider) stand(at stand, of sections) {
	if s.from != at.from || s.to != at.to || s.changes != s.group.changes {
		s.held, s.asked = s.asked, 0
		s.move(at)
	}
	if missing := of &^ s.held; missing != 0 {
		for section := range missing.each {
			s.gather(section)
		}
		s.held |= missing
	}
	s.asked |= of
}

// stand is where a slide is to be: in [from, to), where panes from before oldest are not there any more. All are Unix seconds.
type stand struct{ from, to, oldest int64 }

func (s *stand) times() (from, to time.Time) {
	return time.Unix(s.from, 0).UTC(), time.Unix(s.to, 0).UTC()
}

// move moves what is held. It holds nothing any more where less than half of the panes stay, where one that was evaluated has
// changed, and where one that it would leave is not there any more.
func (s slider) move(at stand) {
	stays := s.to - at.from
	if s.changes != s.group.changes || s.from < at.oldest || at.from < s.from || at.to < s.to || 2*stays < at.to-at.from {
		s.held = 0
	}
	left, came := s.from, s.to
	s.from, s.to, s.changes = at.from, at.to, s.group.changes
	if s.held == 0 {
		return
	}
	for ; left < at.from; left += s.pane {
		s.leave(s.totals(left))
	}
	for ; came < at.to; came += s.pane {
		s.come(s.totals(came), came)
	}
	for kind := range s.peaks {
		if s.held&peakSections[kind] != 0 && s.peaks[kind].pane < at.from {
			s.seek(kind)
		}
		if h := s.histograms[kind]; h != nil && 2*h.emptied > len(h.Indexes) {
			h.Compact()
			h.emptied = 0
		}
	}
}

// noTotals are those of a pane that a group does not have; nobody writes to it.
var noTotals telemetry.Totals

func (s slider) totals(start int64) *telemetry.Totals {
	if t := s.group.panes.totals(start); t != nil {
		return t
	}
	return &noTotals
}

// come adds a pane to what is held.
func (s slider) come(t *telemetry.Totals, start int64) {
	held := s.held
	if held.has(sectionCounters) {
		s.messages, s.bytes, s.rebalances = s.messages+t.Messages, s.bytes+t.Bytes, s.rebalances+t.Rebalances
	}
	if held.has(sectionErrors) {
		s.comeErrors(t)
	}
	if held.has(sectionRates) {
		s.comeRate(t)
	}
	if held.has(sectionDistincts) {
		s.rosters.come(t)
	}
	for kind := range s.peaks {
		if held&peakSections[kind] == 0 {
			continue
		}
		h := histogramOf(kind, t)
		if held.has(histogramSections[kind]) {
			s.histograms[kind].Merge(h)
		}
		s.peaks[kind].rise(maximum(h), start)
	}
}

// leave takes away a pane of what is held.
func (s slider) leave(t *telemetry.Totals) {
	held := s.held
	if held.has(sectionCounters) {
		s.messages, s.bytes, s.rebalances = s.messages-t.Messages, s.bytes-t.Bytes, s.rebalances-t.Rebalances
	}
	if held.has(sectionErrors) {
		for _, e := range t.Errors {
			s.count(e.Class, -e.Count)
		}
	}
	if held.has(sectionRates) {
		s.rates = slices.Delete(s.rates, 0, 1)
	}
	if held.has(sectionDistincts) {
		s.rosters.leave()
	}
	for kind, section := range histogramSections {
		if held.has(section) {
			s.histograms[kind].emptied += s.histograms[kind].Subtract(histogramOf(kind, t))
		}
	}
}

func (s *slide) comeErrors(t *telemetry.Totals) {
	for _, e := range t.Errors {
		s.count(e.Class, e.Count)
	}
}

func (s slider) comeRate(t *telemetry.Totals) {
	s.rates = append(s.rates, float64(t.Messages)/float64(s.pane))
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

// seek looks for a maximum among all panes.
func (s slider) seek(kind int) {
	s.peaks[kind] = peak{pane: s.to - s.pane}
	for start := s.from; start < s.to; start += s.pane {
		s.peaks[kind].rise(maximum(histogramOf(kind, s.totals(start))), start)
	}
}

// gather adds up a section anew.
func (s slider) gather(of section) {
	var add func(*telemetry.Totals)
	switch of {
	case sectionCounters:
		s.messages, s.bytes, s.rebalances = 0, 0, 0
		add = func(t *telemetry.Totals) {
			s.messages, s.bytes, s.rebalances = s.messages+t.Messages, s.bytes+t.Bytes, s.rebalances+t.Rebalances
		}
	case sectionErrors:
		s.errors, add = s.errors[:0], s.comeErrors
	case sectionRates:
		s.rates, add = s.rates[:0], s.comeRate
	case sectionDistincts:
		s.rosters.clear()
		add = s.rosters.come
	default:
		kind := of.kind()
		s.seek(kind)
		if of != histogramSections[kind] {
			return
		}
		h := s.histograms[kind]
		if h == nil {
			h = &slidHistogram{}
			s.histograms[kind] = h
		}
		h.Reset()
		h.emptied = 0
		add = func(t *telemetry.Totals) { h.Merge(histogramOf(kind, t)) }
	}
	for start := s.from; start < s.to; start += s.pane {
		add(s.totals(start))
	}
}

// show makes a stretch of what a section added up. They share memory.
func (s slider) show(of section, out *stretch) {
	t := &out.totals
	t.Messages, t.Bytes, t.Rebalances, t.Errors = s.messages, s.bytes, s.rebalances, s.errors
	if kind := of.kind(); kind >= 0 {
		h := histogramOf(kind, t)
		if of == histogramSections[kind] {
			*h = s.histograms[kind].Histogram
		}
		h.Max = s.peaks[kind].value
	}
	if of == sectionDistincts {
		of := s.rosters.together()
		t.Clients, t.OverflowedClients, t.Nodes, t.Versions = of.Clients, of.OverflowedClients, of.Nodes, of.Versions
	}
	out.paneTPS, out.seconds = s.rates, float64(s.to-s.from)
}
