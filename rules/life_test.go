package rules_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

var update = flag.Bool("update", false, "rewrite the expectations under testdata")

// epoch is second 0 of every script.
var epoch = time.Unix(1_800_000_000, 0).UTC()

// TestLife plays scripts of what reaches an evaluator, and compares which alerts it
// publishes. A script is an archive of the files rules.yaml, script and want;
// further files are rules that the script reloads. Its commands:
//
//	pane 1s                          length of panes, first
//	sources 2                        partitions of weir.telemetry
//	put 0 3s..5s op=send messages=9  from source 0, one partial in each pane of [3s, 5s]
//	put 0 3s size=9*5 latency=1s*2   five messages of 9 bytes, two latencies of a second
//	grow 0 3s op=send messages=9     as put, but the put before has come to two such reports
//	watermark 0 6s                   source 0 has come to 6s; with idle: it was read to its end; with at=9s: which was said at 9s
//	advance                          evaluate, print what changed; of windows, what they lack and what was late
//	state                            up to when was evaluated, how complete that was, how many reports were late
//	restart                          a new evaluator, restored and fed again
//	crash 5s                         the same, but how far was evaluated was last noted at 5s
//	forget                           what was put is not there any more at a restart
//	gap                              a restart that reads nothing of before, and is told that something is missing
//	reload other.yaml                swap the rules
//	aggregate other.yaml             what is put is grouped as its rules do, which the evaluator does not know yet
func TestLife(t *testing.T) {
	paths, err := filepath.Glob("testdata/life/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d scripts: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			compareFile(t, path, archive, play(t, archive))
		})
	}
}

// compareFile compares the archive's file want, or rewrites it.
func compareFile(t *testing.T, path string, archive *txtar.Archive, got string) {
	t.Helper()
	at := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
	if at < 0 {
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
		at = len(archive.Files) - 1
	}
	if *update {
		archive.Files[at].Data = []byte(got)
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(archive.Files[at].Data), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// player feeds an evaluator by a script.
type player struct {
	t         *testing.T
	files     map[string]string
	pane      time.Duration
	sources   int32
	set       *rules.Set
	evaluator *rules.Evaluator
	published map[string]telemetry.Alert // as weir.alerts would hold them
	inputs    []func(*rules.Evaluator)   // as weir.groups would hold them
	out       strings.Builder
}

func newPlayer(t *testing.T) *player {
	return &player{t: t, files: map[string]string{}, sources: 1, published: map[string]telemetry.Alert{}}
}

func play(t *testing.T, archive *txtar.Archive) string {
	p := newPlayer(t)
	for _, file := range archive.Files {
		p.files[file.Name] = string(file.Data)
	}
	p.set = p.parse("rules.yaml")
	return p.run(p.files["script"])
}

// run obeys a script and returns what alerts did.
func (p *player) run(script string) string {
	for line := range strings.Lines(script) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			p.command(fields)
		}
	}
	return p.out.String()
}

func (p *player) parse(name string) *rules.Set {
	parsed, faults := rules.Parse(name, []byte(p.files[name]))
	if len(faults) > 0 {
		p.t.Fatal(faults)
	}
	return &rules.Set{Rules: parsed}
}

func (p *player) command(fields []string) {
	switch fields[0] {
	case "pane":
		p.pane = p.duration(fields[1])
		p.evaluator = rules.NewEvaluator(p.set, rules.Config{Pane: p.pane})
	case "sources":
		n, err := strconv.ParseInt(fields[1], 10, 32)
		p.must(err)
		p.sources = int32(n)
	case "put":
		first, last, ok := strings.Cut(fields[2], "..")
		if !ok {
			last = first
		}
		for at := p.duration(first); at <= p.duration(last); at += p.pane {
			p.put(fields[1], at, fields[3:], once(len(p.inputs)))
		}
	case "grow":
		p.put(fields[1], p.duration(fields[2]), fields[3:], version{segment: len(p.inputs) - 1, reports: 2})
	case "watermark":
		w := telemetry.Watermark{Source: p.source(fields[1]), EventTime: epoch.Add(p.duration(fields[2])),
			At: epoch.Add(time.Duration(len(p.inputs)) * time.Millisecond), Sources: p.sources, Idle: slices.Contains(fields, "idle")}
		if _, said, ok := strings.Cut(fields[len(fields)-1], "at="); ok {
			w.At = epoch.Add(p.duration(said))
		}
		p.feed(func(e *rules.Evaluator) { e.ApplyWatermark(w) })
	case "advance":
		p.print(p.evaluator.Advance())
	case "state":
		now := p.evaluator.Stats()
		fmt.Fprintf(&p.out, "evaluated until %s: completeness %.4g, %d late\n", now.EventTime.Sub(epoch), now.Completeness, now.LateReports)
	case "failures":
		fmt.Fprintf(&p.out, "%d evaluations failed\n", p.evaluator.Stats().EvaluationFailures)
	case "restart":
		p.restart(p.evaluator.Progress())
	case "crash":
		until := p.evaluator.Progress()
		until.EvaluatedUntil = epoch.Add(p.duration(fields[1]))
		p.restart(until)
	case "forget":
		p.inputs = nil
	case "gap":
		p.inputs = nil
		until := p.evaluator.Progress()
		until.Gap = true
		p.restart(until)
	case "reload":
		p.set = p.parse(fields[1])
		p.print(p.evaluator.Swap(p.set))
	case "aggregate":
		p.set = p.parse(fields[1])
	default:
		p.t.Fatalf("unknown command %q", fields[0])
	}
}

func (p *player) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	p.must(err)
	return d
}

func (p *player) source(text string) telemetry.Source {
	n, err := strconv.ParseInt(text, 10, 32)
	p.must(err)
	return telemetry.Source{TopicID: [16]byte{1}, Partition: int32(n)}
}

func (p *player) feed(input func(*rules.Evaluator)) {
	p.inputs = append(p.inputs, input)
	input(p.evaluator)
}

// version is what a segment of a source holds so far: equal reports.
type version struct{ segment, reports int }

// once is one report in a segment of its own, so that it adds to what was put before.
func once(segment int) version { return version{segment, 1} }

// put feeds what a segment holds of a series in one pane, as each grouping sees it.
func (p *player) put(source string, at time.Duration, settings []string, holds version) {
	var labels telemetry.Labels
	report := telemetry.Report{LengthMillis: uint32(p.pane.Milliseconds())}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if field := labels.Field(name); field != nil {
			*field = value
			continue
		}
		p.measure(&report, name, value)
	}
	var cell telemetry.Totals
	for range holds.reports {
		cell.AddReport(&report)
	}
	for _, grouping := range p.set.Groupings() {
		values, ok := grouping.Values(&labels)
		if !ok {
			continue
		}
		var totals telemetry.Totals
		totals.JoinSeries(&labels, &cell)
		omit(&totals, grouping.Omit)
		segment := telemetry.Segment{Block: uint64(holds.segment)}
		group := telemetry.GroupPartials{Grouping: grouping.ID, Values: values, Omitted: grouping.Omit,
			Partials: []telemetry.GroupPartial{{Pane: epoch.Add(at), Totals: totals}}}
		batch := &telemetry.GroupBatch{Source: p.source(source), Segment: segment, Groups: []telemetry.GroupPartials{group}}
		p.feed(func(e *rules.Evaluator) { e.Apply(batch) })
	}
}

// omit takes away what the aggregate stage leaves out.
func omit(t *telemetry.Totals, parts telemetry.Parts) {
	for part, h := range map[telemetry.Parts]*telemetry.Histogram{telemetry.PartLatency: &t.LatencyMicros, telemetry.PartDelay: &t.DelayMicros,
		telemetry.PartSize: &t.SizeBytes, telemetry.PartHeartbeat: &t.HeartbeatMicros} {
		if parts.Has(part) {
			*h = telemetry.Histogram{}
		}
	}
	if parts.Has(telemetry.PartDistincts) {
		t.Clients, t.Nodes, t.Versions, t.StoppedClients = nil, nil, nil, nil
	}
}

func (p *player) measure(report *telemetry.Report, name, text string) {
	text, times, repeated := strings.Cut(text, "*")
	count := 1
	if repeated {
		n, err := strconv.Atoi(times)
		p.must(err)
		count = n
	}
	if name == "latency" {
		latency := uint64(p.duration(text).Microseconds())
		for range count {
			report.LatencyMicros.Observe(latency)
		}
		return
	}
	number, err := strconv.ParseUint(text, 10, 64)
	p.must(err)
	switch name {
	case "messages":
		report.Messages = number
	case "bytes":
		report.Bytes = number
	case "size":
		for range count {
			report.SizeBytes.Observe(number)
		}
	case "errors":
		report.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: number}}
	case "stopped":
		report.Events = []telemetry.Event{{Kind: telemetry.EventStopped, TimeUnixMillis: int64(number)}}
	default:
		p.t.Fatalf("unknown measure %q", name)
	}
}

// restart encodes the alerts as weir.alerts does and feeds a new evaluator all input again.
func (p *player) restart(until rules.Progress) {
	var restored []telemetry.Alert
	for _, key := range slices.Sorted(maps.Keys(p.published)) {
		text, err := json.Marshal(p.published[key])
		p.must(err)
		var alert telemetry.Alert
		p.must(json.Unmarshal(text, &alert))
		restored = append(restored, alert)
	}
	p.evaluator = rules.NewEvaluator(p.set, rules.Config{Pane: p.pane})
	p.evaluator.Restore(restored, until)
	for _, input := range p.inputs {
		input(p.evaluator)
	}
}

func (p *player) print(changed []telemetry.Alert) {
	for _, alert := range changed {
		if alert.State == telemetry.AlertInactive {
			delete(p.published, alert.ID)
		} else {
			p.published[alert.ID] = alert
		}
		if !alert.Transition {
			continue
		}
		var labels, values []string
		for _, name := range slices.Sorted(maps.Keys(alert.Labels)) {
			if name != "alertname" {
				labels = append(labels, name+"="+alert.Labels[name])
			}
		}
		for _, name := range slices.Sorted(maps.Keys(alert.Values)) {
			values = append(values, fmt.Sprintf("%s=%.4g", name, alert.Values[name]))
		}
		fmt.Fprintf(&p.out, "%s %s{%s} %s %s", alert.EvaluatedAt.Sub(epoch), alert.Rule, strings.Join(labels, ","), alert.State, strings.Join(values, " "))
		if alert.Completeness < 1 {
			fmt.Fprintf(&p.out, " completeness=%.4g", alert.Completeness)
		}
		if alert.LateReports > 0 {
			fmt.Fprintf(&p.out, " late=%d", alert.LateReports)
		}
		if summary := alert.Annotations["summary"]; summary != "" {
			fmt.Fprintf(&p.out, " %q", summary)
		}
		if alert.Reason != "" {
			fmt.Fprintf(&p.out, " because %s", alert.Reason)
		}
		p.out.WriteByte('\n')
	}
}
