package weir

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayDependOn are the modules and packages that a service gets with the SDK: the client
// library that it measures, what that needs itself, protobuf, and Weir's wire contract.
var mayDependOn = []string{
	"github.com/twmb/franz-go/",
	"github.com/klauspost/compress",
	"github.com/pierrec/lz4/v4",
	"google.golang.org/protobuf/",
	"github.com/weirmq/weir/telemetry",
	"github.com/weirmq/weir/sdk",
}

// TestDependencies holds that the SDK brings nothing else into the services that use it.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "github.com/weirmq/weir/sdk").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		allowed := func(prefix string) bool { return strings.HasPrefix(path, prefix) }
		if !slices.ContainsFunc(mayDependOn, allowed) {
			t.Errorf("the SDK depends on %s: it may depend on the standard library and %v", path, mayDependOn)
		}
	}
}
