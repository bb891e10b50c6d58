package rocketmq

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/lag"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/remoting"
)

// failing is a group that fails messages.
const failing = "failing"

// fail gives a message back that the group failed so many times: the broker puts it into the group's retry topic, or, after 16, into that of
// its dead letters.
func (f *fleet) fail(t *testing.T, addr string, times int) {
	t.Helper()
	const sendMessage = 10
	ask(t, f.poller, addr, remoting.Request{Code: sendMessage, Body: []byte("failed"), Fields: map[string]string{"producerGroup": failing,
		"topic": remoting.RetryTopicPrefix + failing, "defaultTopic": "TBW102", "defaultTopicQueueNums": "1", "queueId": "0", "sysFlag": "0",
		"bornTimestamp": fmt.Sprint(time.Now().UnixMilli()), "flag": "0", "properties": "", "reconsumeTimes": fmt.Sprint(times), "maxReconsumeTimes": "16"}})
}

// asideIsReported has a group with messages to consume again on two masters, and with dead letters on one.
func (f *fleet) asideIsReported(t *testing.T) {
	of := "group - " + failing + " - -"
	for _, broker := range []*parties.Server{f.a, f.b} {
		create(t, f.poller, broker.Addr(), failing)
		createTopic(t, f.poller, broker.Addr(), remoting.RetryTopicPrefix+failing, 1)
	}
	eventually(t, f.poller, func(s seen, err error) error {
		if err != nil {
			return err
		}
		return s.has(of, map[string]float64{"retry_lag_messages": 0, "dead_letter_messages": 0, "dead_letter_messages_per_second": 0})
	})
	for range 3 {
		f.fail(t, f.a.Addr(), 1)
		f.fail(t, f.b.Addr(), 1)
	}
	const updateConsumerOffset = 15
	ask(t, f.poller, f.a.Addr(), remoting.Request{Code: updateConsumerOffset, Fields: map[string]string{"consumerGroup": failing, "topic": remoting.RetryTopicPrefix + failing,
		"queueId": "0", "commitOffset": "2"}})
	f.fail(t, f.b.Addr(), 17)
	grew := false
	eventually(t, f.poller, func(s seen, err error) error {
		if err != nil {
			return err
		}
		grew = grew || s[of]["dead_letter_messages_per_second"] > 0
		return s.has(of, map[string]float64{"retry_lag_messages": 1 + 3, "dead_letter_messages": 1, "dead_letter_messages_per_second": 0})
	})
	if !grew {
		t.Error("a dead letter came, and no poll said so")
	}
	s, err := poll(t, f.poller)
	for key := range s {
		if strings.Contains(key, "%") || err != nil {
			t.Errorf("got a report of %s: %v, %v", key, s[key], err)
		}
	}
}

// buried is a master that tells how many dead letters a group ever had there.
func buried(set string, count float64) answers {
	return answers{broker: broker{set: set}, answered: true, groups: map[string]*group{"g": {aside: aside{
		retries: known{1, true}, dead: known{count, true}, buried: known{count, true}}}}}
}

// TestAsideOfAllMasters adds up what masters tell, poll by poll.
func TestAsideOfAllMasters(t *testing.T) {
	p := Open(Config{})
	defer p.Close()
	silent := answers{broker: broker{set: "b"}}
	unsaid := buried("b", 0)
	unsaid.groups["g"].aside = aside{}
	for i, step := range []struct {
		all           []answers
		masterless    []string
		retries, pace known
	}{
		{[]answers{buried("a", 4), buried("b", 2)}, nil, known{2, true}, known{0, false}}, // the first poll knows no pace
		{[]answers{buried("a", 14), buried("b", 2)}, nil, known{2, true}, known{1, true}},
		{[]answers{buried("a", 14), silent}, nil, known{0, false}, known{0, false}},
		{[]answers{buried("a", 14), unsaid}, nil, known{1, false}, known{0, false}},
		{[]answers{buried("a", 14)}, []string{"b"}, known{0, false}, known{0, false}},
		{[]answers{buried("a", 24), buried("b", 0)}, nil, known{2, true}, known{0, false}}, // one was made again
	} {
		got := p.asides(&cluster{masterless: step.masterless}, step.all, began.Add(time.Duration(10*i)*time.Second))["g"]
		if got.retries != step.retries || got.pace.is != step.pace.is || got.pace.is && got.pace != step.pace {
			t.Errorf("poll %d: got %+v, want retries %v and pace %v", i, got, step.retries, step.pace)
		}
	}
}

// TestWhatIsHeldAside has a group's retries and dead letters at a master, by what was read there.
func TestWhatIsHeldAside(t *testing.T) {
	retry, dead := remoting.Queue{Topic: remoting.RetryTopicPrefix + "g", Broker: "a"}, remoting.Queue{Topic: remoting.DeadLetterTopicPrefix + "g", Broker: "a"}
	popped := remoting.Queue{Topic: remoting.RetryTopicPrefix + "g_orders", Broker: "a"}
	ends := map[remoting.Queue]lag.Ends{retry: {Start: 2, End: 9}, popped: {Start: 0, End: 5}, dead: {Start: 3, End: 10}}
	both := map[string]bool{retry.Topic: true, popped.Topic: true, dead.Topic: true}
	for name, test := range map[string]struct {
		retries map[remoting.Queue]int64
		topics  map[string]bool
		ends    map[remoting.Queue]lag.Ends
		want    aside
	}{
		"committed":                    {map[remoting.Queue]int64{retry: 4}, both, ends, aside{retries: known{5, true}, dead: known{7, true}, buried: known{10, true}}},
		"committed of what it pops":    {map[remoting.Queue]int64{retry: 4, popped: 1}, both, ends, aside{retries: known{9, true}, dead: known{7, true}, buried: known{10, true}}},
		"never committed":              {map[remoting.Queue]int64{}, both, ends, aside{retries: known{7, true}, dead: known{7, true}, buried: known{10, true}}},
		"committed what expired since": {map[remoting.Queue]int64{retry: 1}, both, ends, aside{retries: known{7, true}, dead: known{7, true}, buried: known{10, true}}},
		"no such topics":               {map[remoting.Queue]int64{}, map[string]bool{}, nil, aside{retries: known{0, true}, dead: known{0, true}, buried: known{0, true}}},
		"commits not read":             {nil, both, ends, aside{retries: known{0, false}, dead: known{7, true}, buried: known{10, true}}},
		"ends not read":                {map[remoting.Queue]int64{}, both, nil, aside{}},
		"topics not said":              {map[remoting.Queue]int64{}, nil, nil, aside{}},
	} {
		q := question{answers: answers{topics: test.topics, aside: test.ends, groups: map[string]*group{"g": {retries: test.retries}}}}
		q.setAside()
		got := q.answers.groups["g"].aside
		for i, pair := range [][2]known{{got.retries, test.want.retries}, {got.dead, test.want.dead}, {got.buried, test.want.buried}} {
			if pair[0].is != pair[1].is || pair[0].is && pair[0] != pair[1] {
				t.Errorf("%s: number %d is %v, want %v", name, i, pair[0], pair[1])
			}
		}
	}
}
