package pipeline

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestControlIsShownWhileBrokersAreWaitedFor: whoever reads waits for no broker, and whoever writes waits no longer than he likes.
func TestControlIsShownWhileBrokersAreWaitedFor(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.writers(map[string]string{"li": "l-token"})
	h.file("a.yaml", pauseFile("a", "orders"))
	h.awaits("a@1 in force by li")
	c := h.p.controls.Load()
	if err := c.turn.take(t.Context()); err != nil { // somebody waits for a broker
		t.Fatal(err)
	}
	if got := h.held(); got != "a@1 in force by li" {
		t.Errorf("held is %q", got)
	}
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(impatient, http.MethodDelete, controlPath+"/commands/a", nil)
	request.Header.Set("Authorization", "Bearer l-token")
	h.p.Handler().ServeHTTP(recorder, request)
	if recorder.Code != http.StatusServiceUnavailable || !strings.Contains(recorder.Body.String(), "wait for who") {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
	c.turn.give()
	h.asked([4]string{http.MethodDelete, controlPath + "/commands/a", "l-token", ""}, http.StatusOK, `"change":"ended"`)
}

// TestDryRunHoldsNobodyUp: others write while a dry run waits for the store.
func TestDryRunHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	var waiting atomic.Int64
	store := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { // answers nothing
		waiting.Add(1)
		defer waiting.Add(-1)
		_, _ = io.Copy(io.Discard, r.Body) // only then is it known that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(store.Close)
	h := newControlHouse(t, func(c *Config) { c.ClickHouse.DSN = store.URL + "/default" })
	h.writers(map[string]string{"li": "l-token"})
	await(t, "that history waits for the store", func() bool { return waiting.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	dry := make(chan int, 1)
	body := `{"commands":[{"name":"a","scope":{"topic":"orders"},"reason":"a test","expires_at":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `","pause":{}}]}`
	go func() {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, controlPath+"?dry_run=true", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer l-token")
		h.p.Handler().ServeHTTP(recorder, request)
		dry <- recorder.Code
	}()
	await(t, "that the dry run waits for the store", func() bool { return waiting.Load() == 2 })
	h.asked([4]string{http.MethodPost, controlPath, "l-token", body}, http.StatusOK, `"change":"new"`)
	select {
	case code := <-dry:
		t.Errorf("the dry run was over first, and answered %d", code)
	default:
	}
	cancel()
	if code := <-dry; code == http.StatusOK {
		t.Errorf("the dry run answered %d without the store", code)
	}
}
