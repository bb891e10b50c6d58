package remoting

import "strings"

// Names of topics that brokers make for a group begin with these.
const (
	// RetryTopicPrefix is of the topic with messages that the group is given again.
	RetryTopicPrefix = "%RETRY%"
	// DeadLetterTopicPrefix is of the topic with messages that it is not given again.
	DeadLetterTopicPrefix = "%DLQ%"
)

// IsRetryTopic says that a topic has a group's messages that are given again.
func IsRetryTopic(topic string) bool { return strings.HasPrefix(topic, RetryTopicPrefix) }

// InNamespace is the name of a topic or group of a namespace as brokers know it. Libraries write it into the messages that they send, so one that is given again may
// have it already.
func InNamespace(namespace, name string) string {
	if namespace == "" || strings.HasPrefix(name, namespace+"%") {
		return name
	}
	return namespace + "%" + name
}
