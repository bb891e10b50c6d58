package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/inspect"
	"github.com/weirmq/weir/telemetry"
)

// digestPartition is the one of weir.alerts that has the digests of inspections: whoever owns it inspects.
const digestPartition = 0

// digests are what a partition's owner knows of inspections besides its alerts: how far days were inspected, and the digests that
// are still told of, by their ID.
type digests struct {
	inspected time.Time // begin of the newest day
	told      map[string]telemetry.Alert
}

// take takes the digests from among a partition's alerts.
func (d *digests) take(alerts []telemetry.Alert, until rules.Progress) []telemetry.Alert {
	d.inspected, d.told = until.Inspected, map[string]telemetry.Alert{}
	return slices.DeleteFunc(alerts, func(alert telemetry.Alert) bool {
		if !inspect.IsDigest(&alert) {
			return false
		}
		d.told[alert.ID] = alert
		return true
	})
}

// over are the digests that have been told of for long enough, as they are from now on.
func (d *digests) over(now time.Time) []telemetry.Alert {
	var out []telemetry.Alert
	for _, digest := range d.told {
		switch {
		case digest.State == telemetry.AlertFiring && now.Sub(digest.EvaluatedAt) >= digestStays:
			digest.State, digest.ResolvedAt, digest.Reason = telemetry.AlertResolved, now, "it was told for "+rules.FormatDuration(digestStays)
		case digest.State == telemetry.AlertResolved && now.Sub(digest.ResolvedAt) >= rules.ResolvedRetention:
			digest.State = telemetry.AlertInactive
		default:
			continue
		}
		digest.EvaluatedAt, digest.Transition = now, true
		digest.Seq++
		out = append(out, digest)
	}
	return out
}

// keep notes states of digests that were written.
func (d *digests) keep(written []telemetry.Alert) {
	for _, digest := range written {
		if digest.State == telemetry.AlertInactive {
			delete(d.told, digest.ID)
		} else {
			d.told[digest.ID] = digest
		}
	}
}

// progress is how far the partition was evaluated, and inspected.
func (w *rulePartition) progress() rules.Progress {
	until := w.evaluator.Progress()
	until.Inspected = w.digests.inspected
	return until
}

// tell writes states of digests, and that days were inspected up to one. A crash between the two tells the same again.
func (w *rulePartition) tell(ctx context.Context, told []telemetry.Alert, inspected time.Time) error {
	before := w.digests.inspected
	w.digests.inspected = inspected
	var records []*kgo.Record
	for i := range told {
		record, err := alertRecord(&told[i])
		if err != nil {
			return err
		}
		records = append(records, record)
		w.ruler.log.Info("alert", "rule", told[i].Rule, "state", told[i].State, "labels", told[i].Labels)
	}
	if !inspected.Equal(before) {
		record, err := progressRecord(w.progress())
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil
	}
	w.digests.keep(told)
	return w.write(ctx, records)
}
