package lint_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weirmq/weir/rules/lint"
)

// TestSARIF holds that the log has the shape that readers ask for, that each result names its rule by its place too, and what
// is told of each place.
func TestSARIF(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("testdata/sarif/shape.json")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&lint.Printer{Format: "sarif", Version: "1", Out: &out}).Print(found); err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(instance); err != nil {
		t.Errorf("%v in\n%s", err, out.String())
	}
	type text struct{ Text string }
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Invocations []struct {
				ExecutionSuccessful        bool
				ToolExecutionNotifications []struct{ Message text }
			}
			Results []struct {
				RuleID, Level string
				RuleIndex     int
				Message       text
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct {
							StartLine, StartColumn int
							Snippet                text
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	var got []string
	for _, result := range run.Results {
		if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
			t.Errorf("rule %d is not %s", result.RuleIndex, result.RuleID)
		}
		place, err := json.Marshal(result.Locations[0].PhysicalLocation)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, result.Level+" "+result.RuleID+" "+result.Message.Text+" "+string(place))
	}
	want := []string{
		`error fault the file cannot be read {"ArtifactLocation":{"URI":"r/a:%20b.yaml"},"Region":{"StartLine":0,"StartColumn":0,"Snippet":{"Text":""}}}`,
		`warning never-true 5% of "x" < 1,000; write 5 {"ArtifactLocation":{"URI":"r/%C3%A4.yaml"},"Region":{"StartLine":3,"StartColumn":7,"Snippet":{"Text":"  expr: x"}}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if invocation := run.Invocations[0]; invocation.ExecutionSuccessful || invocation.ToolExecutionNotifications[0].Message.Text != "there is\nnone" {
		t.Errorf("got %+v of a folder that cannot be read", invocation)
	}
}
