package pipeline

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// TestNamesThatMayBeMeant: those that are near, or else what there is.
func TestNamesThatMayBeMeant(t *testing.T) {
	t.Parallel()
	many := []string{"a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "i9", "j10", "k11", "k11"}
	for _, one := range []struct {
		name  string
		known []string
		want  string
	}{
		{"pause-biling", []string{"slow-orders", "pause-billing"}, "did you mean pause-billing?"},
		{"billing", []string{"pause-billing", "resume-billing", "slow"}, "did you mean pause-billing, resume-billing?"},
		{"xyz", []string{"slow-orders"}, "commands are slow-orders"},
		{"xyzxyz", many, "commands are a1, b2, c3, d4, e5, f6, g7, h8, i9, j10 and 1 more"},
		{"xyz", nil, "there are no commands"},
	} {
		if got := insteadOf(one.name, "commands", one.known); got != one.want {
			t.Errorf("of %s among %v it says %q, want %q", one.name, one.known, got, one.want)
		}
	}
	h := newControlHouse(t)
	h.writers(map[string]string{"wei": "w-token"})
	h.file("a.yaml", pauseFile("pause-billing", "orders"))
	h.awaits("pause-billing@1 in force by li")
	h.asked([4]string{http.MethodDelete, controlPath + "/commands/pause-biling", "w-token", ""}, http.StatusNotFound, `there is no command "pause-biling": did you mean pause-billing?`)
	err := ApplyControl(t.Context(), &h.config, ControlApply{Names: []string{"pause-biling"}, Path: h.config.Control.Dir})
	if err == nil || !strings.Contains(err.Error(), `"pause-biling" to take away: did you mean pause-billing?`) {
		t.Error(err)
	}
}

// TestALongNameCostsNothing: whoever may read asks for a name as long as a request may be, of a history that has as many names as are looked through.
func TestALongNameCostsNothing(t *testing.T) {
	t.Parallel()
	known := make([]string, 10_000)
	for i := range known {
		known[i] = fmt.Sprintf("rule.%050d", i)
	}
	began := time.Now()
	if got := insteadOf(strings.Repeat("x", maxHeaderBytes), "commands", known); !strings.HasPrefix(got, "commands are rule.") {
		t.Errorf("it says %.200s", got)
	}
	if took := time.Since(began); took > 20*time.Second { // minutes, where each name is held against it letter by letter
		t.Errorf("that took %s", took)
	}
}

// TestWhatIsOverSaysSo in the log and in lists.
func TestWhatIsOverSaysSo(t *testing.T) {
	t.Parallel()
	command := control.Command{Name: "a", Revision: 2, Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "r", Percent: 100, ExpiresAt: controlNow.Add(time.Hour), Pause: &control.Pause{}}
	ended, expired := command, command
	ended.Name, ended.Ended = "b", &control.Ended{Author: "wei", Reason: "done", At: controlNow}
	expired.Name, expired.ExpiresAt = "c", controlNow.Add(-time.Minute)
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, one := range []struct {
		command control.Command
		outcome control.Outcome
		says    string
	}{
		{command, control.OutcomeApplied, `msg=command command=a@2 asks="pause topic=orders" author=li`},
		{ended, control.OutcomeApplied, `msg="a command was ended" command=b@2 asks="pause topic=orders" ended_by=wei reason=done`},
		{expired, control.OutcomeApplied, `msg="a command came that is over" command=c@2`},
		{command, control.OutcomeRemoved, `msg="a command was taken away" command=a@2`},
		{expired, control.OutcomeRemoved, `msg="a command that was over was taken away" command=c@2`},
	} {
		out.Reset()
		logCommand(log, &control.Change{Outcome: one.outcome, Command: one.command}, controlNow)
		if !strings.Contains(out.String(), one.says) {
			t.Errorf("it is logged as %s, want %s", out.String(), one.says)
		}
	}
	out.Reset()
	c := &controller{log: log, held: controlHeld{commands: []control.Command{command, ended, expired}}, shownAt: controlNow.Add(-2 * time.Minute)}
	c.logExpired(controlNow)
	c.logExpired(controlNow.Add(time.Second))
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `msg="a command expired" command=c@2`) {
		t.Errorf("what expired is logged as %s", got)
	}
	out.Reset()
	held := controlHeld{commands: []control.Command{expired, ended, command}}
	for all, want := range map[bool]string{false: `a@2      in force  pause topic=orders  2026-11-27T13:00:00Z (in 1h0m)  li      r
1 command, 0 routes, offset 0; 2 more are over, which --all shows
`, true: `a@2      in force  pause topic=orders  2026-11-27T13:00:00Z (in 1h0m)                       li      r
c@2      over      pause topic=orders  over since 2026-11-27T11:59:00Z, expired             li      r
b@2      ended     pause topic=orders  over since 2026-11-27T12:00:00Z, ended by wei: done  li      r
1 command in force and 2 over, 0 routes, offset 0
`} {
		out.Reset()
		state := held.state(all, controlNow)
		if err := state.writeText(&out, controlNow); err != nil {
			t.Fatal(err)
		}
		if _, got, _ := strings.Cut(out.String(), "\n"); got != want {
			t.Errorf("all %t lists\n%swant\n%s", all, got, want)
		}
	}
}
