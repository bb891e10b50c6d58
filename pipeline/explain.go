package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/rules/explain"
	"github.com/weirmq/weir/rules/inspect"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// ExplainedAlert is an alert with what its newest evaluation saw in words, and how to look further.
type ExplainedAlert struct {
	telemetry.Alert
	Lines     []string `json:"lines"`
	SQL       string   `json:"sql"`
	Dashboard string   `json:"dashboard,omitempty"`
	// RulesChanged says that the process evaluates by other rules now than those of the alert's newest transition.
	RulesChanged string `json:"rules_changed,omitempty"`
	// Contributors are what the store answers to SQL, where it was asked.
	Contributors []clickhouse.Contributor `json:"contributors,omitempty"`
}

// explained says of an alert what its evaluation saw. Where another process evaluates it, its rule may not be known here.
func (p *Pipeline) explained(alert *telemetry.Alert) *ExplainedAlert {
	out := &ExplainedAlert{Alert: *alert, Lines: explain.Lines(alert.Explanation), Dashboard: explain.Dashboard(p.config.Grafana.DashboardURL, alert)}
	set, _ := p.rules.current()
	if p.config.Has(RoleRules) { // files of others may be any
		out.RulesChanged = explain.RulesChanged(alert, set.Revision)
	}
	if inspect.IsDigest(alert) {
		out.SQL = inspect.SQL(alert)
		return out
	}
	out.SQL = explain.SQL(set.ByName(alert.Rule), alert)
	return out
}

// Asks says what SQL asks the store of.
func (a *ExplainedAlert) Asks() string {
	if inspect.IsDigest(&a.Alert) {
		return "All that was found"
	}
	return "Who contributed"
}

// AlertQuestion is a wish to know why an alert is there.
type AlertQuestion struct {
	Alert        string // an id, a name, or name{label=value}
	URL          string // of a running Weir; "" is where the configuration has its HTTP server
	JSON         bool
	Contributors bool // ask the configuration's store who contributed
	Out          io.Writer
}

// ExplainAlert asks a running Weir why an alert is there, and prints it.
func ExplainAlert(ctx context.Context, config *Config, q AlertQuestion) error {
	client, err := newAlertClient(config, q.URL)
	if err != nil {
		return err
	}
	alert, err := client.find(ctx, q.Alert)
	if err != nil {
		return err
	}
	if q.Contributors {
		if alert.Contributors, err = contributors(ctx, config, alert.SQL); err != nil {
			return err
		}
	}
	if q.JSON {
		return json.NewEncoder(q.Out).Encode(alert)
	}
	_, err = io.WriteString(q.Out, alert.text(client.base, q.Contributors))
	return err
}

// errNoStore says that there is nothing to ask.
var errNoStore = errors.New("clickhouse.dsn is empty: name a store to ask who contributed")

func contributors(ctx context.Context, config *Config, statement string) (found []clickhouse.Contributor, err error) {
	if config.ClickHouse.DSN == "" {
		return nil, errNoStore
	}
	err = askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) error {
		if found, err = store.Contributors(ctx, statement); err != nil {
			return because(ctx, "ask the store who contributed", err)
		}
		return nil
	})
	return found, err
}

// text says what is known of an alert; base is the Weir that knows it.
func (a *ExplainedAlert) text(base string, asked bool) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s is %s\n", explain.Name(&a.Alert), a.State)
	for _, name := range []string{"summary", "description"} {
		if text := strings.TrimSpace(a.Annotations[name]); text != "" {
			fmt.Fprintf(&out, "%s\n", text)
		}
	}
	out.WriteString("\n")
	for _, line := range a.Lines {
		fmt.Fprintf(&out, "  %s\n", line)
	}
	if len(a.Lines) > 0 {
		out.WriteString("\n")
	}
	a.facts(&out, base)
	fmt.Fprintf(&out, "\n%s:\n\n  %s\n", a.Asks(), strings.ReplaceAll(a.SQL, "\n", "\n  "))
	if asked {
		out.WriteString("\n")
		writeContributors(&out, a.Contributors)
	}
	return out.String()
}

// facts are when, of what and of whom.
func (a *ExplainedAlert) facts(out io.Writer, base string) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fact := func(name, text string) { fmt.Fprintf(table, "%s\t%s\n", name, text) }
	at := func(name string, when time.Time) {
		if !when.IsZero() {
			fact(name, when.UTC().Format(time.RFC3339))
		}
	}
	fact("window", fmt.Sprintf("%s to %s, %.0f%% of sources, %d late reports", a.WindowStart.UTC().Format(time.RFC3339), a.WindowEnd.UTC().Format(time.RFC3339),
		100*a.Completeness, a.LateReports))
	at("true since", a.ActiveAt)
	at("unknown since", a.UnknownSince)
	at("firing since", a.FiredAt)
	at("resolved", a.ResolvedAt)
	if a.Reason != "" {
		fact("because", a.Reason)
	}
	if a.RulesChanged != "" {
		fact("note", a.RulesChanged)
	}
	if e := a.Explanation; e != nil && e.Clients > 0 {
		fact("clients", fmt.Sprint(e.Clients))
	}
	if e := a.Explanation; e != nil {
		for i, version := range e.Versions {
			name := "versions"
			if i > 0 {
				name = ""
			}
			fact(name, fmt.Sprintf("%s: %d messages", strings.TrimSpace(version.SDKLang+" "+version.SDKVersion), version.Messages))
		}
	}
	fact("page", base+"/alerts/"+a.ID)
	if a.Dashboard != "" {
		fact("dashboard", a.Dashboard)
	}
}

func writeContributors(out io.Writer, found []clickhouse.Contributor) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "client\tpartition\tsdk\tmessages\terrors\tlatency max")
	for _, c := range found {
		dash := func(text string) string {
			if text == "" {
				return "-"
			}
			return text
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s ms\n", dash(c.Client), dash(c.Partition), dash(strings.TrimSpace(c.SDKLang+" "+c.SDKVersion)), c.Messages, c.Errors,
			explain.Number(c.LatencyMaxMillis))
	}
}
