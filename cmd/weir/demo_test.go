package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirmq/weir/cmd/weir/internal/demo"
)

// TestDemoOnce plays the story twice on one folder: both times every message is
// accounted for, and every expected alert fires and resolves through Alertmanager.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, telling := range []string{"first", "again on the same data"} {
		outcome := tellOnce(t, data)
		if !outcome.OK || outcome.Sent == 0 || outcome.Sent != outcome.StoredSent || outcome.SentBytes != outcome.StoredSentBytes ||
			outcome.Consumed == 0 || outcome.Consumed != outcome.StoredConsumed || outcome.ConsumedBytes != outcome.StoredConsumedBytes {
			t.Errorf("%s: %+v", telling, outcome)
		}
		for _, name := range []string{"TrafficSurge", "LargeMessage", "ConsumeSlow", "ClientOutdated"} {
			alert := outcome.Alerts[name]
			if alert == nil || !alert.Fired || !alert.Resolved || alert.SecondsToFire <= 0 {
				t.Errorf("%s: %s: %+v", telling, name, alert)
			}
		}
	}
}

// tellOnce runs weir demo --once and reads its last line.
func tellOnce(t *testing.T, data string) demo.Outcome {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, "demo", "--once", "--data", data)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("weir demo --once: %v\n%s\n%s", err, stdout, stderr.String())
	}
	last := ""
	lines := bufio.NewScanner(bytes.NewReader(stdout))
	for lines.Scan() {
		last = lines.Text()
	}
	if strings.Contains(stderr.String(), "DATA RACE") {
		t.Errorf("the race detector reports:\n%s", stderr.String())
	}
	var outcome demo.Outcome
	if err := json.Unmarshal([]byte(last), &outcome); err != nil {
		t.Fatalf("the last line %q is no outcome: %v", last, err)
	}
	return outcome
}

// TestAnInterruptedStoryIsNoSuccess: told half, nothing was verified; all children end.
func TestAnInterruptedStoryIsNoSuccess(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), program, "demo", "--once", "--data", t.TempDir())
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "scene:") {
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // ends when every process that holds the pipe has ended
	}
	if err := command.Wait(); err == nil || command.ProcessState.ExitCode() != exitFailed || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("ended with %v and said %q, want exit code %d", err, stderr.String(), exitFailed)
	}
}
