package remoting

import (
	"errors"
	"fmt"
	"testing"
)

// TestIdsOfQueuesAreBounded wherever a broker may say one: as a key, as a value, and in its table of offsets.
func TestIdsOfQueuesAreBounded(t *testing.T) {
	for _, test := range []struct {
		id int
		ok bool
	}{{0, true}, {MaxQueues - 1, true}, {-1, false}, {MaxQueues, false}, {2_000_000_000, false}} {
		for body, into := range map[string]any{
			`{"offsetTable":{{"brokerName":"a","queueId":%d,"topic":"t"}:{"minOffset":1}}}`:         &topicRanges{},
			`{"offsetTable":{{"brokerName":"a","queueId":%d,"topic":"t"}:{"brokerOffset":1}}}`:      &ConsumeStats{},
			`{"mqTable":{{"brokerName":"a","queueId":%d,"topic":"t"}:{}}}`:                          &RunningInfo{},
			`{"consumeTimeSpanSet":[{"messageQueue":{"brokerName":"a","queueId":%d,"topic":"t"}}]}`: &waitSpans{},
			`{"offsetTable":{"t@g":{%d:1}}}`:                                                        &committed{},
		} {
			body = fmt.Sprintf(body, test.id)
			err := decodeBody([]byte(body), into)
			if (err == nil) != test.ok || !test.ok && !errors.Is(err, errAnswer) {
				t.Errorf("%s: got %v", body, err)
			}
		}
	}
	want := "not an answer of RocketMQ: queueId -1: allowed are 0 to 65535"
	if err := decodeBody([]byte(`{"offsetTable":{{"queueId":-1}:{}}}`), &topicRanges{}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzQueues has brokers that say anything of queues: what is taken has an id that a list may be as long as.
func FuzzQueues(f *testing.F) {
	for _, id := range []string{"0", "65535", "65536", "-1", "2000000000", "9223372036854775808", "1e3", `"1"`, "null"} {
		f.Add([]byte(`{"offsetTable":{{"brokerName":"a","queueId":` + id + `,"topic":"t"}:{"minOffset":1,"maxOffset":2}}}`))
		f.Add([]byte(`{"offsetTable":{"t@g":{` + id + `:1}}}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var ranges topicRanges
		if decodeBody(body, &ranges) == nil {
			for queue := range ranges.Queues {
				if queue.ID < 0 || queue.ID >= MaxQueues {
					t.Errorf("%+v was taken", queue)
				}
			}
		}
		var table committed
		if decodeBody(body, &table) == nil {
			for reading, offsets := range table.Offsets {
				for id := range offsets {
					if id < 0 || id >= MaxQueues {
						t.Errorf("%+v: queue %d was taken", reading, id)
					}
				}
			}
		}
	})
}
