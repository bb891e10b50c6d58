package explain

import (
	"fmt"

	"github.com/weirmq/weir/telemetry"
)

// RulesChanged says that rules of a revision are others than those by which an alert's newest transition was made, "" where they
// are not, or where one of the two is not known.
func RulesChanged(alert *telemetry.Alert, now string) string {
	if alert.Revision == "" || now == "" || alert.Revision == now {
		return ""
	}
	return fmt.Sprintf("the rules changed since: revision %s then, %s now", alert.Revision, now)
}
