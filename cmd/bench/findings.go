package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/template"

	"github.com/weirmq/weir/deploy/parts"
)

// finding is what was measured for one target: the median of several rounds.
type finding struct {
	Name                string
	Median, Least, Most float64
	Want                float64 // 0 where it is told only
	AtMost              bool    // the target is a bound from above
}

// median makes a finding of what the rounds measured.
func median(name string, measured []float64, want float64, atMost bool) finding {
	sorted := slices.Sorted(slices.Values(measured))
	return finding{name, sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1], want, atMost}
}

// Holds says whether the target is met.
func (f finding) Holds() string {
	if f.Want == 0 {
		return "-"
	}
	if f.AtMost && f.Median <= f.Want || !f.AtMost && f.Median >= f.Want {
		return "yes"
	}
	return "no"
}

// Target is the bound with its direction.
func (f finding) Target() string {
	if f.Want == 0 {
		return "-"
	}
	if f.AtMost {
		return fmt.Sprintf("<= %.2f", f.Want)
	}
	return fmt.Sprintf(">= %.2f", f.Want)
}

func printHeader(to io.Writer) {
	fmt.Fprintf(to, "%-44s %8s %8s %8s %10s  %s\n", "name", "median", "min", "max", "target", "holds")
}

func (f finding) print(to io.Writer) {
	fmt.Fprintf(to, "%-44s %8.2f %8.2f %8.2f %10s  %s\n", f.Name, f.Median, f.Least, f.Most, f.Target(), f.Holds())
}

// page is docs/benchmarks.md.
var page = template.Must(template.New("page").Parse(`# Benchmarks

What Weir costs, as ` + "`make bench`" + ` measured it; the command writes this page. A log is served on one core, what is
measured runs on another, one process at a time. What counts is the CPU time of processes by getrusage. Ratios are of
pairs that ran one after the other, with the same settings of client and garbage collector; the median of {{ .Rounds }} rounds stands
with the least and the greatest; of {{ .Few }} rounds for memory, what follows a kill, and scale. The log's reports have 210 bytes, 8 labels and a histogram of 20 buckets that differs
from report to report; each series reports once a second, all in the same order. What the stage wrote is read back and compared with what was
sent.

| measured | median | min | max | target | holds |
|---|---|---|---|---|---|
{{ range .Findings }}| {{ .Name }} | {{ printf "%.2f" .Median }} | {{ printf "%.2f" .Least }} | {{ printf "%.2f" .Most }} | {{ .Target }} | {{ .Holds }} |
{{ end }}
Machine: {{ .Machine }}. {{ .Versions }}.

- *aggregate, N series*: CPU time of a process that merely polls the topic, over that of the aggregate stage from fetch
  to the acknowledgement of ` + "`weir.cells`" + ` and ` + "`weir.groups`" + `, with three groupings. 0.50 is twice the cost of reading. Counted
  from when each series was seen once. The polling process has so small a heap that how often it collects garbage hangs on what else its
  binary holds: 350 ns a record before the collectors, 200 to 270 with them, and 210 to 225 in both with GOGC at 400. The stage takes 620 to 700 in both.
- *allocations*, *garbage collection*: of the stage at 10,000 series; allocations above those of the poll loop.
- *bytes*: on the broker, compressed.
- *read again after SIGKILL*: the stage is killed when the minute of its sources is almost over, and started again: of the
  10,000 reports a second, the share of a minute's that it reads twice. It is let into its group when the session of the
  killed one is over, in 8 s. What it wrote before and after is compared with the log: exact.
- *throughput, N sources*: reports per CPU second of one process that reads N partitions, over those with 8. *processes*: of
  one process over 8 partitions, and of four that share them and a core, from when each has its part until all is written.
- *vmagent / aggregate*: what the stream aggregation of vmagent {{ .VMAgent }} needs, over what the aggregate stage does, for
  the same totals of each series in windows with 10 reports. No rule reads the series. *count*: a report is one number, one
  sample of vmagent. *latency*: one message, one sample; count, sum, maximum and histogram are kept. *histogram*: 20
  buckets, 23 samples. CPU time is that of a report; memory is the most that was resident above an idle process.
- *row Append / ClickHouse writer*: CPU time a cell of an insert by clickhouse-go's ` + "`Append`" + ` of rows, over what Weir's
  writer needs, both from decoded cells to what is compressed and sent; *from records*, from the bytes of ` + "`weir.cells`" + `
  there. *ClickHouse writer / bare ch-go*: what Weir's writer needs over filling ch-go's columns, value by value, and encoding
  them, without a driver. Inserts have 100,000 cells with two histograms of 40 buckets. The ways run in turn in one process, each for
  half a second at least with the garbage it makes; a ratio is the median of {{ .Turns }} turns. What each encodes is decoded, in every round before it is measured, to the same rows.
- *rules*: CPU time, in milliseconds, of the conditions of 1,000 rules over the columns of 10,000 groups; over that, the time that
  ` + "`expr.Run`" + ` takes of views that are there, taken of 20 groups. *a whole step*: with what is added up of each group, in windows of
  one and two minutes of panes of 10 s, and with the garbage that it makes. That both find the same is tested before each round.
- *report to Alertmanager*: milliseconds from when a report is given to a Kafka client to the call of Alertmanager, of {{ .Alerts }} alerts
  of a rule that fires early, each of a client that was not there before, at times spread evenly over panes of 10 s. Weir runs as one process on
  a core of its own, with the defaults; *lateness 0*, without lateness. Least and greatest are those of single alerts. Clients report what is
  told here at once; those that report once a second add up to that. *Prometheus* {{ .Prometheus }} runs likewise, scrapes one exporter and evaluates
  rules once a second, from when a counter changes, in {{ .PrometheusGroups }} groups of rules, as it evaluates each at a time of its own within the second.
- *backtest*: of a day in the store with a cell of each group for each pane of 10 s, with histograms of 20 and 5 buckets; seconds that it takes
  on all cores, ClickHouse included, and the CPU time of both.
- *SDK overhead*: percent that are added to the CPU time that a client needs for a message of 1 KB, beside a real broker in a process of its
  own: *empty*, hooks of franz-go that do nothing; *measured*, the SDK; *unified*, package ` + "`weir`" + `. All ways take turns in one process, which
  reports as it does by default; median, least and greatest are of the pairs of turns. What a send is and what a message costs, ` + "`bench overhead`" + ` prints.
{{ .Kept }}`))

// writePage writes the findings for people.
func writePage(path string, findings []finding, rounds int) error {
	kept, err := sectionsOf(path)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	defer file.Close()
	err = page.Execute(file, map[string]any{"Findings": findings, "Rounds": rounds, "Few": min(rounds, fewRounds),
		"Machine": machine(), "Versions": versions(), "VMAgent": parts.VMAgentVersion, "Kept": kept,
		"Prometheus": parts.PrometheusVersion, "PrometheusGroups": prometheusGroups, "Turns": writerTurns, "Alerts": latencyAlerts})
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return file.Close()
}

// sectionsOf are those of the page that other commands have measured: they stay as they are. A page that is not there has none.
func sectionsOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read what the page has: %w", err)
	}
	if _, after, found := strings.Cut(string(text), "\n## "); found {
		return "\n## " + after, nil
	}
	return "", nil
}

// machine is this one in words.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // elsewhere the model is not known
	model := "a processor of unknown model"
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d cores, %s, %s/%s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH)
}

// versions are those of what costs most.
func versions() string {
	out := runtime.Version()
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if strings.HasSuffix(module.Path, "twmb/franz-go") || strings.HasSuffix(module.Path, "/kfake") || strings.HasSuffix(module.Path, "klauspost/compress") ||
			strings.Contains(module.Path, "ClickHouse/") {
			out += ", " + module.Path + " " + module.Version
		}
	}
	return out
}

func printAll(found []finding) {
	for _, f := range found {
		f.print(os.Stdout)
	}
}
