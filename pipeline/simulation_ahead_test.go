package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// toldAhead returns how many alerts were told ahead of their life, and of which of them it is not so: they do not fire at
// the time that was told, by what weir.alerts says.
func (s *simulation) toldAhead() (told int, broken []string, err error) {
	states, logs := map[string][]telemetry.Alert{}, make([]alertLog, s.world.groups)
	var ahead []telemetry.Alert
	for _, record := range s.kafka.published {
		alert, err := logs[record.Partition].takeTold(record)
		switch {
		case err != nil:
			return 0, nil, err
		case alert == nil || alert.Labels["topic"] == strayTopic:
		case !alert.ExpiresAt.IsZero():
			ahead = append(ahead, *alert)
		case alert.Transition:
			states[alert.ID] = append(states[alert.ID], *alert)
		}
	}
	for i := range ahead {
		before := slices.DeleteFunc(slices.Clone(states[ahead[i].ID]), func(a telemetry.Alert) bool { return a.EvaluatedAt.After(ahead[i].ActiveAt) })
		slices.SortFunc(before, func(a, b telemetry.Alert) int {
			return cmp.Or(a.EvaluatedAt.Compare(b.EvaluatedAt), cmp.Compare(a.Seq, b.Seq))
		})
		if len(before) == 0 || before[len(before)-1].State != telemetry.AlertFiring {
			broken = append(broken, fmt.Sprintf("%s was told ahead to fire from %s, and its states until then are %v", describeAlert(&ahead[i]),
				s.since(ahead[i].ActiveAt), len(before)))
		}
	}
	return len(ahead), broken, nil
}
