package rocketmq

import "strings"

// RocketMQ has topics of its own for each group: one for messages that a consumer failed, which the group consumes again, and one for those
// that it failed too often, which nobody consumes.
const (
	retryPrefix      = "%RETRY%"
	deadLetterPrefix = "%DLQ%"
)

func isRetry(topic string) bool { return strings.HasPrefix(topic, retryPrefix) }

// isAside says that a topic is a group's own. It has no rates and no lag of its own.
func isAside(topic string) bool { return isRetry(topic) || strings.HasPrefix(topic, deadLetterPrefix) }
