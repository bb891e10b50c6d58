package pipeline

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

// saidLines takes what is logged, a line at a time.
type saidLines chan string

func (s saidLines) Write(line []byte) (int, error) {
	s <- string(line)
	return len(line), nil
}

// TestAReloadEndsARetentionThatFails: what the reload says is tried from then on, not what was to be before.
func TestAReloadEndsARetentionThatFails(t *testing.T) {
	t.Parallel()
	said := make(saidLines, 16)
	log := slog.New(slog.NewTextHandler(said, nil))
	config := DefaultConfig()
	config.Rules.Dir = "../rules.d"
	config.ClickHouse.DSN = "http://127.0.0.1:1/weir" // nobody listens
	config.ClickHouse.Retention.Alerts = "30d"
	p, err := New(config, log)
	if err != nil {
		t.Fatal(err)
	}
	awaitBegun := func(what string) {
		t.Helper()
		for deadline := time.After(time.Minute); ; {
			select {
			case line := <-said:
				if strings.Contains(line, "change for how long rows are kept, will try again") { // once for all attempts
					return
				}
			case <-deadline:
				t.Fatalf("%s was not tried", what)
			}
		}
	}
	defer keepRetention(t.Context(), p, log)()
	awaitBegun("the first retention")
	reloaded := config.ClickHouse.Retention
	reloaded.Alerts = "31d"
	if !p.retention.set(&reloaded) {
		t.Fatal("the reload changed nothing")
	}
	awaitBegun("the reload's retention")
}
