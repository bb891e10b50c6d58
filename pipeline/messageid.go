package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// Ids as people have them at hand.
var (
	traceParent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
	// kafkaPlace is how Kafka's tools and clients name a record: a partition as orders-3, with the offset behind it.
	kafkaPlace = regexp.MustCompile(`^([A-Za-z0-9._-]+)-([0-9]+)[-@:]([0-9]+)$`)
	// storedPlace is how the store does.
	storedPlace = regexp.MustCompile(`^(.+)/([0-9]+)/([0-9]+)$`)
)

// readMessageID reads an id with spaces around it, a whole traceparent, or the place of a record as Kafka's tools write it.
func readMessageID(id string) string {
	id = strings.TrimSpace(id)
	if found := traceParent.FindStringSubmatch(strings.ToLower(id)); found != nil {
		return found[1]
	}
	return kafkaPlace.ReplaceAllString(id, "$1/$2/$3")
}

// place is where a message of Kafka is; without a topic it is not known.
type place struct{ topic, partition string }

// messagePlace reads the id of a message of Kafka.
func messagePlace(id string) place {
	found := storedPlace.FindStringSubmatch(id)
	if found == nil {
		return place{}
	}
	return place{found[1], found[2]}
}

// offsetMsgID is an id that a broker of RocketMQ gives to a message: its own address, and where its commit log has the message.
type offsetMsgID struct {
	broker netip.AddrPort
	offset uint64
}

// parseOffsetMsgID tells such an id from those that producers give, which have a process and a hash where this one's port begins with
// zeros: MessageDecoder.createMessageId of RocketMQ writes the address, the port as 32 bits and the offset.
func parseOffsetMsgID(id string) (of offsetMsgID, ok bool) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 4+4+8 && len(raw) != 16+4+8 {
		return of, false
	}
	address, rest := raw[:len(raw)-12], raw[len(raw)-12:]
	port := binary.BigEndian.Uint32(rest)
	if port == 0 || port > 65535 {
		return of, false
	}
	ip, _ := netip.AddrFromSlice(address)
	return offsetMsgID{netip.AddrPortFrom(ip, uint16(port)), binary.BigEndian.Uint64(rest[4:])}, true
}

// sampledBy is the hash that decides whether the message of an id is sampled. A trace decides for its messages.
func sampledBy(id string) (hash uint64, byTrace bool) {
	if telemetry.IsTraceID(id) {
		return telemetry.TraceHash(id), true
	}
	return telemetry.MessageHash(id), false
}
