package kafka

import (
	"testing"

	"github.com/weirmq/weir/sdk/internal/reported"
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
	"=github.com/weirmq/weir/sdk",
}

// TestDependencies holds that the SDK brings nothing else into the services that use it,
// and no other system's client library.
func TestDependencies(t *testing.T) {
	for _, path := range []string{"github.com/weirmq/weir/sdk/report", "github.com/weirmq/weir/sdk/kafka", "github.com/weirmq/weir/sdk"} {
		reported.DependsOnly(t, path, mayDependOn...)
	}
}
