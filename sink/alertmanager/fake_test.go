package alertmanager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// sentAlert is what the tests read of a post.
type sentAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// fake stands for an Alertmanager where the clock is synctest's, which real sockets stop.
type fake struct {
	began  time.Time
	answer func(alerts []sentAlert) int // a status, 0: it cannot be reached, silent: it never answers

	mu    sync.Mutex
	begun string   // as it says itself
	posts []string // "61s a firing": seconds after began, alerts, in sorted order
	last  []sentAlert
}

const silent = -1

func (f *fake) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet {
		f.mu.Lock()
		defer f.mu.Unlock()
		if status := f.answer(nil); status > 0 {
			return answerOf(request, status, fmt.Sprintf(`{"uptime":%q}`, f.begun)), nil
		}
		return nil, fmt.Errorf("connection refused")
	}
	var alerts []sentAlert
	if err := json.NewDecoder(request.Body).Decode(&alerts); err != nil {
		return nil, err
	}
	var names []string
	for _, alert := range alerts {
		state := "firing"
		if !alert.EndsAt.After(time.Now()) {
			state = "resolved"
		}
		names = append(names, alert.Labels["alertname"]+" "+state)
	}
	slices.Sort(names)
	f.mu.Lock()
	f.posts = append(f.posts, fmt.Sprintf("%ds %s", time.Since(f.began)/time.Second, strings.Join(names, ", ")))
	f.last = alerts
	status := f.answer(alerts)
	f.mu.Unlock()
	switch status {
	case 0:
		return nil, fmt.Errorf("connection refused")
	case silent:
		<-request.Context().Done()
		return nil, request.Context().Err()
	}
	return answerOf(request, status, "first line\nsecond line"), nil
}

func answerOf(request *http.Request, status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Request: request,
		Body: io.NopCloser(strings.NewReader(text))}
}

// restart lets it begin to run anew.
func (f *fake) restart(at string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = at
}

// take returns the posts since the last call.
func (f *fake) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	posts := f.posts
	f.posts = nil
	return strings.Join(posts, "; ")
}

// newest returns the alerts of the last post.
func (f *fake) newest() []sentAlert {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *fake) answers(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = func([]sentAlert) int { return status }
}

// bubble is a notifier with one fake instance, inside a synctest bubble.
type bubble struct {
	t      *testing.T
	began  time.Time
	fake   *fake
	sink   *alertmanager.Notifier
	cancel context.CancelFunc

	mu    sync.Mutex
	heard []string
}

// hear is the notifier's OnError.
func (b *bubble) hear(_ string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, fmt.Sprint(err))
}

// errors returns what OnError heard.
func (b *bubble) errors() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.heard)
}

// inBubble plays a test with a running notifier.
func inBubble(t *testing.T, play func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, began: time.Now(), fake: &fake{began: time.Now()}}
		b.fake.answers(http.StatusOK)
		var err error
		b.sink, err = alertmanager.New(alertmanager.Config{URLs: []string{"http://jane:secret@am"}, ResendDelay: time.Minute,
			Client: &http.Client{Transport: b.fake}, OnError: b.hear})
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		b.cancel = cancel
		running.Go(func() {
			if err := b.sink.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		play(b)
		cancel()
		running.Wait()
	})
}

// advance lets the clock come to some time after the bubble began, and the notifier do what is due.
func (b *bubble) advance(until time.Duration) {
	b.t.Helper()
	<-time.NewTimer(until - time.Since(b.began)).C
	synctest.Wait()
}

// put updates one alert, evaluated now.
func (b *bubble) put(name string, state telemetry.AlertState, seq uint64) telemetry.Alert {
	alert := telemetry.Alert{ID: name, Rule: name, Labels: map[string]string{"alertname": name}, State: state, Seq: seq,
		ActiveAt: b.began, FiredAt: b.began, EvaluatedAt: time.Now(), Completeness: 1}
	if state == telemetry.AlertResolved {
		alert.ResolvedAt = time.Now()
	}
	b.sink.Update([]telemetry.Alert{alert})
	return alert
}

// want compares the posts since the last call.
func (b *bubble) want(posts string) {
	b.t.Helper()
	if got := b.fake.take(); got != posts {
		b.t.Errorf("%s after the start:\ngot  %s\nwant %s", time.Since(b.began), got, posts)
	}
}

// tracked compares how many alerts the instance's queue holds.
func (b *bubble) tracked(want int) {
	b.t.Helper()
	if got := b.sink.Status()[0].Tracked; got != want {
		b.t.Errorf("%s after the start %d alerts are tracked, want %d", time.Since(b.began), got, want)
	}
}
