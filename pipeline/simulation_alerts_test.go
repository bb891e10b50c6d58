package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// life is one life of an alert, in event time since the history began. Resolved is 0 where it goes on.
type life struct{ Fired, Resolved time.Duration }

// lives are the lives of all alerts as weir.alerts tells them, by the fingerprint of all their labels: another severity is another
// alert to Alertmanager. What is published twice is the same.
func (s *simulation) lives() (map[string][]life, error) {
	transitions, logs := map[string][]telemetry.Alert{}, make([]alertLog, s.world.groups)
	for _, record := range s.kafka.published {
		alert, err := logs[record.Partition].take(record)
		if err != nil {
			return nil, err
		}
		if alert != nil && alert.Transition && alert.Labels["topic"] != strayTopic {
			transitions[alert.ID] = append(transitions[alert.ID], *alert)
		}
	}
	out := map[string][]life{}
	for _, alerts := range transitions {
		slices.SortStableFunc(alerts, func(a, b telemetry.Alert) int {
			return cmp.Or(a.ActiveAt.Compare(b.ActiveAt), cmp.Compare(a.Seq, b.Seq))
		})
		firing := "" // with which labels
		for i, alert := range alerts {
			if i > 0 && alert.Seq == alerts[i-1].Seq && alert.ActiveAt.Equal(alerts[i-1].ActiveAt) {
				if alert.State != alerts[i-1].State || !alert.EvaluatedAt.Equal(alerts[i-1].EvaluatedAt) {
					return nil, fmt.Errorf("%s: transition %d is published as %s at %s and as %s at %s", describeAlert(&alert), alert.Seq,
						alerts[i-1].State, s.since(alerts[i-1].EvaluatedAt), alert.State, s.since(alert.EvaluatedAt))
				}
				continue
			}
			key := telemetry.Fingerprint(alert.Labels)
			if firing != "" && firing != key { // its severity changed
				out[firing][len(out[firing])-1].Resolved = s.since(alert.EvaluatedAt)
				firing = ""
			}
			switch lives := out[key]; alert.State {
			case telemetry.AlertFiring:
				out[key], firing = append(lives, life{Fired: s.since(alert.EvaluatedAt)}), key
			case telemetry.AlertResolved:
				if len(lives) == 0 || lives[len(lives)-1].Resolved != 0 {
					return nil, fmt.Errorf("%s resolves at %s, and does not fire", describeAlert(&alert), s.since(alert.ResolvedAt))
				}
				lives[len(lives)-1].Resolved, firing = s.since(alert.ResolvedAt), ""
			}
			if s.names[key] == "" {
				s.names[key] = describeAlert(&alert)
			}
		}
	}
	return out, nil
}

func (s *simulation) since(t time.Time) time.Duration { return t.Sub(s.began) }

func describeAlert(alert *telemetry.Alert) string {
	text, err := json.Marshal(alert.Labels)
	if err != nil {
		panic(err) // labels are text
	}
	return string(text)
}

// maxDelay is how much later in event time than in an undisturbed run an alert may fire or resolve: while a source is
// behind or has no worker, nothing is known. What a rule waits for, 15 s at most, begins when something is known again.
const maxDelay = 2*trouble + 30*time.Second + 15*time.Second

// firstKnown is how long it depends on the first watermarks what is known: an alert fires a pane sooner or later.
const firstKnown = 90 * time.Second

// compareHistories says how a history differs from what its log holds, and from its undisturbed run.
func compareHistories(undisturbed, s *simulation) string {
	for name, run := range map[string]*simulation{"the undisturbed run": undisturbed, "the run": s} {
		if diff := gocmp.Diff(run.countLog(), run.store.totals()); diff != "" {
			return name + " stored other totals than its log holds (-log +store):\n" + diff
		}
	}
	want, err := undisturbed.lives()
	if err != nil {
		return "the undisturbed run: " + err.Error()
	}
	got, err := s.lives()
	if err != nil {
		return err.Error()
	}
	told, faults, err := s.toldAhead()
	if err != nil {
		return err.Error()
	}
	s.told = told
	for id := range got {
		if want[id] == nil {
			faults = append(faults, fmt.Sprintf("%s lived %v, and not in the undisturbed run", s.names[id], got[id]))
		}
	}
	for id, lives := range want {
		if fault := compareLives(lives, got[id]); fault != "" && compareLives(withoutShortEnds(lives), got[id]) != "" {
			faults = append(faults, undisturbed.names[id]+": "+fault)
		}
		for name, run := range map[string]*simulation{"of the undisturbed run": undisturbed, "": s} {
			if fault := compareTold(lives, run.alertmanager.told[id]); fault != "" && compareTold(withoutShortEnds(lives), run.alertmanager.told[id]) != "" {
				faults = append(faults, undisturbed.names[id]+": the receiver "+name+fault)
			}
		}
	}
	slices.Sort(faults)
	return strings.Join(faults, "\n")
}

// withoutShortEnds joins lives between which nothing need have been known.
func withoutShortEnds(lives []life) []life {
	out := slices.Clone(lives[:1])
	for _, next := range lives[1:] {
		if last := &out[len(out)-1]; next.Fired-last.Resolved < maxDelay {
			last.Resolved = next.Resolved
		} else {
			out = append(out, next)
		}
	}
	return out
}

func compareLives(want, got []life) string {
	late := func(want, got time.Duration) bool {
		return got < want && want > firstKnown || got > want+maxDelay
	}
	same := len(want) == len(got)
	for i := 0; same && i < len(want); i++ {
		same = !late(want[i].Fired, got[i].Fired) && (want[i].Resolved == 0) == (got[i].Resolved == 0) && !late(want[i].Resolved, got[i].Resolved)
	}
	if same {
		return ""
	}
	return fmt.Sprintf("lived %v, undisturbed %v", got, want)
}

// compareTold says how what the receiver was told differs from an alert's lives. Where Alertmanager forgot whom it had
// told, it may tell again that an alert fires, and cannot tell that it resolved. What fired and resolved while it was away
// need not be told at all.
func compareTold(lives []life, told []string) string {
	var fired, resolved, forgot int
	inTurn := true
	last := "resolved"
	for _, state := range told {
		switch state {
		case "forgot":
			forgot++
			last = "resolved"
			continue
		case "firing":
			fired++
		case "resolved":
			resolved++
		}
		inTurn = inTurn && state != last
		last = state
	}
	var ended, short int
	for _, life := range lives {
		if life.Resolved != 0 {
			ended++
		}
		if life.Resolved != 0 && life.Resolved-life.Fired < 2*trouble { // with the pause before the notifier tries again
			short++
		}
	}
	if inTurn && fired >= len(lives)-short && fired <= len(lives)+forgot && resolved <= ended && resolved >= ended-short-forgot {
		return ""
	}
	return fmt.Sprintf("was told %v, lives are %v", told, lives)
}
