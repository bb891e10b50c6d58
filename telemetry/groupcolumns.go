package telemetry

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// GroupColumns gathers partials for a record of weir.groups. The zero value is empty and
// ready to use; it is used again after Reset.
type GroupColumns struct {
	rowColumns
	groupings []groupingGroups
	values    prefixed // of each group, joined
	ofGroup   []uint64 // partials of each group
	overflown column
	listed    [4]column // how many clients, nodes, stopped clients and versions
	versions  [2]column // messages and number of clients
	names     nameColumns
}

// groupingGroups are the groups of one grouping.
type groupingGroups struct {
	id      string
	labels  int
	omitted Parts
	groups  int
}

func (g *groupingGroups) is(grouping *Grouping, values []string) bool {
	return g.id == grouping.ID && g.labels == len(values) && g.omitted == grouping.Omit
}

// nameColumns are the names of clients, nodes and versions, each written once, and the
// lists of them.
type nameColumns struct {
	texts  prefixed
	known  []string
	places map[string]int // in known
	last   int            // place of the name that was listed last
	steps  column
}

// Field numbers of telemetry.proto.
const (
	groupingsField      = 1
	valuesField         = 2
	groupPartialsField  = 5
	partialPanesField   = 6
	partialSumsField    = 7
	partialListsField   = partialSumsField + listsAfterSums
	overflownField      = 18
	listedField         = 19
	versionsField       = 23
	namesField          = 25
	nameStepsField      = 28
	groupColumnsInBatch = 8
)

// Len returns how many partials were added.
func (c *GroupColumns) Len() int { return c.rows }

// Bytes bounds what AppendTo appends.
func (c *GroupColumns) Bytes() int {
	n := columnOverhead + c.rowColumns.size() + c.values.size() + columnOverhead + binary.MaxVarintLen32*len(c.ofGroup) +
		c.overflown.size() + c.names.texts.size() + c.names.steps.size()
	for i := range c.groupings {
		n += groupingBytes(c.groupings[i].id)
	}
	for i := range c.listed {
		n += c.listed[i].size()
	}
	for i := range c.versions {
		n += c.versions[i].size()
	}
	return n
}

func groupingBytes(id string) int { return len(id) + 5*columnOverhead }

// PartialBytes bounds what a partial adds to Bytes, where it is the first of its group.
func PartialBytes(grouping *Grouping, values []string, totals *Totals) int {
	n := rowBytes(totals) + groupingBytes(grouping.ID) + 9*binary.MaxVarintLen64
	for _, names := range [][]string{values, totals.Clients, totals.Nodes, totals.StoppedClients} {
		n += namesBytes(names)
	}
	for i := range totals.Versions {
		v := &totals.Versions[i]
		n += namesBytes(v.Clients) + len(v.SDKLang) + len(v.SDKVersion) + 2*nameOverhead + 2*binary.MaxVarintLen64
	}
	return n
}

func namesBytes(names []string) int {
	n := nameOverhead * len(names)
	for _, name := range names {
		n += len(name)
	}
	return n
}

// nameOverhead bounds what a listed name takes beside its bytes.
const nameOverhead = 3 * binary.MaxVarintLen32

// Begin begins a group: what is added next is of it.
func (c *GroupColumns) Begin(grouping *Grouping, values []string) {
	if n := len(c.groupings); n == 0 || !c.groupings[n-1].is(grouping, values) {
		c.groupings = append(c.groupings, groupingGroups{id: grouping.ID, labels: len(values), omitted: grouping.Omit})
	}
	c.groupings[len(c.groupings)-1].groups++
	c.values.begin()
	for i, value := range values {
		if i > 0 {
			c.values.more(valueSeparator)
		}
		c.values.more(value)
	}
	c.values.end()
	c.ofGroup = append(c.ofGroup, 0)
}

// Add adds a partial to the group that began last.
func (c *GroupColumns) Add(paneUnix int64, totals *Totals) {
	c.rowColumns.add(paneUnix, totals, partialListsField)
	c.ofGroup[len(c.ofGroup)-1]++
	c.overflown.add(totals.OverflowedClients)
	for i, names := range [...][]string{totals.Clients, totals.Nodes, totals.StoppedClients} {
		c.listed[i].add(uint64(len(names)))
		c.names.list(names)
	}
	c.listed[3].add(uint64(len(totals.Versions)))
	for i := range totals.Versions {
		v := &totals.Versions[i]
		c.versions[0].add(v.Messages)
		c.versions[1].add(uint64(len(v.Clients)))
		c.names.add(v.SDKLang)
		c.names.add(v.SDKVersion)
		c.names.list(v.Clients)
	}
}

func (c *nameColumns) list(names []string) {
	for _, name := range names {
		c.add(name)
	}
}

// add lists a name. Most follow the one that they followed before.
func (c *nameColumns) add(name string) {
	at := c.last + 1
	if at >= len(c.known) || c.known[at] != name {
		at = c.place(name)
	}
	c.steps.add(protowire.EncodeZigZag(int64(at - c.last)))
	c.steps.some = 1 // written even where it is zeros: it says how many names are listed
	c.last = at
}

func (c *nameColumns) place(name string) int {
	at, ok := c.places[name]
	if !ok {
		if c.places == nil {
			c.places = map[string]int{}
		}
		at = len(c.known)
		c.known, c.places[name] = append(c.known, name), at
		c.texts.begin()
		c.texts.more(name)
		c.texts.end()
		c.texts.suffixes.some = 1 // it says how many names there are
	}
	return at
}

// AppendTo appends the field of a GroupBatch that holds the partials.
func (c *GroupColumns) AppendTo(b []byte) []byte {
	if c.rows == 0 {
		return b
	}
	b, begin := message(b, groupColumnsInBatch)
	for i := range c.groupings {
		g := &c.groupings[i]
		var grouping int
		b, grouping = message(b, groupingsField)
		b = appendUint(appendUint(appendText(b, 1, g.id), 2, uint64(g.labels)), 3, uint64(g.omitted))
		b = end(appendUint(b, 4, uint64(g.groups)), grouping)
	}
	b, ofGroup := message(c.values.appendTo(b, valuesField), groupPartialsField)
	for _, partials := range c.ofGroup {
		b = binary.AppendUvarint(b, partials)
	}
	b = end(b, ofGroup)
	b = c.rowColumns.appendTo(c.panes.appendTo(b, partialPanesField), partialSumsField)
	b = c.overflown.appendTo(b, overflownField)
	for i := range c.listed {
		b = c.listed[i].appendTo(b, listedField+protowire.Number(i))
	}
	for i := range c.versions {
		b = c.versions[i].appendTo(b, versionsField+protowire.Number(i))
	}
	return end(c.names.steps.appendTo(c.names.texts.appendTo(b, namesField), nameStepsField), begin)
}

// Reset forgets the partials and keeps the memory.
func (c *GroupColumns) Reset() {
	c.rowColumns.reset()
	c.groupings, c.ofGroup = c.groupings[:0], c.ofGroup[:0]
	c.values.reset()
	c.overflown.reset()
	for i := range c.listed {
		c.listed[i].reset()
	}
	for i := range c.versions {
		c.versions[i].reset()
	}
	c.names.reset()
}

func (c *nameColumns) reset() {
	c.texts.reset()
	c.steps.reset()
	clear(c.known) // they are others' memory
	clear(c.places)
	c.known, c.last = c.known[:0], 0
}
