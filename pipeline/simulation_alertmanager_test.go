package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// simulatedAlertmanager keeps alerts by their labels until they end, and tells a receiver when one begins to fire or
// has ended, as Alertmanager does without waiting to group them.
type simulatedAlertmanager struct {
	mu     sync.Mutex
	random *rand.Rand
	say    func(string, ...any)
	answer answer
	begun  int                  // how often it has started
	alerts map[string]time.Time // when they end, by fingerprint
	firing map[string]bool      // what the receiver was told last
	told   map[string][]string  // all that the receiver was told: firing, resolved; "forgot" where it lost its memory
}

// answer is how it answers posts.
type answer int

const (
	stores answer = iota
	isAway
	isUnavailable // 503
	isSilent
	storesAndFails
	storesAndIsSilent
	numAnswers
)

func newSimulatedAlertmanager(r *rand.Rand, say func(string, ...any)) *simulatedAlertmanager {
	return &simulatedAlertmanager{random: r, say: say, alerts: map[string]time.Time{}, firing: map[string]bool{}, told: map[string][]string{}}
}

var errRefusedConnection = errors.New("connection refused")

// RoundTrip takes a post of alerts, or says when it began to run.
func (a *simulatedAlertmanager) RoundTrip(request *http.Request) (*http.Response, error) {
	a.mu.Lock()
	how := a.answer
	if how == stores || how == storesAndFails || how == storesAndIsSilent {
		if err := a.post(request); err != nil {
			a.mu.Unlock()
			return nil, err
		}
	}
	status, body := http.StatusOK, fmt.Sprintf(`{"uptime":"start %d"}`, a.begun)
	a.mu.Unlock()
	switch how {
	case isAway:
		return nil, errRefusedConnection
	case isUnavailable, storesAndFails:
		status = http.StatusServiceUnavailable
	case isSilent, storesAndIsSilent:
		<-request.Context().Done()
		return nil, request.Context().Err()
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Request: request, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (a *simulatedAlertmanager) post(request *http.Request) error {
	if request.Method != http.MethodPost {
		return nil
	}
	var alerts []struct {
		Labels map[string]string `json:"labels"`
		EndsAt time.Time         `json:"endsAt"`
	}
	if err := json.NewDecoder(request.Body).Decode(&alerts); err != nil {
		return err
	}
	for _, alert := range alerts {
		a.alerts[telemetry.Fingerprint(alert.Labels)] = alert.EndsAt
	}
	a.tell(time.Now())
	return nil
}

// tell tells the receiver what is new.
func (a *simulatedAlertmanager) tell(now time.Time) {
	for id, ends := range a.alerts {
		fires := ends.After(now)
		if fires != a.firing[id] {
			a.firing[id] = fires
			state := "resolved"
			if fires {
				state = "firing"
			}
			a.told[id] = append(a.told[id], state)
			a.say("the receiver is told that %s is %s", id, state)
		}
		if !fires {
			delete(a.alerts, id)
		}
	}
}

// expire ends alerts that it has not heard of again.
func (a *simulatedAlertmanager) expire(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell(now)
}

// disturb lets it answer otherwise for a while, or start again: alerts are forgotten then, and where it was killed
// also whom it told what.
func (a *simulatedAlertmanager) disturb() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer(a.random.IntN(int(numAnswers)))
	a.say("Alertmanager answers in way %d", a.answer)
	if a.random.IntN(3) > 0 {
		return
	}
	a.begun++
	clear(a.alerts)
	a.say("Alertmanager has started again")
	if a.random.IntN(2) == 0 {
		for id, firing := range a.firing {
			if firing {
				a.told[id] = append(a.told[id], "forgot")
			}
		}
		clear(a.firing)
	}
}

func (a *simulatedAlertmanager) recover() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = stores
}
