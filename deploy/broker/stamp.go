package broker

import (
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where things are in a record batch of format 2.
const (
	crcAt             = 17
	attributesAt      = 21 // also where what the checksum covers begins
	batchHeaderBytes  = 61
	attrLogAppendTime = 0x0008
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamper marks produced batches as append-timed where their topic's configuration says so; the broker then puts its
// own clock into a batch so marked.
type stamper struct {
	cluster *kfake.Cluster

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

// stamp marks the batches of a produce request. It leaves the request to the broker.
func (s *stamper) stamp(request kmsg.Request) (kmsg.Response, error, bool) {
	s.cluster.KeepControl()
	produce, ok := request.(*kmsg.ProduceRequest)
	if !ok {
		return nil, nil, false
	}
	for i := range produce.Topics {
		topic := &produce.Topics[i]
		if !s.isAppendTimed(topic) {
			continue
		}
		for j := range topic.Partitions {
			topic.Partitions[j].Records = mark(topic.Partitions[j].Records)
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

// mark returns the batch with the attribute set and its checksum renewed. A batch that is damaged stays as it is, for
// the broker to refuse.
func mark(batch []byte) []byte {
	if len(batch) < batchHeaderBytes || binary.BigEndian.Uint32(batch[crcAt:]) != crc32.Checksum(batch[attributesAt:], castagnoli) {
		return batch
	}
	marked := append([]byte(nil), batch...)
	attributes := binary.BigEndian.Uint16(marked[attributesAt:])
	binary.BigEndian.PutUint16(marked[attributesAt:], attributes|attrLogAppendTime)
	binary.BigEndian.PutUint32(marked[crcAt:], crc32.Checksum(marked[attributesAt:], castagnoli))
	return marked
}
