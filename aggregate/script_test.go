package aggregate

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/telemetry"
)

var update = flag.Bool("update", false, "rewrite the expectations under testdata")

// epoch is second 0 of every script: the begin of a minute in 2027.
var epoch = time.Unix(1_800_000_000, 0).UTC()

// TestScripts plays what reaches a fold and compares what it flushes. A script is an archive of the files script and
// want; the text above them says what it is about. Its commands, with times since the epoch of the scripts:
//
//	fold pane=10s tolerance=1m lateness=5s                 parameters, first; each has this default
//	fold max_series=10 max_topic_series=10                 and so have these
//	regroup topic topic+client/consume                     groupings: labels, then the op of the series admitted
//	report 7 at=12s start=10s topic=a messages=5           at offset 7, appended at 12s; start is at-1s, op send, length 1s
//	refuse 8 at=12s offsets=5                              records that are no reports; one where no number is given
//	idle 30s                                               the source was read to its end
//	flush                                                  what changed and whose panes are closed
//	drain                                                  whatever changed
//	state                                                  watermark and counters
//	excess                                                 what was over a limit of series
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d scripts: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) != 2 || archive.Files[0].Name != "script" || archive.Files[1].Name != "want" {
				t.Fatalf("%s must hold the files script and want", path)
			}
			p := &player{t: t}
			got := p.play(string(archive.Files[0].Data))
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

// player feeds a fold by a script.
type player struct {
	t         *testing.T
	line      string
	fold      *Fold
	groupings []telemetry.Grouping
	out       strings.Builder
}

func (p *player) play(script string) string {
	for line := range strings.Lines(script) {
		line, _, _ = strings.Cut(line, "#")
		p.line = strings.TrimSpace(line)
		if fields := strings.Fields(line); len(fields) > 0 {
			p.command(fields[0], fields[1:])
		}
	}
	return p.out.String()
}

func (p *player) command(name string, arguments []string) {
	switch name {
	case "fold":
		p.newFold(arguments)
	case "regroup":
		p.groupings = nil
		for _, argument := range arguments {
			p.groupings = append(p.groupings, groupingOf(argument))
		}
		p.fold.Regroup(p.groupings)
	case "report", "refuse":
		p.record(name, arguments)
	case "idle":
		p.fold.Idle(epoch.Add(p.duration(arguments[0])))
	case "flush":
		p.print(p.fold.Flush())
	case "drain":
		p.print(p.fold.Drain())
	case "state":
		c := p.fold.Counters()
		p.printf("watermark=%s series=%d late_in_segment=%d reports=%d late=%d clamped=%d overflowed=%d\n", since(p.fold.Watermark()),
			p.fold.Series(), p.fold.LateReports(), c.Reports, c.Late, c.Clamped, c.Overflowed)
	case "excess":
		p.printExcess(p.fold.Excess())
	default:
		p.t.Fatalf("unknown command in %q", p.line)
	}
}

func (p *player) newFold(arguments []string) {
	parameters, lateness := Parameters{10 * time.Second, time.Minute, 10, 10}, 5*time.Second
	for _, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		switch name {
		case "pane":
			parameters.Pane = p.duration(value)
		case "tolerance":
			parameters.Tolerance = p.duration(value)
		case "lateness":
			lateness = p.duration(value)
		case "max_series":
			parameters.MaxSeries = int(p.number(value))
			parameters.MaxTopicSeries = min(parameters.MaxTopicSeries, parameters.MaxSeries)
		case "max_topic_series":
			parameters.MaxTopicSeries = int(p.number(value))
		default:
			p.t.Fatalf("unknown parameter in %q", p.line)
		}
	}
	if err := parameters.Validate(); err != nil {
		p.t.Fatal(err)
	}
	p.fold = NewFold(telemetry.Source{}, parameters, lateness, p.groupings)
}

// groupingOf reads labels joined by +, and the op that is admitted after a slash.
func groupingOf(text string) telemetry.Grouping {
	by, op, filtered := strings.Cut(text, "/")
	grouping := telemetry.Grouping{ID: text, By: strings.Split(by, "+")}
	if filtered {
		grouping.Where = func(l *telemetry.Labels) bool { return l.Op == op }
	}
	return grouping
}

// record begins, and adds or refuses, one record.
func (p *player) record(command string, arguments []string) {
	at := Position{Offset: p.number(arguments[0]), ValueBytes: 100}
	appended, ok := strings.CutPrefix(arguments[1], "at=")
	if !ok {
		p.t.Fatalf("at=TIME must follow the offset in %q", p.line)
	}
	at.AppendUnixMillis = epoch.Add(p.duration(appended)).UnixMilli()
	if closed := p.fold.Begin(at); closed != nil {
		p.print(closed)
	}
	if command == "refuse" {
		offsets := int64(1)
		for _, argument := range arguments[2:] {
			offsets = p.number(strings.TrimPrefix(argument, "offsets="))
		}
		p.fold.Refuse(at, offsets)
		return
	}
	report := telemetry.Report{Schema: telemetry.Schema, Labels: telemetry.Labels{Op: "send"}, LengthMillis: 1000,
		StartUnixMillis: at.AppendUnixMillis - 1000}
	for _, argument := range arguments[2:] {
		name, value, _ := strings.Cut(argument, "=")
		p.set(&report, name, value)
	}
	raw, err := telemetry.MarshalLabels(&report.Labels)
	if err != nil {
		p.t.Fatal(err)
	}
	report.RawLabels = raw
	if err := p.fold.Add(at, &report, labelsOf(&report)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) set(r *telemetry.Report, name, value string) {
	if field := r.Labels.Field(name); field != nil {
		*field = value
		return
	}
	switch name {
	case "start":
		r.StartUnixMillis = epoch.Add(p.duration(value)).UnixMilli()
	case "messages":
		r.Messages = uint64(p.number(value))
	case "latency":
		r.LatencyMicros.Observe(uint64(p.duration(value).Microseconds()))
	case "errors":
		r.Errors = append(r.Errors, telemetry.ErrorCount{Class: "timeout", Count: uint64(p.number(value))})
	case "lag":
		r.Gauges = append(r.Gauges, telemetry.Gauge{Name: "lag", Value: float64(p.number(value))})
	case "stopped":
		r.Events = append(r.Events, telemetry.Event{Kind: telemetry.EventStopped, TimeUnixMillis: r.StartUnixMillis, Detail: value})
	default: // an extra label
		r.Labels.Extra = append(r.Labels.Extra, telemetry.Label{Name: name, Value: value})
	}
}

func (p *player) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		p.t.Fatalf("%q: %v", p.line, err)
	}
	return d
}

// number reads a whole number, also as a product: 2*4194304.
func (p *player) number(text string) int64 {
	product := int64(1)
	for factor := range strings.SplitSeq(text, "*") {
		n, err := strconv.ParseInt(factor, 10, 64)
		if err != nil {
			p.t.Fatalf("%q: %v", p.line, err)
		}
		product *= n
	}
	return product
}

func (p *player) printf(format string, arguments ...any) { fmt.Fprintf(&p.out, format, arguments...) }
