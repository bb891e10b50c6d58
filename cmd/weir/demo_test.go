package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirmq/weir/cmd/weir/internal/demo"
)

// TestDemoOnce plays the story twice on one folder: both times every message is
// accounted for, the inventory has all that there is, every expected alert fires and
// resolves through Alertmanager, and all dashboards have something to show.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	data, began := t.TempDir(), time.Now()
	for _, telling := range []string{"first", "again on the same data"} {
		outcome := tellOnce(t, data)
		if !outcome.OK || outcome.Sent == 0 || outcome.Sent != outcome.StoredSent || outcome.SentBytes != outcome.StoredSentBytes ||
			outcome.Consumed == 0 || outcome.Consumed != outcome.StoredConsumed || outcome.ConsumedBytes != outcome.StoredConsumedBytes {
			t.Errorf("%s: %+v", telling, outcome)
		}
		if outcome.SentByMinute != outcome.Sent || outcome.SentByTopic.Topics < outcome.Sent || outcome.SentByTopic.Topics != outcome.SentByTopic.Panes {
			t.Errorf("%s: of %d messages there are %d by minute, and %+v by topic", telling, outcome.Sent, outcome.SentByMinute, outcome.SentByTopic)
		}
		if want := (demo.Resources{Topics: 3, Groups: 3, Brokers: 1, Clients: 7}); outcome.Resources != want || outcome.StoredResources != want {
			t.Errorf("%s: there are %+v and the inventory has %+v, want %+v", telling, outcome.Resources, outcome.StoredResources, want)
		}
		if s := outcome.Steered; !strings.HasPrefix(s.Proposed, "rule.trafficsurge.send_limit.") || s.SecondsToPropose <= 0 || s.WouldDelay == 0 || s.SurgePerSecond < 200 {
			t.Errorf("%s: of what the rule of the surge asks in shadow: %+v", telling, s)
		}
		for _, name := range []string{"TrafficSurge", "LargeMessage", "ConsumeSlow", "ClientOutdated"} {
			alert := outcome.Alerts[name]
			if alert == nil || !alert.Fired || !alert.Resolved || alert.SecondsToFire <= 0 {
				t.Errorf("%s: %s: %+v", telling, name, alert)
			}
		}
	}
	expectDashboards(t, data, began)
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

// TestDemoOnATerminal runs the demo on a small terminal of its own until an alert
// fires, then types Ctrl-C. There is one table at all times, also where its lines are
// longer and more than fit; the end is a success and leaves no child behind.
func TestDemoOnATerminal(t *testing.T) {
	t.Parallel()
	screen := openTerminal(t, 60, 15)
	command, wait := screen.run("demo", "--data", t.TempDir())
	once := []string{"quiet traffic", "surge on orders", "traffic ", "cluster ", "stage ", "alert ", "... "} // lines of the table
	seen, firing := map[string]bool{}, false
	eventually(t, func() bool {
		text := screen.text()
		for _, line := range once {
			times := strings.Count("\n"+text, "\n"+line)
			seen[line] = seen[line] || times == 1
			if times > 1 {
				t.Fatalf("%q is there %d times:\n%s", line, times, text)
			}
		}
		firing = firing || strings.Contains(text, "  firing  ")
		return firing && !slices.ContainsFunc(once, func(line string) bool { return !seen[line] })
	}, func() string {
		return fmt.Sprintf("an alert was seen firing: %t; of the lines there were %v; the screen:\n%s", firing, seen, screen.text())
	})
	children := childrenOf(t, command.Process.Pid)
	if len(children) < 2 {
		t.Errorf("the demo has children %v, want ClickHouse and Alertmanager at least", children)
	}
	if _, err := screen.keys.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	if err := wait(); err != nil {
		t.Errorf("ended with %v after Ctrl-C, want success; the screen:\n%s", err, screen.text())
	}
	for _, pid := range children {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("child %d: got %v after the end, want that it is gone", pid, err)
		}
	}
	if text := screen.text(); !strings.Contains(text, "stopping\n") || strings.Contains(text, "error") {
		t.Errorf("at the end the screen shows:\n%s", text)
	}
}

// childrenOf are the processes whose parent is pid, and theirs.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var child, parent int
		var state string
		_, after, _ := strings.Cut(string(stat), ") ")
		if _, err := fmt.Sscan(after, &state, &parent); err != nil || parent != pid {
			continue
		}
		if _, err := fmt.Sscan(string(stat), &child); err != nil {
			t.Fatal(err)
		}
		children = append(append(children, child), childrenOf(t, child)...)
	}
	return children
}
