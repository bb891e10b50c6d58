package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// leastKept is how long a topic must keep what waits for a stage. Not smaller: a
// restart of a stage, of the store or of a broker takes minutes; not larger: how much
// disk a longer outage is worth is the operator's to say.
const leastKept = time.Hour

// senderBatchBytes is what senders of reports may write in one batch: the SDK's client
// and Kafka's own stay below it, and so does the brokers' default of max.message.bytes.
const senderBatchBytes = 1 << 20

// need is what one setting of a topic must be. Where it is not, data or exactness
// would be lost, and Weir refuses to run; below should it runs, and says what it costs.
type need struct {
	setting string
	equals  string // the only right value, "" for a number of
	least   int64  // at least, and
	should  int64  // better; infinite is math.MaxInt64
	why     string // what happens otherwise
}

// needsOf lists what a topic's settings must be. Settings that are not in it, and larger
// numbers, are the operator's. max.message.bytes of weir.parameters is not: one record of
// 1 KB is written to it.
func needsOf(topic Topic) []need {
	policy := need{setting: "cleanup.policy", equals: topic.Settings["cleanup.policy"], why: "compaction takes away what is still to be read"}
	size := need{setting: "max.message.bytes", least: topic.number("max.message.bytes"), why: "a larger batch is never taken, and the stage that writes it stops at it"}
	size.should = size.least
	kept := need{setting: "retention.ms", least: leastKept.Milliseconds(), should: topic.number("retention.ms"),
		why: "what is not read within it is lost, with a stage or the store away"}
	switch topic.Name {
	case telemetry.TopicTelemetry:
		size.least, size.should, size.why = senderBatchBytes, senderBatchBytes, "senders' batches would be refused, and their reports lost"
		return []need{policy, {setting: "message.timestamp.type", equals: topic.Settings["message.timestamp.type"],
			why: "the log read again would be folded in another way"}, size, kept}
	case telemetry.TopicGroups:
		kept.least = (rules.MaxLookback + leastKept).Milliseconds()
		kept.why = "a restart reads again what rules look back on"
	case telemetry.TopicAlerts:
		policy.why = "what deletes by age takes away the state of alerts"
		kept.setting, kept.should = "min.compaction.lag.ms", topic.number("min.compaction.lag.ms")
		kept.why = "transitions that the store has not read within it are lost to it"
	case telemetry.TopicDeadLetter:
		size.why = "a large refused record would stop the stage aggregate"
		kept.least, kept.why = 0, "nobody can look at refused records that are gone"
	case control.Topic:
		policy.why = "what deletes by age takes away commands and routes that are in force"
		kept.setting, kept.should = "min.compaction.lag.ms", topic.number("min.compaction.lag.ms")
		kept.why = "revisions that the store has not read within it are missing in the history"
		size.least, size.should, size.why = control.MaxRecordBytes, control.MaxRecordBytes, "a large command would be refused by the broker"
		return []need{policy, {setting: "message.timestamp.type", equals: topic.Settings["message.timestamp.type"],
			why: "a command dated ahead would be in force for longer than is allowed"}, size, kept}
	case telemetry.TopicParameters:
		const why = "a later record would count as the first one"
		policy.why = why
		return []need{policy, {setting: "retention.ms", least: math.MaxInt64, should: math.MaxInt64, why: why},
			{setting: "retention.bytes", least: math.MaxInt64, should: math.MaxInt64, why: why}}
	}
	return []need{policy, size, kept}
}

// number is a setting of the topic as a number, -1 as infinite.
func (t Topic) number(setting string) int64 {
	n, _ := settingNumber(t.Settings[setting]) // Topics writes numbers
	return n
}

// settingNumber reads a number of a topic's setting; -1 is infinite.
func settingNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if n == -1 {
		n = math.MaxInt64
	}
	return n, err == nil
}

// verdict says what is wrong with a setting, "" for nothing, and whether Weir refuses
// to run with it.
func (n need) verdict(topic Topic, got string, brokers []string) (text string, refused bool) {
	if got == "" && n.setting == "min.compaction.lag.ms" {
		got = "0" // Kafka's default; not every broker describes it
	}
	var wanted string
	if n.equals != "" {
		if got == n.equals {
			return "", false
		}
		wanted, refused = "needs "+n.equals, true
	} else {
		value, ok := settingNumber(got)
		if ok && value >= n.should {
			return "", false
		}
		if wanted, refused = "needs at least "+n.shown(n.least), !ok || value < n.least; !refused {
			wanted = "better is " + n.shown(n.should)
		} else if n.least == math.MaxInt64 {
			wanted = "needs -1"
		}
	}
	return fmt.Sprintf("topic %s has %s=%s, %s: otherwise %s: run `kafka-configs --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s=%s`",
		topic.Name, n.setting, got, wanted, n.why, strings.Join(brokers, ","), topic.Name, n.setting, cmp.Or(topic.Settings[n.setting], shownNumber(n.should))), refused
}

// wholeUnits leaves out what a duration has none of.
var wholeUnits = strings.NewReplacer("h0m0s", "h", "m0s", "m")

// shown is a number of the setting, times with their length in words.
func (n need) shown(value int64) string {
	if strings.HasSuffix(n.setting, ".ms") {
		return fmt.Sprintf("%s (%s)", shownNumber(value), wholeUnits.Replace((time.Duration(value) * time.Millisecond).String()))
	}
	return shownNumber(value)
}

func shownNumber(value int64) string {
	if value == math.MaxInt64 {
		return "-1"
	}
	return strconv.FormatInt(value, 10)
}

// scaled says for each topic that can have any number of partitions what they bound.
var scaled = map[string]string{
	telemetry.TopicTelemetry: "aggregate",
	telemetry.TopicCells:     "store",
	telemetry.TopicGroups:    "evaluate",
	telemetry.TopicAlerts:    "evaluate",
}

// partitionNote says what it means that a topic has another number of partitions
// than telemetry.partitions, "" where there is nothing to say: all work as they are.
func partitionNote(topic Topic, got int32, brokers []string) string {
	work, ok := scaled[topic.Name]
	if !ok || got == topic.Partitions {
		return ""
	}
	text := fmt.Sprintf("topic %s has %d partitions, telemetry.partitions makes it %d: ", topic.Name, got, topic.Partitions)
	switch {
	case got > topic.Partitions:
		return text + "it works with those it has; the key counts for new topics only"
	case work == "evaluate":
		return text + fmt.Sprintf("at most %d processes %s at a time; more of them need new topics, as groups would move away from their alerts", got, work)
	}
	return text + fmt.Sprintf("at most %d processes %s at a time; for more run `kafka-topics --bootstrap-server %s --alter --topic %s --partitions %d`, "+
		"then restart the role aggregate, one process after the other", got, work, strings.Join(brokers, ","), topic.Name, topic.Partitions)
}
