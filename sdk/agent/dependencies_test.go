package agent

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayDependOn are the modules and packages that a service gets with the agent for Kafka: what the reporter needs, and what commands are.
var mayDependOn = []string{
	"github.com/twmb/franz-go/",
	"github.com/klauspost/compress",
	"github.com/pierrec/lz4/v4",
	"google.golang.org/protobuf/",
	"github.com/weirmq/weir/telemetry",
	"github.com/weirmq/weir/control",
	"github.com/weirmq/weir/sdk/report",
	"github.com/weirmq/weir/sdk/agent",
	"github.com/weirmq/weir/sdk/internal/meter",
	"github.com/weirmq/weir/sdk/internal/applied",
}

// TestDependencies holds that the agent brings nothing else into the services that use it, and no client library of RocketMQ.
func TestDependencies(t *testing.T) {
	const path = "github.com/weirmq/weir/sdk/agent"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	needs := strings.Fields(string(out))
	if !slices.Contains(needs, path) {
		t.Fatalf("it needs %v: want itself among it", needs)
	}
	for _, need := range needs {
		if !slices.ContainsFunc(mayDependOn, func(prefix string) bool { return strings.HasPrefix(need, prefix) }) {
			t.Errorf("the agent depends on %s: it may depend on the standard library and %v", need, mayDependOn)
		}
	}
}
