package telemetry_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

func TestReportsInJSONComeBack(t *testing.T) {
	want := fullReport()
	line, err := telemetry.ReportJSON(&want)
	if err != nil {
		t.Fatal(err)
	}
	var pb telemetrypb.Report
	if err := protojson.Unmarshal(line, &pb); err != nil {
		t.Fatal(err)
	}
	equal(t, "report", want, telemetry.ReportFromPB(&pb))
	if bytes.ContainsAny(line, "\n") || bytes.Contains(line, []byte(`": `)) {
		t.Errorf("got blanks in %s", line)
	}
	if _, err := telemetry.ReportJSON(&telemetry.Report{Labels: telemetry.Labels{Topic: "\xff"}}); err == nil {
		t.Error("a text that is not UTF-8 is taken")
	}
}
