package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/weirmq/weir/pipeline"
)

// loadedRules is what /api/v1/rules says of the files.
func (p *process) loadedRules() pipeline.RulesStatus {
	p.t.Helper()
	_, body := p.get("/api/v1/rules")
	var answer struct {
		Loaded pipeline.RulesStatus `json:"loaded"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		p.t.Fatalf("/api/v1/rules: %v in %s", err, body)
	}
	return answer.Loaded
}

func (p *process) awaitRules(wanted string, is func(pipeline.RulesStatus) bool) {
	p.t.Helper()
	var loaded pipeline.RulesStatus
	eventually(p.t, func() bool { loaded = p.loadedRules(); return is(loaded) },
		func() string { return fmt.Sprintf("loaded rules are %+v, want %s", loaded, wanted) })
}

const failedReloads = "weir_rule_reload_failures_total"

// TestRulesAreReloaded changes the rule file while weir runs and messages flow: by the
// change itself, by SIGHUP and by POST. What is broken changes nothing and says why.
func TestRulesAreReloaded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), anotherRule("Traffic", "tps > 1000000"))
	h.startAlertmanager()
	weir := h.startWeir("--roles", "aggregate,rules,alertmanager")
	r := newReporter(t, h.brokers, "orders")
	stop := r.flow(smallBytes)
	defer stop()
	r.send(largeBytes)
	h.awaitFiring("LargeMessage", "orders")
	if state := weir.alertState("Traffic"); state != "" {
		t.Errorf("Traffic is %s, want nothing at that threshold", state)
	}

	h.setRules(anotherRule("Traffic", "tps > 1")) // a lower threshold takes effect
	h.awaitFiring("Traffic", "orders")

	h.setRules(anotherRule("Traffic", "tpss > 1"))
	fault := h.ruleFile() + ":14:15: "
	weir.expectBroken(fault)
	if state := weir.alertState("Traffic"); state != "firing" {
		t.Errorf("Traffic is %q with a broken file, want the running rule to go on firing", state)
	}
	weir.expectRefused(fault)
	before := weir.metric(failedReloads)
	sendSignal(t, weir.Child, syscall.SIGHUP)
	eventually(t, func() bool { return weir.metric(failedReloads) > before }, func() string { return "SIGHUP reloads nothing" })
	if got := weir.loadedRules().Count; got != 2 {
		t.Errorf("%d rules run, want the 2 of before", got)
	}

	h.setRules(anotherRule("Renamed", "tps > 1")) // mended, and the rule has another name
	weir.awaitRules("2 rules and no error", func(s pipeline.RulesStatus) bool { return s.Count == 2 && s.LastError == "" })
	h.awaitResolved("Traffic", "orders")
	h.awaitFiring("Renamed", "orders")
	weir.expectReloads()
}

// expectBroken looks in all places where a broken file must show.
func (p *process) expectBroken(fault string) {
	p.t.Helper()
	p.awaitRules("an error at "+fault, func(s pipeline.RulesStatus) bool { return strings.Contains(s.LastError, fault) && s.Count == 2 })
	text := p.loadedRules().LastError
	if !strings.Contains(text, `did you mean "tps"?`) || !strings.Contains(text, "\n    ") {
		p.t.Errorf("got %s, want what was meant, and the line with a caret", text)
	}
	_, page := p.get("/")
	if !strings.Contains(html.UnescapeString(page), text) {
		p.t.Errorf("the status page does not say %q:\n%s", text, page)
	}
	if p.metric(failedReloads) == 0 {
		p.t.Error("/metrics counts no failed reload")
	}
}

// expectRefused asks for a reload of a broken file.
func (p *process) expectRefused(fault string) {
	p.t.Helper()
	code, body := p.post("/-/reload")
	if code != http.StatusUnprocessableEntity || !strings.Contains(body, fault) {
		p.t.Errorf("POST /-/reload answers %d %s, want 422 and the fault", code, body)
	}
}

// expectReloads asks for a reload of good files, by POST and by SIGHUP.
func (p *process) expectReloads() {
	p.t.Helper()
	before := p.loadedRules().LoadedAt
	if code, body := p.post("/-/reload"); code != http.StatusOK || body != "reloaded\n" {
		p.t.Errorf("POST /-/reload answers %d %q", code, body)
	}
	posted := p.loadedRules().LoadedAt
	if !posted.After(before) {
		p.t.Errorf("rules are of %s after a reload at %s", posted, before)
	}
	sendSignal(p.t, p.Child, syscall.SIGHUP)
	p.awaitRules("newer ones than of "+posted.String(), func(s pipeline.RulesStatus) bool { return s.LoadedAt.After(posted) })
	if code, _ := p.get("/-/reload"); code != http.StatusMethodNotAllowed {
		p.t.Errorf("GET /-/reload answers %d, want 405", code)
	}
}
