package rocketmq

import (
	"fmt"
	"strconv"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// Topics of what is delayed, by the names that RocketMQ gives them: by levels, a queue for each, which is delivered in its order; and by any time
// (RocketMQ 5), in a wheel of timers.
const (
	scheduleTopic = "SCHEDULE_TOPIC_XXXX"
	timerTopic    = "rmq_sys_wheel_timer"
)

// delay is how far a master is with what is delayed.
type delay struct {
	topic   string
	number  int   // of the delay level, from 1; 0 of the wheel
	waiting known // messages that are not delivered yet; of the wheel, those that it has not taken in
	// overdue is since when the oldest of them should be delivered, in seconds, and early how long before its time the newest of the others
	// was passed, so that nobody will get it. 0 where all is well.
	overdue, early known
}

// passage is when the messages around the offset of a delay level are due, as they were found.
type passage struct {
	offset     int64
	last, next time.Time // before the offset, and at it; zero where there is none, or it is not known
}

// delays finds how far the master is with each delay level. What it says of its state has the offsets of all levels; when a message is due
// only its queue says, and it is looked up where the offset moved, or never was.
func (q *question) delays() {
	for _, level := range q.answers.info.DelayLevels() {
		q.answers.delays = append(q.answers.delays, q.delay(level))
	}
}

func (q *question) delay(of remoting.DelayLevel) delay {
	level, offset, end := of.Level, of.Offset, of.End
	out := delay{topic: scheduleTopic, number: level, waiting: known{float64(max(end-offset, 0)), true}}
	found, ok := q.memory.passages[level]
	if !ok || found.offset != offset || found.next.IsZero() && offset < end {
		found = q.passage(level, offset)
		q.memory.passages[level] = found
	}
	now := q.now()
	if out.overdue.is = offset >= end || !found.next.IsZero(); offset < end {
		out.overdue.value = max(now.Sub(found.next).Seconds(), 0)
	}
	if out.early.is = offset == 0 || !found.last.IsZero(); offset > 0 {
		out.early.value = max(found.last.Sub(now).Seconds(), 0)
	}
	return out
}

// passage looks up when the messages before and at an offset are due.
func (q *question) passage(level int, offset int64) passage {
	out := passage{offset: offset}
	refused := &q.memory.noEntries
	if refused.holds(q.now()) {
		return out
	}
	from := max(offset-1, 0)
	entries, err := q.broker.QueueEntries(q.ctx, remoting.Queue{Topic: scheduleTopic, ID: level - 1}, from, 2)
	if err != nil {
		refused.begin(q.now(), err)
		q.failed(fmt.Errorf("%w; when delayed messages are due is asked again in %s", err, askAgain))
		return out
	}
	for i, entry := range entries {
		switch {
		case entry.TagsCode <= 0: // of a queue with extended entries it is something else
		case from+int64(i) == offset:
			out.next = time.UnixMilli(entry.TagsCode)
		case from+int64(i) == offset-1:
			out.last = time.UnixMilli(entry.TagsCode)
		}
	}
	return out
}

// timers finds how far the master is with its wheel of timers, if it has one.
func (q *question) timers() {
	if q.settings[remoting.SettingTimers] != "true" {
		return
	}
	out := delay{topic: timerTopic}
	if messages, ok := q.answers.info.Int(remoting.KeyTimerOffsetBehind); ok {
		out.waiting = known{float64(messages), true}
	}
	if seconds, ok := q.answers.info.Int(remoting.KeyTimerReadBehind); ok {
		out.overdue = known{float64(seconds), true}
	}
	q.answers.delays = append(q.answers.delays, out)
}

// delays reports how far masters are with what is delayed.
func (r *reporter) delays(all []answers) {
	for i := range all {
		for _, d := range all[i].delays {
			var gauges []telemetry.Gauge
			for _, of := range []struct {
				gauge string
				known
			}{{telemetry.GaugeDelayLag, d.waiting}, {telemetry.GaugeDelayOverdue, d.overdue}, {telemetry.GaugeDelayEarly, d.early}} {
				if of.is {
					gauges = append(gauges, collect.Gauge(of.gauge, of.value))
				}
			}
			if len(gauges) > 0 {
				out := r.Add("broker")
				out.Labels.Topic, out.Labels.Partition, out.Gauges = d.topic, all[i].set+":"+strconv.Itoa(d.number), gauges
			}
		}
	}
}
