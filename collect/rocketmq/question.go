package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

// question is what one broker is asked in one poll.
type question struct {
	ctx       context.Context
	broker    remoting.Broker
	cluster   *cluster
	now       func() time.Time
	tells     bool                                     // whether it is asked for producers, too
	suspended map[string]map[remoting.Queue]suspension // by group, only to be read
	memory    *memory                                  // of a master; nil of a slave
	queues    map[remoting.Queue]*queue                // of earlier polls, only to be read
	settings  map[string]string                        // of a master; nil where it does not say
	mu        sync.Mutex                               // of answers and memory, while several requests are under way
	answers   answers
}

// answers are what one broker said. What it did not say is not there.
type answers struct {
	broker
	answered  bool // whether the broker answers at all
	outOfTime bool // whether the poll ended before that could be found out
	roundTrip time.Duration
	info      remoting.RuntimeInfo
	demands   demands         // of a master
	topics    map[string]bool // all of them; nil where it did not say
	ends      map[remoting.Queue]lag.Ends
	aside     map[remoting.Queue]lag.Ends // of topics for what is consumed again, or never will be
	unasked   map[string]bool             // topics whose turn it was not: their ends stay as they were
	groups    map[string]*group           // all of them; nil where it did not say
	producers map[string][]remoting.Producer
	delays    []delay
	errs      []error // the first ones
	more      int     // how many further ones there were
}

// maxErrors is how many errors of a broker are told. Not smaller: the first ones may be of a single topic; not larger: who may not ask gets
// one for each of a thousand groups.
const maxErrors = 3

// told are the errors of a broker, and how many there were besides.
func (a *answers) told() []error {
	if a.more == 0 {
		return a.errs
	}
	return append(slices.Clip(a.errs), fmt.Errorf("%d more errors of broker %s", a.more, a.node))
}

// reason is why something is not known of the broker's queues: the first refusal, if there was one.
func (a *answers) reason() lag.Reason {
	if len(a.errs) > 0 {
		return reasonOf(a.errs[0])
	}
	return lag.Unreachable
}

func reasonOf(err error) lag.Reason {
	if errors.Is(err, remoting.ErrNoPermission) {
		return lag.NoPermission
	}
	return lag.Unreachable
}

// greet asks a broker for its state, and says whether it answers.
func (q *question) greet() bool {
	a := &q.answers
	within, cancel := context.WithTimeout(q.ctx, collect.ProbeTime)
	defer cancel()
	began := time.Now()
	var err error
	if a.info, err = q.broker.RuntimeInfo(within); err != nil {
		a.outOfTime = collect.OutOfTime(q.ctx, began)
		q.failed(err)
		return false
	}
	a.answered, a.roundTrip = true, time.Since(began)
	return true
}

// ask asks a broker, first for its state: one that does not answer is asked nothing more. Commits are asked for before ends: a lag is then
// too high by what came in between, and never negative.
func (q *question) ask() {
	if !q.greet() {
		return
	}
	a := &q.answers
	if a.master() {
		var err error
		q.memory.poll++
		if q.settings, err = q.broker.Settings(q.ctx); err != nil {
			q.failed(err)
		}
		a.demands = demandsOf(q.settings)
		q.groups(q.topics())
		q.ends()
		q.setAside()
		q.delays()
		q.timers()
		if q.tells {
			q.clients()
		}
	}
}

func (q *question) failed(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.answers.errs) == maxErrors {
		q.answers.more++
		return
	}
	q.answers.errs = append(q.answers.errs, err)
}

// retention is how long the broker keeps messages, 0 where it does not say.
func (q *question) retention() time.Duration {
	if q.settings == nil {
		return 0
	}
	hours, err := strconv.Atoi(q.settings[remoting.SettingRetentionHours])
	if err != nil || hours < 1 {
		q.failed(fmt.Errorf("read how long broker %s keeps messages: %s is %q, want a number of hours",
			q.answers.node, remoting.SettingRetentionHours, q.settings[remoting.SettingRetentionHours]))
		return 0
	}
	return time.Duration(hours) * time.Hour
}
