package broker

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stamper gives produced batches the broker's time where their topic's configuration says so.
type stamper struct {
	cluster *kfake.Cluster
	batches batchStamper

	mu         sync.Mutex
	appendTime map[string]bool // by topic, as last asked of the broker
	idTopic    map[[16]byte]string
}

// forget drops what is known of topics, as the request may change it. It leaves the request to the broker.
func (s *stamper) forget(kmsg.Request) (kmsg.Response, error, bool) {
	s.cluster.KeepControl()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.appendTime)
	clear(s.idTopic)
	return nil, nil, false
}

// stamp stamps the batches of a produce request. It leaves the request to the broker.
func (s *stamper) stamp(request kmsg.Request) (kmsg.Response, error, bool) {
	s.cluster.KeepControl()
	produce, ok := request.(*kmsg.ProduceRequest)
	if !ok {
		return nil, nil, false
	}
	now := time.Now().UnixMilli()
	for i := range produce.Topics {
		topic := &produce.Topics[i]
		if !s.isAppendTimed(topic) {
			continue
		}
		for j := range topic.Partitions {
			topic.Partitions[j].Records = s.batches.stamped(topic.Partitions[j].Records, now)
		}
	}
	return nil, nil, false
}

// isAppendTimed says whether the topic's records carry the time the broker appended them.
func (s *stamper) isAppendTimed(topic *kmsg.ProduceRequestTopic) bool {
	s.mu.Lock()
	name := topic.Topic
	if name == "" {
		name = s.idTopic[topic.TopicID]
	}
	timed, known := s.appendTime[name]
	s.mu.Unlock()
	if known {
		return timed
	}
	var info *kfake.TopicInfo
	// The broker answers only while this request sleeps; a request of the same connection never overtakes it.
	s.cluster.SleepControl(func() {
		if topic.Topic != "" {
			info = s.cluster.TopicInfo(topic.Topic)
		} else {
			info = s.cluster.TopicIDInfo(topic.TopicID)
		}
	})
	if info == nil {
		return false
	}
	value := info.Configs["message.timestamp.type"]
	timed = value != nil && *value == "LogAppendTime"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.appendTime[info.Topic] = timed
	s.idTopic[info.TopicID] = info.Topic
	return timed
}
