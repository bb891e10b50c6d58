package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// ControlHistory is a wish to know what was asked of clients.
type ControlHistory struct {
	Name     string    // of one command or route; "" of all
	From, To time.Time // To is zero for no end
	Limit    int       // of how many records, the newest; 0 for as many as there may be
	URL      string    // of a running Weir to ask, in place of the store
	DSN      string    // of the store; "" is the configuration's
	JSON     bool
	Out      io.Writer
}

// controlRecords are records of the history, the oldest first. Its JSON is the answer of the API.
type controlRecords struct {
	Records []clickhouse.ControlRecord `json:"records"`
	More    bool                       `json:"more"` // there is older
	// Nothing is said where nothing was found: what was looked for, and what there is.
	Nothing string `json:"nothing,omitempty"`
}

// HistoryOfControl prints what the store has of weir.control, the oldest first.
func HistoryOfControl(ctx context.Context, config *Config, h ControlHistory) error {
	asked := clickhouse.ControlQuery{Name: h.Name, From: h.From, To: h.To, Limit: h.Limit}
	if err := checkControlQuery(&asked); err != nil {
		return err
	}
	var answer controlRecords
	var err error
	if h.URL != "" {
		answer, err = askControlHistory(ctx, config, h.URL, &asked)
	} else {
		answer, err = controlHistoryIn(ctx, storeAt(config, h.DSN), asked)
	}
	if err != nil {
		return err
	}
	if h.JSON {
		return json.NewEncoder(h.Out).Encode(answer)
	}
	if answer.Nothing != "" {
		_, err := fmt.Fprintln(h.Out, telemetry.Printable(answer.Nothing))
		return err
	}
	return writeHistory(h.Out, answer.Records, answer.More)
}

// checkControlQuery says what is wrong with a question.
func checkControlQuery(q *clickhouse.ControlQuery) error {
	switch {
	case q.Limit < 0 || q.Limit > clickhouse.MaxControlRecords:
		return fmt.Errorf("got a limit of %d, want 1 to %d", q.Limit, clickhouse.MaxControlRecords)
	case !q.To.IsZero() && !q.From.Before(q.To):
		return fmt.Errorf("got a time from %s to %s, want one that ends after it begins", shownTime(q.From), shownTime(q.To))
	}
	return nil
}

// controlHistoryIn asks a store.
func controlHistoryIn(ctx context.Context, at storeAddress, q clickhouse.ControlQuery) (answer controlRecords, err error) {
	answer.Records = []clickhouse.ControlRecord{}
	err = askStore(ctx, at, func(ctx context.Context, store *clickhouse.Store) error {
		records, more, err := store.ControlHistory(ctx, q)
		if err != nil {
			return because(ctx, "read the history", err)
		}
		answer.Records, answer.More = append(answer.Records, records...), more
		if len(records) > 0 {
			return nil
		}
		answer.Nothing, err = controlNothing(ctx, store, &q)
		if err != nil {
			return because(ctx, "read the history", err)
		}
		return nil
	})
	return answer, err
}

// controlNothing says what was looked for in vain, and what there is.
func controlNothing(ctx context.Context, store *clickhouse.Store, q *clickhouse.ControlQuery) (string, error) {
	held, err := store.ControlHeld(ctx, q.From, q.To)
	if err != nil {
		return "", err
	}
	looked := "since " + shownTime(q.From)
	if !q.To.IsZero() {
		looked = "from " + shownTime(q.From) + " to " + shownTime(q.To)
	}
	if q.Name != "" && held.Records > 0 {
		return fmt.Sprintf("there is no record of %q %s: %s", q.Name, looked, insteadOf(q.Name, "names in that time", held.Names)), nil
	}
	if held, err = store.ControlHeld(ctx, time.Unix(0, 0), time.Time{}); err != nil {
		return "", err
	}
	if held.Records == 0 {
		return "the history has no record at all: the role control writes it", nil
	}
	return fmt.Sprintf("there is no record %s: the history has %s from %s to %s", looked, counted(int(held.Records), "record"), shownTime(held.First), shownTime(held.Last)), nil
}

// askControlHistory asks a running Weir.
func askControlHistory(ctx context.Context, config *Config, address string, q *clickhouse.ControlQuery) (answer controlRecords, err error) {
	client, err := newAlertClient(config, address)
	if err != nil {
		return answer, err
	}
	asked := url.Values{"from": {q.From.UTC().Format(time.RFC3339Nano)}}
	if !q.To.IsZero() {
		asked.Set("to", q.To.UTC().Format(time.RFC3339Nano))
	}
	if q.Name != "" {
		asked.Set("name", q.Name)
	}
	if q.Limit > 0 {
		asked.Set("limit", strconv.Itoa(q.Limit))
	}
	err = client.get(ctx, controlPath+"/history?"+asked.Encode(), &answer)
	return answer, err
}

func writeHistory(out io.Writer, records []clickhouse.ControlRecord, more bool) error {
	if more {
		fmt.Fprintln(out, "There is older, which is not listed: ask of more by --limit, or of an earlier time by --to.")
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(records) > 0 {
		fmt.Fprintln(table, "AT\tWHAT\tOUTCOME\tASKS\tBY\tWHY")
	}
	for i := range records {
		r := &records[i]
		asks, by, why := strings.TrimSpace(r.Action+" "+labelsText(r.Scope)), r.Author, r.Reason
		switch {
		case r.Outcome == "refused":
			why = r.Refused
		case r.EndedBy != "":
			asks, by, why = "ended: "+asks, r.EndedBy, r.EndedReason
		}
		if r.Shadow {
			asks += " in shadow"
		}
		fmt.Fprintf(table, "%s\t%s %s@%d\t%s\t%s\t%s\t%s\n", shownTime(r.At), r.Kind, telemetry.Printable(r.Name), r.Revision, r.Outcome, telemetry.Printable(asks),
			telemetry.Printable(by), telemetry.Printable(why))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, counted(len(records), "record"))
	return err
}

// labelsText are labels in the order of their names.
func labelsText(labels map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if labels[name] != "" {
			out = append(out, name+"="+labels[name])
		}
	}
	return strings.Join(out, " ")
}
