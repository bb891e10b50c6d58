package grafana_test

import (
	"maps"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// alerts are lives of alerts: some that fire now, one whose severity rises while it fires, some that came and went, and one that was pending in vain.
func (tell *teller) alerts() []telemetry.Alert {
	var all []telemetry.Alert
	seq := uint64(0)
	// A life has one severity, or one for each state, of which the last goes on.
	life := func(rule, severity string, labels map[string]string, begin, last time.Duration, states ...telemetry.AlertState) {
		a := telemetry.Alert{Rule: rule, ID: rule + labels["topic"] + labels["client"] + labels["node"], ActiveAt: tell.end.Add(-begin), Labels: map[string]string{"alertname": rule},
			Annotations: map[string]string{"summary": rule + " of " + labels["cluster"]}, Values: map[string]float64{"tps": 120, "p99": 0.9}, Completeness: 1, Revision: "r1"}
		for name, value := range labels {
			a.Labels[name] = value
		}
		severities := strings.Fields(severity)
		for i, state := range states {
			seq++
			a.Labels = maps.Clone(a.Labels)
			a.Labels["severity"] = severities[min(i, len(severities)-1)]
			a.State, a.Seq, a.EvaluatedAt = state, seq, a.ActiveAt.Add(time.Duration(i)*last/time.Duration(len(states)))
			a.WindowStart, a.WindowEnd = a.EvaluatedAt.Add(-time.Minute), a.EvaluatedAt
			switch state {
			case telemetry.AlertFiring:
				a.FiredAt = a.EvaluatedAt
			case telemetry.AlertResolved:
				a.ResolvedAt = a.EvaluatedAt
			}
			all = append(all, a)
		}
	}
	pending, firing, resolved, inactive := telemetry.AlertPending, telemetry.AlertFiring, telemetry.AlertResolved, telemetry.AlertInactive
	orders := map[string]string{"env": "prod", "cluster": "orders-kafka"}
	with := func(name, value string) map[string]string {
		labels := map[string]string{name: value}
		for key, value := range orders {
			labels[key] = value
		}
		return labels
	}
	life("HeartbeatSlow", "warning", with("node", "10.0.0.2:9092"), 12*time.Minute, 6*time.Minute, pending, firing, resolved)
	life("BacklogHigh", "critical", with("topic", "orders-0"), 11*time.Minute, 4*time.Minute, pending, firing, resolved)
	life("SendSlow", "warning", with("topic", "payments-0"), 11*time.Minute, 5*time.Minute, pending, firing, resolved)
	life("SendSlow", "warning", with("topic", "payments-0"), 4*time.Minute, time.Minute, pending, firing, resolved)
	life("HeartbeatSlow", "warning warning critical", with("node", "10.0.0.1:9092"), 13*time.Minute, 8*time.Minute, pending, firing, firing, resolved)
	life("TrafficSurge", "critical", with("topic", "orders-0"), 9*time.Minute, 2*time.Minute, pending, inactive)
	life("LargeMessage", "info", map[string]string{"cluster": "shop-rocketmq", "topic": "media-1"}, 10*time.Minute, time.Minute, firing)
	life("ClientOutdated", "info", map[string]string{"cluster": "orders-kafka", "client": "audit-0-send-2", "sdk_lang": "java"}, 15*time.Minute, time.Minute, firing)
	life("DiskWatermark", "warning", with("node", "10.0.0.3:9092"), 3*time.Minute, time.Minute, pending, firing)
	return all
}
