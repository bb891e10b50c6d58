package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/weirmq/weir/telemetry"
)

// eventKind is what one report holds, beside its 8 labels.
type eventKind string

const (
	// kindCount: a number of messages. vmagent gets 1 sample and keeps 1 sum.
	kindCount eventKind = "count"
	// kindLatency: one message and its latency. Weir keeps count, sum, maximum and
	// histogram. vmagent gets 1 sample and keeps the same as 4 outputs; the buckets of
	// its histogram are 13% wide, Weir's are 2%.
	kindLatency eventKind = "latency"
	// kindHistogram: messages, bytes and the latencies of all of them in 20 buckets.
	// vmagent gets 23 samples, of the buckets and 3 sums, and keeps a sum of each. It is
	// spared the maximum, which Weir keeps too.
	kindHistogram eventKind = "histogram"
)

// observe gives the report values of its kind.
func (k eventKind) observe(report *telemetry.Report, random *rand.PCG) {
	switch k {
	case kindCount:
		report.Bytes, report.Messages = 0, 1+random.Uint64()%manyMessages
	case kindLatency:
		report.Bytes, report.Messages = 0, 1
		report.LatencyMicros.Reset()
		report.LatencyMicros.Observe(latencyFrom + random.Uint64()%latencySpread)
	case kindHistogram:
		observe(report, random)
	}
}

// Values of single events. Latencies are within a factor of 3, as those of one client are.
const (
	manyMessages  = 1000
	latencyFrom   = 1000 // microseconds
	latencySpread = 2000
)

// Metrics that vmagent is sent.
const (
	metricMessages = "weir_messages"
	metricBytes    = "weir_bytes"
	metricLatency  = "weir_latency_micros"
	metricSum      = "weir_latency_micros_sum"
	metricBucket   = "weir_latency_micros_bucket"
)

// Outputs of vmagent's stream aggregation.
const (
	outputSum       = "sum_samples"
	outputCount     = "count_samples"
	outputMax       = "max"
	outputHistogram = "histogram_bucket"
)

// outputs are what vmagent keeps of each series that it is sent.
func (k eventKind) outputs() []string {
	if k == kindLatency {
		return []string{outputCount, outputSum, outputMax, outputHistogram}
	}
	return []string{outputSum}
}

// sample is one value for vmagent.
type sample struct {
	metric string
	bucket int32 // noBucket where it is of none
	value  uint64
}

const noBucket = -1

// samples appends what vmagent must be sent to know what the report says.
func (k eventKind) samples(to []sample, report *telemetry.Report) []sample {
	h := &report.LatencyMicros
	switch k {
	case kindCount:
		return append(to, sample{metricMessages, noBucket, report.Messages})
	case kindLatency:
		return append(to, sample{metricLatency, noBucket, h.Sum})
	}
	for i, index := range h.Indexes {
		to = append(to, sample{metricBucket, index, h.Counts[i]})
	}
	return append(to, sample{metricSum, noBucket, h.Sum}, sample{metricMessages, noBucket, report.Messages}, sample{metricBytes, noBucket, report.Bytes})
}

// bucketRange is the label of a bucket, as vmagent writes those of its own histograms.
func bucketRange(index int32) string {
	return fmt.Sprintf("%.3e...%.3e", telemetry.BucketValue(index-1), telemetry.BucketValue(index))
}
