package alertmanager_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	server "github.com/weirmq/weir/deploy/alertmanager"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/ports"
	"github.com/weirmq/weir/deploy/webhook"
	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// patience bounds a wait for a condition. Not smaller: a busy machine starts Alertmanager in tens of seconds; not
// larger: a lost notification never comes.
const patience = 60 * time.Second

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool, failure func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("after %s: %s", patience, failure())
		case <-ticker.C:
		}
	}
}

// house is a real Alertmanager that notifies a chat.
type house struct {
	t      *testing.T
	config server.Config
	server *server.Server
	chat   *webhook.Receiver
	before int // how many notifications the chat had when Alertmanager started
}

func newHouse(t *testing.T) *house {
	t.Helper()
	executable, err := parts.Alertmanager()
	if err != nil {
		t.Fatal(err)
	}
	chat, err := webhook.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chat.Close() })
	h := &house{t: t, chat: chat, config: server.Config{Executable: executable, Addr: freeAddr(t), DataDir: t.TempDir(), WebhookURL: chat.URL()}}
	h.start()
	t.Cleanup(func() { h.server.Kill() })
	return h
}

// start runs Alertmanager on the house's address and data.
func (h *house) start() {
	h.t.Helper()
	h.before = len(h.chat.Notifications())
	var err error
	if h.server, err = server.Start(context.Background(), h.config); err != nil {
		h.t.Fatal(err)
	}
}

// stop ends Alertmanager in order, which saves whom it told what. A notification whose answer it still waits for is not saved, though the chat has it: it
// ends when all are answered.
func (h *house) stop() {
	eventually(h.t, func() bool { return h.told() >= len(h.chat.Notifications())-h.before },
		func() string {
			return fmt.Sprintf("Alertmanager takes %d notifications for answered, and the chat has %d of it", h.told(), len(h.chat.Notifications())-h.before)
		})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.server.Stop(ctx); err != nil {
		h.t.Error(err)
	}
}

// told counts the notifications that Alertmanager has made since it started and has an answer for.
func (h *house) told() (count int) {
	response, err := http.Get(h.server.URL() + "/metrics")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		_, _ = fmt.Sscanf(lines.Text(), `alertmanager_notification_requests_total{integration="webhook"} %d`, &count)
	}
	return count
}

// heard returns the newest notification of an alert in a state, nil where there is none.
func (h *house) heard(name, state string) *webhook.Notification {
	var found *webhook.Notification
	for _, n := range h.chat.Notifications() {
		if n.Labels["alertname"] == name && n.Status == state {
			found = &n
		}
	}
	return found
}

// await waits until the chat heard of an alert in a state.
func (h *house) await(name, state string) webhook.Notification {
	h.t.Helper()
	eventually(h.t, func() bool { return h.heard(name, state) != nil },
		func() string {
			return fmt.Sprintf("the chat did not hear that %s is %s: %+v", name, state, h.chat.Notifications())
		})
	return *h.heard(name, state)
}

// active counts the alerts that Alertmanager takes for firing.
func (h *house) active() int {
	response, err := http.Get(h.server.URL() + "/api/v2/alerts")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	var alerts []json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil {
		return 0
	}
	return len(alerts)
}

// freeAddr is an address where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := ports.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// run makes a notifier and runs it until the test ends.
func run(t *testing.T, config alertmanager.Config) *alertmanager.Notifier {
	t.Helper()
	sink, err := alertmanager.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := sink.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	return sink
}

// flush waits until all is acknowledged.
func flush(t *testing.T, sink *alertmanager.Notifier) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := sink.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// firing is an alert that fires since a minute.
func firing(name string) telemetry.Alert {
	now := time.Now().UTC().Truncate(time.Millisecond)
	labels := map[string]string{"alertname": name, "topic": "orders", "tier": ""}
	return telemetry.Alert{ID: telemetry.Fingerprint(labels), Rule: name, Labels: labels, State: telemetry.AlertFiring, Seq: 2,
		Annotations: map[string]string{"summary": "orders are late"}, ActiveAt: now.Add(-time.Minute), FiredAt: now.Add(-time.Minute),
		EvaluatedAt: now, WindowStart: now.Add(-time.Minute).Truncate(time.Second), WindowEnd: now.Truncate(time.Second),
		Completeness: 0.75, Values: map[string]float64{"lag": 1200}, Transition: true}
}

// resolved is the alert's next state.
func resolved(alert telemetry.Alert) telemetry.Alert {
	now := time.Now().UTC().Truncate(time.Millisecond)
	alert.State, alert.ResolvedAt, alert.EvaluatedAt, alert.Reason = telemetry.AlertResolved, now, now, "the rule was deleted"
	alert.Seq++
	return alert
}
