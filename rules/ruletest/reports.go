package ruletest

import (
	"fmt"
	"strings"
	"time"

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
