package applied

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/weirmq/weir/control"
)

// TestACommandHoldsFromATopicsFirstMessage holds that a command for a topic touches what any goroutine sends to it, also while another one sends the
// first message: whoever finds the topic known finds the command.
func TestACommandHoldsFromATopicsFirstMessage(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilitySendLimit)
	var topics []string
	var commands []control.Command
	for i := range 200 {
		topics = append(topics, fmt.Sprintf("topic-%d", i))
		commands = append(commands, slow(fmt.Sprintf("narrow-%d", i), control.Scope{Topic: topics[i]}, 1))
	}
	g.feed(commands...)
	for _, topic := range topics {
		var first sync.WaitGroup
		first.Go(func() { g.client.SendsTouched(topic) })
		for !(*g.client.sentTo.Load())[topic] {
			runtime.Gosched()
		}
		if !g.client.SendsTouched(topic) {
			t.Errorf("%s is known to be sent to, and its command does not touch it", topic)
		}
		first.Wait()
	}
}
