package remoting

import "testing"

func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ namespace, name, want string }{
		{"", "orders", "orders"}, {"shop", "orders", "shop%orders"}, {"shop", "shop%orders", "shop%orders"}, {"shop", "shopping", "shop%shopping"},
	} {
		if got := InNamespace(c.namespace, c.name); got != c.want {
			t.Errorf("%s in namespace %q is %s, want %s", c.name, c.namespace, got, c.want)
		}
	}
	if !IsRetryTopic(RetryTopicPrefix+InNamespace("shop", "billing")) || IsRetryTopic("orders") || IsRetryTopic(DeadLetterTopicPrefix+"billing") {
		t.Error("topics of retries are not told from others")
	}
}
