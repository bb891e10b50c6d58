package kafka

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayDependOn are the modules and packages that a service gets with the SDK for Kafka: the
// client library that it measures, what that needs itself, protobuf, and Weir's wire contract.
var mayDependOn = []string{
	"github.com/twmb/franz-go/",
	"github.com/klauspost/compress",
	"github.com/pierrec/lz4/v4",
	"google.golang.org/protobuf/",
	"github.com/weirmq/weir/telemetry",
	"github.com/weirmq/weir/control",
	"github.com/weirmq/weir/sdk/agent",
	"github.com/weirmq/weir/sdk/report",
	"github.com/weirmq/weir/sdk/kafka",
	"github.com/weirmq/weir/sdk/internal/",
}

// client is the package that speaks to any system: it is one path, of which the others are the beginning.
const client = "github.com/weirmq/weir/sdk"

// TestDependencies holds that the SDK brings nothing else into the services that use it,
// and no other system's client library.
func TestDependencies(t *testing.T) {
	for _, path := range []string{"github.com/weirmq/weir/sdk/report", "github.com/weirmq/weir/sdk/kafka", client} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		needs := strings.Fields(string(out))
		if !slices.Contains(needs, path) {
			t.Fatalf("%s needs %v: want itself among it", path, needs)
		}
		for _, need := range needs {
			if need != client && !slices.ContainsFunc(mayDependOn, func(prefix string) bool { return strings.HasPrefix(need, prefix) }) {
				t.Errorf("%s depends on %s: it may depend on the standard library and %v", path, need, mayDependOn)
			}
		}
	}
}
