package clickhouse

import (
	"fmt"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// RollupGroups is by group and topic, with the gauges of both and of the partitions that the group reads; it is made of rollup_10s.
const RollupGroups = "group_1m"

// rollupGroups takes of each gauge the newest value of the minute, as gauges do not add up, but of paused the greatest: whoever paused in it did. Members are of a group, in a row without a topic.
var rollupGroups = rollup{into: RollupGroups, from: "rollup_10s", step: time.Minute, labels: "env, cluster, system, consumer_group, topic", cut: "env, cluster, topic",
	only: "consumer_group != '' AND hasAny(`gauge.name`, " + nameList(append(append([]string{}, partitionGauges...), groupGauges...)) + ")", gauges: true}

var (
	// partitionGauges are those by which a partition is known to be read by a group.
	partitionGauges = []string{telemetry.GaugeLagMessages, telemetry.GaugeLagSeconds, telemetry.GaugeCommitAge, telemetry.GaugeRetentionLeft,
		telemetry.GaugeStopped, telemetry.GaugeRewound, telemetry.GaugeStalled, telemetry.GaugeGrowing, telemetry.GaugePaused}
	// groupGauges are those of a group and a topic, or of a group.
	groupGauges = []string{telemetry.GaugeDrain, telemetry.GaugeConsumed, telemetry.GaugeMembers}
)

// nameList is an array of names in SQL.
func nameList(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = quoted(name)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// newestGauge is the newest of a gauge's numbers, which are as those of gauges.newest: 0 where nobody reported it.
func newestGauge(name string) string {
	return fmt.Sprintf("max(numbers[indexOf(`gauge.name`, %s)])", quoted(name))
}

// gaugeValue is the value of such a number, or NULL.
func gaugeValue(number string) string {
	return fmt.Sprintf("if(%[1]s = 0, NULL, reinterpretAsFloat64(%[1]s))", number)
}

// gaugeStatement writes rows of whole steps of group_1m: the newest of each partition and gauge first, whoever reported it, and of these what a
// group's topic has. Partitions are in the order of their names, so that the same rows make the same row.
func (r *rollup) gaugeStatement(where string) string {
	const number = "bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(if(at = 0, toDateTime64(ts, 3, 'UTC'), at))), 64), toUInt128(reinterpretAsUInt64(value)))"
	newest := []string{r.begin() + " AS step", r.labels, "partition", "sum(rollup_10s.reports) AS told"}
	for i, as := range []string{"m", "s", "age", "rest", "stopped", "rewound", "stalled", "growing"} {
		newest = append(newest, newestGauge(partitionGauges[i])+" AS "+as)
	}
	for i, as := range []string{"drain", "consumed", "joined"} {
		newest = append(newest, newestGauge(groupGauges[i])+" AS "+as)
	}
	newest = append(newest, fmt.Sprintf("max(`gauge.last`[indexOf(`gauge.name`, %s)]) AS held", quoted(telemetry.GaugePaused)),
		"partition != '' AND max(hasAny(`gauge.name`, "+nameList(partitionGauges)+")) AS is_read")
	is := func(flag string) string { return "reinterpretAsFloat64(" + flag + ") = 1" }
	state := fmt.Sprintf("multiIf(%s, 'stop', %s, 'rewind', %s, 'stall', %s, 'warn', stopped > 0 AND rewound > 0 AND stalled > 0 AND growing > 0, 'ok', 'unknown')",
		is("stopped"), is("rewound"), is("stalled"), is("growing"))
	// The oldest unread message makes a partition the worst, and of equal ones how many are unread.
	const rank = "bitOr(bitShiftLeft(s, 64), toUInt128(toUInt64(m)))"
	columns := [][2]string{
		{"reports", "sum(told)"},
		{"lag_messages", "sum(" + gaugeValue("m") + ")"},
		{"lag_seconds", "max(" + gaugeValue("s") + ")"},
		{"worst_partition", "argMaxOrNullIf(toString(partition), " + rank + ", partition != '' AND (reinterpretAsFloat64(m) > 0 OR reinterpretAsFloat64(s) > 0))"},
		{"drain_seconds", "maxIf(" + gaugeValue("drain") + ", partition = '')"},
		{"consumed_messages_per_second", "maxIf(" + gaugeValue("consumed") + ", partition = '')"},
		{"members", "max(" + gaugeValue("joined") + ")"},
		{"`partition.name`", "found.1"}, {"`partition.lag_messages`", "found.2"}, {"`partition.lag_seconds`", "found.3"},
		{"`partition.commit_age_seconds`", "found.4"}, {"`partition.retention_left_seconds`", "found.5"},
		{"`partition.state`", "arrayMap(state -> if(max(held) > 0, 'paused', state), found.6)"},
	}
	names, values := []string{"ts", r.labels}, []string{"step", r.labels}
	for _, c := range columns {
		names, values = append(names, c[0]), append(values, c[1])
	}
	partition := strings.Join([]string{"toString(partition)", gaugeValue("m"), gaugeValue("s"), gaugeValue("age"), gaugeValue("rest"), state}, ", ")
	return fmt.Sprintf("INSERT INTO %s (%s) WITH arraySort(each -> each.1, groupArrayIf((%s), is_read)) AS found SELECT %s FROM ("+
		"WITH arrayMap((at, value) -> %s, arrayResize(`gauge.at`, length(`gauge.name`)), `gauge.last`) AS numbers "+
		"SELECT %s FROM %s FINAL PREWHERE %s WHERE %s GROUP BY step, %s, partition) GROUP BY step, %s",
		r.into, strings.Join(names, ", "), partition, strings.Join(values, ", "), number, strings.Join(newest, ", "), r.from, where, r.only, r.labels, r.labels)
}
