package rocketmq

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
)

// cluster is what the name servers know.
type cluster struct {
	nameServers int             // that answer
	brokers     []broker        // that they list
	away        []broker        // that they listed, and that are expected
	masterless  []string        // names of sets of brokers without a master
	system      map[string]bool // names of topics that RocketMQ makes for a cluster or a set of brokers
	canary      collect.Canary  // whose topics are Weir's
}

// broker is one of a set.
type broker struct {
	set  string // name, which its slaves have too
	node string // host:port
	id   int64
}

func (b *broker) master() bool { return b.id == remoting.MasterID }

// describe asks all name servers and joins what they know: brokers tell each of them, and one may have missed some. One that hangs leaves
// time for the brokers.
func (p *Poller) describe(ctx context.Context) (*cluster, []error) {
	ctx, cancel := context.WithTimeout(ctx, collect.ProbeTime)
	defer cancel()
	infos := make([]remoting.ClusterInfo, len(p.config.NameServers))
	errs := make([]error, len(infos))
	collect.AskEach(collect.BrokersAtOnce, len(infos), func(i int) {
		infos[i], errs[i] = p.client.NameServer(p.config.NameServers[i]).ClusterInfo(ctx)
	})
	c := &cluster{system: map[string]bool{}, canary: p.config.Canary}
	addrs := map[string]map[int64]string{} // by set and id
	for i := range infos {
		if errs[i] == nil {
			c.nameServers++
		}
		for name, set := range infos[i].Brokers {
			if addrs[name] == nil {
				addrs[name] = map[int64]string{}
			}
			maps.Copy(addrs[name], set.Addrs)
			c.system[name], c.system[set.Cluster], c.system[set.Cluster+"_REPLY_TOPIC"] = true, true, true
		}
	}
	for name, set := range addrs {
		for id, node := range set {
			c.brokers = append(c.brokers, broker{name, node, id})
		}
		if _, ok := set[remoting.MasterID]; !ok {
			c.masterless = append(c.masterless, name)
		}
	}
	slices.SortFunc(c.brokers, func(a, b broker) int { return cmp.Or(cmp.Compare(a.set, b.set), cmp.Compare(a.id, b.id)) })
	return c, slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// Names that RocketMQ has topics and groups of its own under, as its TopicValidator and MixAll spell them; the X's are part of the
// name of the topic that holds what is delayed.
var (
	systemTopics = map[string]bool{"TBW102": true, scheduleTopic: true, "BenchmarkTest": true, "SELF_TEST_TOPIC": true,
		"OFFSET_MOVED_EVENT": true, "TRANS_CHECK_MAX_TIME_TOPIC": true}
	systemGroups = map[string]bool{"TOOLS_CONSUMER": true, "FILTERSRV_CONSUMER": true, "SELF_TEST_C_GROUP": true, "CID_ONS-HTTP-PROXY": true}
)

// isTopic says that a topic is somebody's, and not RocketMQ's own, nor one that it has for a group, nor there for canaries.
func (c *cluster) isTopic(name string) bool {
	return !c.canary.Owns(name) && !systemTopics[name] && !c.system[name] && !isAside(name) && !strings.HasPrefix(name, "RMQ_SYS_") && !strings.HasPrefix(name, "rmq_sys_")
}

// isGroup says that a group is somebody's, and not RocketMQ's own.
func isGroup(name string) bool {
	return !systemGroups[name] && !strings.HasPrefix(name, "CID_RMQ_SYS_") && !strings.HasPrefix(name, "CID_ONSAPI_")
}
