package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/inspect"
	"github.com/weirmq/weir/telemetry"
)

// inspectingRuler is the owner of the partition of digests, as of a start.
func inspectingRuler(t *testing.T, config *Config) *inspector {
	t.Helper()
	parsed, faults := rules.Parse("rules.yaml", []byte("groups:\n  - name: daily\n    lane: inspection\n    rules:\n      - {alert: Large, by: [topic], expr: size_max > 10KiB}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	r := newRuler(t, config, rules.NewSet(parsed, nil))
	owner, err := r.restore(t.Context(), digestPartition, false)
	if err != nil {
		t.Fatal(err)
	}
	r.workers[digestPartition] = owner
	p := &Pipeline{config: *config}
	p.inspections.set(config.Inspection)
	return newInspector(r, p)
}

// foundLarge is a day's report of one finding.
func foundLarge(day, now time.Time) *inspect.Report {
	return &inspect.Report{Asked: []rules.InspectedRule{{Rule: "Large", Groups: 1, Findings: 1}}, Inspection: telemetry.Inspection{Day: day, AskedAt: now, Completeness: 1,
		Rules: 1, Findings: []telemetry.Finding{{Rule: "Large", Labels: map[string]string{"alertname": "Large", "topic": "a"}}}}}
}

// TestADigestIsToldOnce, whatever happens to its process, and by its owner alone.
func TestADigestIsToldOnce(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	now := time.Date(2026, 11, 26, 6, 1, 0, 0, time.UTC)
	first := inspectingRuler(t, &config)
	owner, _, day, due := first.due(ctx, now)
	if !due || !day.Equal(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("%s is due: %t", day, due)
	}
	record, err := alertRecord(ptr(foundLarge(day, now).Digest(first.clock.schedule().due(day)))) // a crash comes right after it
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.write(ctx, []*kgo.Record{record}); err != nil {
		t.Fatal(err)
	}

	second := inspectingRuler(t, &config)
	before := second.digest(t)
	owner, _, again, due := second.due(ctx, now.Add(time.Minute))
	if !due || !again.Equal(day) {
		t.Fatalf("after the crash %s is due: %t", again, due)
	}
	if err := second.told(ctx, owner, foundLarge(day, now.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	if got := second.digest(t); got.ID != before.ID || !got.FiredAt.Equal(before.FiredAt) || got.Seq != before.Seq || !got.FiredAt.Equal(day.Add(30*time.Hour)) {
		t.Errorf("it is told again as %+v, before as %+v", got, before)
	}

	third := inspectingRuler(t, &config)
	if _, _, again, due := third.due(ctx, now.Add(2*time.Minute)); due {
		t.Errorf("%s is due after it was told", again)
	}
	if third.digest(t).State != telemetry.AlertFiring {
		t.Error("the digest does not fire after a restart")
	}
	owner = second.ruler.workers[digestPartition]
	if err := second.told(ctx, owner, foundLarge(day.Add(rules.Day), now)); !errors.Is(err, errDeposed) {
		t.Errorf("who has lost the partition tells: %v", err)
	}
	if err := second.ruler.handle(ctx, nil); !errors.Is(err, errDeposed) {
		t.Errorf("its stage ends by %v", err)
	}
	if _, _, _, due := second.due(ctx, now.Add(rules.Day)); due {
		t.Error("and it inspects")
	}
}

// digest is the one that there is.
func (i *inspector) digest(t *testing.T) telemetry.Alert {
	t.Helper()
	told := i.ruler.workers[digestPartition].digests.told
	if len(told) != 1 {
		t.Fatalf("%d digests are told", len(told))
	}
	for _, digest := range told {
		return digest
	}
	return telemetry.Alert{}
}

func ptr[T any](v T) *T { return &v }

// TestADigestEnds after a day, and is forgotten after that; the evaluator never hears of it.
func TestADigestEnds(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	i := inspectingRuler(t, &config)
	now := time.Date(2026, 11, 26, 6, 1, 0, 0, time.UTC)
	owner, _, day, _ := i.due(ctx, now)
	if err := i.told(ctx, owner, foundLarge(day, now)); err != nil {
		t.Fatal(err)
	}
	if alerts := owner.evaluator.Alerts(); len(alerts) > 0 {
		t.Errorf("the evaluator has %v", alerts)
	}
	for _, c := range []struct {
		after time.Duration
		want  telemetry.AlertState
	}{
		{digestStays - time.Second, telemetry.AlertFiring}, {digestStays, telemetry.AlertResolved},
		{digestStays + rules.ResolvedRetention - time.Second, telemetry.AlertResolved}, {digestStays + rules.ResolvedRetention, telemetry.AlertInactive},
	} {
		i.due(ctx, now.Add(c.after))
		i = inspectingRuler(t, &config) // a restart at each
		told := i.ruler.workers[digestPartition].digests.told
		if alerts := i.ruler.workers[digestPartition].evaluator.Alerts(); len(alerts) > 0 {
			t.Errorf("after a restart the evaluator has %v", alerts)
		}
		if c.want == telemetry.AlertInactive {
			if len(told) > 0 {
				t.Errorf("after %s there is %v", c.after, told)
			}
			continue
		}
		if got := i.digest(t); got.State != c.want || got.State == telemetry.AlertResolved && got.Reason != "it was told for 1d" {
			t.Errorf("after %s it is %s because %q, want %s", c.after, got.State, got.Reason, c.want)
		}
	}
	if inspected := i.ruler.workers[digestPartition].digests.inspected; !inspected.Equal(day) {
		t.Errorf("inspected up to %s", inspected)
	}
}

// TestDaysWithoutInspectionsPass, so that a rule that comes is asked of the days after it.
func TestDaysWithoutInspectionsPass(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	i := inspectingRuler(t, &config)
	with := i.ruler.rules.set
	i.ruler.rules.set = &rules.Set{}
	now := time.Date(2026, 11, 26, 6, 1, 0, 0, time.UTC)
	if _, _, _, due := i.due(t.Context(), now); due {
		t.Error("a day is due without a rule")
	}
	i.ruler.rules.set = with
	if _, _, _, due := i.due(t.Context(), now); due {
		t.Error("a day is due that had no rule")
	}
	if _, _, day, due := i.due(t.Context(), now.Add(rules.Day)); !due || !day.Equal(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the day after it is %s, %t", day, due)
	}
	delete(i.ruler.workers, digestPartition)
	if _, _, _, due := i.due(t.Context(), now.Add(rules.Day)); due {
		t.Error("a day is due to who does not own digests")
	}
}
