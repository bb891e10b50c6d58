package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
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
	// placeLike is what is meant for that: it has two slashes at least, and behind the last a number, or nothing. An application may well choose order/17 or shop:12:991.
	placeLike = regexp.MustCompile(`/.*/[-+]?[0-9]*$`)
	// producedID is a msgId of RocketMQ, or an offsetMsgId, of an address of four or of sixteen bytes.
	producedID = regexp.MustCompile(`^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{56})$`)
)

// idForms are the forms of ids, for people.
const idForms = "a trace id or traceparent, topic/partition/offset as orders/3/1041, or a msgId of RocketMQ"

// readMessageID reads an id with spaces around it, a whole traceparent, or the place of a record, also as Kafka's tools write it. Producers may choose ids of their own, so
// what is of no form is taken as it stands; the error is of what is meant for a place, and names none.
func readMessageID(id string) (string, error) {
	id = strings.TrimSpace(id)
	if found := traceParent.FindStringSubmatch(strings.ToLower(id)); found != nil {
		return found[1], nil
	}
	for _, form := range []*regexp.Regexp{storedPlace, kafkaPlace} {
		if found := form.FindStringSubmatch(id); found != nil {
			if at, ok := recordPlace(found[1], found[2], found[3]); ok {
				return at, nil
			}
		}
	}
	if placeLike.MatchString(id) {
		return id, fmt.Errorf("%.64q is not topic/partition/offset: want a topic, a partition from 0 to %d and an offset from 0 to %d, as orders/3/1041; other ids are a trace id or traceparent, or a msgId of RocketMQ",
			id, math.MaxInt32, math.MaxInt64)
	}
	return id, nil
}

// recordPlace is a record's place as the store writes it: without zeros in front of its numbers.
func recordPlace(topic, partition, offset string) (at string, ok bool) {
	in, err := strconv.ParseInt(partition, 10, 32)
	if err != nil {
		return "", false
	}
	number, err := strconv.ParseInt(offset, 10, 64)
	if err != nil {
		return "", false
	}
	return topic + "/" + strconv.FormatInt(in, 10) + "/" + strconv.FormatInt(number, 10), true
}

// hasForm says that an id is of a form that ids have which no application chose.
func hasForm(id string) bool {
	return telemetry.IsTraceID(id) || storedPlace.MatchString(id) || producedID.MatchString(id)
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
