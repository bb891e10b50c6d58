package health

import "cmp"

// Limit is what a value may be.
type Limit struct {
	// Beyond says which values are beyond it: above, at_least or below; empty where there is no limit to compare with.
	Beyond string `json:"beyond,omitempty"`
	// Warn and Bad are where a value begins to be so; nil: never.
	Warn *float64 `json:"warn,omitempty"`
	Bad  *float64 `json:"bad,omitempty"`
	// From says who set it: policy.yaml, default, or the topic's min.insync.replicas.
	From string `json:"from,omitempty"`
}

// How values are compared with a limit.
const (
	above   = "above"
	atLeast = "at_least"
	below   = "below"
)

// Who set a limit.
const (
	fromPolicy  = "policy.yaml"
	fromDefault = "default"
	fromTopic   = "min.insync.replicas"
)

// warns is a limit that nothing is bad beyond, and isBad one without a warning.
func warns(beyond string, limit float64) Limit {
	return Limit{Beyond: beyond, Warn: &limit, From: fromDefault}
}

func isBad(beyond string, limit float64) Limit {
	return Limit{Beyond: beyond, Bad: &limit, From: fromDefault}
}

func warnsThenBad(beyond string, warn, bad float64) Limit {
	return Limit{Beyond: beyond, Warn: &warn, Bad: &bad, From: fromDefault}
}

// judge says how a value is.
func (l *Limit) judge(value float64) State {
	switch {
	case l.beyond(value, l.Bad):
		return Bad
	case l.beyond(value, l.Warn):
		return Warn
	}
	return OK
}

func (l *Limit) beyond(value float64, limit *float64) bool {
	if limit == nil {
		return false
	}
	switch l.Beyond {
	case above:
		return value > *limit
	case atLeast:
		return value >= *limit
	}
	return value < *limit
}

// Limits are those that a fleet sets itself, of one cluster. What is nil or missing nobody has set.
type Limits struct {
	LagAgeSeconds map[string]float64 // by tier; "" is for what has none
	Nodes         *float64           // that there should be, whatever they do
	Brokers       *float64
	// CapacityPerSecond are messages per second, as tested.
	CapacityPerSecond *float64
}

// The limits of the shipped rules, which have the reasons beside them. Whoever raises one here hears less than the rules say, whoever
// lowers one hears what they do not; TestLimitsAreThoseOfTheRules in package pipeline holds them together.
const (
	warnCapacity        = 0.5 // of what was tested. Planned is 40%: half is not planned; below it every busy hour would warn
	badCapacity         = 0.8 // the next surge does not fit; above it the surge is there before somebody is awake
	warnClusterSwing    = 0.5 // volatility of a cluster's writes: deserves attention from here
	badClusterSwing     = 2   // an incident
	warnTopicSwing      = 1   // of a topic's: smaller ones are a topic's daily life
	leastSwingPerSecond = 50  // median below which chance alone doubles the rate of 10 s
	badFailures         = 3   // heartbeats in a row, half a minute: fewer are a restart of the network, more a minute without the broker
	warnHeartbeat       = 1   // seconds. Tens of milliseconds are normal
	badHeartbeat        = 5   // seconds. Clients see it
	warnDisk            = 0.75
	badDisk             = 0.85 // a day of writes at most is left on most disks, and RocketMQ stops taking messages soon after
	badQueueWait        = 0.2  // seconds; RocketMQ refuses sends that have waited so long
	badPageCacheLock    = 1    // seconds, likewise
	warnReplicaPolls    = 0.8  // of ten minutes: a restart that follows the rules is over sooner
	warnMisses          = 0.1  // of the partitions: Kafka's own leader.imbalance.per.broker.percentage. After a restart it elects leaders anew by it
	warnSkew            = 3    // times the mean. With fewer than four partitions none can take so much
	leastSkewPartitions = 4
	badDelay            = 60   // seconds: a delay level that has much to deliver at once is late by seconds
	warnPaused          = 1800 // seconds; a shorter pause is somebody's work, a longer one an evening without consumption
	badRetentionLeft    = 3600 // seconds: time to find somebody and to let the group catch up
	warnLagSkew         = 5    // times the median
	leastLagSkew        = 1000 // messages: fewer are read in a second
)

// defaultLagAge is what policy.yaml ships with, in seconds by tier, for a fleet that has not set one: a minute for what people wait for.
// Shorter ones are broken by each restart of a consumer; longer ones are an outage by then.
var defaultLagAge = map[string]float64{"S1": 60, "S2": 300, "S3": 1800, "S4": 1800, "": 1800}

// lagAge is the limit of a tier: bad for S1 and S2, a warning for the rest.
func (l *Limits) lagAge(tier string) Limit {
	from := fromPolicy
	age, set := l.LagAgeSeconds[tier]
	if !set {
		from = fromDefault
		if age, set = defaultLagAge[tier]; !set {
			age = defaultLagAge[""]
		}
	}
	out := warns(above, age)
	if tier == "S1" || tier == "S2" {
		out = isBad(above, age)
	}
	out.From = from
	return out
}

// byTier is a limit beyond which a thing is bad, but for S3 and S4, for which nobody gets up.
func byTier(tier, beyond string, limit float64) Limit {
	if tier == "S3" || tier == "S4" {
		return warns(beyond, limit)
	}
	return isBad(beyond, limit)
}

// check is a part before it has a value.
type check struct {
	name, unit string
	limit      Limit
	means      string
	rule       string
	takes      string // what it takes to be known, where that is more than a poll
}

// known is the part with its value.
func (c *check) known(value float64, where string) Part {
	p := Part{Name: c.name, State: c.limit.judge(value), Value: &value, Unit: c.unit, Limit: c.limit, Where: where, Means: c.means, Rule: c.rule}
	switch p.State {
	case Warn:
		p.Penalty = penaltyWarn
	case Bad:
		p.Penalty = penaltyBad
	}
	return p
}

// fine is the part with a value that is fine whatever the limit, and why.
func (c *check) fine(value float64, why string) Part {
	return Part{Name: c.name, State: OK, Value: &value, Unit: c.unit, Limit: c.limit, Means: c.means, Rule: c.rule, Why: why}
}

// unknown is the part without a value, and why.
func (c *check) unknown(why string) Part {
	return Part{Name: c.name, State: Unknown, Unit: c.unit, Limit: c.limit, Means: c.means, Rule: c.rule, Why: why}
}

// unsaid is why a part is unknown whose gauge the newest poll has not.
const unsaid = "the newest poll did not find it out"

// of is the part by what a poll said.
func (c *check) of(said gauges, name string) Part {
	if value, ok := said[name]; ok {
		return c.known(value, "")
	}
	return c.unknown(cmp.Or(c.takes, unsaid))
}
