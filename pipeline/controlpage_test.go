package pipeline

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// TestCommandsAreOnPages: who looks sees what is in force and what rules propose, also while the store is away; and is not shown what he may not see.
func TestCommandsAreOnPages(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	page := func(path string) string {
		t.Helper()
		got := h.ask(http.MethodGet, path, "reader", "")
		if got.Code != http.StatusOK || strings.Contains(got.Body.String(), "<script") {
			t.Errorf("%s answers %d:\n%s", path, got.Code, got.Body)
		}
		return got.Body.String()
	}
	for _, path := range []string{"/", "/control"} {
		if got := page(path); !contains(got, "No command is in force.") || contains(got, "not known") {
			t.Errorf("%s without commands:\n%s", path, got)
		}
	}
	h.asked([4]string{http.MethodGet, "/control", "", ""}, http.StatusUnauthorized, "http.token")
	h.file("a.yaml", strings.Replace(pauseFile("a", "orders"), "a test", "'<script>'", 1)+strings.TrimPrefix(pauseFile("b", "media"), "commands:\n")+"    shadow: true\n")
	h.awaits("a@1 in force by li; b@1 shadow by li")
	for _, path := range []string{"/", "/control"} {
		got := page(path)
		until := h.newest("command/a").ExpiresAt.Format("2006-01-02 15:04:05Z")
		if want := "a@1|in force|pause topic=orders|" + until + "|li|&lt;script&gt;|–|–|–|"; row(got, "name=a&amp;") != want {
			t.Errorf("%s shows %q, want %q", path, row(got, "name=a&amp;"), want)
		}
		if of := row(got, "name=b&amp;"); !strings.HasPrefix(of, "b@1|shadow|pause topic=media in shadow|") {
			t.Errorf("%s shows %q", path, of)
		}
		if !contains(got, "What clients apply is not known: open the store: no connection to the address of clickhouse.dsn") {
			t.Errorf("%s does not say why it does not know what clients apply:\n%s", path, got)
		}
	}
	if got := page("/control"); !contains(got, `http-equiv="refresh" content="2"`) {
		t.Errorf("the page of commands is not asked for again:\n%s", got)
	}
	proposed := httptest.NewRecorder()
	render(proposed, http.StatusOK, "control.html", &controlView{HeldBack: []heldBack{{Name: "rule.surge", Rule: "Surge", Asks: "send_limit 50/s topic=orders", Why: "off"}}})
	if got := row(proposed.Body.String(), "rule.surge"); got != "rule.surge|Surge|send_limit 50/s topic=orders|off |" {
		t.Errorf("what rules propose is shown as %q in\n%s", got, proposed.Body)
	}
}

// TestClientsAreCountedByCommand: those that apply it, those that do not, those that have gone.
func TestClientsAreCountedByCommand(t *testing.T) {
	t.Parallel()
	view := controlView{Commands: []commandView{{Command: control.Command{Name: "a"}}, {Command: control.Command{Name: "b"}}}}
	var diffs []clientDiff
	for _, state := range []string{doesApply, doesShadow, doesMaybe, doesRefuse, doesOther, doesNot, doesNotListen, isGone} {
		diffs = append(diffs, clientDiff{Name: "a", State: state})
	}
	diffs = append(diffs, clientDiff{Name: "over", State: doesStill})
	view.count(&controlComparison{at: time.Now(), diffs: diffs})
	if a, b := &view.Commands[0], &view.Commands[1]; a.Applied != 2 || a.Differ != 4 || a.Gone != 1 || b.Applied+b.Differ+b.Gone != 0 || view.Compared.IsZero() {
		t.Errorf("counted are %+v", view)
	}
}
