package alertmanager

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	// endsAfterResends times the resend delay is how long Alertmanager takes an alert for firing without hearing of it
	// again. Not smaller: one lost resend would end the alert; not larger: what nobody sends any more fires on by it.
	// Prometheus has the same (rules/alerting.go, sendAlerts: "4 * delta").
	endsAfterResends = 4
	// shortestAlert keeps the end after the start. Not smaller: Alertmanager answers in milliseconds; not larger: it is
	// not true.
	shortestAlert = time.Millisecond
	// completenessDigits of the annotation. Not smaller: one source of a thousand must show; not larger: people read it.
	completenessDigits = 1e4
)

// posted is one alert as POST /api/v2/alerts takes it. Times are RFC 3339.
type posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// writer writes posts.
type writer struct {
	externalURL string // without a slash at its end; empty: no generatorURL
	resend      time.Duration
}

// body is the post of a batch that is sent at now.
func (w writer) body(batch []parcel, now time.Time) ([]byte, error) {
	list := make([]posted, 0, len(batch))
	for _, p := range batch {
		list = append(list, w.write(p.alert, now))
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("encode %d alerts: %w", len(list), err)
	}
	return body, nil
}

// write is an alert as it is sent at now.
func (w writer) write(alert *telemetry.Alert, now time.Time) posted {
	out := posted{Labels: withoutEmpty(alert.Labels), Annotations: annotations(alert)}
	out.StartsAt, out.EndsAt = w.span(alert, now)
	if w.externalURL != "" {
		out.GeneratorURL = w.externalURL + "/alerts/" + url.PathEscape(alert.ID)
	}
	return out
}

// span is the alert's start and end, the end always the later. Event time may be ahead of the wall clock, and an end
// ahead of it means "still fires" to Alertmanager, which then keeps the later end it was told before. So a resolved
// alert ends by now, and where that is not after its start the start gives way.
func (w writer) span(alert *telemetry.Alert, now time.Time) (start, end time.Time) {
	start, now = alert.FiredAt.UTC(), now.UTC()
	switch {
	case !alert.ExpiresAt.IsZero():
		return start, alert.ExpiresAt.UTC()
	case alert.State != telemetry.AlertResolved:
		from := now
		if start.After(now) {
			from = start
		}
		return start, from.Add(endsAfterResends * w.resend)
	}
	if end = alert.ResolvedAt.UTC(); end.After(now) {
		end = now
	}
	if latest := end.Add(-shortestAlert); start.After(latest) {
		start = latest
	}
	return start, end
}

// annotations are the alert's own, and what its newest window was. Its own win where names are the same.
func annotations(alert *telemetry.Alert) map[string]string {
	out := map[string]string{
		"completeness": strconv.FormatFloat(math.Floor(alert.Completeness*completenessDigits)/completenessDigits, 'f', -1, 64),
		"values":       values(alert.Values),
	}
	if alert.LateReports > 0 {
		out["late_reports"] = strconv.FormatUint(alert.LateReports, 10)
	}
	if !alert.WindowEnd.IsZero() {
		out["window"] = alert.WindowStart.UTC().Format(time.RFC3339Nano) + "/" + alert.WindowEnd.UTC().Format(time.RFC3339Nano)
	}
	if alert.State == telemetry.AlertResolved {
		out["reason"] = alert.Reason
	}
	maps.Copy(out, alert.Annotations)
	return withoutEmpty(out)
}

// values is "name=value name=value" sorted by name, in six digits.
func values(fields map[string]float64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, name+"="+strconv.FormatFloat(fields[name], 'g', 6, 64))
	}
	return strings.Join(out, " ")
}

// withoutEmpty is a copy without empty names, which Alertmanager refuses, and empty values, which mean absence.
func withoutEmpty(fields map[string]string) map[string]string {
	out := make(map[string]string, len(fields))
	for name, value := range fields {
		if name != "" && value != "" {
			out[name] = value
		}
	}
	return out
}
