package telemetry

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// ReportJSON is a report in JSON, on one line: protobuf's own mapping with the names of telemetry.proto. Its error says that a text is
// not UTF-8.
func ReportJSON(r *Report) ([]byte, error) {
	value, err := MarshalReport(r)
	if err != nil {
		return nil, err
	}
	var pb telemetrypb.Report
	if err := proto.Unmarshal(value, &pb); err != nil {
		return nil, err
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(&pb)
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer // protojson puts blanks in by chance
	if err := json.Compact(&line, text); err != nil {
		return nil, err
	}
	return line.Bytes(), nil
}
