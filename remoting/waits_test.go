package remoting

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

// checkWaits has a group that consumed all, and one that reads from the begin, of whose messages the broker says how long they have been there.
func checkWaits(t *testing.T, c realClient) {
	const updateConsumerOffset, updateGroup = 15, 200
	if _, err := c.Do(within(t), c.addr, Request{Code: updateGroup, Body: []byte(`{"groupName":"waiters","consumeEnable":true,"retryQueueNums":1,"retryMaxTimes":16}`)}); err != nil {
		t.Fatal(err)
	}
	commit := map[string]string{"consumerGroup": "waiters", "topic": realTopic, "queueId": "1", "commitOffset": strconv.Itoa(2)}
	if _, err := c.Do(within(t), c.addr, Request{Code: updateConsumerOffset, Fields: commit}); err != nil {
		t.Fatal(err)
	}
	all := must[map[Queue]Waits](t)(c.broker.Waits(within(t), "waiters", realTopic))
	waits := all[Queue{realTopic, "broker-a", 1}]
	waited, known := waits.Next()
	stored, kept := waits.Earliest()
	if now := time.Now(); len(all) != 4 || !known || !kept || waited <= 0 || now.Add(-waited).Before(stored.Add(-time.Second)) || waited > time.Hour {
		t.Errorf("got %+v: %v, %v, %v, %v", all, waited, known, stored, kept)
	}
	eventually(t, func() error { // the consumer commits every 200 ms
		for queue, waits := range must[map[Queue]Waits](t)(c.broker.Waits(within(t), realConsumers, realTopic)) {
			if waited, known := waits.Next(); known {
				return fmt.Errorf("the next message of %v has waited for %v, want none", queue, waited)
			}
		}
		return nil
	})
	const updateTopic = 17
	if _, err := c.Do(within(t), c.addr, Request{Code: updateTopic, Fields: map[string]string{"topic": "narrowed", "defaultTopic": "TBW102", "readQueueNums": "2",
		"writeQueueNums": "1", "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}}); err != nil {
		t.Fatal(err)
	}
	if waits := must[map[Queue]Waits](t)(c.broker.Waits(within(t), "waiters", "narrowed")); len(waits) != 1 {
		t.Errorf("of two queues to read and one to write the broker says %+v, want the one", waits)
	}
	_, err := c.broker.Waits(within(t), "never", "nope")
	mustFail(t, err, ErrNoTopic)
	for queue, waits := range must[map[Queue]Waits](t)(c.broker.Waits(within(t), "never", realTopic)) {
		if waited, known := waits.Next(); known {
			t.Errorf("%v: the next message of a group that nobody knows has waited for %v", queue, waited)
		}
	}
	if groups := must[map[string]GroupConfig](t)(c.broker.Groups(within(t))); groups["never"] != (GroupConfig{}) {
		t.Error("asking made a group")
	}
}

// FuzzWaits has brokers that say anything: what is known can be true.
func FuzzWaits(f *testing.F) {
	f.Add([]byte(`{"consumeTimeSpanSet":[{"consumeTimeStamp":1,"delayTime":90000,"maxTimeStamp":3,"messageQueue":{"brokerName":"a","queueId":1,"topic":"t"},"minTimeStamp":2}]}`))
	f.Add([]byte(`{"consumeTimeSpanSet":[{"delayTime":1795712400001,"minTimeStamp":-1}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got waitSpans
		if decodeBody(body, &got) != nil {
			return
		}
		for queue, waits := range got.byQueue() {
			waited, known := waits.Next()
			stored, kept := waits.Earliest()
			if known && (waited <= 0 || waited > oldest) || kept && stored.Unix() < 0 {
				t.Errorf("%v: waited %v, the oldest is of %v", queue, waited, stored)
			}
		}
	})
}
