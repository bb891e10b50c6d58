package kafka

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/deploy/parts"
)

// TestAToolThatFailsSaysWhy runs one of Kafka's tools without what it needs.
func TestAToolThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	const tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	_, err = Tool(t.Context(), jars, tool, "--describe", "--all-groups")
	if err == nil || !strings.HasPrefix(err.Error(), tool+": exit status 1: ") || !strings.Contains(err.Error(), "[bootstrap-server]") {
		t.Errorf("got %v, want what the tool says of it", err)
	}
}
