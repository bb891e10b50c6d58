package pipeline

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/control"
)

// TestControlIsReadOverHTTPByWhoMay: what clients apply and what was asked of them is for whoever may see the rest; what cannot be answered says what to do.
func TestControlIsReadOverHTTPByWhoMay(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.writers(map[string]string{"wei": "w-token"})
	read := func(token, path string) [4]string { return [4]string{http.MethodGet, controlPath + path, token, ""} }
	for _, path := range []string{"/diff", "/history"} {
		h.asked(read("", path), http.StatusUnauthorized, "http.token")
		h.asked(read("wrong", path), http.StatusUnauthorized, "http.token")
		for _, token := range []string{"reader", "w-token"} {
			h.asked(read(token, path), http.StatusServiceUnavailable, "no connection to the address of clickhouse.dsn")
			h.asked(read(token, path), http.StatusServiceUnavailable, "start ClickHouse there")
		}
		h.asked([4]string{http.MethodPost, controlPath + path, "reader", ""}, http.StatusMethodNotAllowed, "")
	}
	for asked, says := range map[string]string{"from=yesterday": `from is "yesterday", want a time as`, "to=1h": `to is "1h"`, "limit=0": `limit is "0", want 1 to 10000`,
		"limit=x": `limit is "x"`, "limit=10001": "got a limit of 10001, want 1 to 10000", "limit=-1": "got a limit of -1",
		"from=2026-11-25T08:00:00Z&to=2026-11-25T08:00:00Z": "want one that ends after it begins"} {
		h.asked(read("reader", "/history?"+asked), http.StatusBadRequest, says)
	}
	other, err := New(h.config, testLog(t)) // without the role
	if err != nil {
		t.Fatal(err)
	}
	if code, body := get(other, controlPath+"/diff"); code != http.StatusNotFound || !strings.Contains(body, "has not the role control") {
		t.Errorf("without the role: %d %s", code, body)
	}
	if code, body := get(other, controlPath+"/history"); code != http.StatusServiceUnavailable || !strings.Contains(body, "start ClickHouse there") {
		t.Errorf("the history without the role: %d %s", code, body)
	}
}

// TestManyWhoAskAreOneQuestion: the store is asked once, however many look on; what failed is asked again.
func TestManyWhoAskAreOneQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		board := newAppliedBoard()
		asked, away := 0, errors.New("away")
		compare := func(context.Context) (controlComparison, error) {
			if asked++; asked == 1 {
				return controlComparison{}, away
			}
			pause := time.NewTimer(appliedAge / 2)
			defer pause.Stop()
			<-pause.C
			return controlComparison{at: time.Now(), diffs: []clientDiff{{Client: "a"}}}, nil
		}
		if _, err := board.newest(t.Context(), compare); !errors.Is(err, away) {
			t.Errorf("got %v, want that the store is away", err)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if got, err := board.newest(t.Context(), compare); err != nil || len(got.diffs) != 1 {
					t.Errorf("got %v, %v", got.diffs, err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), appliedAge/4)
		defer cancel()
		if _, err := board.newest(impatient, compare); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who does not wait is told %v", err)
		}
		all.Wait()
		if asked != 2 {
			t.Errorf("the store was asked %d times, want once more than it was away", asked)
		}
		synctest.Wait()
		later := time.NewTimer(appliedAge)
		<-later.C
		if _, err := board.newest(t.Context(), compare); err != nil || asked != 3 {
			t.Errorf("later it was asked %d times: %v", asked, err)
		}
	})
}

func compared(diffs []clientDiff) *controlComparison {
	return &controlComparison{at: time.Now(), diffs: diffs}
}

// TestDiffsAreToldWithinBounds: of one command alone where somebody names it, also whether all agree; and that there is more is said.
func TestDiffsAreToldWithinBounds(t *testing.T) {
	t.Parallel()
	var diffs []clientDiff
	for range maxDiffsListed + 1 {
		diffs = append(diffs, clientDiff{Command: "a@1", Name: "a", State: doesApply})
	}
	diffs = append(diffs, clientDiff{Command: "b@1", Name: "b", Client: "x", State: doesNot})
	for _, one := range []struct {
		name             string
		all              bool
		listed           int
		agree, more      bool
		compared, differ int
	}{{"", false, 1, false, false, maxDiffsListed + 2, 1}, {"", true, maxDiffsListed, false, true, maxDiffsListed + 2, 1}, {"a", false, 0, true, false, maxDiffsListed + 1, 0},
		{"b", true, 1, false, false, 1, 1}, {"c", true, 0, false, false, 0, 0}} {
		got := compared(diffs).answer(one.name, one.all)
		if len(got.Clients) != one.listed || got.Agree != one.agree || got.More != one.more || got.Compared != one.compared || got.Differ != one.differ {
			t.Errorf("%q, all %t: %d listed, agree %t, more %t, %d of %d differ", one.name, one.all, len(got.Clients), got.Agree, got.More, got.Differ, got.Compared)
		}
	}
	gone := append(diffs[:2:2], clientDiff{Command: "a@1", Name: "a", Client: "y", State: isGone})
	if got := compared(gone).answer("a", false); !got.Agree || got.Compared != 2 || got.Gone != 1 || len(got.Clients) != 0 {
		t.Errorf("who is gone is told as %+v", got)
	}
	if got := compared(gone).answer("a", true); len(got.Clients) != 3 {
		t.Errorf("of all, who is gone is left out: %+v", got)
	}
	part := compared(diffs[:2])
	part.partial = true
	var of strings.Builder
	if got := part.answer("", false); got.Agree || !got.Partial || got.writeText(&of) != nil || of.String() != "0 of 2 differ, and there are more clients that were not looked at\n" {
		t.Errorf("of a part of the clients it says %+v, %s", got, of.String())
	}
	none := compared(diffs)
	none.commands = []control.Command{{Name: "pause-billing", ExpiresAt: time.Now().Add(time.Hour)}, {Name: "over"}}
	for name, says := range map[string]string{"pause-biling": `there is no command "pause-biling", and no client tells of one: did you mean pause-billing?`,
		"xyz": "commands in force are pause-billing", "over": "", "pause-billing": ""} {
		if got := none.answer(name, false).Unknown; !strings.Contains(got, says) || says == "" && got != "" {
			t.Errorf("of the name %s it says %q, want %q", name, got, says)
		}
	}
	var text strings.Builder
	whole := compared(diffs).answer("", true)
	if err := whole.writeText(&text); err != nil || !strings.Contains(text.String(), "1 of 10002 differ; more than the 10000 above are not listed") {
		t.Errorf("%v: %.200s", err, text.String())
	}
}
