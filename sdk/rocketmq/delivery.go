package rocketmq

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
)

// ownProperties are those that the library and the broker have among a message's.
var ownProperties = func() map[string]bool {
	own := map[string]bool{"INNER_NUM": true, "__CRC32#": true, "1ST_POP_TIME": true, "POP_CK": true, "DUP_INFO": true, "TIMER_DELAY_SEC": true, "TIMER_DELAY_MS": true,
		"TIMER_OUT_MS": true, "TIMER_ENQUEUE_MS": true, "TIMER_DEQUEUE_MS": true, "TIMER_ROLL_TIMES": true, "DLQ_ORIGIN_TOPIC": true,
		"DLQ_ORIGIN_MESSAGE_ID": true, "__STARTDELIVERTIME": true, "BORN_TIMESTAMP": true, "BORN_HOST": true}
	for _, name := range []string{primitive.PropertyKeys, primitive.PropertyTags, primitive.PropertyWaitStoreMsgOk, primitive.PropertyDelayTimeLevel,
		primitive.PropertyRetryTopic, primitive.PropertyTimerDeliverMS, primitive.PropertyRealTopic, primitive.PropertyRealQueueId,
		primitive.PropertyTransactionPrepared, primitive.PropertyProducerGroup, primitive.PropertyMinOffset, primitive.PropertyMaxOffset,
		primitive.PropertyBuyerId, primitive.PropertyOriginMessageId, primitive.PropertyTransferFlag, primitive.PropertyCorrectionFlag,
		primitive.PropertyMQ2Flag, primitive.PropertyReconsumeTime, primitive.PropertyMsgRegion, primitive.PropertyTraceSwitch,
		primitive.PropertyUniqueClientMessageIdKeyIndex, primitive.PropertyMaxReconsumeTimes, primitive.PropertyConsumeStartTime,
		primitive.PropertyTranscationPreparedQueueOffset, primitive.PropertyTranscationCheckTimes, primitive.PropertyCheckImmunityTimeInSeconds,
		primitive.PropertyShardingKey, primitive.PropertyTransactionID, primitive.PropertyCorrelationID, primitive.PropertyMessageReplyToClient,
		primitive.PropertyMessageTTL, primitive.PropertyReplyMessageArriveTime, primitive.PropertyMsgType, primitive.PropertyCluster} {
		own[name] = true
	}
	return own
}()

// messageOf is a message as the library sends it. The error says what RocketMQ does not carry.
func messageOf(topic string, m *weir.Message) (*primitive.Message, error) {
	if len(m.Body) == 0 {
		return nil, errors.New("its body is empty: brokers of RocketMQ refuse that")
	}
	out := primitive.NewMessage(topic, m.Body)
	properties := make(map[string]string, len(m.Headers)+4)
	for _, p := range [...]struct{ name, value string }{{primitive.PropertyKeys, string(m.Key)}, {primitive.PropertyTags, m.Tag}} {
		if err := checkText(p.value); err != nil {
			return nil, fmt.Errorf("its %s: %w", strings.ToLower(p.name), err)
		}
		if p.value != "" {
			properties[p.name] = p.value
		}
	}
	for _, h := range m.Headers {
		err := checkText(h.Key + string(h.Value))
		switch {
		case err != nil:
		case h.Key == "" || len(h.Value) == 0:
			err = errors.New("brokers of RocketMQ carry neither a header without a name nor one without a value")
		case ownProperties[h.Key]:
			err = errors.New("RocketMQ has a property of that name itself; choose another one")
		case properties[h.Key] != "":
			err = errors.New("it is there twice: RocketMQ carries one")
		}
		if err != nil {
			return nil, fmt.Errorf("its header %.64q: %w", h.Key, err)
		}
		properties[h.Key] = string(h.Value)
	}
	// The library gives an id only to messages that are sent alone.
	properties[primitive.PropertyUniqueClientMessageIdKeyIndex] = primitive.CreateUniqID()
	out.WithProperties(properties)
	if m.Delay > 0 {
		out.WithDelayTimeLevel(levelOf(m.Delay))
	}
	return out, nil
}

// checkText refuses what would end a property before its end.
func checkText(text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("RocketMQ carries text only: it must be UTF-8 without control characters")
	}
	return nil
}

// deliveryOf is a message as handlers are given it.
func deliveryOf(resource string, m *primitive.MessageExt) weir.Delivery {
	d := weir.NewDelivery(m)
	d.Resource, d.Topic, d.Offset, d.Time = resource, m.Topic, m.QueueOffset, time.UnixMilli(m.BornTimestamp)
	if m.Queue != nil {
		d.Partition = int32(m.Queue.QueueId)
	}
	d.Attempt, d.Body, d.Tag = int(m.ReconsumeTimes)+1, m.Body, m.GetTags()
	if key := m.GetKeys(); key != "" {
		d.Key = []byte(key)
	}
	for name, value := range m.GetProperties() {
		if !ownProperties[name] {
			d.Headers = append(d.Headers, weir.Header{Key: name, Value: []byte(value)})
		}
	}
	return d
}
