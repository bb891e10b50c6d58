package agent

import (
	"testing"

	"github.com/weirmq/weir/sdk/internal/reported"
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
	"github.com/weirmq/weir/control/boundedfile",
}

// TestDependencies holds that the agent brings nothing else into the services that use it, and no client library of RocketMQ.
func TestDependencies(t *testing.T) {
	reported.DependsOnly(t, "github.com/weirmq/weir/sdk/agent", mayDependOn...)
}
