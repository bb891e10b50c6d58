package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/weirmq/weir/deploy/webhook"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// Outcome is what a told story amounted to: counts of messages and bytes as the
// clients counted them and as ClickHouse sums them, what the collector found out, what there is and what the inventory has of it, and the life of
// each expected alert.
type Outcome struct {
	Sent                uint64 `json:"sent"`
	StoredSent          uint64 `json:"stored_sent"`
	SentBytes           uint64 `json:"sent_bytes"`
	StoredSentBytes     uint64 `json:"stored_sent_bytes"`
	Consumed            uint64 `json:"consumed"`
	StoredConsumed      uint64 `json:"stored_consumed"`
	ConsumedBytes       uint64 `json:"consumed_bytes"`
	StoredConsumedBytes uint64 `json:"stored_consumed_bytes"`
	// What the collector has found out since the trouble began, as stored: round trips to the broker, and groups whose lag is known.
	StoredHeartbeats uint64    `json:"stored_heartbeats"`
	StoredLags       uint64    `json:"stored_lags"`
	Resources        Resources `json:"resources"`
	StoredResources  Resources `json:"stored_resources"`
	// Audit says what an audit of the store finds: complete, or what differs.
	Audit string `json:"audit"`
	// What the tables of longer steps have, once all was added up to the minute: messages that were sent.
	SentByMinute uint64                   `json:"stored_sent_by_minute"` // of this story's clients
	SentByTopic  AddedUp                  `json:"stored_sent_by_topic"`
	Alerts       map[string]*AlertOutcome `json:"alerts"`
	Steered      Steered                  `json:"steered"`
	OK           bool                     `json:"ok"`
}

// AlertOutcome says whether an alert reached the chat, firing and resolved.
type AlertOutcome struct {
	Fired         bool    `json:"fired"`
	Resolved      bool    `json:"resolved"`
	SecondsToFire float64 `json:"seconds_to_fire"` // from the trouble's begin to the chat
}

// verifyTimeout bounds the wait for the last rows and notifications. Not smaller:
// panes close after the allowed lateness, and ClickHouse may merge; not larger: a
// lost row never comes.
const verifyTimeout = 45 * time.Second

// verify waits until the store holds what the clients counted and every expected
// alert was resolved, or time is up; the outcome says which.
func verify(ctx context.Context, h *house, c *cast, told telling) (*Outcome, error) {
	until := time.Now().Add(verifyTimeout)
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		outcome, err := look(ctx, h, c, told)
		if err == nil && outcome.OK || time.Now().After(until) {
			return outcome, err
		}
		select {
		case <-ctx.Done():
			return outcome, ctx.Err()
		case <-ticker.C:
		}
	}
}

func look(ctx context.Context, h *house, c *cast, told telling) (*Outcome, error) {
	sums, err := storedSums(ctx, h.clickhouseURL, told.run)
	if err != nil {
		return nil, err
	}
	polled, err := storedPolls(ctx, h.clickhouseURL, told.troubleBegan)
	if err != nil {
		return nil, err
	}
	resources, err := storedResources(ctx, h, c, told)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Sent: c.sent.messages.Load(), SentBytes: c.sent.bytes.Load(),
		Consumed: c.consumed.messages.Load(), ConsumedBytes: c.consumed.bytes.Load(),
		StoredSent: sums["send"].messages, StoredSentBytes: sums["send"].bytes,
		StoredConsumed: sums["consume"].messages, StoredConsumedBytes: sums["consume"].bytes,
		StoredHeartbeats: polled.Heartbeats, StoredLags: polled.Lags,
		Resources: resourcesOf(h, c), StoredResources: resources,
		Alerts: alertOutcomes(h.chat.Notifications(), told.troubleBegan)}
	if out.OK = out.holds(); out.OK {
		out.Audit, err = h.audit(ctx)
		out.OK = out.Audit == auditComplete
	}
	if out.OK {
		err = out.addUp(ctx, h, told)
	}
	return out, err
}

// auditComplete is what is said of a store that an audit finds nothing wrong with.
const auditComplete = "complete"

// auditSettles is short, for a story does not last long: rollups are made every few seconds.
const auditSettles = 25 * time.Second

// audit audits the store from the begin of the day on, or of the day before where this one has just begun.
func (h *house) audit(ctx context.Context) (string, error) {
	now := time.Now()
	day := now.Add(-auditSettles - telemetry.SegmentLength).UTC().Truncate(24 * time.Hour)
	var found bytes.Buffer
	differs, err := pipeline.RunAudit(ctx, &h.config, pipeline.Audit{From: day, To: day, Now: now, Settles: auditSettles, Out: &found, Progress: io.Discard})
	switch {
	case err != nil:
		return "", err
	case differs:
		return found.String(), nil
	}
	return auditComplete, nil
}

// holds says that the store has what there was, and that every expected alert fired and resolved.
func (o *Outcome) holds() bool {
	all := o.Sent > 0 && o.Sent == o.StoredSent && o.SentBytes == o.StoredSentBytes &&
		o.Consumed > 0 && o.Consumed == o.StoredConsumed && o.ConsumedBytes == o.StoredConsumedBytes &&
		o.StoredHeartbeats > 0 && o.StoredLags > 0 && o.Resources == o.StoredResources
	for _, name := range expectedAlerts {
		all = all && o.Alerts[name].Fired && o.Alerts[name].Resolved
	}
	return all
}

// alertOutcomes looks at what reached the chat since the trouble began.
func alertOutcomes(notified []webhook.Notification, began time.Time) map[string]*AlertOutcome {
	out := map[string]*AlertOutcome{}
	for _, name := range expectedAlerts {
		out[name] = &AlertOutcome{}
	}
	for _, n := range notified {
		alert := out[n.Labels["alertname"]]
		if alert == nil || n.ReceivedAt.Before(began) {
			continue
		}
		switch {
		case n.Status == "firing" && !alert.Fired:
			alert.Fired, alert.SecondsToFire = true, n.ReceivedAt.Sub(began).Seconds()
		case n.Status == "resolved" && alert.Fired:
			alert.Resolved = true
		}
	}
	return out
}

type sum struct{ messages, bytes uint64 }

// storedSQL sums what one run's clients reported.
const storedSQL = "SELECT op, sum(messages) AS messages, sum(bytes) AS bytes FROM rollup_10s FINAL WHERE endsWith(client, '@%s') GROUP BY op FORMAT JSONEachRow"

func storedSums(ctx context.Context, base, run string) (map[string]sum, error) {
	body, err := ask(ctx, base, fmt.Sprintf(storedSQL, run))
	if err != nil {
		return nil, err
	}
	out := map[string]sum{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	for decoder.More() {
		var row struct {
			Op              string
			Messages, Bytes uint64
		}
		if err := decoder.Decode(&row); err != nil {
			return nil, fmt.Errorf("sum the store: %w", err)
		}
		out[row.Op] = sum{row.Messages, row.Bytes}
	}
	return out, nil
}

// polledSQL counts what the collector reported since a moment. Groups of Weir itself are none of the story.
const polledSQL = "SELECT sum(arraySum(`heartbeat.c`)) AS heartbeats, uniqExactIf(consumer_group, has(`gauge.name`, 'lag_messages') AND NOT startsWith(consumer_group, 'weir-')) AS lags " +
	"FROM rollup_10s FINAL WHERE op IN ('probe', 'group') AND ts >= fromUnixTimestamp(%d) FORMAT JSONEachRow"

type polled struct{ Heartbeats, Lags uint64 }

func storedPolls(ctx context.Context, base string, since time.Time) (out polled, err error) {
	body, err := ask(ctx, base, fmt.Sprintf(polledSQL, since.Unix()))
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return out, fmt.Errorf("sum the store: %w", err)
	}
	return out, nil
}

// ask asks ClickHouse.
func ask(ctx context.Context, base, sql string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/?output_format_json_quote_64bit_integers=0&query="+url.QueryEscape(sql), nil)
	if err != nil {
		return nil, fmt.Errorf("sum the store: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("sum the store: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("sum the store: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("sum the store: %s: %s", response.Status, body)
	}
	return body, nil
}
