package rocketmq

import (
	"testing"

	"github.com/weirmq/weir/sdk/internal/reported"
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
	"=github.com/weirmq/weir/sdk",
}

// TestDependencies holds that the SDK brings nothing else into the services that use it.
func TestDependencies(t *testing.T) {
	reported.DependsOnly(t, "github.com/weirmq/weir/sdk/rocketmq", mayDependOn...)
}
