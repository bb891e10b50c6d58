package rocketmq

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayDependOn are the modules and packages that a service gets with the SDK for RocketMQ: the
// client library that it measures, what that needs itself, what the reporter needs, and Weir's wire contract.
var mayDependOn = []string{
	"github.com/apache/rocketmq-client-go/v2",
	"github.com/emirpasic/gods/",
	"github.com/golang/mock/gomock",
	"github.com/google/uuid",
	"github.com/json-iterator/go",
	"github.com/modern-go/",
	"github.com/patrickmn/go-cache",
	"github.com/pkg/errors",
	"github.com/sirupsen/logrus",
	"github.com/tidwall/",
	"go.uber.org/atomic",
	"golang.org/x/sys/",
	"gopkg.in/natefinch/lumberjack.v2",
	"stathat.com/c/consistent",

	"github.com/twmb/franz-go/",
	"github.com/klauspost/compress",
	"github.com/pierrec/lz4/v4",
	"google.golang.org/protobuf/",
	"github.com/weirmq/weir/telemetry",
	"github.com/weirmq/weir/sdk/agent",
	"github.com/weirmq/weir/sdk/report",
	"github.com/weirmq/weir/sdk/rocketmq",
	"github.com/weirmq/weir/sdk/internal/",
	"github.com/weirmq/weir/control",
	"github.com/weirmq/weir/remoting",
}

// clientPath is the package that speaks to any system: it is one path, of which the others are the beginning.
const clientPath = "github.com/weirmq/weir/sdk"

// TestDependencies holds that the SDK brings nothing else into the services that use it.
func TestDependencies(t *testing.T) {
	const path = "github.com/weirmq/weir/sdk/rocketmq"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	needs := strings.Fields(string(out))
	if !slices.Contains(needs, path) {
		t.Fatalf("it needs %v: want itself among it", needs)
	}
	for _, need := range needs {
		if need != clientPath && !slices.ContainsFunc(mayDependOn, func(prefix string) bool { return strings.HasPrefix(need, prefix) }) {
			t.Errorf("the SDK depends on %s: it may depend on the standard library and %v", need, mayDependOn)
		}
	}
}
