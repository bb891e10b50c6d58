package ruletest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// reports are those of one line: of each series one at each time in [from, to), which may lie before the case begins.
type reports struct {
	from, every time.Duration
	times       int
	source      int32
	series      []telemetry.Labels
	measures    []measure
	events      []telemetry.EventKind
}

// Bounds of one line.
const (
	// maxTimes: not smaller, a day in panes of ten seconds has 8,640; not larger: a test is read by people.
	maxTimes = 100_000
	// maxSeries: not smaller, departed clients of a large group; not larger: as above.
	maxSeries = 10_000
	// maxReports of all series: not smaller, a thousand clients for an hour; not larger: each takes a microsecond and some bytes.
	maxReports = 1_000_000
)

// reports reads at TIME[..TIME] [every D] [source N]: setting...
func (p *parser) reports(a arguments) {
	head, settings, ok := p.headOf(a)
	if !ok {
		return
	}
	out := reports{every: p.now.pane}
	if !p.times(&out, head) {
		return
	}
	out.series = []telemetry.Labels{{}}
	if len(settings) == 0 {
		p.fault(p.end(a), "nothing is reported", "write labels and measures, as in op=send topic=orders messages=100")
		return
	}
	fine := true
	for _, w := range settings {
		fine = p.setting(&out, w) && fine
	}
	if !fine {
		return
	}
	if n := out.times * len(out.series); n > maxReports {
		p.fault(a.words[0].column, fmt.Sprintf("got %d reports, want at most %d", n, maxReports), "choose a shorter range, or fewer series")
		return
	}
	for i := range out.series {
		out.series[i].Canonical()
	}
	p.now.commands = append(p.now.commands, out)
}

// headOf divides the words before and behind the colon.
func (p *parser) headOf(a arguments) (head, settings []word, ok bool) {
	for i, w := range a.words[1:] {
		if text, found := strings.CutSuffix(w.text, ":"); found {
			if head = a.words[1 : i+1]; text != "" {
				head = append(head[:len(head):len(head)], word{text, w.column})
			}
			return head, a.words[i+2:], true
		}
	}
	p.fault(p.end(a), "a colon is missing between the times and what is reported", "as in at 0s..10m: op=send topic=orders messages=100")
	return nil, nil, false
}

func (p *parser) times(out *reports, head []word) bool {
	if len(head) == 0 {
		p.fault(len("at")+1, "at lacks a time", "as in at 0s..10m: op=send topic=orders messages=100")
		return false
	}
	first, last, ranged := strings.Cut(head[0].text, "..")
	var ok bool
	if out.from, ok = p.anyMoment(word{first, head[0].column}); !ok {
		return false
	}
	to := out.from
	if ranged {
		if to, ok = p.anyMoment(word{last, head[0].column + characters(first) + 2}); !ok {
			return false
		}
	}
	for rest := head[1:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || rest[0].text != "every" && rest[0].text != "source" {
			p.fault(rest[0].column, fmt.Sprintf("got %q, want every and a time, source and a number, or a colon", rest[0].text), "")
			return false
		}
		switch rest[0].text {
		case "every":
			out.every, ok = p.moment(rest[1])
		default:
			out.source, ok = p.sourceNumber(rest[1])
		}
		if !ok {
			return false
		}
	}
	switch {
	case ranged && to <= out.from:
		p.fault(head[0].column, fmt.Sprintf("got the times %s, which end before they begin", head[0].text), "the end is not part of a range")
	case out.every <= 0 || int((to-out.from)/max(out.every, 1)) > maxTimes:
		p.fault(head[0].column, fmt.Sprintf("got more than %d reports, or none", maxTimes), "choose a shorter range, or more time between reports")
	default:
		out.times = 1
		if ranged {
			out.times = int((to - out.from + out.every - 1) / out.every)
		}
		return true
	}
	return false
}

// anyMoment reads a time that may lie before the case begins.
func (p *parser) anyMoment(w word) (time.Duration, bool) {
	text, before := strings.CutPrefix(w.text, "-")
	if !before {
		return p.moment(w)
	}
	back, ok := p.moment(word{text, w.column + 1})
	return -back, ok
}

// setting reads one word behind the colon.
func (p *parser) setting(out *reports, w word) bool {
	named, value, valued := cut(w.text, '=')
	if kind, ok := events[named]; ok && !valued {
		out.events = append(out.events, kind)
		return true
	}
	behind := word{value, w.column + characters(named) + 1}
	prefix, rest, dotted := strings.Cut(named, ".")
	var labels telemetry.Labels
	switch what, isMeasure := measurements[named]; {
	case !valued:
		p.fault(w.column, fmt.Sprintf("got %q, want name=value", w.text), rules.DidYouMean(w.text, slices.Sorted(maps.Keys(events))))
		return false
	case labels.Field(named) != nil:
		return p.label(out, named, behind)
	case dotted && rest != "" && prefix == labelPrefix:
		if labels.Field(rest) != nil {
			p.fault(w.column, fmt.Sprintf("%s is a label of Weir's own", rest), fmt.Sprintf("write %s=%s", rest, value))
			return false
		}
		return p.label(out, rest, behind)
	case isMeasure:
		return p.measure(out, measure{what: what}, behind)
	case named == errorsPrefix:
		return p.measure(out, measure{what: errorsOfClass, class: "other"}, behind)
	case dotted && rest != "" && prefix == errorsPrefix:
		return p.measure(out, measure{what: errorsOfClass, class: rest}, behind)
	case dotted && rest != "" && prefix == gaugePrefix && !p.isGauge(word{rest, w.column + len(gaugePrefix) + 1}):
		return false
	case dotted && rest != "" && prefix == gaugePrefix:
		return p.measure(out, measure{what: gauge, class: rest}, behind)
	}
	hint := rules.DidYouMean(named, settingNames)
	if hint == "" {
		hint = fmt.Sprintf("a label of your own is label.%s, a gauge gauge.%s", named, named)
	}
	p.fault(w.column, fmt.Sprintf("unknown label or measure %q", named), hint)
	return false
}

var numbered = regexp.MustCompile(`^(.*)\{([0-9]{1,9})\.\.([0-9]{1,9})\}(.*)$`)

// label sets a label of every series; with c{1..3} in its value there are as many times the series.
func (p *parser) label(out *reports, named string, w word) bool {
	text, ok := p.text(w)
	if !ok {
		return false
	}
	if at := strings.IndexByte(w.text, ','); at >= 0 && w.text[0] != '"' {
		p.fault(w.column+characters(w.text[:at]), "a comma in a value that is not in quotes", "settings are parted by blanks; a value with a comma stands in quotes")
		return false
	}
	values := []string{text}
	if match := numbered.FindStringSubmatch(text); match != nil {
		first, _ := strconv.Atoi(match[2]) // digits, few enough
		last, _ := strconv.Atoi(match[3])
		if last < first || (last-first+1)*len(out.series) > maxSeries {
			p.fault(w.column, fmt.Sprintf("got %d series, want 1 to %d", max(0, last-first+1)*len(out.series), maxSeries), "")
			return false
		}
		values = nil
		for n := first; n <= last; n++ {
			values = append(values, match[1]+strconv.Itoa(n)+match[4])
		}
	}
	var all []telemetry.Labels
	for _, series := range out.series {
		for _, value := range values {
			next := series.Clone()
			if field := next.Field(named); field != nil {
				*field = value
			} else {
				next.Extra = append(next.Extra, telemetry.Label{Name: named, Value: value})
			}
			all = append(all, next)
		}
	}
	out.series = all
	return true
}

// text reads a value that may be quoted.
func (p *parser) text(w word) (string, bool) {
	text := w.text
	if strings.HasPrefix(text, `"`) {
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			p.fault(w.column, fmt.Sprintf("got %s, want one text in quotes", text), "")
			return "", false
		}
		text = unquoted
	}
	if telemetry.HasControl(text) {
		p.fault(w.column, "a label has a control character", "no report may have one")
		return "", false
	}
	return text, true
}

// MaxCounts bounds how often one value is observed. Not smaller: a pane of a busy topic; not larger: the sum is one number.
const MaxCounts = 1_000_000

// measure reads VALUE, FIRST..LAST, and for histograms VALUE*TIMES.
func (p *parser) measure(out *reports, m measure, w word) bool {
	text, times, repeated := strings.Cut(w.text, "*")
	m.counts = 1
	if repeated {
		n, err := strconv.ParseUint(times, 10, 64)
		column := w.column + characters(text) + 1
		if err != nil || n < 1 || n > MaxCounts {
			p.fault(column, fmt.Sprintf("got %q times, want 1 to %d", times, MaxCounts), "")
			return false
		}
		if !m.what.observed {
			p.fault(column-1, "only what is observed again and again is repeated: latency, delay, size, heartbeat", "write the product")
			return false
		}
		m.counts = n
	}
	first, last, ramp := strings.Cut(text, "..")
	var ok bool
	if m.first, ok = p.measured(word{first, w.column}, m.what); !ok {
		return false
	}
	m.last = m.first
	if ramp {
		if m.last, ok = p.measured(word{last, w.column + characters(first) + 2}, m.what); !ok {
			return false
		}
		if out.times < 2 {
			p.fault(w.column, "a value that changes needs a range of times", "as in at 0s..10m: messages=100..2000")
			return false
		}
	}
	out.measures = append(out.measures, m)
	return true
}
