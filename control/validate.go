package control

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commandName is what commands are called: it stands in keys, tables and events.
var commandName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// Validate says all that is wrong with the command. The error is Faults below the command's name.
func (c *Command) Validate() error {
	if err := c.faults().err(); err != nil {
		return fmt.Errorf("command %q: %w", c.Name, err)
	}
	return nil
}

func (c *Command) faults() Faults {
	var f Faults
	if c.Schema != Schema {
		f.add("schema", "got %d, want %d", c.Schema, Schema)
	}
	if len(c.Name) > MaxNameBytes || !commandName.MatchString(c.Name) {
		f.add("name", "got %q, want small letters, digits, . _ and -, of which a letter or digit comes first, at most %d", c.Name, MaxNameBytes)
	}
	f.revision(c.Revision)
	f.sentence("author", c.Author, MaxLabelBytes)
	f.sentence("reason", c.Reason, MaxReasonBytes)
	c.lifetimeFaults(&f)
	if !(c.Percent > 0 && c.Percent <= 100) { // NaN is neither
		f.add("percent", "got %g, want above 0 and at most 100", c.Percent)
	}
	if c.Source != "" && !slices.Contains(sources, c.Source) {
		f.add("source", "got %q, want one of %s", c.Source, sources)
	}
	f.label("spec", c.Spec)
	c.scopeFaults(&f)
	c.actionFaults(&f)
	return f
}

// lifetimeFaults says what is wrong with when a command is in force.
func (c *Command) lifetimeFaults(f *Faults) {
	switch {
	case c.CreatedAt.IsZero():
		f.add("created_at", "missing")
	case c.ExpiresAt.IsZero():
		f.add("expires_at", "missing: a command ends by itself, at most %s after created_at", MaxLifetime)
	case !c.ExpiresAt.After(c.CreatedAt):
		f.add("expires_at", "got %s, want a time behind created_at", c.ExpiresAt.Format(timeLayout))
	case c.ExpiresAt.Sub(c.CreatedAt) > MaxLifetime:
		f.add("expires_at", "got %s, want at most %s behind created_at: apply it again before it ends", c.ExpiresAt.Format(timeLayout), MaxLifetime)
	}
	if c.Ended != nil {
		f.sentence("ended.author", c.Ended.Author, MaxLabelBytes)
		f.text("ended.reason", c.Ended.Reason, MaxReasonBytes)
		if c.Ended.At.IsZero() {
			f.add("ended.at", "missing")
		}
	}
}

const timeLayout = "2006-01-02T15:04:05Z07:00"

// scopeFaults says what is wrong with whom a command is for.
func (c *Command) scopeFaults(f *Faults) {
	s := &c.Scope
	for i, value := range s.labels() {
		f.label("scope."+scopeNames[i], *value)
		if strings.ContainsAny(*value, "*") {
			f.add("scope."+scopeNames[i], "got %q: a scope has names as they stand, and no patterns", *value)
		}
	}
	if s.System != "" && !slices.Contains(Systems, s.System) {
		f.add("scope.system", "got %q, want %s", s.System, strings.Join(Systems, " or "))
	}
	named := s.Topic != "" || s.Group != "" || s.Resource != "" || s.Client != ""
	switch {
	case !named && !c.Everywhere:
		f.add("scope", "names no topic, group, resource or client: name one, or say everywhere: true beside the scope")
	case named && c.Everywhere:
		f.add("everywhere", "is true, and the scope names a topic, group, resource or client: leave one of the two out")
	}
	if strings.HasPrefix(s.Topic, ExemptTopicPrefix) {
		f.add("scope.topic", "got %q: topics %s* are Weir's own and are exempt", s.Topic, ExemptTopicPrefix)
	}
	if strings.HasPrefix(s.Group, ExemptGroupPrefix) {
		f.add("scope.group", "got %q: groups %s* are Weir's own and are exempt", s.Group, ExemptGroupPrefix)
	}
	c.partitionFaults(f)
}

func (c *Command) partitionFaults(f *Faults) {
	partitions := c.Scope.Partitions
	if partitions == nil {
		return
	}
	if len(partitions) == 0 || len(partitions) > MaxPartitions {
		f.add("scope.partitions", "got %d, want 1 to %d, or none for all of the topic", len(partitions), MaxPartitions)
	}
	if c.Scope.Topic == "" && c.Scope.Resource == "" {
		f.add("scope.partitions", "want a topic or a resource beside them")
	}
	if c.Pause == nil && c.Resume == nil {
		f.add("scope.partitions", "only pause and resume are asked of partitions")
	}
	for i, partition := range partitions {
		switch {
		case partition < 0:
			f.add(fmt.Sprintf("scope.partitions[%d]", i), "got %d, want 0 or more", partition)
		case slices.Contains(partitions[:i], partition):
			f.add(fmt.Sprintf("scope.partitions[%d]", i), "%d is there twice", partition)
		}
	}
}

// Validate says all that is wrong with the route. The error is Faults below the route's key.
func (r *Route) Validate() error {
	if err := r.faults().err(); err != nil {
		return fmt.Errorf("route %q: %w", r.ID, err)
	}
	return nil
}

func (r *Route) faults() Faults {
	var f Faults
	if r.Schema != Schema {
		f.add("schema", "got %d, want %d", r.Schema, Schema)
	}
	f.revision(r.Revision)
	for _, required := range []struct{ path, value string }{{"id", r.ID}, {"cluster", r.Cluster}, {"topic", r.Topic}} {
		if required.value == "" {
			f.add(required.path, "missing")
		}
		f.label(required.path, required.value)
	}
	for _, optional := range []struct{ path, value string }{{"env", r.Env}, {"lane", r.Lane}, {"instance", r.Instance}, {"namespace", r.Namespace},
		{"author", r.Author}, {"spec", r.Spec}} {
		f.label(optional.path, optional.value)
	}
	if !slices.Contains(Systems, r.System) {
		f.add("system", "got %q, want %s", r.System, strings.Join(Systems, " or "))
	}
	if r.System == "kafka" && r.Instance != "" {
		f.add("instance", "only routes of rocketmq have one")
	}
	if r.System == "kafka" && r.Namespace != "" {
		f.add("namespace", "only routes of rocketmq have one")
	}
	if strings.HasPrefix(r.Topic, ExemptTopicPrefix) {
		f.add("topic", "got %q: topics %s* are Weir's own", r.Topic, ExemptTopicPrefix)
	}
	if r.Source != "" && (r.Source == SourceRule || !slices.Contains(sources, r.Source)) {
		f.add("source", "got %q, want %s, %s or %s", r.Source, SourceFile, SourceApply, SourceAPI)
	}
	r.endpointFaults(&f)
	r.formerFaults(&f)
	return f
}

// endpoint is a host or an address, and a port.
var endpoint = regexp.MustCompile(`^(\[[0-9A-Fa-f:.%]+\]|[0-9A-Za-z._-]+):([0-9]{1,5})$`)

func (r *Route) endpointFaults(f *Faults) {
	if len(r.Endpoints) == 0 || len(r.Endpoints) > MaxEndpoints {
		f.add("endpoints", "got %d, want 1 to %d", len(r.Endpoints), MaxEndpoints)
	}
	for i, one := range r.Endpoints {
		if len(one) > MaxLabelBytes || !endpoint.MatchString(one) {
			f.add(fmt.Sprintf("endpoints[%d]", i), "got %q, want host:port", one)
		}
	}
}

func (f *Faults) revision(revision uint64) {
	if revision == 0 || revision > MaxRevision {
		f.add("revision", "got %d, want 1 to %d", revision, uint64(MaxRevision))
	}
}

// sentence says what is wrong with a text that must be there.
func (f *Faults) sentence(path, value string, maxBytes int) {
	if strings.TrimSpace(value) == "" {
		f.add(path, "missing")
		return
	}
	f.text(path, value, maxBytes)
}

// label says what is wrong with a value that is compared as it stands.
func (f *Faults) label(path, value string) { f.text(path, value, MaxLabelBytes) }

func (f *Faults) text(path, value string, maxBytes int) {
	if len(value) > maxBytes {
		f.add(path, "has %d bytes, at most %d are allowed", len(value), maxBytes)
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		f.add(path, "got %q: control characters are not allowed", value)
	}
}
