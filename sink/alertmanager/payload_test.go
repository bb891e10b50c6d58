package alertmanager

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

func TestPayload(t *testing.T) {
	alert := at("00ff", telemetry.AlertFiring, 2, 60)
	alert.Labels = map[string]string{"alertname": "Lag", "topic": "orders", "tier": ""}
	alert.Annotations = map[string]string{"summary": "late", "empty": "", "values": "my own"}
	alert.Completeness, alert.LateReports, alert.Reason = 0.99999, 12, "only of a resolved one"
	alert.Values = map[string]float64{"tps": 1.5, "lag": 1234567}
	alert.WindowStart, alert.WindowEnd = epoch, epoch.Add(time.Minute)
	w := writer{externalURL: "http://weir/x", resend: time.Minute}
	now := epoch.Add(2 * time.Minute)
	want := `[{"labels":{"alertname":"Lag","topic":"orders"},` +
		`"annotations":{"completeness":"0.9999","late_reports":"12","summary":"late","values":"my own","window":"2027-01-15T08:00:00Z/2027-01-15T08:01:00Z"},` +
		`"startsAt":"2027-01-15T08:00:00Z","endsAt":"2027-01-15T08:06:00Z","generatorURL":"http://weir/x/alerts/00ff"}]`
	check(t, w, alert, now, want)

	alert.State, alert.ResolvedAt, alert.Reason = telemetry.AlertResolved, epoch.Add(90*time.Second), "the rule was deleted"
	alert.Completeness, alert.LateReports, alert.Annotations = 1, 0, nil
	w.externalURL = ""
	want = `[{"labels":{"alertname":"Lag","topic":"orders"},` +
		`"annotations":{"completeness":"1","reason":"the rule was deleted","values":"lag=1.23457e+06 tps=1.5","window":"2027-01-15T08:00:00Z/2027-01-15T08:01:00Z"},` +
		`"startsAt":"2027-01-15T08:00:00Z","endsAt":"2027-01-15T08:01:30Z"}]`
	check(t, w, alert, now, want)
}

func check(t *testing.T, w writer, alert *telemetry.Alert, now time.Time, want string) {
	t.Helper()
	body, err := w.body([]parcel{{alert: alert}}, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// TestSpan has clocks that disagree. A firing alert must end in the future of now, a resolved one must not.
func TestSpan(t *testing.T) {
	w := writer{resend: time.Minute}
	for _, test := range []struct {
		name                string
		fired, resolved     int // seconds after now; resolved 0: fires
		wantStart, wantEnd  time.Duration
		stateOfTheAlertSent telemetry.AlertState
	}{
		{"fires", -60, 0, -time.Minute, 4 * time.Minute, telemetry.AlertFiring},
		{"fires ahead of now", 600, 0, 10 * time.Minute, 14 * time.Minute, telemetry.AlertFiring},
		{"resolved", -60, -30, -time.Minute, -30 * time.Second, telemetry.AlertResolved},
		{"resolved ahead of now", -60, 30, -time.Minute, 0, telemetry.AlertResolved},
		{"fired and resolved ahead of now", 10, 30, -shortestAlert, 0, telemetry.AlertResolved},
		{"resolved when it fired", -60, -60, -time.Minute - shortestAlert, -time.Minute, telemetry.AlertResolved},
		{"resolved before it fired", -60, -70, -70*time.Second - shortestAlert, -70 * time.Second, telemetry.AlertResolved},
	} {
		alert := &telemetry.Alert{State: test.stateOfTheAlertSent, FiredAt: epoch.Add(time.Duration(test.fired) * time.Second),
			ResolvedAt: epoch.Add(time.Duration(test.resolved) * time.Second)}
		start, end := w.span(alert, epoch)
		if start.Sub(epoch) != test.wantStart || end.Sub(epoch) != test.wantEnd {
			t.Errorf("%s: got %s to %s, want %s to %s", test.name, start.Sub(epoch), end.Sub(epoch), test.wantStart, test.wantEnd)
		}
		if !end.After(start) {
			t.Errorf("%s: ends %s, which is not after its start %s", test.name, end, start)
		}
	}
}
