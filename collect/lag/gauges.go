package lag

import "github.com/weirmq/weir/telemetry"

// Gauges appends what is known to gauges, as "What a collector reports" in docs/wire-contract.md wants it of a group, topic and partition.
// What is not known is left out: rules then neither fire nor resolve. A lower bound of the age is reported from BoundCounts on.
func (a *Assessment) Gauges(gauges []telemetry.Gauge) []telemetry.Gauge {
	if messages, ok := a.Messages.Get(); ok {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeLagMessages, Value: float64(messages)})
	}
	age, ok := a.Seconds.Get()
	if !ok {
		age, ok = a.AtLeast.Get()
		ok = ok && age >= BoundCounts.Seconds()
	}
	if ok {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeLagSeconds, Value: age})
	}
	if left, ok := a.RetentionLeft.Get(); ok {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeRetentionLeft, Value: left})
	}
	if a.State == StateUnknown {
		return gauges
	}
	return append(gauges,
		telemetry.Gauge{Name: telemetry.GaugeStalled, Value: one(a.State == STALL)},
		telemetry.Gauge{Name: telemetry.GaugeStopped, Value: one(a.State == STOP)},
		telemetry.Gauge{Name: telemetry.GaugeRewound, Value: one(a.State == REWIND)},
		telemetry.Gauge{Name: telemetry.GaugeGrowing, Value: one(a.State == WARN)})
}

// Gauges appends what is reported of a group and topic, without a partition: the median alone, as rules add the rest up from partitions.
func (g *Group) Gauges(gauges []telemetry.Gauge) []telemetry.Gauge {
	if middle, ok := g.Median.Get(); ok {
		gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeLagMedian, Value: middle})
	}
	return gauges
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
