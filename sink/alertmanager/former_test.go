package alertmanager_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// withSeverity is the alert's next state, with another severity.
func withSeverity(alert telemetry.Alert, severity string) telemetry.Alert {
	alert.FormerLabels, alert.Labels = alert.Labels, maps.Clone(alert.Labels)
	alert.Labels["severity"] = severity
	alert.EvaluatedAt = time.Now().UTC().Truncate(time.Millisecond)
	alert.FormerUntil = alert.EvaluatedAt
	alert.Seq++
	return alert
}

// severities are those of the alerts that Alertmanager takes for firing, in order.
func (h *house) severities() string {
	response, err := http.Get(h.server.URL() + "/api/v2/alerts")
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	var alerts []struct{ Labels map[string]string }
	if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil {
		return err.Error()
	}
	var out []string
	for _, alert := range alerts {
		out = append(out, alert.Labels["severity"])
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// resolvedWith says that the chat heard that an alert with a severity resolved.
func (h *house) resolvedWith(severity string) bool {
	for _, n := range h.chat.Notifications() {
		if n.Labels["severity"] == severity && n.Status == "resolved" {
			return true
		}
	}
	return false
}

// TestOneSeverityFires has an alert escalate while Alertmanager is away, and come down while Weir is.
func TestOneSeverityFires(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	config := alertmanager.Config{URLs: []string{h.server.URL()}}
	sink := run(t, config)
	warning := firing("Lag")
	warning.Labels["severity"] = "warning"
	sink.Update([]telemetry.Alert{warning})
	h.await("Lag", "firing")
	h.stop()
	critical := withSeverity(warning, "critical")
	sink.Update([]telemetry.Alert{critical})
	eventually(t, func() bool { return sink.Status()[0].Failed > 1 }, func() string { return "no attempt failed" })
	h.start()
	flush(t, sink)
	if got := h.severities(); got != "critical" {
		t.Errorf("after it escalated %q fire, want critical alone", got)
	}
	eventually(t, func() bool { return h.resolvedWith("warning") }, func() string { return "the chat did not hear that the warning resolved" })

	sink.Forget([]string{critical.ID})
	if tracked := sink.Status()[0].Tracked; tracked != 0 {
		t.Errorf("%d alerts are tracked, want none: it was forgotten with what it was before", tracked)
	}
	restarted := run(t, config)
	restarted.Update([]telemetry.Alert{withSeverity(critical, "warning")})
	flush(t, restarted)
	if got := h.severities(); got != "warning" {
		t.Errorf("after it came down %q fire, want warning alone", got)
	}
}

// TestASeverityThatReturnsIsNotEnded holds the order of what an instance hears while it was away for two changes.
func TestASeverityThatReturnsIsNotEnded(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.fake.answers(0)
		warning := firing("a")
		warning.Labels["severity"] = "warning"
		critical := withSeverity(warning, "critical")
		b.sink.Update([]telemetry.Alert{warning, critical, withSeverity(critical, "warning")})
		b.tracked(2)
		b.advance(time.Second)
		b.fake.answers(http.StatusOK)
		b.fake.take()
		b.advance(10 * time.Second)
		if got := b.fake.newest(); len(got) != 2 {
			t.Fatalf("got %d alerts in the post, want the two severities", len(got))
		}
		for _, alert := range b.fake.newest() {
			if resolved := !alert.EndsAt.After(time.Now()); resolved != (alert.Labels["severity"] == "critical") {
				t.Errorf("%s resolved: %t", alert.Labels["severity"], resolved)
			}
		}
	})
}
