package pipeline

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// TestAnHourThatCannotBeReadEndsABacktest: it is no hour that is unknown, of which alerts would be missing.
func TestAnHourThatCannotBeReadEndsABacktest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(&driver.Options{Addr: []string{nobody}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	parsed, faults := rules.Parse("rules.yaml", []byte("groups: [{name: g, rules: [{alert: A, by: [topic], expr: tps > ago(1d).tps}, {alert: B, by: [cluster], expr: tps > 1}]}]"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	ctx, fail := context.WithCancelCause(t.Context())
	defer fail(nil)
	set := &rules.Set{Rules: parsed}
	h := newAwaitedHours(ctx, fail, clickhouse.NewStore(conn, clickhouse.Config{}), []*rules.Set{set, set})
	if len(h.groupings) != 1 || h.groupings[0].ID != parsed[0].Grouping.ID {
		t.Errorf("it reads for %d groupings, want that of the rule that asks", len(h.groupings))
	}
	hour := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	if _, known := h.Hour(&parsed[0].Grouping, telemetry.GroupKey(parsed[0].Grouping.ID, []string{"orders"}), hour); known != rules.Unread {
		t.Errorf("what cannot be read is %d", known)
	}
	if cause := context.Cause(ctx); cause == nil || !strings.Contains(cause.Error(), nobody) {
		t.Errorf("the backtest ends by %v, want an error that names the store's address", cause)
	}
}
