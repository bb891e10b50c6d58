// Package ingest turns Kafka records of weir.telemetry into valid reports.
//
// In: record values, protobuf or protojson. Out: reports that aggregate may fold
// without another check, or a Refusal that says why not. It promises to stop at
// nothing: every record ends as a report or in weir.deadletter with a reason.
package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// maxDetailBytes bounds the part of an error's text that a refusal keeps. Not smaller: the place of a fault in a JSON
// report needs its line and field; not larger: it is a header of the dead letter, whose value holds all bytes.
const maxDetailBytes = 512

var errEmpty = errors.New("record has no value: send a report as protobuf or JSON")

// readJSON ignores fields that it does not know, as the contract says.
var readJSON = protojson.UnmarshalOptions{DiscardUnknown: true}

// Decoder decodes and validates records, one at a time. It keeps its buffers
// between records and is not safe for concurrent use.
type Decoder struct {
	Limits  Limits
	report  telemetry.Report
	labeled bool // the report's labels may be set
}

// NewDecoder returns a decoder with those limits.
func NewDecoder(limits Limits) *Decoder { return &Decoder{Limits: limits} }

// Decode reads one record's value, appended by the broker at appendUnixMillis. The
// report and its strings are good until the next call or until value changes. The
// error is always a *Refusal.
func (d *Decoder) Decode(value []byte, appendUnixMillis int64) (*telemetry.Report, error) {
	r, err := d.DecodeValues(value, appendUnixMillis)
	if err != nil {
		return nil, err
	}
	d.labeled = true
	if err := d.ReadLabels(r.RawLabels, &r.Labels); err != nil {
		return nil, err
	}
	return r, nil
}

// DecodeValues is Decode without the labels, which stay encoded in RawLabels: most
// reports are of a series whose labels were read before.
func (d *Decoder) DecodeValues(value []byte, appendUnixMillis int64) (*telemetry.Report, error) {
	if len(value) > d.Limits.MaxReportBytes {
		return nil, &Refusal{ReasonOversized, fmt.Sprintf("report has %d bytes, at most %d are allowed", len(value), d.Limits.MaxReportBytes)}
	}
	if d.decodePlain(value, appendUnixMillis) {
		return &d.report, nil
	}
	if err := d.decode(value); err != nil {
		return nil, &Refusal{ReasonUndecodable, detailOf(err)}
	}
	if refusal := d.Limits.check(&d.report, appendUnixMillis); refusal != nil {
		return nil, refusal
	}
	return &d.report, nil
}

// ReadLabels decodes and checks encoded labels. They alias raw. The error is always a
// *Refusal.
func (d *Decoder) ReadLabels(raw []byte, into *telemetry.Labels) error {
	*into = telemetry.Labels{Extra: into.Extra[:0]}
	if err := decodeLabels(raw, into); err != nil {
		return &Refusal{ReasonUndecodable, detailOf(fmt.Errorf("field 2: %w", err))}
	}
	if refusal := d.Limits.checkLabels(into); refusal != nil {
		return refusal
	}
	return nil
}

// detailOf is an error's text, which may quote the record: made valid and cut short.
// The protobuf library writes some spaces as no-break spaces, by the build, so that
// nobody relies on its texts.
func detailOf(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.ToValidUTF8(text[:min(len(text), maxDetailBytes)], "\uFFFD")
}

// decode reads a record that is JSON or protobuf. A brace opens a group of protobuf,
// which no report has; white space before a brace is also legal protobuf, so there the
// record is JSON only where it is no report otherwise.
func (d *Decoder) decode(value []byte) error {
	d.labeled = true
	if len(value) > 0 && value[0] == '{' {
		return decodeJSON(value, &d.report)
	}
	err := decodeProtobuf(value, &d.report)
	if err == nil && d.report.Schema != 0 {
		return nil
	}
	trimmed := bytes.TrimLeft(value, " \t\r\n")
	if len(trimmed) == 0 {
		return errEmpty
	}
	if trimmed[0] == '{' {
		return decodeJSON(trimmed, &d.report)
	}
	return err
}

func decodeJSON(value []byte, into *telemetry.Report) error {
	var pb telemetrypb.Report
	if err := readJSON.Unmarshal(value, &pb); err != nil {
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
