package pipeline

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// aWatched is a Weir that gives one answer after the other, and the last one again and again; "" is that it cannot say.
func aWatched(t *testing.T, answers ...string) (url string) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := answers[min(int(asked.Add(1)), len(answers))-1]
		if answer == "" {
			http.Error(w, "the store is away", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestWhoLooksOnIsToldOfAFailure and sees what comes after it. Who cannot be asked at first is an error.
func TestWhoLooksOnIsToldOfAFailure(t *testing.T) {
	t.Parallel()
	const behind = `{"at":"2026-11-27T10:00:00Z","agree":false,"compared":2,"differ":1,"clients":[]}`
	const agreed = `{"at":"2026-11-27T10:00:09Z","agree":true,"compared":2,"differ":0,"clients":[]}`
	for name, one := range map[string]struct {
		answers []string
		watch   ControlWatch
		says    []string // one after the other
		agree   bool
		err     string
	}{
		"it goes on": {[]string{behind, "", agreed}, ControlWatch{UntilApplied: true}, []string{"2026-11-27T10:00:00Z\n1 of 2 differ\n",
			"2026-11-27T10:00:00Z\n1 of 2 differ\nas it was then: it cannot be asked now, and is asked again: ask weir: ", "the store is away", "2026-11-27T10:00:09Z\n0 of 2 differ\n"}, true, ""},
		"programs are told, too": {[]string{behind, "", agreed}, ControlWatch{ControlDiff: ControlDiff{JSON: true}, UntilApplied: true},
			[]string{`"differ":1`, "\n" + `{"at":"2`, `","error":"ask weir: `, "the store is away\"}\n", `"agree":true`}, true, ""},
		"it can never be asked":                  {[]string{""}, ControlWatch{}, nil, false, "the store is away"},
		"it cannot be asked since":               {[]string{behind, ""}, ControlWatch{UntilApplied: true, Timeout: 5 * time.Second}, []string{"the store is away"}, false, "the newest answer is of 2026-11-27T10:00:00Z: ask weir: "},
		"who only looked on is told of no fault": {[]string{agreed, ""}, ControlWatch{Timeout: 4 * time.Second}, []string{"0 of 2 differ", "the store is away"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			watch, config := one.watch, DefaultConfig()
			watch.URL, watch.Out = aWatched(t, one.answers...), &out
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			agree, err := WatchControl(ctx, &config, watch)
			if agree != one.agree || (err == nil) != (one.err == "") || err != nil && !strings.Contains(err.Error(), one.err) {
				t.Errorf("it ends with %t, %v, want %t, %q", agree, err, one.agree, one.err)
			}
			rest := out.String()
			for _, says := range one.says {
				_, after, found := strings.Cut(rest, says)
				if !found {
					t.Fatalf("it does not say %q in\n%s", says, out.String())
				}
				rest = after
			}
		})
	}
}
