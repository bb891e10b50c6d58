package control

import (
	"fmt"
	"slices"
	"strings"
)

// Describe says what a command asks of whom, as in send_limit 200/s topic=orders.
func (c *Command) Describe() string {
	text := c.Action()
	switch {
	case c.SendLimit != nil:
		text += c.SendLimit.describe()
	case c.LargeMessages != nil:
		text += c.LargeMessages.describe()
	case c.MinSDKVersion != nil:
		text += " " + c.MinSDKVersion.Lang + " " + c.MinSDKVersion.Version
	case c.ReportInterval != nil:
		text += fmt.Sprintf(" %gs", c.ReportInterval.Seconds)
	case c.Sampling != nil:
		text += c.Sampling.describe()
	}
	text += " " + c.describeScope()
	if c.Percent < 100 {
		text += fmt.Sprintf(" of %g%%", c.Percent)
	}
	if c.Shadow {
		text += " in shadow"
	}
	return text
}

func (l *SendLimit) describe() string {
	text := fmt.Sprintf(" %g/s", l.MessagesPerSecond)
	if l.Shared {
		text += " shared"
	}
	if l.Clients > 0 {
		text += fmt.Sprintf(" by %d", l.Clients)
	}
	return text
}

func (m *LargeMessages) describe() string {
	text := ""
	for _, size := range []struct {
		does  string
		bytes int
	}{{"flag", m.FlagBytes}, {"compress", m.CompressBytes}, {"refuse", m.RefuseBytes}} {
		if size.bytes > 0 {
			text += fmt.Sprintf(" %s from %d bytes", size.does, size.bytes)
		}
	}
	return text
}

func (s *Sampling) describe() string {
	text := ""
	if s.OneIn > 0 {
		text += fmt.Sprintf(" 1 in %d", s.OneIn)
	}
	if s.SlowAfterSeconds > 0 {
		text += fmt.Sprintf(" slower than %gs", s.SlowAfterSeconds)
	}
	return text
}

// describeScope lists the labels of a command's scope.
func (c *Command) describeScope() string {
	labels := []string{}
	for i, value := range c.Scope.labels() {
		if *value != "" {
			labels = append(labels, scopeNames[i]+"="+*value)
		}
	}
	if len(c.Scope.Partitions) > 0 {
		labels = append(labels, "partitions="+strings.ReplaceAll(strings.Trim(fmt.Sprint(c.Scope.Partitions), "[]"), " ", ","))
	}
	if c.Everywhere {
		labels = slices.Insert(labels, 0, "everywhere")
	}
	return strings.Join(labels, " ")
}
