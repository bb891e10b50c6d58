package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// storedAlert is a row of alerts.
type storedAlert struct {
	Rule         string             `ch:"rule"`
	Fingerprint  string             `ch:"fingerprint"`
	StartsAt     time.Time          `ch:"starts_at"`
	Seq          uint64             `ch:"seq"`
	State        string             `ch:"state"`
	At           time.Time          `ch:"at"`
	FiredAt      *time.Time         `ch:"fired_at"`
	ResolvedAt   *time.Time         `ch:"resolved_at"`
	Labels       map[string]string  `ch:"labels"`
	Annotations  map[string]string  `ch:"annotations"`
	Values       map[string]float64 `ch:"values"`
	WindowStart  time.Time          `ch:"window_start"`
	WindowEnd    time.Time          `ch:"window_end"`
	Completeness float64            `ch:"completeness"`
	LateReports  uint64             `ch:"late_reports"`
	Reason       string             `ch:"reason"`
	Revision     string             `ch:"revision"`
}

const readAlerts = "SELECT * FROM alerts FINAL ORDER BY rule, fingerprint, starts_at, seq"

// life are the transitions of one alert: it fires, resolves, and fires again as a
// new alert of the same identity.
func life(topic string) []telemetry.Alert {
	at := func(seconds int) time.Time {
		return time.Now().UTC().Truncate(time.Hour).Add(time.Duration(seconds)*time.Second + 250*time.Millisecond)
	}
	labels := map[string]string{"alertname": "Surge", "topic": topic, "severity": "critical"}
	first := telemetry.Alert{ID: telemetry.Fingerprint(labels), Rule: "Surge", GroupKey: "g\x00" + topic, Labels: labels,
		Annotations: map[string]string{"summary": "‘" + topic + "’ jumped"}, State: telemetry.AlertPending, ActiveAt: at(0), EvaluatedAt: at(0),
		Seq: 1, Values: map[string]float64{"tps": 10_000.5}, WindowStart: at(-60), WindowEnd: at(0), Completeness: 0.75, LateReports: 3, Transition: true, Revision: "0123456789ab"}
	firing := first
	firing.State, firing.FiredAt, firing.EvaluatedAt, firing.Seq = telemetry.AlertFiring, at(30), at(30), 2
	resolved := firing
	resolved.State, resolved.ResolvedAt, resolved.EvaluatedAt, resolved.Seq, resolved.Reason = telemetry.AlertResolved, at(90), at(90), 3, "the rule was deleted"
	resolved.Revision = "" // of an older Weir
	again := first
	again.ActiveAt, again.EvaluatedAt, again.Seq, again.Annotations = at(300), at(300), 4, nil
	againFiring := again
	againFiring.State, againFiring.FiredAt, againFiring.EvaluatedAt, againFiring.Seq = telemetry.AlertFiring, at(330), at(330), 5
	return []telemetry.Alert{first, firing, resolved, again, againFiring}
}

func storedAs(a telemetry.Alert) storedAlert {
	optional := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	annotations := a.Annotations
	if annotations == nil {
		annotations = map[string]string{}
	}
	return storedAlert{a.Rule, a.ID, a.ActiveAt, a.Seq, string(a.State), a.EvaluatedAt, optional(a.FiredAt), optional(a.ResolvedAt),
		a.Labels, annotations, a.Values, a.WindowStart, a.WindowEnd, a.Completeness, a.LateReports, a.Reason, a.Revision}
}

func (s *store) writeAlerts(alerts ...telemetry.Alert) {
	s.t.Helper()
	if err := s.WriteAlerts(s.t.Context(), alerts); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) expectAlerts(alerts []telemetry.Alert) {
	s.t.Helper()
	var want, got []storedAlert
	for _, a := range alerts {
		want = append(want, storedAs(a))
	}
	s.read(&got, readAlerts)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("alerts differ (-want +got):\n%s", diff)
	}
}

// currentState is how dashboards ask where each alert stands.
const currentState = "SELECT labels['topic'], argMax(state, seq), argMax(starts_at, seq) = max(starts_at) FROM alerts GROUP BY fingerprint, labels['topic'] ORDER BY 1"

func TestTransitionsAreKept(t *testing.T) {
	t.Parallel()
	s, alert := newStore(t), life("orders")
	for i, state := range []string{"pending", "firing", "resolved", "pending", "firing"} {
		s.writeAlerts(alert[i])
		s.expectAlerts(alert[:i+1])
		s.expect(currentState, "orders\t"+state+"\t1")
	}
}

// TestAlertsFromBeforeRevisionsStay through the migrations from the first schema that had alerts, with no revision, and a transition of
// such a life that is written afterwards has one.
func TestAlertsFromBeforeRevisionsStay(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	migrated(t, database, 2)
	of := life("orders")[:2]
	of[0].Revision = ""
	row := storedAs(of[0])
	shared.query(t, database, fmt.Sprintf(`INSERT INTO alerts (rule, fingerprint, starts_at, seq, state, at, labels, annotations, values, window_start, window_end, completeness, late_reports)
		VALUES ('%s', '%s', %d, 1, 'pending', %d, {'alertname': 'Surge', 'topic': 'orders', 'severity': 'critical'}, {'summary': '%s'}, {'tps': 10000.5}, %d, %d, 0.75, 3)`,
		row.Rule, row.Fingerprint, row.StartsAt.UnixMilli(), row.At.UnixMilli(), row.Annotations["summary"], row.WindowStart.UnixMilli(), row.WindowEnd.UnixMilli()))
	s := openStore(t, shared, database, nil)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(appliedMigrations, allMigrations)
	s.writeAlerts(of[1])
	s.expectAlerts(of)
}

// TestTransitionsWrittenAgainChangeNothing replays them in any order and grouping.
func TestTransitionsWrittenAgainChangeNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	random := rand.New(rand.NewPCG(1, 0))
	orders, media := life("orders"), life("media")[:3]
	all := append(media, orders...)
	if all[0].ID > orders[0].ID {
		all = append(append([]telemetry.Alert(nil), orders...), media...)
	}
	s.writeAlerts(all...)
	for range 10 {
		var some []telemetry.Alert
		for _, i := range random.Perm(len(all))[:1+random.IntN(len(all))] {
			some = append(some, all[i])
		}
		s.writeAlerts(some...)
	}
	for range 2 {
		s.expectAlerts(all)
		s.expect(currentState, "media\tresolved\t1\norders\tfiring\t1")
		s.expect("SELECT count(), uniqExact(starts_at) FROM alerts FINAL WHERE labels['topic'] = 'orders'", "5\t2")
		s.query("OPTIMIZE TABLE alerts FINAL")
	}
}

// TestAnAlertWithoutTimesHoldsUpNoOther: times that it lacks are 1970. Without the time
// of its evaluation the table forgets it at the next merge.
func TestAnAlertWithoutTimesHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	timeless := telemetry.Alert{Rule: "Timeless", State: telemetry.AlertResolved, Transition: true}
	bare := timeless
	bare.Rule, bare.EvaluatedAt = "Bare", time.Now()
	within(t, promptly, func() { s.writeAlerts(append([]telemetry.Alert{timeless, bare}, life("orders")...)...) })
	s.expect("SELECT rule, count(), toUnixTimestamp(min(starts_at)) = 0, countIf(fired_at IS NULL) FROM alerts FINAL WHERE rule != 'Timeless' GROUP BY rule ORDER BY rule",
		"Bare\t1\t1\t1\nSurge\t5\t0\t2")
}
