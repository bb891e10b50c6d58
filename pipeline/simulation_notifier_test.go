package pipeline

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/alertmanager"
)

// notificationStage drives the notifier, which runs on the bubble's clock.
type notificationStage struct {
	s      *simulation
	n      *notification
	ice    ice
	cancel context.CancelFunc
	done   chan error
}

func openSimulatedNotification(s *simulation, m *simulatedMember) simulatedStage {
	g := &notificationStage{s: s, done: make(chan error, 1)}
	g.n = &notification{log: s.log, metrics: s.metrics.stage(RoleAlertmanager), at: newPositions(), awake: newStandstill(time.Now())}
	var err error
	g.n.notifier, err = alertmanager.New(alertmanager.Config{URLs: []string{"http://alertmanager"}, ResendDelay: simulatedResendDelay,
		Client: &http.Client{Transport: frozenTransport{&g.ice, s.alertmanager}},
		MayPost: func() bool {
			g.ice.wait()
			return g.n.awake.over(time.Now())
		}})
	if err != nil {
		panic(err) // the configuration is right
	}
	var ctx context.Context
	ctx, g.cancel = context.WithCancel(s.ctx)
	go func() { g.done <- g.n.notifier.Run(ctx) }()
	return g
}

func (g *notificationStage) assigned(topicPartition) error { return nil }
func (g *notificationStage) revoked(at topicPartition)     { g.n.forget(byTopic(at)) }

func (g *notificationStage) settle() error {
	g.n.awake.over(time.Now())
	return nil
}

func (g *notificationStage) take(p kgo.FetchTopicPartition) error {
	g.n.take(p)
	return nil
}

func (g *notificationStage) stop(inOrder bool) {
	g.ice.melt()
	if inOrder {
		g.n.drain(g.s.ctx)
	}
	g.cancel()
	<-g.done
}

// ice holds the goroutines of a process that stands still.
type ice struct {
	mu     sync.Mutex
	melted chan struct{} // nil without ice
}

func (i *ice) freeze() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.melted = make(chan struct{})
}

func (i *ice) melt() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.melted != nil {
		close(i.melted)
	}
	i.melted = nil
}

// wait waits for the melt, and says whether there was ice.
func (i *ice) wait() bool {
	i.mu.Lock()
	melted := i.melted
	i.mu.Unlock()
	if melted == nil {
		return false
	}
	<-melted
	return true
}

var errFrozenConnection = errors.New("the connection was closed meanwhile")

// frozenTransport sends nothing while its process stands still.
type frozenTransport struct {
	ice *ice
	to  http.RoundTripper
}

func (t frozenTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.ice.wait() {
		return nil, errFrozenConnection
	}
	return t.to.RoundTrip(request)
}

// freezeNotifier lets a notifier stand still, and others take its place; it does not know when it wakes up.
func (s *simulation) freezeNotifier() {
	live := s.live(s.roles[3])
	if len(live) < 2 || len(s.sleepers) > 0 {
		return
	}
	m := live[s.random.IntN(len(live))]
	s.say("%s stands still", m.name)
	m.busy = true
	m.stage.(*notificationStage).ice.freeze()
	s.abandon(m, standstillAfter, sessionTimeout) // its newest heartbeat was a moment ago
	s.sleepers = append(s.sleepers, sleeper{m, time.Now().Add(sessionTimeout + time.Duration(s.random.IntN(longFreeze))*time.Second)})
}

// wakeUp lets those go on whose time has come, or all.
func (s *simulation) wakeUp(all bool) {
	for len(s.sleepers) > 0 && (all || !s.sleepers[0].until.After(time.Now())) {
		m := s.sleepers[0].member
		s.sleepers = s.sleepers[1:]
		s.say("%s wakes up", m.name)
		m.busy, m.woke = false, time.Now()
		m.stage.(*notificationStage).ice.melt()
	}
}

// sleeper is a process that stands still until then.
type sleeper struct {
	member *simulatedMember
	until  time.Time
}
