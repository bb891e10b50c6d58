package rocketmq

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// TestLogTo hands the library's log over, without what messages hold.
func TestLogTo(t *testing.T) {
	var text strings.Builder
	LogTo(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn})))
	defer LogTo(slog.New(slog.DiscardHandler))
	secret := &primitive.MessageExt{MsgId: "7F01"}
	secret.Topic, secret.Body = "orders", []byte("secret")
	rlog.Info("nobody asked", nil)
	rlog.Warning("it failed", map[string]any{rlog.LogKeyMessages: []*primitive.MessageExt{secret}, "message": secret, "sent": &secret.Message, rlog.LogKeyTopic: "orders"})
	got := text.String()
	for _, want := range []string{"level=WARN", `msg="it failed"`, "topic=orders", "messages=[7F01]", "message=7F01", `sent="orders "`} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q: want %q in it", got, want)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "nobody") {
		t.Errorf("got %q: want no bodies, and no line below the logger's level", got)
	}
}
