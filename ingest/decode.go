// Package ingest turns Kafka records of weir.telemetry into valid reports.
//
// In: record values, protobuf or protojson. Out: reports that aggregate may fold
// without another check, or a Refusal that says why not. It promises to stop at
// nothing: every record ends as a report or in weir.deadletter with a reason.
package ingest

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// Decoder decodes and validates records, one at a time. It keeps its buffers
// between records and is not safe for concurrent use.
type Decoder struct {
	Limits Limits
	report telemetry.Report
}

// NewDecoder returns a decoder with those limits.
func NewDecoder(limits Limits) *Decoder { return &Decoder{Limits: limits} }

// Decode reads one record's value, appended by the broker at appendUnixMillis. The
// report and its strings are good until the next call or until value changes. The
// error is always a *Refusal.
func (d *Decoder) Decode(value []byte, appendUnixMillis int64) (*telemetry.Report, error) {
	if len(value) > d.Limits.MaxReportBytes {
		return nil, &Refusal{ReasonOversized, fmt.Sprintf("report has %d bytes, at most %d are allowed", len(value), d.Limits.MaxReportBytes)}
	}
	if err := d.decode(value); err != nil {
		return nil, &Refusal{ReasonUndecodable, err.Error()}
	}
	if refusal := d.Limits.check(&d.report, appendUnixMillis); refusal != nil {
		return nil, refusal
	}
	return &d.report, nil
}

func (d *Decoder) decode(value []byte) error {
	// '{' would open a protobuf group, which no report has.
	if trimmed := bytes.TrimLeft(value, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return decodeJSON(trimmed, &d.report)
	}
	return decodeProtobuf(value, &d.report)
}

func decodeJSON(value []byte, into *telemetry.Report) error {
	var pb telemetrypb.Report
	if err := protojson.Unmarshal(value, &pb); err != nil {
		return fmt.Errorf("not a JSON report: %w", err)
	}
	*into = telemetry.ReportFromPB(&pb)
	into.Labels.Canonical()
	raw, err := telemetry.MarshalLabels(&into.Labels)
	if err != nil {
		return fmt.Errorf("encode labels: %w", err)
	}
	into.RawLabels = raw
	return nil
}
