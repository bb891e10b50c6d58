package telemetry

import (
	"fmt"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

func labelsToPB(l *Labels) *telemetrypb.Labels {
	pb := &telemetrypb.Labels{Env: l.Env, Cluster: l.Cluster, System: l.System, Topic: l.Topic, Partition: l.Partition,
		Group: l.Group, Op: l.Op, Client: l.Client, Node: l.Node, SdkLang: l.SDKLang, SdkVersion: l.SDKVersion,
		Tier: l.Tier, Lane: l.Lane, Tag: l.Tag}
	for _, e := range l.Extra {
		pb.Extra = append(pb.Extra, &telemetrypb.Label{Name: e.Name, Value: e.Value})
	}
	return pb
}

func labelsFromPB(pb *telemetrypb.Labels) Labels {
	l := Labels{Env: pb.GetEnv(), Cluster: pb.GetCluster(), System: pb.GetSystem(), Topic: pb.GetTopic(),
		Partition: pb.GetPartition(), Group: pb.GetGroup(), Op: pb.GetOp(), Client: pb.GetClient(), Node: pb.GetNode(),
		SDKLang: pb.GetSdkLang(), SDKVersion: pb.GetSdkVersion(), Tier: pb.GetTier(), Lane: pb.GetLane(), Tag: pb.GetTag()}
	for _, e := range pb.GetExtra() {
		l.Extra = append(l.Extra, Label{e.GetName(), e.GetValue()})
	}
	return l
}

func histogramToPB(h *Histogram) *telemetrypb.Histogram {
	if len(h.Indexes) == 0 {
		return nil
	}
	return &telemetrypb.Histogram{Indexes: h.Indexes, Counts: h.Counts, Sum: h.Sum, Max: h.Max}
}

func histogramFromPB(pb *telemetrypb.Histogram) Histogram {
	return Histogram{pb.GetIndexes(), pb.GetCounts(), pb.GetSum(), pb.GetMax()}
}

func errorsToPB(errors []ErrorCount) []*telemetrypb.ErrorCount {
	var out []*telemetrypb.ErrorCount
	for _, e := range errors {
		out = append(out, &telemetrypb.ErrorCount{Class: e.Class, Count: e.Count})
	}
	return out
}

func errorsFromPB(pb []*telemetrypb.ErrorCount) []ErrorCount {
	var out []ErrorCount
	for _, e := range pb {
		out = append(out, ErrorCount{e.GetClass(), e.GetCount()})
	}
	return out
}

func eventsToPB(events []Event) []*telemetrypb.Event {
	var out []*telemetrypb.Event
	for _, e := range events {
		out = append(out, &telemetrypb.Event{Kind: telemetrypb.Event_Kind(e.Kind), TimeUnixMs: e.TimeUnixMillis, Detail: e.Detail})
	}
	return out
}

func eventsFromPB(pb []*telemetrypb.Event) []Event {
	var out []Event
	for _, e := range pb {
		out = append(out, Event{EventKind(e.GetKind()), e.GetTimeUnixMs(), e.GetDetail()})
	}
	return out
}

func exemplarsToPB(exemplars []Exemplar) []*telemetrypb.Exemplar {
	var out []*telemetrypb.Exemplar
	for i := range exemplars {
		e := &exemplars[i]
		out = append(out, &telemetrypb.Exemplar{TimeUnixMs: e.TimeUnixMillis, TraceId: e.TraceID, MessageId: e.MessageID,
			LatencyUs: e.LatencyMicros, SizeBytes: e.SizeBytes, ErrorClass: e.ErrorClass, Attempt: e.Attempt, DelayUs: e.DelayMicros,
			Kept: telemetrypb.Exemplar_Kept(e.Kept), Step: telemetrypb.Exemplar_Step(e.Step), SampledOf: e.SampledOf})
	}
	return out
}

func exemplarsFromPB(pb []*telemetrypb.Exemplar) []Exemplar {
	var out []Exemplar
	for _, e := range pb {
		out = append(out, Exemplar{e.GetTimeUnixMs(), e.GetTraceId(), e.GetMessageId(), e.GetLatencyUs(), e.GetSizeBytes(),
			e.GetErrorClass(), e.GetAttempt(), e.GetDelayUs(), Kept(e.GetKept()), Step(e.GetStep()), e.GetSampledOf()})
	}
	return out
}

func gaugesFromPB(pb []*telemetrypb.GaugeValue) []GaugeValue {
	var out []GaugeValue
	for _, g := range pb {
		out = append(out, GaugeValue{g.GetName(), g.GetTimeUnixMs(), g.GetLast(), g.GetMax(), g.GetSum(), g.GetMin(), g.GetSeries()})
	}
	return out
}

func sourceFromPB(pb *telemetrypb.Source) (Source, error) {
	id, err := topicIDFromPB(pb.GetTopicId())
	return Source{id, pb.GetPartition()}, err
}

func topicIDFromPB(raw []byte) (id [16]byte, err error) {
	if len(raw) != len(id) {
		return id, fmt.Errorf("source has a topic id of %d bytes, want %d", len(raw), len(id))
	}
	return [16]byte(raw), nil
}

func segmentFromPB(pb *telemetrypb.Segment) Segment {
	return Segment{pb.GetBlock(), pb.GetMinuteUnix()}
}
