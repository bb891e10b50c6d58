package alertmanager_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

func TestAlertmanagerHearsOfAnAlertsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sink := run(t, alertmanager.Config{URLs: []string{h.server.URL()}, ExternalURL: "http://weir.example/"})
	alert := firing("Lag")
	pending := firing("Pending")
	pending.State = telemetry.AlertPending
	sink.Update([]telemetry.Alert{pending, alert})

	got := h.await("Lag", "firing")
	if diff := cmp.Diff(map[string]string{"alertname": "Lag", "topic": "orders"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	window := alert.WindowStart.Format(time.RFC3339) + "/" + alert.WindowEnd.Format(time.RFC3339)
	want := map[string]string{"summary": "orders are late", "completeness": "0.75", "window": window, "values": "lag=1200"}
	if diff := cmp.Diff(want, got.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if got.GeneratorURL != "http://weir.example/alerts/"+alert.ID || !got.StartsAt.Equal(alert.FiredAt) {
		t.Errorf("got generator %s and start %s, want …/alerts/%s and %s", got.GeneratorURL, got.StartsAt, alert.ID, alert.FiredAt)
	}

	over := resolved(alert)
	sink.Update([]telemetry.Alert{over})
	got = h.await("Lag", "resolved")
	want["reason"] = "the rule was deleted"
	if diff := cmp.Diff(want, got.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if !got.StartsAt.Equal(alert.FiredAt) || !got.EndsAt.Equal(over.ResolvedAt) {
		t.Errorf("got %s to %s, want %s to %s", got.StartsAt, got.EndsAt, alert.FiredAt, over.ResolvedAt)
	}
	if n := h.heard("Pending", "firing"); n != nil {
		t.Errorf("a pending alert was sent: %+v", n)
	}
}

// TestEventTimeAheadOfTheClock resolves an alert in the future of Alertmanager's clock, which must resolve now: told an
// end to come it would keep the later end that it had.
func TestEventTimeAheadOfTheClock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sink := run(t, alertmanager.Config{URLs: []string{h.server.URL()}})
	alert := firing("Ahead")
	alert.FiredAt = time.Now().Add(10 * time.Minute)
	sink.Update([]telemetry.Alert{alert})
	h.await("Ahead", "firing")
	over := resolved(alert)
	over.ResolvedAt = time.Now().Add(11 * time.Minute)
	sink.Update([]telemetry.Alert{over})
	h.await("Ahead", "resolved")
}

func TestDeadInstancesDelayNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	refused := "http://" + freeAddr(t)
	sink := run(t, alertmanager.Config{URLs: []string{refused, "http://" + silent.Addr().String(), h.server.URL()}})
	const batches = 20
	for i := range batches { // far more posts than a dead instance could hold up unnoticed
		sink.Update([]telemetry.Alert{firing(fmt.Sprint("Lag", i))})
		eventually(t, func() bool { return sink.Status()[2].Sent == uint64(i+1) && sink.Status()[2].Waiting == 0 },
			func() string { return fmt.Sprintf("alert %d was not acknowledged: %+v", i, sink.Status()) })
	}
	h.await("Lag0", "firing")
	status := sink.Status()
	if status[0].Waiting != batches || status[0].Failed == 0 || !strings.Contains(status[0].LastError, "connection refused") {
		t.Errorf("refused: %+v", status[0])
	}
	if status[1].Waiting != batches || status[1].Sent != 0 {
		t.Errorf("silent: %+v", status[1])
	}
	if status[2].Waiting != 0 || status[2].Failed != 0 || status[2].LastError != "" {
		t.Errorf("live: %+v", status[2])
	}
}

// TestWhatHappenedMeanwhileArrives ends Alertmanager, has alerts fire and resolve, and starts it again. Killed it does
// not know whom it told what, so that it announces no resolve; it is told all the same.
func TestWhatHappenedMeanwhileArrives(t *testing.T) {
	for _, killed := range []bool{true, false} {
		t.Run(fmt.Sprintf("killed=%t", killed), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			sink := run(t, alertmanager.Config{URLs: []string{h.server.URL()}})
			stays, ends := firing("Stays"), firing("Ends")
			sink.Update([]telemetry.Alert{stays, ends})
			h.await("Stays", "firing")
			h.await("Ends", "firing")
			if killed {
				h.server.Kill()
			} else {
				h.stop()
			}
			sink.Update([]telemetry.Alert{resolved(ends), firing("New")})
			eventually(t, func() bool { return sink.Status()[0].Failed > 1 }, func() string { return "no attempt failed" })
			h.start()
			flush(t, sink)
			h.await("New", "firing")
			if status := sink.Status()[0]; status.Waiting != 0 || status.LastError != "" {
				t.Errorf("got %+v, want nothing to wait", status)
			}
			if !killed {
				h.await("Ends", "resolved")
			}
		})
	}
}

// TestAnInvalidAlertHoldsUpNoOther has alerts without labels, for which Alertmanager answers 400.
func TestAnInvalidAlertHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var mu sync.Mutex
	var heard []error
	sink := run(t, alertmanager.Config{URLs: []string{h.server.URL()},
		OnError: func(_ string, err error) { mu.Lock(); heard = append(heard, err); mu.Unlock() }})
	var alerts []telemetry.Alert
	for i := range 50 {
		alert := firing(fmt.Sprint("Lag", i))
		if i == 7 || i == 31 {
			alert.Labels = map[string]string{"topic": ""}
		}
		alerts = append(alerts, alert)
	}
	sink.Update(alerts)
	flush(t, sink)
	if status := sink.Status()[0]; status.Sent != 48 || status.Refused != 2 || status.Waiting != 0 {
		t.Errorf("got %+v, want 48 sent and 2 refused", status)
	}
	if got := h.active(); got != 48 {
		t.Errorf("Alertmanager has %d alerts, want 48", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(heard) != 2 || !strings.Contains(heard[0].Error(), "400 Bad Request") || !strings.Contains(heard[0].Error(), "at least one label pair required") {
		t.Errorf("OnError heard %v, want each refused alert once with Alertmanager's reason", heard)
	}
}

// TestBasicAuthAndPathPrefix has Alertmanager behind a proxy that asks for both.
func TestBasicAuthAndPathPrefix(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	behind, err := url.Parse(h.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	forward := http.StripPrefix("/am", httputil.NewSingleHostReverseProxy(behind))
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "jane" || password != "s3cret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	host := strings.TrimPrefix(proxy.URL, "http://")
	wrong := run(t, alertmanager.Config{URLs: []string{"http://jane:wr0ng@" + host + "/am"}})
	right := run(t, alertmanager.Config{URLs: []string{"http://jane:s3cret@" + host + "/am/"}})
	for _, sink := range []*alertmanager.Notifier{wrong, right} {
		sink.Update([]telemetry.Alert{firing("Lag")})
	}
	h.await("Lag", "firing")
	eventually(t, func() bool { return wrong.Status()[0].Failed > 0 }, func() string { return "the wrong password was not refused" })
	want := "post 1 alerts to http://********@" + host + "/am: got answer 401 Unauthorized: who are you?; look whether the URL has the right user:password@"
	if got := wrong.Status()[0]; got.LastError != want || got.URL != "http://********@"+host+"/am" {
		t.Errorf("got  %+v\nwant the error %s", got, want)
	}
}

// TestARedirectIsNoAcknowledgement answers 302, which http.Client would follow with a GET that succeeds.
func TestARedirectIsNoAcknowledgement(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, "/", http.StatusFound)
		}
	}))
	t.Cleanup(web.Close)
	sink := run(t, alertmanager.Config{URLs: []string{web.URL}})
	sink.Update([]telemetry.Alert{firing("Lag")})
	eventually(t, func() bool { return sink.Status()[0].Failed > 0 }, func() string { return fmt.Sprintf("%+v", sink.Status()) })
	if got := sink.Status()[0]; got.Sent != 0 || !strings.Contains(got.LastError, "302 Found; want no redirect") {
		t.Errorf("got %+v", got)
	}
}
