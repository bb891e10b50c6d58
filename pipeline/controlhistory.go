package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// ControlHistory is a wish to know what was asked of clients.
type ControlHistory struct {
	Name  string // of one command or route; "" of all
	Since time.Time
	DSN   string // of the store; "" is the configuration's
	JSON  bool
	Out   io.Writer
}

// HistoryOfControl prints what the store has of weir.control, the oldest first.
func HistoryOfControl(ctx context.Context, config *Config, h ControlHistory) error {
	at := storeOf(config)
	if h.DSN != "" {
		at.DSN, at.by = h.DSN, "--dsn"
	}
	return askStore(ctx, at, func(ctx context.Context, store *clickhouse.Store) error {
		records, more, err := store.ControlHistory(ctx, h.Name, h.Since)
		if err != nil {
			return because(ctx, "read the history", err)
		}
		if h.JSON {
			if records == nil {
				records = []clickhouse.ControlRecord{}
			}
			return json.NewEncoder(h.Out).Encode(map[string]any{"records": records, "more": more})
		}
		return writeHistory(h.Out, records, more)
	})
}

func writeHistory(out io.Writer, records []clickhouse.ControlRecord, more bool) error {
	if more {
		fmt.Fprintf(out, "There is older than these %d records: ask of less by --since.\n", len(records))
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
