package telemetry_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// TestGoldenBytes holds the bytes of every record that has every field set. A reader or writer in another language is
// checked against testdata/*.hex: the bytes stand before the semicolons.
func TestGoldenBytes(t *testing.T) {
	report, cells, groups, watermarks := fullReport(), fullCellBatch(), fullGroupBatch(), fullWatermarks()
	for _, c := range []struct {
		name    string
		message proto.Message
		encode  func() ([]byte, error)
	}{
		{"report", &telemetrypb.Report{}, func() ([]byte, error) { return telemetry.MarshalReport(&report) }},
		{"cellbatch", &telemetrypb.CellBatch{}, func() ([]byte, error) { return telemetry.AppendCellBatch(nil, &cells), nil }},
		{"groupbatch", &telemetrypb.GroupBatch{}, func() ([]byte, error) { return telemetry.AppendGroupBatch(nil, &groups), nil }},
		{"watermarkbatch", &telemetrypb.WatermarkBatch{}, func() ([]byte, error) { return telemetry.MarshalWatermarks(watermarks) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			encoded, err := c.encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := proto.Unmarshal(encoded, c.message); err != nil {
				t.Fatal(err)
			}
			everyFieldIsSet(t, c.message.ProtoReflect())
			got := wireText(encoded, c.message.ProtoReflect().Descriptor(), "")
			path := filepath.Join("testdata", c.name+".hex")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, path, strings.Split(string(want), "\n"), strings.Split(got, "\n"))
			equal(t, "bytes of "+path, encoded, wireBytes(t, path))
		})
	}
}

// TestGoldenReportIsRead holds that the golden bytes mean what they were written from.
func TestGoldenReportIsRead(t *testing.T) {
	var pb telemetrypb.Report
	if err := proto.Unmarshal(wireBytes(t, "testdata/report.hex"), &pb); err != nil {
		t.Fatal(err)
	}
	equal(t, "report", fullReport(), telemetry.ReportFromPB(&pb))
}

// everyFieldIsSet fails for a field that the message, or one of those inside, leaves at its default.
func everyFieldIsSet(t *testing.T, m protoreflect.Message) {
	t.Helper()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case !m.Has(field):
			t.Errorf("%s is not set", field.FullName())
		case field.Message() == nil:
		case field.IsList():
			everyFieldIsSet(t, m.Get(field).List().Get(0).Message())
		default:
			everyFieldIsSet(t, m.Get(field).Message())
		}
	}
}

// wireText writes a message one field a line: its bytes, a semicolon, and what they mean.
func wireText(b []byte, message protoreflect.MessageDescriptor, indent string) string {
	var out strings.Builder
	for len(b) > 0 {
		number, kind, tag := protowire.ConsumeTag(b)
		size := protowire.ConsumeFieldValue(number, kind, b[tag:])
		field, value := message.Fields().ByNumber(number), b[tag:tag+size]
		if field.Message() != nil {
			inner, _ := protowire.ConsumeBytes(value)
			fmt.Fprintf(&out, "%s% x ; %s\n", indent, b[:tag+size-len(inner)], field.Name())
			out.WriteString(wireText(inner, field.Message(), indent+"   "))
		} else {
			fmt.Fprintf(&out, "%s% x ; %s\n", indent, b[:tag+size], field.Name())
		}
		b = b[tag+size:]
	}
	return out.String()
}

// wireBytes reads what wireText wrote.
func wireBytes(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for line := range strings.Lines(string(text)) {
		digits, _, _ := strings.Cut(line, ";")
		bytes, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, bytes...)
	}
	return out
}
