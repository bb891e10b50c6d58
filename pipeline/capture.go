package pipeline

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/capture"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// CaptureQuestion is a wish for a test that shows an alert.
type CaptureQuestion struct {
	Alert string // an id, a name, or name{label=value}
	URL   string // of a running Weir; "" is where the configuration has its HTTP server
	Out   io.Writer
}

// CaptureAlert asks a running Weir for an alert and the store for the cells of its group, and writes a test. The error says that
// it cannot be made, or after it is written that it does not show the alert.
func CaptureAlert(ctx context.Context, config *Config, q CaptureQuestion) error {
	client, err := newAlertClient(config, q.URL)
	if err != nil {
		return err
	}
	alert, err := client.find(ctx, q.Alert)
	if err != nil {
		return err
	}
	set, err := rules.Load(config.Rules.Dir)
	if err != nil {
		return fmt.Errorf("load rules: %w", err)
	}
	made, err := capture.New(set, &alert.Alert, config.Telemetry.Pane)
	if err != nil {
		return fmt.Errorf("look into %s, as rules.dir of the configuration says: %w", config.Rules.Dir, err)
	}
	err = askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) error {
		return takeCells(ctx, store, config.Telemetry.Pane, made)
	})
	if err != nil {
		return err
	}
	text, failures, err := made.Text()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(q.Out, text); err != nil {
		return fmt.Errorf("write the test: %w", err)
	}
	if len(failures) > 0 {
		return fmt.Errorf("the test does not show the alert as it was, for %s:\n%s", made.Why(), strings.Join(failures, "\n"))
	}
	return nil
}

// takeCells reads what a test is made of.
func takeCells(ctx context.Context, store *clickhouse.Store, pane time.Duration, made *capture.Capture) error {
	first, last, err := store.Held(ctx)
	if err != nil {
		return because(ctx, "ask the store", err)
	}
	made.Begun = first
	if last.Add(pane).Before(made.To) && !made.EndAt(last) { // the last pane may be stored in part
		return fmt.Errorf("the store has cells until %s, and the alert is of %s: try again when they are written", last.Format(time.RFC3339), made.To.Format(time.RFC3339))
	}
	err = store.ReadCells(ctx, clickhouse.Range{From: made.From, To: made.To, Omit: made.Omit, Labels: made.Labels}, func(cells *telemetry.StoredCells) error {
		if err := checkPanes(cells, pane, "the store"); err != nil {
			return err
		}
		made.Take(cells)
		return nil
	})
	if err != nil {
		return because(ctx, "read the cells", err)
	}
	return takeHours(ctx, storedHours{store, first, last}, made)
}

// takeHours reads the hours past that the rule asked of.
func takeHours(ctx context.Context, stored storedHours, made *capture.Capture) error {
	for _, start := range made.Hours() {
		series, known, err := stored.hour(ctx, start)
		if err != nil {
			return err
		}
		if known != rules.Known {
			continue
		}
		made.Know(start)
		for i := range series {
			made.TakeHour(start, series[i].Labels, rules.CountedIn(&series[i].Totals, series[i].Minutes))
		}
	}
	return nil
}
