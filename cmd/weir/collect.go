package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

type collectCommand struct {
	configFlags
	Once    bool   `help:"Poll once and print what would be reported; weir run --roles collect polls on and publishes." required:""`
	Cluster string `help:"Name of the cluster in collect.clusters; may be left out where there is one."`
	JSON    bool   `help:"Print the reports as JSON, one line for each."`
}

// Help shows examples.
func (collectCommand) Help() string {
	return "Examples:\n\n  weir collect --once --config weir.yaml --cluster orders\n  weir collect --once --config weir.yaml --json"
}

// Run polls and prints. What was not found out is the error.
func (c *collectCommand) Run(ctx context.Context) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	polled, err := pipeline.Poll(ctx, &config, c.Cluster)
	show := printReports
	if c.JSON {
		show = printReportLines
	}
	if printed := show(os.Stdout, polled.Reports); printed != nil {
		return fmt.Errorf("print reports: %w", printed)
	}
	if polled.Without != nil {
		fmt.Fprintln(os.Stderr, "weir:", polled.Without)
	}
	return err
}

func printReportLines(to io.Writer, reports []telemetry.Report) error {
	for i := range reports {
		line, err := telemetry.ReportJSON(&reports[i])
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(to, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// printReports prints a table, a line for each report: of what, and what was seen.
func printReports(to io.Writer, reports []telemetry.Report) error {
	if len(reports) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "OP\tNODE\tGROUP\tTOPIC\tPARTITION\tVALUES") // a tabwriter keeps its error for Flush
	for i := range reports {
		r := &reports[i]
		l := &r.Labels
		fmt.Fprintln(table, strings.Join([]string{l.Op, dash(l.Node), dash(l.Group), dash(l.Topic), dash(l.Partition), seen(r)}, "\t"))
	}
	return table.Flush()
}

func dash(text string) string { return cmp.Or(text, "-") }

// maxWhole is the largest number up to which floats have all whole ones.
const maxWhole = 1 << 53

// number is a value as people write it: six digits, and of whole numbers all.
func number(value float64) string {
	if value == math.Trunc(value) && value <= maxWhole {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 6, 64)
}

// seen is what a report says, as name=value. A heartbeat that failed is -1, whatever it was waited for.
func seen(r *telemetry.Report) string {
	var out []string
	failed := false
	if r.Labels.Op == "broker" && r.Labels.Client != "" {
		out = append(out, "client="+r.Labels.Client)
	}
	for _, g := range r.Gauges {
		out = append(out, g.Name+"="+number(g.Value))
		failed = failed || g.Name == telemetry.GaugeHeartbeatFailed && g.Value > 0
	}
	switch {
	case failed:
		out = append(out, "heartbeat=-1")
	case r.HeartbeatMicros.Count() > 0:
		out = append(out, "heartbeat="+(time.Duration(r.HeartbeatMicros.Quantile(0.5))*time.Microsecond).String())
	}
	return strings.Join(out, " ")
}
