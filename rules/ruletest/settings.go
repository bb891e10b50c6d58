package ruletest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

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
