package telemetry

import (
	"regexp"
	"strings"
	"testing"
)

func TestOwnersPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"orders", "orders", true}, {"orders", "orders-2", false}, {"orders*", "orders", true}, {"orders*", "orders-2", true}, {"orders*", "old-orders", false},
		{"*-dlq", "orders-dlq", true}, {"*-dlq", "orders-dlq-2", false}, {"a*b*c", "a-b-c", true}, {"a*b*c", "abc", true}, {"a*b*c", "a-c-b", false},
		{"ab*ba", "aba", false}, {"*", "", true}, {"", "", true}, {"", "a", false}, {"a.c", "abc", false}, {"**", "x", true}, {"*a*", "xay", true}, {"a_c", "abc", false},
	} {
		if got := matches(c.pattern, c.text); got != c.want {
			t.Errorf("%q has %q: %t, want %t", c.pattern, c.text, got, c.want)
		}
	}
}

func TestWhatIsWhose(t *testing.T) {
	t.Parallel()
	both := Owner{Clusters: []string{"eu*", "us"}, Topics: []string{"pay-*"}, Groups: []string{"billing"}}
	whole, anywhere := Owner{Clusters: []string{"lab"}}, Owner{Topics: []string{"audit"}}
	for name, got := range map[string]bool{
		"a topic in a cluster":           both.HasTopic("eu-1", "pay-in"),
		"a group in another":             both.HasGroup("us", "billing"),
		"a topic where all is":           whole.HasTopic("lab", "anything"),
		"a group where all is":           whole.HasGroup("lab", "anything"),
		"a topic in any cluster":         anywhere.HasTopic("", "audit"),
		"not a topic elsewhere":          !both.HasTopic("ap", "pay-in"),
		"not a group by topics":          !anywhere.HasGroup("eu", "audit"),
		"not what is elsewhere":          !whole.HasTopic("lab-2", "anything"),
		"not a topic by groups":          !both.HasTopic("us", "billing"),
		"something of those in clusters": both.HasCluster("eu-9") && !both.HasCluster("ap") && anywhere.HasCluster("ap"),
	} {
		if !got {
			t.Error(name)
		}
	}
}

// FuzzOwnersPatterns compares with a regular expression.
func FuzzOwnersPatterns(f *testing.F) {
	f.Add("a*b", "a-b")
	f.Add("*a*a", "aa")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		like, err := regexp.Compile(`\A(?s:` + strings.Join(parts, ".*") + `)\z`)
		if err == nil && matches(pattern, text) != like.MatchString(text) {
			t.Errorf("%q has %q: %t", pattern, text, !like.MatchString(text))
		}
	})
}
