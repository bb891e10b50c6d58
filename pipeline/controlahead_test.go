package pipeline

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAheadOfTheClock: a command of the time to come is told as a fault by a dry run, too, and the role writes no record of it.
func TestAheadOfTheClock(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.writers(map[string]string{"li": "token"})
	h.file("a.yaml", pauseFile("a", "orders"))
	h.awaits("a@1 in force by li")
	ahead := time.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)
	text := strings.Replace(pauseFile("a", "payments"), "    author", "    created_at: "+ahead+"\n    author", 1)
	const says = "at most 10m0s ahead is allowed"
	for _, dry := range []bool{true, false} {
		var out bytes.Buffer
		err := ApplyControl(t.Context(), &h.config, ControlApply{Path: h.elsewhere(text), DryRun: dry, Out: &out})
		if err == nil || !strings.Contains(err.Error(), "applied.yaml:4:17: created_at: got "+ahead) || !strings.Contains(err.Error(), says) {
			t.Errorf("applied, dry: %t: %v: %s", dry, err, &out)
		}
		posted := fmt.Sprintf(`{"commands":[{"name":"b","scope":{"topic":"orders"},"reason":"a test","created_at":%q,"expires_at":%q,"pause":{}}]}`, ahead,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		h.asked([4]string{http.MethodPost, fmt.Sprintf("%s?dry_run=%t", controlPath, dry), "token", posted}, http.StatusUnprocessableEntity, says)
	}
	h.file("a.yaml", text)
	await(t, "that the file's fault is told", func() bool {
		return strings.Contains(h.ask(http.MethodGet, controlPath, "reader", "").Body.String(), says)
	})
	if records := len(h.records()); records != 1 {
		t.Errorf("%d records are on the topic, want the one of a", records)
	}
	h.awaits("a@1 in force by li")
}
