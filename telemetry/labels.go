package telemetry

import (
	"slices"
	"strings"
)

// Label is a name with its value.
type Label struct{ Name, Value string }

// Labels name a series; an empty value is the same as an absent label. Extra is
// sorted by name.
type Labels struct {
	Env, Cluster, System, Topic, Partition, Group, Op, Client, Node string
	SDKLang, SDKVersion, Tier, Lane, Tag                            string
	Extra                                                           []Label
}

// LabelNames are the well-known labels in the order of their field numbers.
var LabelNames = []string{
	"env", "cluster", "system", "topic", "partition", "group", "op", "client", "node",
	"sdk_lang", "sdk_version", "tier", "lane", "tag",
}

// Ops are the values of the label op: what was measured.
var Ops = []string{"send", "consume", "probe", "broker", "group", "control"}

// Field returns where the well-known label with that name is kept, nil for any other name.
func (l *Labels) Field(name string) *string {
	i := slices.Index(LabelNames, name)
	if i < 0 {
		return nil
	}
	return l.FieldAt(i)
}

// FieldAt returns where the well-known label with field number i+1 is kept, nil out of range.
func (l *Labels) FieldAt(i int) *string {
	switch i {
	case 0:
		return &l.Env
	case 1:
		return &l.Cluster
	case 2:
		return &l.System
	case 3:
		return &l.Topic
	case 4:
		return &l.Partition
	case 5:
		return &l.Group
	case 6:
		return &l.Op
	case 7:
		return &l.Client
	case 8:
		return &l.Node
	case 9:
		return &l.SDKLang
	case 10:
		return &l.SDKVersion
	case 11:
		return &l.Tier
	case 12:
		return &l.Lane
	case 13:
		return &l.Tag
	}
	return nil
}

// Get returns the value of any label, "" where it is absent.
func (l *Labels) Get(name string) string {
	if field := l.Field(name); field != nil {
		return *field
	}
	for _, extra := range l.Extra {
		if extra.Name == name {
			return extra.Value
		}
	}
	return ""
}

// HasControl says that a name or value of a label, as UTF-8, has a control character: U+0000 to U+001F and U+007F to U+009F. No
// report may have one: NUL divides the labels of a group, others break lines of logs, alerts and terminals.
func HasControl(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c == 0x7f || c == 0xc2 && i+1 < len(text) && text[i+1] < 0xa0 {
			return true
		}
	}
	return false
}

// Canonical sorts Extra and drops labels without a value, so that equal series
// have equal encodings.
func (l *Labels) Canonical() {
	l.Extra = slices.DeleteFunc(l.Extra, func(e Label) bool { return e.Value == "" })
	slices.SortStableFunc(l.Extra, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

// Clone returns labels whose strings share nothing with l's buffer.
func (l *Labels) Clone() Labels {
	out := *l
	for i := range LabelNames {
		field := out.FieldAt(i)
		*field = strings.Clone(*field)
	}
	out.Extra = make([]Label, len(l.Extra))
	for i, extra := range l.Extra {
		out.Extra[i] = Label{strings.Clone(extra.Name), strings.Clone(extra.Value)}
	}
	return out
}
